"""The e-mails and calls with one therapist, as clients see them."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from pydantic import Field

from communication_service.domain.schemas import RecordedResponse
from shared.values.datetimes import Instant
from shared.values.enums import CallResult, Channel, Direction
from shared.values.schemas import Schema


class ContactLogEntry(Schema):
    """One e-mail or call, with the answers it brought."""

    channel: Channel
    """E-mail or phone."""
    direction: Direction
    """Who contacted whom: we the practice or the practice us."""
    at: Annotated[Instant, Field(description="when it happened; a planned call: when it is due")]
    status: str
    """The status of the e-mail or of the call."""
    result: CallResult | None
    """What came of a call."""
    email_id: UUID | None
    """The e-mail."""
    phone_call_id: UUID | None
    """The call."""
    inquiry_id: UUID | None
    """The inquiry that it belongs to."""
    placement_request_ids: list[UUID]
    """The placement requests that it was about."""
    corrected_at: Annotated[Instant | None, Field(description="when the outcome of a call was taken back as a mistake")]
    recorded_by: Annotated[
        UUID | None, Field(description="who recorded what came of the call, or said whether a doubtful e-mail was sent")
    ]
    responses: list[RecordedResponse]
    """What the practice said about single requests."""
