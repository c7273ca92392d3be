"""A patient's way through search and therapy."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from functools import reduce
from uuid import UUID

from patient_service.domain import accesses, copies, crisis, history, states
from patient_service.domain.accesses import Reader, RevealingConflict
from patient_service.domain.files import decrypt, decrypt_each, get_patient, has_withdrawn, publish, view
from patient_service.domain.rules import LookUp, lacks, missing_for_search
from patient_service.domain.schemas import (
    NewStatus,
    PatientFields,
    PatientView,
    Readiness,
)
from patient_service.store import due, merging, offers, queries
from patient_service.store.tables import Patient
from shared.database import Session
from shared.errors import FieldProblem
from shared.events.catalogue import PatientStatusChanged, PatientUpdated
from shared.security.encryption import Keys
from shared.texts import Sentence
from shared.values.datetimes import berlin_day
from shared.values.enums import ConsentPurpose, MissingForSearch, PatientStatus
from shared.values.patient_history_enums import HistoryKind
from shared.values.schemas import InvalidFields

SECONDS_OF_A_LOOK_UP = 2
"""So long the answer of geocoding takes at most, as a rule."""


def check_readiness(session: Session, keys: Keys, patient_id: UUID, *, reader: Reader, now: datetime) -> Readiness:
    """Whether this patient's search may start; that the file was read is noted. Raises `NotFound`."""
    patient = accesses.read_patient(session, keys, patient_id, reader, now=now)
    location = copies.look_up(session, patient)
    missing = _missing(patient, decrypt(keys, patient), location, today=berlin_day(now))
    is_pending = location == LookUp.PENDING
    return Readiness(
        ready=not missing and not is_pending, missing=missing, pending=[MissingForSearch.LOCATION] if is_pending else []
    )


def waits_for_location(session: Session, keys: Keys, patient_id: UUID, new: NewStatus, *, now: datetime) -> bool:
    """Whether this search would start if only the patient's postal code were looked up."""
    patient = queries.patient(session, patient_id)
    if patient is None or new.status != PatientStatus.SEARCHING or new.status not in _next(patient):
        return False
    location = copies.look_up(session, patient)
    return location == LookUp.PENDING and not _missing(patient, decrypt(keys, patient), location, today=berlin_day(now))


def _missing(patient: Patient, fields: PatientFields, location: LookUp, *, today: date) -> list[MissingForSearch]:
    return missing_for_search(
        fields,
        location=location,
        # where no mandate was ever recorded by itself, the signed contracts stand for it: they include it
        mandate_withdrawn=has_withdrawn(patient, ConsentPurpose.MANDATE),
        today=today,
    )


def set_status(
    session: Session, keys: Keys, patient_id: UUID, new: NewStatus, *, reader: Reader, now: datetime
) -> PatientView:
    """Take the patient one step further, or let a pause end on another day.

    Raises `NotFound`, `Conflict` for a step that does not exist or a search that is not ready (`errors` names what is
    missing), `InvalidFields` for a pause that does not end in the future.
    """
    today = berlin_day(now)
    patient = get_patient(session, patient_id, lock=True)
    if _is_of_pause(patient, new):
        return _change_pause(session, keys, patient, new, reader=reader, now=now)
    if new.status not in _next(patient):
        raise _no_such_step(patient, new.status)
    _check_pause(new, today)
    _check_reason(patient, new)
    fields, before = decrypt(keys, patient), patient.status
    if new.status == PatientStatus.SEARCHING:
        location = copies.look_up(session, patient)
        _refuse_unready(patient, _missing(patient, fields, location, today=today), location)
    states.move(patient, new.status, pause_until=new.paused_until, by=reader.id, now=now)
    if new.status == PatientStatus.OPEN:
        offers.remove_all(session, patient.id)  # another search has offers of its own
    fields = crisis.raised_by(new.reason, keys, patient, fields, by=reader.id, now=now)
    record_change(session, keys, patient, fields, before, reason=new.reason, by=reader.id, now=now)
    accesses.record(session, keys, [patient], reader, "changed", now=now)
    return view(patient, fields, today=today)


def _is_of_pause(patient: Patient, new: NewStatus) -> bool:
    """Whether a pause goes on and only its end is another one; a last day that is not named stays as it is."""
    goes_on = new.status == patient.status == PatientStatus.PAUSED
    return goes_on and "paused_until" in new.model_fields_set and new.paused_until != patient.paused_until


def _change_pause(
    session: Session, keys: Keys, patient: Patient, new: NewStatus, *, reader: Reader, now: datetime
) -> PatientView:
    _check_pause(new, berlin_day(now))
    states.change_pause(patient, until=new.paused_until, by=reader.id, now=now)
    fields = crisis.raised_by(new.reason, keys, patient, decrypt(keys, patient), by=reader.id, now=now)
    change = history.entry(keys, patient, patient.status, HistoryKind.PAUSE, reason=new.reason, by=reader.id, now=now)
    session.add(change)
    publish(session, patient, fields, PatientUpdated, now=now)
    accesses.record(session, keys, [patient], reader, "changed", now=now)
    return view(patient, fields, today=berlin_day(now))


def _next(patient: Patient) -> frozenset[PatientStatus]:
    return states.STAFF_MAY[PatientStatus(patient.status)]


def _no_such_step(patient: Patient, wanted: PatientStatus) -> RevealingConflict:
    """The refusal of a step that does not exist, with those that do, in `allowed`."""
    status = PatientStatus(patient.status)
    steps = [each for each in PatientStatus if each in states.STAFF_MAY[status]]
    if status != wanted:
        refusal = RevealingConflict([patient.id], "patient.transition", status=status, wanted=wanted, steps=steps)
    elif status == PatientStatus.PAUSED:
        refusal = RevealingConflict([patient.id], "patient.transition.paused")
    else:
        refusal = RevealingConflict([patient.id], "patient.transition.none", status=status)
    refusal.members["allowed"] = steps
    return refusal


def _check_pause(new: NewStatus, today: date) -> None:
    if new.paused_until is None:
        return
    if new.status != PatientStatus.PAUSED:
        raise InvalidFields([FieldProblem.of("paused_until", "field.without_pause")])
    if new.paused_until <= today:
        raise InvalidFields([FieldProblem.of("paused_until", "field.not_in_the_future")])


def _check_reason(patient: Patient, new: NewStatus) -> None:
    """Who ends a place says why: a practice had given it."""
    if patient.status == PatientStatus.IN_THERAPY and new.status == PatientStatus.SEARCHING and new.reason is None:
        raise InvalidFields([FieldProblem.of("reason", "field.needed_by_end_of_therapy")])


def _refuse_unready(patient: Patient, missing: list[MissingForSearch], location: LookUp) -> None:
    problems = [FieldProblem(what.value, lacks(what)) for what in missing]
    if location == LookUp.PENDING:
        problems.append(FieldProblem.of(MissingForSearch.LOCATION.value, "field.being_looked_up"))
    if not problems:
        return
    if missing:
        raise RevealingConflict([patient.id], "patient.not_ready", errors=problems)
    refusal = RevealingConflict([patient.id], "patient.not_ready.yet", errors=problems)
    refusal.retry_after = SECONDS_OF_A_LOOK_UP
    raise refusal


def end_pauses_that_passed(session: Session, keys: Keys, *, now: datetime, at_most: int = 100) -> int:
    """Resume searches whose pause ended before today (docs/domain.md#search-rule-13); returns the number of pauses.

    A search that is not ready any more stays paused, without an end, until staff take it up.
    """
    today = berlin_day(now)
    ended = decrypt_each(
        keys, lambda others: due.pauses_that_passed(session, today=today, without=others, limit=at_most)
    )
    for patient, fields in ended:
        # a postal code that is being looked up keeps nobody: a search that goes on is not stopped by it either
        missing = _missing(patient, fields, copies.look_up(session, patient), today=today)
        if missing:
            _stay_paused(session, keys, patient, fields, missing, now=now)
        else:
            states.search(patient, by=None, now=now)
            record_change(
                session,
                keys,
                patient,
                fields,
                PatientStatus.PAUSED,
                reason=Sentence.of("history.pause_over"),
                by=None,
                now=now,
            )
    return len(ended)


def _stay_paused(
    session: Session,
    keys: Keys,
    patient: Patient,
    fields: PatientFields,
    missing: list[MissingForSearch],
    *,
    now: datetime,
) -> None:
    states.stay_paused(patient, now)
    reason = Sentence.of("history.pause_over.not_ready", lacks=_all_that_lacks(missing))
    session.add(history.entry(keys, patient, patient.status, HistoryKind.PAUSE, reason=reason, by=None, now=now))
    publish(session, patient, fields, PatientUpdated, now=now)


def pause_if_unready(
    session: Session, keys: Keys, patient: Patient, fields: PatientFields, *, by: UUID | None, now: datetime
) -> bool:
    """Pause, without an end, a search that could not start as the file is now; returns whether it was paused.

    `patient` is locked and has these fields. The agency asks on the patient's behalf (Vollmacht): without a mandate
    every further e-mail would reveal somebody's illness to people who must not know. A search goes on while another
    service looks up a new postal code.
    """
    if patient.status != PatientStatus.SEARCHING:
        return False
    missing = _missing(patient, fields, copies.look_up(session, patient), today=berlin_day(now))
    if not missing:
        return False
    states.pause(patient, until=None, by=by, now=now)
    reason = _all_that_lacks(missing)
    record_change(session, keys, patient, fields, PatientStatus.SEARCHING, reason=reason, by=by, now=now)
    return True


def _all_that_lacks(missing: Sequence[MissingForSearch]) -> Sentence:
    return reduce(
        lambda first, second: Sentence.of("history.two_sentences", first=first, second=second), map(lacks, missing)
    )


def lock(session: Session, patient_ids: Iterable[UUID]) -> None:
    """Let nobody else change these patients before this transaction ends."""
    queries.lock_patients(session, patient_ids)


def record_contact(session: Session, patient_id: UUID, day: date, *, now: datetime) -> None:
    """Let the patient's last contact be on this day, unless a later one is known."""
    patient = merging.kept_patient(session, patient_id)
    if patient is not None and (patient.last_contact_on is None or patient.last_contact_on < day):
        patient.last_contact_on = day
        patient.count_change(by=None, now=now)


def record_change(
    session: Session,
    keys: Keys,
    patient: Patient,
    fields: PatientFields,
    before: str,
    *,
    reason: str | Sentence | None,
    place: UUID | None = None,
    by: UUID | None,
    now: datetime,
) -> None:
    """Record the change from the status before to the present one, and publish it; also where only a place changed.

    `place`: the placement request whose place caused it.
    """
    kind = HistoryKind.PLACE if patient.status == before else HistoryKind.STATUS
    change = history.entry(keys, patient, before, kind, reason=reason, by=by, now=now)
    change.placement_request_id = place
    session.add(change)
    publish(session, patient, fields, PatientStatusChanged, now=now, previous_status=before, caused_by_place=place)
