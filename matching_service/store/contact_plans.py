"""Named questions about weekly contact plans, and what is written of them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ARRAY, Row, Select, Text, and_, cast, delete, func, or_, select, tuple_, update
from sqlalchemy.orm import Session

from matching_service.store.tables import ContactPlan, PatientCopy, PlannedPatient, PlannedRequest
from shared.database import locks
from shared.database.bulk import write_rows
from shared.database.copies import kept_of
from shared.database.listing import Found, Listing
from shared.database.rows import find_row
from shared.database.written_values import Row as NewRow
from shared.values.contact_plan_enums import ContactPlanStatus, PlannedRequestState
from shared.values.enums import PatientStatus
from shared.values.lists import Part

PLANS: Final = Listing(
    sorts={"created_at": (ContactPlan.id,)},
    default="-created_at",
    identity=ContactPlan.id,
    counts={"status": ContactPlan.status},
)
REQUESTS: Final = Listing(
    sorts={"number": (PlannedRequest.id,)},
    default="number",
    identity=PlannedRequest.id,
    counts={"state": PlannedRequest.state},
)
PATIENTS: Final = Listing(
    sorts={"position": (PlannedPatient.position,)}, default="position", identity=PlannedPatient.patient_id
)


def one(session: Session, plan_id: UUID, *, lock: bool = False) -> ContactPlan | None:
    """One plan."""
    return find_row(session, ContactPlan, plan_id, lock=lock)


def plans(session: Session, part: Part, *, statuses: Collection[str]) -> Found[ContactPlan]:
    """A part of the plans with one of these statuses; without statuses, all."""
    wanted = select(ContactPlan)
    return PLANS.read(session, wanted.where(ContactPlan.status.in_(statuses)) if statuses else wanted, part)


def requests(
    session: Session, plan_id: UUID, part: Part, *, patient_id: Collection[UUID], **wanted: Collection[object]
) -> Found[PlannedRequest]:
    """A part of a plan's requests whose columns have one of these values; without values any will do."""
    chosen = select(PlannedRequest).where(PlannedRequest.plan_id == plan_id)
    wanted |= {"patient_id": {*patient_id, *kept_of(session, PatientCopy, patient_id).values()}}
    conditions = [getattr(PlannedRequest, name).in_(values) for name, values in wanted.items() if values]
    return REQUESTS.read(session, chosen.where(*conditions), part)


def patients(
    session: Session,
    plan_id: UUID,
    part: Part,
    *,
    patient_id: Collection[UUID],
    gaps: Collection[str],
    lacks: Collection[str],
) -> Found[PlannedPatient]:
    """A part of a plan's patients: these, with one of these gaps, who lack one of these; without values all."""
    wanted = select(PlannedPatient).where(PlannedPatient.plan_id == plan_id)
    if patient_id:
        wanted = wanted.where(PlannedPatient.patient_id.in_(patient_id))
    if gaps:
        wanted = wanted.where(PlannedPatient.gap.in_(gaps))
    if lacks:
        wanted = wanted.where(PlannedPatient.lacks.bool_op("?|")(cast(list(lacks), ARRAY(Text))))
    return PATIENTS.read(session, wanted, part)


def edited(session: Session, plan_ids: Collection[UUID]) -> Sequence[PlannedRequest]:
    """What staff took out of these plans, and added to them."""
    wanted = select(PlannedRequest).where(
        PlannedRequest.plan_id.in_(plan_ids),
        or_(PlannedRequest.state == PlannedRequestState.REMOVED, PlannedRequest.added_by_staff),
    )
    return session.scalars(wanted.order_by(PlannedRequest.id)).all()


def requests_with_ids(session: Session, plan_id: UUID, ids: Collection[UUID]) -> Sequence[PlannedRequest]:
    """These requests of a plan."""
    wanted = select(PlannedRequest).where(PlannedRequest.plan_id == plan_id, PlannedRequest.id.in_(ids))
    return session.scalars(wanted).all()


def requests_of_pairs(
    session: Session, plan_id: UUID, pairs: Collection[tuple[UUID, UUID]]
) -> Sequence[PlannedRequest]:
    """The requests of a plan for these patients and therapists."""
    among = tuple_(PlannedRequest.patient_id, PlannedRequest.therapist_id).in_(pairs)
    return session.scalars(select(PlannedRequest).where(PlannedRequest.plan_id == plan_id, among)).all()


def proposed(session: Session, plan_id: UUID) -> Sequence[Any]:
    """What a plan proposes now, those that staff added included: `patient_id`, `therapist_id`, `channel`, `chance`."""
    columns = (PlannedRequest.patient_id, PlannedRequest.therapist_id, PlannedRequest.channel, PlannedRequest.chance)
    is_meant = (PlannedRequest.plan_id == plan_id, PlannedRequest.state == PlannedRequestState.PROPOSED)
    return session.execute(select(*columns).where(*is_meant).order_by(PlannedRequest.id)).all()


def numbers_made(session: Session, plan_id: UUID) -> dict[UUID, int]:
    """How many requests of a plan were made for each patient who has any."""
    made = (PlannedRequest.plan_id == plan_id, PlannedRequest.state == PlannedRequestState.MADE)
    counted = select(PlannedRequest.patient_id, func.count().label("number")).where(*made)
    return {row.patient_id: row.number for row in session.execute(counted.group_by(PlannedRequest.patient_id))}


def planned_patients(session: Session, plan_id: UUID, ids: Collection[UUID]) -> Sequence[PlannedPatient]:
    """What is known of these patients in a plan."""
    wanted = select(PlannedPatient).where(PlannedPatient.plan_id == plan_id, PlannedPatient.patient_id.in_(ids))
    return session.scalars(wanted).all()


def last_position(session: Session, plan_id: UUID) -> int:
    """The last place in the order of a plan's patients; 0 where there are none."""
    last = select(func.max(PlannedPatient.position)).where(PlannedPatient.plan_id == plan_id)
    return session.scalar(last) or 0


def take_turn(session: Session) -> None:
    """Wait until no other transaction begins, claims or approves a plan: each of these depends on all plans."""
    locks.take_turn(session, "matching_service: which plan is next")


def take_turn_to_make_requests(session: Session) -> bool:
    """Whether this transaction is the only one that makes the requests of plans, until it ends."""
    return locks.try_to_take_turn(session, "matching_service makes the requests of plans")


def with_status(session: Session, *statuses: ContactPlanStatus) -> Sequence[ContactPlan]:
    """The plans with one of these statuses, the oldest first, locked."""
    wanted = select(ContactPlan).where(ContactPlan.status.in_(statuses)).order_by(ContactPlan.id).with_for_update()
    return session.scalars(wanted.execution_options(populate_existing=True)).all()


def next_to_compute(session: Session, *, now: datetime) -> ContactPlan | None:
    """The oldest plan that waits, or whose claim has run out, locked."""
    is_left = and_(ContactPlan.status == ContactPlanStatus.COMPUTING, ContactPlan.claimed_until < now)
    wanted = select(ContactPlan).where(or_(ContactPlan.status == ContactPlanStatus.WAITING, is_left))
    return session.scalars(wanted.order_by(ContactPlan.id).limit(1).with_for_update()).one_or_none()


def next_approving(session: Session) -> ContactPlan | None:
    """The oldest plan whose requests are being made."""
    wanted = select(ContactPlan).where(ContactPlan.status == ContactPlanStatus.APPROVING)
    return session.scalars(wanted.order_by(ContactPlan.id).limit(1)).one_or_none()


def save_progress(session: Session, plan_id: UUID, claim: UUID, *, done: int, of: int, until: datetime) -> bool:
    """Note how far a plan is, and keep its claim; whether it still is claimed so."""
    noted = (
        update(ContactPlan)
        .where(ContactPlan.id == plan_id, ContactPlan.claim == claim)
        .values(patients=of, patients_done=done, claimed_until=until)
        .returning(ContactPlan.id)
    )
    return session.scalar(noted) is not None


def copies_of_searching(session: Session) -> Sequence[Row[Any]]:
    """The columns of the copies of all patients who search."""
    return session.execute(_copies().where(PatientCopy.status == PatientStatus.SEARCHING)).all()


def _copies() -> Select[Any]:
    return select(*PatientCopy.__table__.columns)


def still_searching(session: Session, patient_ids: Collection[UUID]) -> set[UUID]:
    """Those of these patients who search, kept from being changed or erased until the transaction ends."""
    wanted = select(PatientCopy.id).where(
        PatientCopy.status == PatientStatus.SEARCHING, PatientCopy.id.in_(patient_ids)
    )
    return set(session.scalars(wanted.order_by(PatientCopy.id).with_for_update(read=True)))


def add(session: Session, patients: Sequence[NewRow], requests: Sequence[NewRow]) -> None:
    """Write how a plan leaves its patients, and what it proposes."""
    write_rows(session, PlannedPatient, patients)
    write_rows(session, PlannedRequest, requests)


def next_patients(session: Session, plan_id: UUID, *, limit: int) -> Sequence[PlannedPatient]:
    """The next patients of a plan whose requests are to be made, those first who have waited longest."""
    wanted = select(PlannedPatient).where(PlannedPatient.plan_id == plan_id, PlannedPatient.done_at.is_(None))
    return session.scalars(wanted.order_by(PlannedPatient.position).limit(limit)).all()


def proposed_for(session: Session, plan_id: UUID, patient_ids: Collection[UUID]) -> Sequence[PlannedRequest]:
    """What a plan proposes for these patients, and staff left in it; in its order."""
    wanted = select(PlannedRequest).where(
        PlannedRequest.plan_id == plan_id,
        PlannedRequest.patient_id.in_(patient_ids),
        PlannedRequest.state == PlannedRequestState.PROPOSED,
    )
    return session.scalars(wanted.order_by(PlannedRequest.id)).all()


def of_patient(session: Session, ids: Collection[UUID]) -> tuple[Sequence[PlannedPatient], Sequence[PlannedRequest]]:
    """What plans hold about a patient with these files."""
    patients = select(PlannedPatient).where(PlannedPatient.patient_id.in_(ids)).order_by(PlannedPatient.plan_id)
    requests = select(PlannedRequest).where(PlannedRequest.patient_id.in_(ids)).order_by(PlannedRequest.id)
    return session.scalars(patients).all(), session.scalars(requests).all()


def forget(session: Session, patient_ids: Collection[UUID]) -> None:
    """Remove these patients from all plans."""
    for table in (PlannedRequest, PlannedPatient):
        session.execute(delete(table).where(table.patient_id.in_(patient_ids)))


def unpublished_diagnoses(session: Session, patient_ids: Collection[UUID]) -> set[UUID]:
    """Those of these patients of whose diagnosis nothing is published (any more)."""
    wanted = select(PatientCopy.id).where(PatientCopy.id.in_(patient_ids), PatientCopy.diagnosis_block.is_(None))
    return set(session.scalars(wanted))


def forget_preferences(
    session: Session, patient_ids: Collection[UUID], *, chance_without: Callable[[Any], Any]
) -> None:
    """Remove from all plans that practices prefer the diagnosis of these patients, if none is published of them.

    `chance_without`: what the chance of such a request is without that.
    """
    if not patient_ids:
        return
    session.execute(
        update(PlannedRequest)
        .where(
            PlannedRequest.patient_id == PatientCopy.id,
            PatientCopy.id.in_(patient_ids),
            PatientCopy.diagnosis_block.is_(None),
            PlannedRequest.is_preferred,
        )
        .values(is_preferred=False, chance=chance_without(PlannedRequest.chance))
        .execution_options(synchronize_session=False)
    )


def save_done(session: Session, plan_id: UUID, patient_ids: Collection[UUID], *, now: datetime) -> int:
    """Note that the requests of these patients were made; returns the number of those who are still in the plan."""
    noted = (
        update(PlannedPatient)
        .where(PlannedPatient.plan_id == plan_id, PlannedPatient.patient_id.in_(patient_ids))
        .values(done_at=now)
        .returning(PlannedPatient.patient_id)
        .execution_options(synchronize_session=False)
    )
    return len(session.scalars(noted).all())


def require_locked(session: Session, plan_id: UUID) -> ContactPlan:
    """A plan that is there, locked."""
    return session.get_one(ContactPlan, plan_id, with_for_update=True, populate_existing=True)
