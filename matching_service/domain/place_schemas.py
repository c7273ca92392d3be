"""What comes in and goes out when a place works or fails, and when an answer is corrected."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from pydantic import Field

from matching_service.domain.schemas import RequestView
from shared.values.datetimes import PlausibleDate
from shared.values.enums import RequestOutcome
from shared.values.placement_enums import PlacementFailure, WhyNotRestored
from shared.values.schemas import Schema
from shared.values.text import Reason


class Confirmation(Schema):
    """That a place works: after the first sessions patient and practice go on."""

    confirmed_on: PlausibleDate
    """The day since which that is known; not before the place was taken, not in the future."""


class PlaceFailure(Schema):
    """That a place failed: the search goes on, without this therapist."""

    reason: PlacementFailure
    """Why it failed."""
    failed_on: PlausibleDate
    """The day on which it failed; not before the place was taken or confirmed, not in the future."""
    sessions_held: Annotated[int, Field(ge=0, le=1000)] | None = None
    """How many sessions there were until then."""


class Correction(Schema):
    """What the practice answered in truth, and why something else was recorded."""

    outcome: RequestOutcome | None
    """What the practice answered; null: no answer yet."""
    available_from: PlausibleDate | None = None
    """From which day there is a place, where the practice said so; without an answer it says nothing."""
    place_taken_back: bool = False
    """Whether the patient did not take the place that is recorded; with another answer it is taken back by itself."""
    reason: Reason
    """Why the answer that was recorded is wrong."""


class NotRestored(Schema):
    """A request that was withdrawn because of the mistake and stays withdrawn: something else has happened since."""

    id: UUID
    """The request."""
    therapist_id: UUID
    """The therapist who was asked."""
    reason: WhyNotRestored
    """Why it does not go on."""


class CorrectedRequest(RequestView):
    """The corrected request, and what became of the others that the mistake had withdrawn."""

    restored: list[UUID]
    """Requests that had been withdrawn because of the mistake and go on as they stood."""
    not_restored: list[NotRestored]
    """Those that do not, each with the reason."""
