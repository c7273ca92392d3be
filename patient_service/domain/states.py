"""From one status of a patient to another, and of the place they were given (docs/api.md#states-of-a-patient).

Nobody else assigns a status. A function sets everything that belongs to its transition; its caller holds the
patient's lock, and publishes the change.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Final, Protocol
from uuid import UUID

from patient_service.store.tables import Patient
from shared.values.datetimes import berlin_day
from shared.values.enums import PatientStatus, PlacementState
from shared.values.transitions import check_transition

_S = PatientStatus

STAFF_MAY: Final[dict[PatientStatus, frozenset[PatientStatus]]] = {
    _S.OPEN: frozenset({_S.SEARCHING, _S.SEARCH_ABORTED}),
    _S.SEARCHING: frozenset({_S.PAUSED, _S.IN_THERAPY, _S.SEARCH_ABORTED}),
    _S.PAUSED: frozenset({_S.SEARCHING, _S.SEARCH_ABORTED}),
    _S.IN_THERAPY: frozenset({_S.SEARCHING, _S.THERAPY_COMPLETED, _S.THERAPY_ABORTED}),
    _S.SEARCH_ABORTED: frozenset({_S.OPEN}),
    _S.THERAPY_COMPLETED: frozenset({_S.OPEN}),
    _S.THERAPY_ABORTED: frozenset({_S.OPEN}),
}
"""The transitions that staff can choose."""

ALLOWED: Final = STAFF_MAY | {_S.PAUSED: STAFF_MAY[_S.PAUSED] | {_S.IN_THERAPY}}
"""All transitions: a placement also ends a pause."""

TAKES_UP_A_PLACE: Final = frozenset({_S.SEARCHING, _S.PAUSED, _S.IN_THERAPY})
"""Who is given a place that matching recorded; staff may have noted the therapy before the place."""

CLOSED: Final = frozenset({_S.SEARCH_ABORTED, _S.THERAPY_COMPLETED, _S.THERAPY_ABORTED})
"""Nothing goes on for these patients; the file is kept for a while."""

HAS_SEARCHED: Final = frozenset({_S.SEARCHING, _S.PAUSED, _S.IN_THERAPY})
"""Whose search has a first day."""


class Transition(Protocol):
    """Takes a patient to a status, by an act of somebody's (None: of the platform's)."""

    def __call__(self, patient: Patient, *, by: UUID | None, now: datetime) -> None: ...


def register(patient: Patient) -> None:
    """A new patient is open: entered, without a search."""
    patient.status = _S.OPEN.value


def move(
    patient: Patient, to: PatientStatus, *, pause_until: date | None = None, by: UUID | None, now: datetime
) -> None:
    """Take the patient to a status. Raises `TransitionNotAllowed`."""
    if to == _S.PAUSED:
        pause(patient, until=pause_until, by=by, now=now)
    else:
        _TRANSITIONS[to](patient, by=by, now=now)


def search(patient: Patient, *, by: UUID | None, now: datetime) -> None:
    """open, paused or in therapy → searching: a search that is resumed waits from its first day on."""
    if patient.status == _S.IN_THERAPY:
        _end_place(patient, PlacementState.FAILED)
    _enter(patient, _S.SEARCHING, by=by, now=now)
    if patient.search_started_on is None:
        patient.search_started_on = berlin_day(now)


def pause(patient: Patient, *, until: date | None, by: UUID | None, now: datetime) -> None:
    """searching → paused; without an end, until staff resume the search."""
    _enter(patient, _S.PAUSED, by=by, now=now)
    patient.paused_until = until


def stay_paused(patient: Patient, now: datetime) -> None:
    """paused → paused: the day of its end has passed, and the search cannot go on."""
    patient.paused_until, patient.updated_at = None, now


def begin_therapy(patient: Patient, *, by: UUID | None, now: datetime) -> None:
    """searching or paused → in therapy."""
    _enter(patient, _S.IN_THERAPY, by=by, now=now)


def abort_search(patient: Patient, *, by: UUID | None, now: datetime) -> None:
    """open, searching or paused → search aborted."""
    _enter(patient, _S.SEARCH_ABORTED, by=by, now=now)


def complete_therapy(patient: Patient, *, by: UUID | None, now: datetime) -> None:
    """in therapy → therapy completed: the place has ended."""
    _enter(patient, _S.THERAPY_COMPLETED, by=by, now=now)
    _end_place(patient, PlacementState.ENDED)


def abort_therapy(patient: Patient, *, by: UUID | None, now: datetime) -> None:
    """in therapy → therapy aborted: the place has ended."""
    _enter(patient, _S.THERAPY_ABORTED, by=by, now=now)
    _end_place(patient, PlacementState.ENDED)


def open_again(patient: Patient, *, by: UUID | None, now: datetime) -> None:
    """A search or therapy that has ended → open: a new search waits from its own first day on."""
    _enter(patient, _S.OPEN, by=by, now=now)
    patient.search_started_on = patient.first_place_on = patient.working_place_on = None


_TRANSITIONS: Final[dict[PatientStatus, Transition]] = {
    _S.OPEN: open_again,
    _S.SEARCHING: search,
    _S.IN_THERAPY: begin_therapy,
    _S.SEARCH_ABORTED: abort_search,
    _S.THERAPY_COMPLETED: complete_therapy,
    _S.THERAPY_ABORTED: abort_therapy,
}


def give_place(patient: Patient, placement_request_id: UUID) -> None:
    """This request's place is the patient's now."""
    patient.placement_request_id, patient.placement_state = placement_request_id, PlacementState.TAKEN_UP


def fail_place(patient: Patient, placement_request_id: UUID) -> None:
    """This request's place came when the search had ended: it is not the patient's."""
    patient.placement_request_id, patient.placement_state = placement_request_id, PlacementState.FAILED


def _end_place(patient: Patient, state: PlacementState) -> None:
    """What becomes of the place where a patient leaves the therapy: a search that goes on means that it failed."""
    if patient.placement_state == PlacementState.TAKEN_UP:
        patient.placement_state = state


def _enter(patient: Patient, to: PatientStatus, *, by: UUID | None, now: datetime) -> None:
    check_transition(ALLOWED, patient.status, to)
    patient.status = to.value
    patient.paused_until = patient.erasure_proposed_on = None
    patient.count_change(by=by, now=now)
