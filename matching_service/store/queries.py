"""Named questions to the tables of copies and placement requests."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, Select, Table, bindparam, func, or_, select, text

from matching_service.store.tables import IS_LIVE, AuditLogEntry, PatientCopy, PlacementRequest, TherapistCopy
from shared.database import WHOLE_TRANSACTION, ChangedMeanwhile, Executor, Session
from shared.database.copies import all_merged_into, kept_of
from shared.database.rows import find_row
from shared.values.enums import RequestStatus
from shared.values.placement_enums import AuditEvent

_PATIENT: Table = PatientCopy.__table__  # type: ignore[assignment]  # declared as the wider FromClause
_KEPT = _PATIENT.alias("kept")
_PATIENT_TO_MATCH = select(_PATIENT).where(_PATIENT.c.id == bindparam("patient_id"), _PATIENT.c.status.is_not(None))


def patient(executor: Executor, patient_id: UUID) -> Row[Any] | None:
    """The columns of a patient's copy, to be read only; None also where only a place has arrived."""
    wanted = {"patient_id": patient_id}
    return executor.execute(_PATIENT_TO_MATCH, wanted, execution_options=WHOLE_TRANSACTION).one_or_none()


def copies_of_patient(session: Session, ids: Collection[UUID]) -> Sequence[PatientCopy]:
    """What was published of these files of a patient."""
    return session.scalars(select(PatientCopy).where(PatientCopy.id.in_(ids)).order_by(PatientCopy.id)).all()


def requests_of_patient(session: Session, ids: Collection[UUID]) -> Sequence[PlacementRequest]:
    """All requests of a patient with these files, whatever became of them."""
    wanted = select(PlacementRequest).where(PlacementRequest.patient_id.in_(ids))
    return session.scalars(wanted.order_by(PlacementRequest.id)).all()


def audit_log_of(session: Session, request_ids: Collection[UUID]) -> Sequence[AuditLogEntry]:
    """Everything that happened to these requests, the oldest first."""
    wanted = select(AuditLogEntry).where(AuditLogEntry.placement_request_id.in_(request_ids))
    return session.scalars(wanted.order_by(AuditLogEntry.number)).all()


def therapists_asked_with(session: Session, request_ids: Collection[UUID]) -> set[UUID]:
    """All therapists who were asked for the patients of these requests."""
    if not request_ids:
        return set()
    whose = select(PlacementRequest.patient_id).where(PlacementRequest.id.in_(request_ids))
    return set(session.scalars(select(PlacementRequest.therapist_id).where(PlacementRequest.patient_id.in_(whose))))


def is_asked_elsewhere(session: Session, request: PlacementRequest) -> bool:
    """Whether another request for this patient to this therapist goes on."""
    twin = select(PlacementRequest.id).where(
        PlacementRequest.patient_id == request.patient_id,
        PlacementRequest.therapist_id == request.therapist_id,
        PlacementRequest.id != request.id,
        text(IS_LIVE),
    )
    return bool(session.scalar(select(twin.exists())))


def entries_caused_by(session: Session, cause: UUID, what: AuditEvent) -> Sequence[AuditLogEntry]:
    """The entries of any request that say this and followed from another entry."""
    wanted = select(AuditLogEntry).where(AuditLogEntry.caused_by == cause, AuditLogEntry.what == what)
    return session.scalars(wanted.order_by(AuditLogEntry.number)).all()


def newest_entry(session: Session, request_id: UUID, what: AuditEvent) -> UUID | None:
    """The id of the last entry of a request's audit log that says this."""
    wanted = (AuditLogEntry.placement_request_id == request_id, AuditLogEntry.what == what)
    return session.scalar(select(AuditLogEntry.id).where(*wanted).order_by(AuditLogEntry.number.desc()).limit(1))


def was_placed_before(session: Session, request_id: UUID, instant: datetime) -> bool:
    """Whether the place of this request was last recorded before an instant."""
    placed = select(func.max(AuditLogEntry.occurred_at)).where(
        AuditLogEntry.placement_request_id == request_id, AuditLogEntry.what == AuditEvent.PLACED
    )
    recorded_at = session.scalar(placed)
    return recorded_at is not None and recorded_at < instant


def lock_patients(session: Session, patient_ids: Collection[UUID]) -> dict[UUID, PatientCopy]:
    """The copies of these patients by id, locked; of those who were merged or erased nothing is returned.

    The patient's lock is taken before a request of theirs is changed: what happens to one request depends on the
    others, and on the copy's status. So one who was merged or erased is locked too.
    """
    locked = session.scalars(
        select(PatientCopy)
        .where(PatientCopy.id.in_(patient_ids))
        .order_by(PatientCopy.id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    return {each.id: each for each in locked if each.status is not None}


def lock_copies(session: Session, kind: type[TherapistCopy | PatientCopy], ids: Collection[UUID]) -> None:
    """Let no other transaction change these copies before ours ends; those that are not there yet are made, unknown.

    In the order of their ids, those that are new as well: two workers that keep copies cannot wait for each other.
    """
    if ids:
        session.execute(_LOCK[kind.__tablename__], {"ids": sorted(str(each) for each in ids)})


_LOCK = {
    # the update never happens, but PostgreSQL locks the row before it sees that
    name: text(
        f"INSERT INTO {name} AS t (id, sequence) SELECT id, -1 FROM unnest(CAST(:ids AS uuid[])) AS id"  # noqa: S608
        " ON CONFLICT (id) DO UPDATE SET sequence = t.sequence WHERE false"
    )
    for name in (TherapistCopy.__tablename__, PatientCopy.__tablename__)
}


def share_therapists(session: Session, therapist_ids: Collection[UUID]) -> None:
    """Keep these copies from being changed: who is blocked while a list is approved is either refused or withdrawn.

    Before any patient is locked, as everywhere.
    """
    session.execute(
        select(TherapistCopy.id)
        .where(TherapistCopy.id.in_(therapist_ids))
        .order_by(TherapistCopy.id)
        .with_for_update(read=True)
    ).all()


def therapist_status(session: Session, therapist_id: UUID) -> str | None:
    """Whether the copy of a therapist is active, blocked or inactive; None where none has arrived."""
    return session.scalar(select(TherapistCopy.status).where(TherapistCopy.id == therapist_id))


def request(session: Session, request_id: UUID) -> PlacementRequest | None:
    """One placement request."""
    return find_row(session, PlacementRequest, request_id)


def names_of_therapists(session: Session, ids: Collection[UUID]) -> dict[UUID, tuple[str | None, str | None]]:
    """Name and town of these therapists, as far as they are known here."""
    wanted = select(TherapistCopy.id, TherapistCopy.name, TherapistCopy.city).where(TherapistCopy.id.in_(ids))
    return {row.id: (row.name, row.city) for row in session.execute(wanted)} if ids else {}


def references_of_patients(session: Session, ids: Collection[UUID]) -> dict[UUID, str | None]:
    """The references of these patients, as far as they are known here."""
    wanted = select(PatientCopy.id, PatientCopy.reference).where(PatientCopy.id.in_(ids))
    return {row.id: row.reference for row in session.execute(wanted)} if ids else {}


def first_made_at(session: Session, request: PlacementRequest) -> datetime:
    """When the practice was first to be asked: by this request, or by one that it goes on for since a merge."""
    merged = select(func.min(PlacementRequest.created_at)).where(
        PlacementRequest.patient_id == request.patient_id, PlacementRequest.merged_into == request.id
    )
    return min(session.scalar(merged) or request.created_at, request.created_at)


def requests_with_ids(session: Session, ids: Collection[UUID]) -> Sequence[PlacementRequest]:
    """These placement requests in the order of their ids; unknown ids are left out."""
    return session.scalars(
        select(PlacementRequest).where(PlacementRequest.id.in_(ids)).order_by(PlacementRequest.id)
    ).all()


def requests_after(session: Session, after: UUID, *, limit: int) -> Sequence[UUID]:
    """The next ids of placement requests."""
    return session.scalars(
        select(PlacementRequest.id).where(PlacementRequest.id > after).order_by(PlacementRequest.id).limit(limit)
    ).all()


def patients_of(session: Session, request_ids: Collection[UUID]) -> set[UUID]:
    """Whose requests these are."""
    return set(session.scalars(select(PlacementRequest.patient_id).where(PlacementRequest.id.in_(request_ids))))


def lock_with_patients(session: Session, request_ids: Collection[UUID]) -> Sequence[PlacementRequest]:
    """These requests as they are now, locked after their patients.

    Raises `ChangedMeanwhile` where one became another patient's while we waited: two files were merged.
    """
    patients = patients_of(session, request_ids)
    lock_patients(session, patients)
    if not patients_of(session, request_ids) <= patients:
        raise ChangedMeanwhile  # before a request is locked that others change under another patient's lock
    return lock_requests(session, request_ids)


def lock_requests(session: Session, request_ids: Collection[UUID]) -> Sequence[PlacementRequest]:
    """These requests as they are now, locked; the patients' locks are taken first (`lock_patients`)."""
    return _locked(session, select(PlacementRequest).where(PlacementRequest.id.in_(request_ids)))


def lock_live_requests_of_patient(session: Session, patient_id: UUID) -> Sequence[PlacementRequest]:
    """All of a patient's requests that are not over, and a place that goes on, as they are now, locked."""
    return _locked(session, select(PlacementRequest).where(PlacementRequest.patient_id == patient_id, text(IS_LIVE)))


def _locked(session: Session, wanted: Select[PlacementRequest]) -> Sequence[PlacementRequest]:
    session.flush()  # or what this session changed and did not write yet would be read over
    return session.scalars(
        wanted.order_by(PlacementRequest.id).with_for_update().execution_options(populate_existing=True)
    ).all()


def live_requests_of_patients(session: Session, patient_ids: Collection[UUID]) -> Sequence[PlacementRequest]:
    """All requests of these patients that are not over, and places that go on, as they are now, locked."""
    return _locked(session, select(PlacementRequest).where(PlacementRequest.patient_id.in_(patient_ids), text(IS_LIVE)))


def lock_requests_of_patient(session: Session, patient_id: UUID) -> Sequence[PlacementRequest]:
    """All of a patient's requests, also those that are over, locked."""
    return _locked(session, select(PlacementRequest).where(PlacementRequest.patient_id == patient_id))


def who_refused(session: Session, patient_id: UUID, *, since: datetime) -> set[UUID]:
    """The therapists who have refused the patient since an instant."""
    refused = select(PlacementRequest.therapist_id).where(
        PlacementRequest.patient_id == patient_id,
        PlacementRequest.status == RequestStatus.DECLINED,
        PlacementRequest.responded_at >= since,
    )
    return set(session.scalars(refused))


def standing_for(session: Session, request_ids: Collection[UUID]) -> dict[UUID, UUID]:
    """The request that goes on for each of these by their ids: most for themselves."""
    return kept_of(session, PlacementRequest, request_ids)


def with_those_that_go_on(session: Session, request_ids: Collection[UUID]) -> set[UUID]:
    """These requests, and those that go on for them."""
    return {*request_ids, *standing_for(session, request_ids).values()}


def kept_patient(session: Session, patient_id: UUID) -> UUID:
    """Who stands for a patient: mostly the patient."""
    return kept_of(session, PatientCopy, [patient_id])[patient_id]


def with_those_they_were_merged_into(session: Session, patient_ids: Collection[UUID]) -> set[UUID]:
    """These patients, and all into whom they were merged one after another: each of them may come to stand for one."""
    return {*patient_ids, *all_merged_into(session, PatientCopy, patient_ids)}


def kept_therapist(session: Session, therapist_id: UUID) -> UUID:
    """Who stands for a therapist: mostly the therapist."""
    return kept_of(session, TherapistCopy, [therapist_id])[therapist_id]


def kept_therapists(executor: Executor, therapist_ids: Collection[UUID]) -> dict[UUID, UUID]:
    """Who stands for each of these therapists: mostly themselves."""
    return kept_of(executor, TherapistCopy, therapist_ids)


def with_kept_therapists(executor: Executor, therapist_ids: Collection[UUID]) -> frozenset[UUID]:
    """These therapists, and who stands for those of them who were merged."""
    return frozenset({*therapist_ids, *kept_of(executor, TherapistCopy, therapist_ids).values()})


def with_therapists_they_were_merged_into(session: Session, therapist_ids: Collection[UUID]) -> set[UUID]:
    """These therapists, and all into whom they were merged one after another."""
    return {*therapist_ids, *all_merged_into(session, TherapistCopy, therapist_ids)}


def was_erased(session: Session, patient_id: UUID) -> bool:
    """Whether the patient was erased."""
    return bool(session.scalar(select(PatientCopy.erased).where(PatientCopy.id == patient_id)))


def merged_patient(executor: Executor, patient_id: UUID) -> Row[Any, Any] | None:
    """Who stands for a patient who was merged into another: `kept_id`, and the `reference`, where it is known here.

    Nobody does for one whose other file was erased.
    """
    kept = select(_KEPT.c.reference, _PATIENT.c.merged_into.label("kept_id"))
    wanted = kept.select_from(_PATIENT).outerjoin(_KEPT, _KEPT.c.id == _PATIENT.c.merged_into)
    was_merged = (_PATIENT.c.id == patient_id, _PATIENT.c.merged_into.is_not(None), _KEPT.c.erased.is_not(True))
    return executor.execute(wanted.where(*was_merged)).one_or_none()


def requests_to_therapists(
    session: Session, therapist_ids: Collection[UUID], statuses: Collection[str]
) -> Sequence[UUID]:
    """The ids of requests to these therapists that stand so."""
    return session.scalars(
        select(PlacementRequest.id).where(
            PlacementRequest.therapist_id.in_(therapist_ids), PlacementRequest.status.in_(statuses)
        )
    ).all()


def not_compared(session: Session, statuses: Collection[str], *, after: UUID, limit: int) -> Sequence[UUID]:
    """The next ids of requests that stand so and whose therapist or patient was written since they were compared.

    After an id, so that all pages together go through the requests once.
    """
    written = func.greatest(TherapistCopy.written_at, PatientCopy.written_at)
    return session.scalars(
        select(PlacementRequest.id)
        .join(TherapistCopy, TherapistCopy.id == PlacementRequest.therapist_id)
        .join(PatientCopy, PatientCopy.id == PlacementRequest.patient_id)
        .where(
            PlacementRequest.id > after,
            PlacementRequest.status.in_(statuses),
            or_(PlacementRequest.compared_at.is_(None), PlacementRequest.compared_at < written),
        )
        .order_by(PlacementRequest.id)
        .limit(limit)
    ).all()


def written_at(
    session: Session, kind: type[TherapistCopy | PatientCopy], ids: Collection[UUID]
) -> dict[UUID, datetime]:
    """When these copies were written, also those of whom nothing is known any more."""
    found = session.execute(select(kind.id, kind.written_at).where(kind.id.in_(ids)))
    return {row.id: row.written_at for row in found}


def deferred_until(session: Session, day: date, *, limit: int) -> Sequence[UUID]:
    """The ids of deferred requests that nothing holds and whose time has come, longest due first."""
    return session.scalars(
        select(PlacementRequest.id)
        .where(
            PlacementRequest.status == RequestStatus.DEFERRED,
            PlacementRequest.next_contact_after <= day,
            PlacementRequest.hold.is_(None),
        )
        .order_by(PlacementRequest.next_contact_after, PlacementRequest.id)
        .limit(limit)
    ).all()
