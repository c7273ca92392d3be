"""Places that practices offer, and that patients take up (docs/domain.md#place-rule-10)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from patient_service.domain import history, states
from patient_service.domain.files import decrypt
from patient_service.domain.searches import pause_if_unready, record_change
from patient_service.store import merging, offers, queries
from patient_service.store.tables import Patient
from shared.database import Session
from shared.security.encryption import Keys
from shared.texts import Sentence
from shared.values.enums import PatientStatus, PlacementState
from shared.values.patient_history_enums import HistoryKind


def record_offer(
    session: Session, patient_id: UUID, placement_request_id: UUID, accepted_on: date, *, now: datetime
) -> None:
    """Keep that a practice offered a place; the day of the first one in this search is shown.

    An acceptance before this search began does not count.
    """
    patient = merging.kept_patient(session, patient_id)
    if patient is None or patient.search_started_on is None or accepted_on < patient.search_started_on:
        return
    offers.add(session, placement_request_id, patient.id, accepted_on)
    _count_offers(session, patient, now)


def take_offer_back(session: Session, patient_id: UUID, placement_request_id: UUID, *, now: datetime) -> None:
    """Forget an offer that was recorded by mistake: the next one, if there is one, was the first."""
    patient = merging.kept_patient(session, patient_id)
    if patient is not None and offers.remove(session, placement_request_id):
        _count_offers(session, patient, now)


def _count_offers(session: Session, patient: Patient, now: datetime) -> None:
    first = offers.first_day(session, patient.id)
    if first != patient.first_place_on:
        patient.first_place_on, patient.updated_at = first, now


@dataclass(frozen=True)
class RecordedPlace:
    """A place that matching recorded: of which request, and when."""

    placement_request_id: UUID
    recorded_at: datetime


def record_place(session: Session, keys: Keys, patient_id: UUID, place: RecordedPlace, *, now: datetime) -> None:
    """A patient who searches, has paused or is in therapy already takes up this place.

    Where the search had ended before, or people have ended or resumed it since, the place has failed. The event
    says which, so that matching does not count a searching patient as placed.
    """
    patient = merging.kept_patient(session, patient_id)
    if patient is None or patient.placement_request_id == place.placement_request_id:
        return
    fields, before = decrypt(keys, patient), patient.status
    is_late = _has_left(session, patient_id, patient, since=place.recorded_at)
    if patient.placement_state == PlacementState.TAKEN_UP and (is_late or _is_older(place, patient)):
        return  # the search that went on has found another place, and that one stands
    if is_late or before not in states.TAKES_UP_A_PLACE:
        states.fail_place(patient, place.placement_request_id)
        reason = Sentence.of("history.place_recorded.too_late")
    else:
        states.give_place(patient, place.placement_request_id, recorded_at=place.recorded_at)
        reason = Sentence.of("history.place_recorded")
        if before != PatientStatus.IN_THERAPY:
            reason = Sentence.of("history.place_taken_up")
            states.begin_therapy(patient, by=None, now=now)
    patient.updated_at = now
    place_id = place.placement_request_id
    record_change(session, keys, patient, fields, before, reason=reason, place=place_id, by=None, now=now)


def confirm(
    session: Session,
    keys: Keys,
    patient_id: UUID,
    placement_request_id: UUID,
    confirmed_on: date,
    *,
    now: datetime,
) -> None:
    """Keep since which day the place works; nothing is kept of one that is not the patient's, or not any more."""
    patient = merging.kept_patient(session, patient_id)
    if patient is None or patient.placement_request_id != placement_request_id or not _stands(patient):
        return
    patient.working_place_on, patient.updated_at = confirmed_on, now
    reason = Sentence.of("history.place_confirmed")
    change = history.entry(keys, patient, patient.status, HistoryKind.PLACE, reason=reason, by=None, now=now)
    change.placement_request_id = placement_request_id
    session.add(change)


def fail(session: Session, keys: Keys, patient_id: UUID, placement_request_id: UUID, *, now: datetime) -> None:
    """Take the patient of a place that failed back into the search, which pauses where it could not start now.

    Where people have ended the therapy meanwhile, or another place stands, the status is as they left it. That a place
    failed which is not known yet is kept: should it be read later, it is not the patient's.
    """
    patient = merging.kept_patient(session, patient_id)
    if patient is None:
        return
    if patient.placement_request_id == placement_request_id:
        _end(session, keys, patient, now=now)
    elif patient.placement_state != PlacementState.TAKEN_UP:
        states.fail_place(patient, placement_request_id)
        _record(
            session, keys, patient, patient.status, Sentence.of("history.place_failed"), placement_request_id, now=now
        )


def _end(session: Session, keys: Keys, patient: Patient, *, now: datetime) -> None:
    if patient.placement_state != PlacementState.TAKEN_UP or patient.status != PatientStatus.IN_THERAPY:
        return
    states.search(patient, by=None, now=now)
    place = patient.placement_request_id
    _record(session, keys, patient, PatientStatus.IN_THERAPY, Sentence.of("history.place_failed"), place, now=now)
    pause_if_unready(session, keys, patient, decrypt(keys, patient), by=None, now=now)


def _record(
    session: Session, keys: Keys, patient: Patient, before: str, reason: Sentence, place: UUID | None, *, now: datetime
) -> None:
    fields = decrypt(keys, patient)
    record_change(session, keys, patient, fields, before, reason=reason, place=place, by=None, now=now)


def take_back(session: Session, keys: Keys, patient_id: UUID, placement_request_id: UUID, *, now: datetime) -> None:
    """Let a place that was recorded by mistake not be the patient's.

    A therapy that began with it has not begun: the search goes on, or its pause. Where people had noted the therapy
    before, or have ended it since, the status is as they left it.
    """
    patient = merging.kept_patient(session, patient_id)
    if patient is None or patient.placement_request_id != placement_request_id:
        return
    before = patient.status
    is_in_therapy = patient.placement_state == PlacementState.TAKEN_UP and before == PatientStatus.IN_THERAPY
    began = queries.beginning_of_therapy(session, placement_request_id) if is_in_therapy else None
    states.take_place_back(patient)
    patient.updated_at = now
    if began is not None:
        states.search(patient, by=None, now=now)
        if began.previous_status == PatientStatus.PAUSED:
            states.pause(patient, until=queries.pause_before(session, began), by=None, now=now)
    reason = Sentence.of("history.place_taken_back")
    _record(session, keys, patient, before, reason, placement_request_id, now=now)
    pause_if_unready(session, keys, patient, decrypt(keys, patient), by=None, now=now)


def _stands(patient: Patient) -> bool:
    """Whether the patient's place goes on, or has ended with a therapy that no search has followed yet."""
    return patient.placement_state == PlacementState.TAKEN_UP or patient.status in states.THERAPY_ENDED


def _is_older(place: RecordedPlace, patient: Patient) -> bool:
    """Whether matching recorded the patient's place after this one, which had failed or was taken back by then."""
    return patient.placement_recorded_at is not None and place.recorded_at < patient.placement_recorded_at


def _has_left(session: Session, patient_id: UUID, kept: Patient, *, since: datetime) -> bool:
    """Whether people went on without what was recorded then for a patient, who may have been merged since."""
    if queries.has_left_search_or_therapy(session, patient_id, since=since):
        return True
    merged_at = None if kept.id == patient_id else merging.merged_at(session, patient_id)
    return merged_at is not None and queries.has_left_search_or_therapy(session, kept.id, since=max(since, merged_at))
