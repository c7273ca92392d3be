"""From one status of a patient to another, and of the place they were given (docs/api.md#states-of-a-patient).

Nobody else assigns a status. A function sets everything that belongs to its transition; its caller holds the
patient's lock, and publishes the change.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Final, Protocol
from uuid import UUID

from patient_service.store.tables import Patient, PatientImport
from shared.values.datetimes import berlin_day
from shared.values.enums import PatientStatus, PlacementState
from shared.values.patient_import_enums import PatientImportStatus
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

THERAPY_ENDED: Final = frozenset({_S.THERAPY_COMPLETED, _S.THERAPY_ABORTED})
"""The therapy is over, and no other search has begun."""

GOES_ON: Final = frozenset({_S.SEARCHING, _S.PAUSED, _S.IN_THERAPY})
"""Whose search or therapy has not ended; the search has a first day."""

_I = PatientImportStatus

PATIENT_IMPORTS: Final[dict[PatientImportStatus, frozenset[PatientImportStatus]]] = {
    _I.CHECKING: frozenset({_I.ENTERING, _I.COMPLETED, _I.REFUSED}),
    _I.ENTERING: frozenset({_I.COMPLETED, _I.REFUSED}),
    _I.COMPLETED: frozenset(),
    _I.REFUSED: frozenset(),
}
"""All transitions of a file with patients."""


class Transition(Protocol):
    """Takes a patient to a status, by an act of somebody's (None: of the platform's)."""

    def __call__(self, patient: Patient, *, by: UUID | None, now: datetime) -> None: ...


def register(patient: Patient) -> None:
    """A new patient is open: entered, without a search."""
    patient.status, patient.days_paused = _S.OPEN.value, 0


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
        patient.working_place_on = None
    _enter(patient, _S.SEARCHING, by=by, now=now)
    if patient.search_started_on is None:
        patient.search_started_on = berlin_day(now)


def pause(patient: Patient, *, until: date | None, by: UUID | None, now: datetime) -> None:
    """searching → paused; without an end, until staff resume the search."""
    _enter(patient, _S.PAUSED, by=by, now=now)
    patient.paused_until = until


def change_pause(patient: Patient, *, until: date | None, by: UUID | None, now: datetime) -> None:
    """paused → paused: the pause has another last day, or none any more."""
    patient.paused_until = until
    patient.count_change(by=by, now=now)


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
    patient.days_paused = 0


_TRANSITIONS: Final[dict[PatientStatus, Transition]] = {
    _S.OPEN: open_again,
    _S.SEARCHING: search,
    _S.IN_THERAPY: begin_therapy,
    _S.SEARCH_ABORTED: abort_search,
    _S.THERAPY_COMPLETED: complete_therapy,
    _S.THERAPY_ABORTED: abort_therapy,
}


def give_place(patient: Patient, placement_request_id: UUID, *, recorded_at: datetime) -> None:
    """This request's place is the patient's now."""
    patient.placement_request_id, patient.placement_state = placement_request_id, PlacementState.TAKEN_UP
    patient.placement_recorded_at = recorded_at


def fail_place(patient: Patient, placement_request_id: UUID) -> None:
    """This request's place came when the search had ended: it is not the patient's."""
    patient.placement_request_id, patient.placement_state = placement_request_id, PlacementState.FAILED


def take_place_back(patient: Patient) -> None:
    """The patient never had the place that is recorded."""
    patient.placement_request_id = patient.placement_state = patient.working_place_on = None


def can_become_one(kept: Patient, merged: Patient) -> bool:
    """Whether it is clear where the search of one person with these two files stands.

    A therapy in one file and a search or another therapy in the other contradict each other: people end one first.
    """
    both_go_on = kept.status in GOES_ON and merged.status in GOES_ON
    return not (both_go_on and _S.IN_THERAPY in (kept.status, merged.status))


def become_one(kept: Patient, merged: Patient) -> None:
    """The kept file goes on with the search or therapy of the other, where its own has ended or never begun.

    Where both search, the kept one's status stands, and the person has waited since the first of both began.
    """
    if merged.status in GOES_ON and kept.status not in GOES_ON:
        kept.status, kept.paused_until = merged.status, merged.paused_until
        kept.search_started_on = merged.search_started_on
        kept.days_paused, kept.paused_since = merged.days_paused, merged.paused_since
        kept.first_place_on, kept.working_place_on = merged.first_place_on, merged.working_place_on
        _take_over_place(kept, merged)
    elif merged.status in GOES_ON:
        days = filter(None, (kept.search_started_on, merged.search_started_on))
        kept.search_started_on = min(days, default=None)
        if kept.placement_request_id is None:
            _take_over_place(kept, merged)
    merged.paused_until = merged.paused_since = None
    # how long the case of one person has been closed is asked anew
    kept.erasure_proposed_on = merged.erasure_proposed_on = None


def _take_over_place(kept: Patient, merged: Patient) -> None:
    kept.placement_request_id, kept.placement_state = merged.placement_request_id, merged.placement_state
    kept.placement_recorded_at = merged.placement_recorded_at


def _end_place(patient: Patient, state: PlacementState) -> None:
    """What becomes of the place where a patient leaves the therapy: a search that goes on means that it failed."""
    if patient.placement_state == PlacementState.TAKEN_UP:
        patient.placement_state = state


def _enter(patient: Patient, to: PatientStatus, *, by: UUID | None, now: datetime) -> None:
    check_transition(ALLOWED, patient.status, to)
    _count_pause(patient, berlin_day(now), begins=to == _S.PAUSED)
    patient.status = to.value
    patient.paused_until = patient.erasure_proposed_on = None
    patient.count_change(by=by, now=now)


def _count_pause(patient: Patient, today: date, *, begins: bool) -> None:
    """A pause that goes on ends today, and another one may begin: waiting is shown without pauses too."""
    if patient.paused_since is not None:
        patient.days_paused += max((today - patient.paused_since).days, 0)
    patient.paused_since = today if begins else None


def begin_import(known: PatientImport) -> None:
    """A file that has arrived is checked before anything of it is entered."""
    known.status = _I.CHECKING.value


def enter_import(known: PatientImport, now: datetime) -> None:
    """checking → entering: its rows are entered from here on."""
    check_transition(PATIENT_IMPORTS, known.status, _I.ENTERING)
    known.status, known.updated_at = _I.ENTERING.value, now


def complete_import(known: PatientImport, now: datetime) -> None:
    """checking or entering → completed: every row was entered, refused, or only to be checked."""
    _end_import(known, _I.COMPLETED, now)


def refuse_import(known: PatientImport, now: datetime) -> None:
    """checking or entering → refused: no row was entered, since one could not be."""
    _end_import(known, _I.REFUSED, now)


def _end_import(known: PatientImport, status: PatientImportStatus, now: datetime) -> None:
    check_transition(PATIENT_IMPORTS, known.status, status)
    known.status, known.updated_at, known.finished_at = status.value, now, now
