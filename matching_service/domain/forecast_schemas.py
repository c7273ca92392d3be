"""How and when practices would be asked, as clients see it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field

from shared.values.contact_plan_enums import PlannedChannel
from shared.values.datetimes import Instant, IsoDate
from shared.values.descriptions import described
from shared.values.forecast_enums import ForecastWait
from shared.values.schemas import Distinct, Schema
from shared.values.worded import Worded

MOST_FORECASTS = 200
"""Of so many therapists one question may ask how they would be contacted."""


@described
@dataclass(slots=True)
class Contactable:
    """How and when a practice can be contacted, as far as is known now."""

    channel: PlannedChannel | None
    """How it would be asked first; null where nobody would ask it."""
    earliest_at: Instant | None
    """When that can be at the earliest; null where something is missing first."""
    waits_for: ForecastWait | None
    """Why not at once."""
    waits_until: IsoDate | None
    """The last day of what it waits for, where that is known; of a call the day on which it can be."""

    def fields(self) -> dict[str, Any]:
        """The same by names."""
        return {name: getattr(self, name) for name in ("channel", "earliest_at", "waits_for", "waits_until")}


class ContactForecastQuestion(Schema):
    """A patient, and the therapists who may be asked."""

    patient_id: UUID
    """The patient for whom they would be asked."""
    therapist_ids: Annotated[list[UUID], Distinct(MOST_FORECASTS), Field(min_length=1)]
    """The therapists."""


class ContactForecast(Schema):
    """How and when one therapist would be asked for the patient."""

    therapist_id: UUID
    """The therapist."""
    name: str | None
    """The therapist's name; null where nobody is known here by this id."""
    city: str | None
    """Town of the practice."""
    channel: PlannedChannel | None
    """How they would be asked first; null where nobody would ask them."""
    earliest_at: Instant | None
    """When that can be at the earliest; null where something is missing first."""
    waits_for: ForecastWait | None
    """Why not at once."""
    waits_until: IsoDate | None
    """The last day of what it waits for, where that is known; of a call the day on which it can be."""
    text: Worded
    """The same in words."""


class ContactForecastsView(Schema):
    """How and when therapists would be asked for a patient, if staff approved them now."""

    patient_id: UUID
    """The patient."""
    forecasts: list[ContactForecast]
    """The therapists in the order of the question."""
