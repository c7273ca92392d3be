"""What asks for an erasure, and what is shown of one."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from shared.values.datetimes import Instant
from shared.values.identifiers import PatientReference
from shared.values.lists import Several
from shared.values.schemas import QuerySchema, Schema

ConfirmingService = Literal["communication_service", "geocoding_service", "matching_service"]
"""The services that keep something of patients (tests/architecture/test_erasures.py), and confirm that they do not."""
ErasureState = Literal["running", "completed"]


class ErasureFilter(QuerySchema):
    """Which erasures to list."""

    state: Several[ErasureState] = []
    """Only those that still run, or only those that every service has confirmed."""
    pending: Several[ConfirmingService] = []
    """Only those that one of these services has yet to confirm."""


class ErasureQuery(QuerySchema):
    """The reference says that this patient is meant, and nobody else whose address was copied."""

    confirm: PatientReference
    """The patient's reference."""


class ErasureView(Schema):
    """How far the erasure of a patient is."""

    id: UUID
    """Identifies the erasure; it is the id that the patient had."""
    reference: str
    """The reference that the patient had."""
    state: ErasureState
    """`completed` once every service has confirmed."""
    services: dict[str, Literal["pending", "erased"]]
    """The state of each service that kept something of the patient, by its name."""
    requested_at: Instant
    """When it was asked for; since then nobody can read the patient's file."""
    requested_by: UUID | None
    """The account of who asked for it."""
    completed_at: Instant | None
    """When the last service confirmed."""
    kafka_until: Instant
    """Until when Kafka's log may hold the last state that was published of the patient, a pseudonym and criteria. While
    `running`, the earliest such moment, which each confirmation moves; final once `completed`."""
