"""What a service says of all that it holds about one patient, when the patient service collects an export."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal
from uuid import UUID

from pydantic import Field

from shared.values.account_enums import Scope
from shared.values.datetimes import Instant
from shared.values.enums import Role
from shared.values.lists import ByComma
from shared.values.readable import ReadableBy
from shared.values.schemas import Distinct, QuerySchema, Schema

PATH: Final = "/internal/patient-data"
"""Where a service says it, by the patient's id."""

FOR_THE_EXPORT = ReadableBy(Role.COORDINATOR, Scope.PATIENT_DATA_EXPORT)
"""What is about a person's health, or free text, in an export."""

MOST_MERGED: Final = 1000
"""So many files of one person are asked for at once."""

StoredRow = Annotated[dict[str, Any], Field(description="A row as it is stored: each column by its name.")]


class PatientDataQuery(QuerySchema):
    """Which files of the patient are meant beside the one in the path."""

    merged_ids: Annotated[list[UUID], Distinct(MOST_MERGED), ByComma()] = []
    """Files that were merged into the patient's."""


class HeldEvent(Schema):
    """An event in which the patient is named: on its way, published in the last days, or set aside."""

    held_in: Literal["outbox", "dead_letters"]
    """Where it lies: among the service's own events, or among those that it could not handle."""
    id: UUID
    """Identifies the event, or the dead letter."""
    topic: str
    """The topic of Kafka to which it belongs."""
    recorded_at: Instant
    """When it was recorded."""
    content: str
    """Its content, as text."""


class PatientData(Schema):
    """All that one service holds about one patient; empty where it knows nobody of this id."""

    service: str
    """Which service holds it."""
    patient_id: UUID
    """Whom it is about."""
    merged_ids: list[UUID]
    """Files that were merged into the patient's: what is held about these is here, too."""
    events: list[HeldEvent]
    """Events in which the patient is named."""
