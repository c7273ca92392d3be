"""Erasing a patient (GDPR Art. 17): here at once, in each other service when it handles the event.

The data key is destroyed, so that what it encrypted can no longer be decrypted, in append-only tables and in backups as
well.
What remains are an id, a reference, dates and counts, which are nobody's (docs/decisions/0031-erasure.md).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final, get_args
from uuid import UUID

from patient_service.domain import accesses, files, retention
from patient_service.domain.accesses import Reader
from patient_service.domain.erasure_schemas import ConfirmingService, ErasureFilter, ErasureView
from patient_service.store import erasures as store
from patient_service.store import imports, merging, offers, queries
from patient_service.store.access_log import NewFileAccess
from patient_service.store.tables import Erasure, LocatedPostalCode, Patient
from shared.database import ChangedMeanwhile, Session
from shared.database.copies import erase_copies
from shared.database.rows import check_version, require
from shared.errors import FieldProblem, NotFound, Outage
from shared.events.catalogue import AddressErased, PatientErased
from shared.events.erasures import count_published, record_erased
from shared.events.outbox import record
from shared.security.encryption import Keys
from shared.values.bulk import ObjectOutcome
from shared.values.lists import Listed, ListRequest
from shared.values.schemas import InvalidFields

CONFIRMING: Final = get_args(ConfirmingService)

UNTIL_KAFKA_CLEANED: Final = timedelta(hours=1)
"""For so long after the compaction lag it takes at most to publish an erasure again and to clean Kafka's log."""


def erase(
    session: Session,
    keys: Keys,
    patient_id: UUID,
    *,
    confirm: str,
    expected_versions: Collection[int] | None,
    reader: Reader,
    compaction_lag: timedelta,
    now: datetime,
) -> ErasureView:
    """Erase a patient with all files that were merged into theirs; asked again, the same erasure is shown.

    Raises `NotFound`, also for one who was merged into another, `LostUpdate`, and `InvalidFields` where `confirm` is
    not the patient's reference. With another reference than that of somebody who was erased it is `NotFound`.
    """
    theirs = _files_locked(session, patient_id)
    patient = theirs[patient_id]
    if patient.erased_at is None:
        files.refuse_merged(session, patient)
        if confirm != patient.reference:
            raise InvalidFields([FieldProblem.of("confirm", "field.reference_of_another")])
        check_version(patient, expected_versions, "patient")
        noted = _erase_sealed(session, keys, theirs.values(), reader, now=now)
        accesses.record_sealed(session, noted, reader, now=now)
    elif confirm != patient.reference:
        raise NotFound("patient")
    return get(session, patient_id, compaction_lag=compaction_lag)


def approve_each(
    session: Session, keys: Keys, patient_ids: Sequence[UUID], *, reader: Reader, now: datetime
) -> tuple[list[ObjectOutcome], list[NewFileAccess]]:
    """Erase those of these patients, locked with their files, of whom that is proposed; the others are refused.

    They are erased together: of each alone everything that names patients would be looked through again. What is to be
    noted of it is returned, for who notes other accesses as well.
    """
    files = {each: _files_locked(session, each) for each in patient_ids}
    outcomes = [ObjectOutcome(each, retention.refusal(files[each][each])) for each in patient_ids]
    approved = [file for each in outcomes if each.refusal is None for file in files[each.id].values()]
    return outcomes, _erase_sealed(session, keys, approved, reader, now=now) if approved else []


def _erase_sealed(
    session: Session, keys: Keys, patients: Collection[Patient], reader: Reader, *, now: datetime
) -> list[NewFileAccess]:
    """Returns the entries of the access log, sealed before the keys were destroyed."""
    noted = accesses.seal(keys, list(patients), reader, "erased", now=now)
    _erase(session, keys, patients, by=reader.id, now=now)
    return noted


def _files_locked(session: Session, patient_id: UUID) -> Mapping[UUID, Patient]:
    """The patient's row, also where it is a tombstone, and those of who was merged into it, by id, locked.

    Raises `NotFound`, and `ChangedMeanwhile` where somebody was merged into it while we waited.
    """
    expected = {patient_id, *merging.merged_into(session, patient_id)}
    queries.lock_patients(session, expected)
    patient = require(queries.patient_or_tombstone(session, patient_id, lock=True), "patient")
    found = merging.files_of(session, patient)
    if not found.keys() <= expected:
        raise ChangedMeanwhile
    return found


def _erase(session: Session, keys: Keys, patients: Collection[Patient], *, by: UUID | None, now: datetime) -> None:
    """Each file has a data key, a chain in the access log, events and an erasure of its own."""
    ids = sorted(patient.id for patient in patients)
    for patient in patients:
        files.destroy(session, keys, patient, by=by, now=now)
        offers.remove_all(session, patient.id)
        if store.erasure(session, patient.id) is None:  # a backup may hold it without what it did
            session.add(Erasure(id=patient.id, requested_at=now, requested_by=by))
    imports.forget_patients(session, ids)
    erase_copies(session, LocatedPostalCode, [_before_all_events(each, now) for each in ids])
    record_erased(session, ids, now=now)
    for patient in patients:
        _publish(session, patient, now=now)


def list_restored(session: Session, erased: Collection[UUID]) -> Sequence[UUID]:
    """Those of these patients, who were all erased once, and of those of whom this service itself knows that, who came
    back with a backup.
    """
    return store.not_erased(session, erased)


def refuse_restored(session: Session) -> None:
    """Raise `Outage` where somebody is here whose erasure is kept: rows of patients came back with a backup."""
    if found := list_restored(session, ()):
        detail = f"{len(found)} patients who were erased came back with a backup; run"
        raise Outage("erasure.restored", f"{detail} `python -m patient_service erase-restored --yes`")


def erase_again(session: Session, keys: Keys, patient_id: UUID, *, now: datetime) -> None:
    """Erase a patient who came back with a backup; nobody asks for it but the erasure of then."""
    theirs = _files_locked(session, patient_id)
    if theirs[patient_id].erased_at is None:
        _erase(session, keys, theirs.values(), by=None, now=now)


def _publish(session: Session, patient: Patient, *, now: datetime) -> None:
    count_published(session, [patient.id], now=now)
    record(session, patient, PatientErased(patient_id=patient.id), now=now)


def publish_again(session: Session, *, compaction_lag: timedelta, now: datetime, at_most: int = 100) -> int:
    """Publish completed erasures once more, after Kafka's compaction lag; returns their number.

    Kafka closes a segment of its log only when something is added to it, and forgets only what lies in closed ones: in
    a quiet partition the last state before the erasure would stay for as long as nothing happens. Geocoding answers
    with its own last state, which does the same there.
    """
    wanted = store.completed_before(session, now - compaction_lag, by=len(CONFIRMING), limit=at_most)
    found = [queries.patient_or_tombstone(session, each, lock=True) for each in wanted]
    for patient in found:
        _publish(session, require(patient, "patient"), now=now)
    return len(found)


def _before_all_events(patient_id: UUID, now: datetime) -> dict[str, object]:
    """Geocoding will say the same, with the position of its event."""
    return {"id": patient_id, "sequence": 0, "event_time": now, "republished": False}


def get(session: Session, erasure_id: UUID, *, compaction_lag: timedelta) -> ErasureView:
    """How far an erasure is, with those of the files that were merged into the patient's; raises `NotFound`."""
    return _views(session, [require(store.erasure(session, erasure_id), "erasure")], compaction_lag)[0]


def list_part(session: Session, wanted: ListRequest[ErasureFilter], *, compaction_lag: timedelta) -> Listed:
    """A part of the erasures; one of a file that was merged into another stands for itself."""
    filters = wanted.filters
    conditions = [store.is_pending_at(filters.pending)] if filters.pending else []
    if set(filters.state) in ({"running"}, {"completed"}):
        is_running = store.is_pending_at(CONFIRMING)
        conditions.append(is_running if "running" in filters.state else ~is_running)
    found = store.erasures(session, conditions, wanted.part)
    return found.shown(_views(session, found.rows, compaction_lag))


def _views(session: Session, erasures: Sequence[Erasure], compaction_lag: timedelta) -> list[ErasureView]:
    ids = [each.id for each in erasures]
    confirmed, references = store.confirmations(session, ids), store.references(session, ids)
    return [_view(each, references[each.id], confirmed[each.id], compaction_lag) for each in erasures]


def _view(
    erasure: Erasure, reference: str, confirmed: Mapping[str, datetime], compaction_lag: timedelta
) -> ErasureView:
    waits = [each for each in CONFIRMING if each not in confirmed]
    last = max((erasure.requested_at, *confirmed.values()))
    return ErasureView.of(
        {
            "id": erasure.id,
            "reference": reference,
            "state": "running" if waits else "completed",
            "services": {"patient_service": "erased"}
            | {each: "pending" if each in waits else "erased" for each in CONFIRMING},
            "requested_at": erasure.requested_at,
            "requested_by": erasure.requested_by,
            "completed_at": None if waits else last,
            "kafka_until": last + compaction_lag + UNTIL_KAFKA_CLEANED,
        }
    )


def confirm(session: Session, service: str, erased: Sequence[tuple[UUID, datetime]]) -> None:
    """A service has nothing left of these patients since these instants."""
    store.confirm(session, service, erased)


def confirm_addresses(session: Session, events: Sequence[AddressErased]) -> None:
    """Geocoding has no addresses of these patients any more, and so there are no copies of its answers."""
    ours = [event for event in events if event.owner_kind == "patient"]
    erase_copies(session, LocatedPostalCode, [{"id": e.owner_id, **e.envelope.position()} for e in ours])
    confirm(session, "geocoding_service", [(e.owner_id, e.envelope.time) for e in ours])
