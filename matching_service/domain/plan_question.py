"""What a weekly plan is made from, and what comes out: plain values, which travel to the process that solves and back.

The pairs of a patient come as PostgreSQL packed them (`store/plan_candidates.py`): a plan has millions of them, and to
make an object of each would take longer than to solve it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from shared.values.contact_plan_enums import ContactLack, PlannedChannel


@dataclass(frozen=True)
class PlanLimits:
    """What bounds a plan beside what each patient and practice can take."""

    requests_for_everyone: int
    """So many requests everybody is to have before anybody has more."""
    calls: int | None = None
    """How many practices can be called in the week; None: nobody knows, so that calls do not bound the plan."""
    calls_lack: ContactLack = ContactLack.NO_CALL_LEFT
    """What is missing where more would be called."""


@dataclass(frozen=True)
class WaitingPatient:
    """A patient for whom requests are planned."""

    id: UUID
    room: int
    """How many more requests may be made."""
    weight: int
    """What an acceptance counts, in hundredths."""
    radius_metres: int


@dataclass(frozen=True)
class Practice:
    """A therapist who may be asked."""

    id: UUID
    room: int
    """For how many more patients; 0 where `lack` says why."""
    chance: int
    """That somebody is accepted, in ten-thousandths."""
    channel: PlannedChannel | None
    is_hinted: bool = False
    """Whether staff hint that a place may be free; the chance has it already."""
    mailbox: str | None = None
    """The address that may be other practices' too."""
    lack: ContactLack | None = None
    """Why nobody can be asked of this practice in the week."""


@dataclass(frozen=True)
class PackedPairs:
    """The therapists who fit one patient and are considered: of each 16 bytes of its id, and big-endian numbers."""

    patient_id: UUID
    therapist_ids: bytes
    metres: bytes
    """Four bytes each."""
    unknown: bytes
    """Four bytes each: a mask of the criteria that nobody can check."""
    preferred: bytes
    """One byte each: 1 where the practice prefers the patient's diagnosis."""
    candidates: int
    """How many therapists fit, those included who are not considered."""
    lacks: Mapping[ContactLack, int]
    """Why the others are not considered, and how many for each reason."""


@dataclass(frozen=True)
class Question:
    """Everything that a plan is made from."""

    patients: Sequence[WaitingPatient]
    practices: Sequence[Practice]
    pairs: Sequence[PackedPairs]
    limits: PlanLimits


@dataclass(frozen=True)
class Planned:
    """One request that is proposed, and what it was chosen by."""

    patient_id: UUID
    therapist_id: UUID
    channel: PlannedChannel | None
    chance: int
    metres: int
    unknown: int
    """The mask of the criteria that nobody can check."""
    is_hinted: bool
    is_preferred: bool


@dataclass(frozen=True)
class PatientResult:
    """How a plan leaves one patient."""

    candidates: int
    """How many practices fit."""
    planned: int
    lacks: Mapping[ContactLack, int]
    """Why practices that fit are not asked, where fewer are asked than might be, and how many for each reason."""


@dataclass(frozen=True)
class Solution:
    """What is proposed."""

    requests: Sequence[Planned]
    """By patients in the order of the question, and for each the likeliest first."""
    patient_results: Mapping[UUID, PatientResult]
    """Of each patient of the question."""
