"""Named questions about what is to be sent, said and answered; what is asked for staff's lists is in `lists.py`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from hashlib import blake2b
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    Boolean,
    CollectionAggregate,
    ColumnElement,
    Uuid,
    and_,
    any_,
    delete,
    false,
    func,
    literal,
    null,
    or_,
    select,
    text,
    union_all,
    update,
)
from sqlalchemy.dialects.postgresql import Range, aggregate_order_by, insert
from sqlalchemy.orm import Session, aliased

from communication_service.store.tables import (
    Email,
    Gate,
    Inquiry,
    Look,
    Patient,
    PhoneCall,
    Place,
    PlacementRequest,
    Therapist,
)
from shared.database import lock_rows

UNSENT = or_(PlacementRequest.status == "waiting", PlacementRequest.inquiry_id.is_not(None))


def _lock_number(name: str) -> int:
    # advisory locks are per database, which all services share: the name keeps ours apart
    return int.from_bytes(blake2b(f"communication\x00{name}".encode(), digest_size=8).digest(), "big", signed=True)


def try_to_lock_therapist(session: Session, therapist_id: UUID) -> bool:
    """Whether this transaction may now change what goes to this therapist; False while another one does."""
    return bool(session.scalar(select(func.pg_try_advisory_xact_lock(_lock_number(str(therapist_id)), type_=Boolean))))


def lock_therapist(session: Session, therapist_id: UUID) -> None:
    """Wait until no other transaction changes what goes to this therapist, and keep others out until ours ends."""
    session.execute(select(func.pg_advisory_xact_lock(_lock_number(str(therapist_id)))))


def lock_line(session: Session) -> None:
    """Let calls be planned by one transaction at a time, or two could wait for each other's slots."""
    session.execute(select(func.pg_advisory_xact_lock(_lock_number("line"))))


# Copies


def therapist(session: Session, therapist_id: UUID) -> Therapist | None:
    """The copy of a therapist, as it is now."""
    return session.get(Therapist, therapist_id, populate_existing=True)


def place(session: Session, therapist_id: UUID) -> Place | None:
    """The place of the address that a therapist had when it was looked up."""
    return session.get(Place, therapist_id, populate_existing=True)


def patients(session: Session, ids: Iterable[UUID]) -> dict[UUID, Patient]:
    """The copies of these patients that have arrived."""
    found = select(Patient).where(Patient.id.in_(list(ids))).execution_options(populate_existing=True)
    return {patient.id: patient for patient in session.scalars(found)}


# Requests


def request_for_change(session: Session, request_id: UUID) -> PlacementRequest | None:
    """One request, locked."""
    return session.get(PlacementRequest, request_id, with_for_update=True, populate_existing=True)


def requests(session: Session, ids: Iterable[UUID]) -> Sequence[PlacementRequest]:
    """These requests, by id, locked."""
    return session.scalars(
        select(PlacementRequest)
        .where(PlacementRequest.id.in_(list(ids)))
        .order_by(PlacementRequest.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).all()


def patients_of_requests(session: Session, ids: Iterable[UUID]) -> dict[UUID, UUID]:
    """The patient of each request."""
    rows = select(PlacementRequest.id, PlacementRequest.patient_id).where(PlacementRequest.id.in_(list(ids)))
    return {row.id: row.patient_id for row in session.execute(rows)}


def lock_requests(session: Session, ids: Iterable[UUID]) -> None:
    """Let no other transaction change these requests before ours ends."""
    lock_rows(session, PlacementRequest, ids)


def unsent_requests(session: Session, therapist_id: UUID) -> Sequence[PlacementRequest] | None:
    """Requests to this therapist that have not gone out, locked; None while one of them is being changed elsewhere."""
    wanted = (PlacementRequest.therapist_id == therapist_id, UNSENT)
    found = session.scalars(
        select(PlacementRequest)
        .where(*wanted)
        .order_by(PlacementRequest.id)
        .with_for_update(skip_locked=True)
        .execution_options(populate_existing=True)
    ).all()
    # waiting for a listener that waits for us would be a deadlock; a withdrawal must not be overlooked either
    total = session.scalar(select(func.count()).select_from(PlacementRequest).where(*wanted))
    return found if total == len(found) else None


class Due(NamedTuple):
    """A therapist whom composing must look at, and what caused the oldest of their requests."""

    therapist_id: UUID
    correlation_id: str | None


def therapists_to_look_at(session: Session, *, now: datetime, limit: int) -> list[Due]:
    """Therapists with something to look at; those who may have a place first, then the longest due."""
    looks = union_all(
        select(
            PlacementRequest.therapist_id,
            PlacementRequest.look_at,
            PlacementRequest.correlation_id,
            PlacementRequest.waiting_since.label("since"),
            PlacementRequest.id,
        ).where(PlacementRequest.look_at <= now),
        select(Look.therapist_id, Look.look_at, Look.correlation_id, null(), Look.id).where(Look.look_at <= now),
    ).subquery()
    oldest_first = aggregate_order_by(looks.c.correlation_id, looks.c.since.asc().nulls_last(), looks.c.id)
    rows = (
        select(looks.c.therapist_id, func.array_agg(oldest_first)[1])
        .outerjoin(Therapist, Therapist.id == looks.c.therapist_id)
        .group_by(looks.c.therapist_id, Therapist.potentially_available)
        .order_by(
            func.coalesce(Therapist.potentially_available, false()).desc(),
            func.min(looks.c.look_at),
            looks.c.therapist_id,
        )
        .limit(limit)
    )
    return [Due(*row) for row in session.execute(rows)]


def is_due(session: Session, therapist_id: UUID, *, now: datetime) -> bool:
    """Whether composing still has to look at this therapist."""
    due = (
        select(kind.id).where(kind.therapist_id == therapist_id, kind.look_at <= now).exists()
        for kind in (PlacementRequest, Look)
    )
    return bool(session.scalar(select(or_(*due))))


def look_again(session: Session, condition: ColumnElement[bool], *, at: datetime) -> None:
    """Let composing look at the therapists of these unsent requests not later than `at`; waits for nobody."""
    oldest_first = aggregate_order_by(
        PlacementRequest.correlation_id, PlacementRequest.waiting_since.asc().nulls_last(), PlacementRequest.id
    )
    found = session.execute(
        select(PlacementRequest.therapist_id, func.array_agg(oldest_first)[1])
        .where(UNSENT, condition)
        .group_by(PlacementRequest.therapist_id)
    )
    session.add_all(Look(therapist_id=one, look_at=at, correlation_id=cause) for one, cause in found)
    session.flush()


def begin_look(session: Session, therapist_id: UUID) -> None:
    """What is read after this is as new as every wish to look that it takes; the therapist is locked."""
    session.execute(delete(Look).where(Look.therapist_id == therapist_id))


def look_later(session: Session, therapist_id: UUID, *, at: datetime) -> None:
    """Leave a therapist alone until then."""
    begin_look(session, therapist_id)
    to_look_at = select(PlacementRequest).where(
        PlacementRequest.therapist_id == therapist_id, PlacementRequest.look_at.is_not(None)
    )
    for request in session.scalars(to_look_at.order_by(PlacementRequest.id).with_for_update()):
        request.look_at = at


def requests_to_therapists(ids: Iterable[UUID]) -> ColumnElement[bool]:
    """Requests to one of these therapists."""
    return PlacementRequest.therapist_id == _one_of(ids)


def requests_of_patients(ids: Iterable[UUID]) -> ColumnElement[bool]:
    """Requests for one of these patients."""
    return PlacementRequest.patient_id == _one_of(ids)


def _one_of(ids: Iterable[UUID]) -> CollectionAggregate[Any]:
    # one parameter however many ids: a poll brings hundreds
    return any_(literal(list(ids), ARRAY(Uuid)))


def requests_to_address(email_key: str) -> ColumnElement[bool]:
    """Requests to a therapist who has this address."""
    return PlacementRequest.therapist_id.in_(select(Therapist.id).where(Therapist.email_key == email_key))


def patients_offered_a_place(session: Session, ids: Iterable[UUID]) -> set[UUID]:
    """Those of these patients whom some practice has offered a place."""
    wanted = select(PlacementRequest.patient_id).where(
        PlacementRequest.patient_id.in_(list(ids)), PlacementRequest.status == "accepted"
    )
    return set(session.scalars(wanted))


FOLLOWED_UP = and_(Therapist.status == "active", Therapist.contact_preference.in_(("any", "phone_only")))
"""Practices that are called after a letter they did not answer."""


def unanswered_since(session: Session, *, day: date, limit: int) -> Sequence[PlacementRequest]:
    """Requests e-mailed on that day or before, without an answer or a call, for patients who have been offered no
    place; locked, those held by others left out.
    """
    elsewhere = aliased(PlacementRequest)
    offered = select(elsewhere.id).where(
        elsewhere.patient_id == PlacementRequest.patient_id, elsewhere.status == "accepted"
    )
    return session.scalars(
        select(PlacementRequest)
        .join(Therapist, Therapist.id == PlacementRequest.therapist_id)
        .where(
            PlacementRequest.status == "contacted",
            ~PlacementRequest.by_phone,
            PlacementRequest.emailed_on <= day,
            PlacementRequest.inquiry_id.is_(None),
            ~offered.exists(),
            FOLLOWED_UP,
        )
        .order_by(PlacementRequest.emailed_on, PlacementRequest.id)
        .limit(limit)
        .with_for_update(skip_locked=True, of=PlacementRequest)
    ).all()


# Inquiries, e-mails, gates


def inquiry(session: Session, inquiry_id: UUID, *, lock: bool = False) -> Inquiry | None:
    """One inquiry."""
    return session.get(Inquiry, inquiry_id, with_for_update=lock, populate_existing=lock)


def open_inquiries(session: Session, therapist_id: UUID) -> Sequence[Inquiry]:
    """Contacts with this therapist that have not gone out, oldest first, locked."""
    return session.scalars(
        select(Inquiry)
        .where(Inquiry.therapist_id == therapist_id, Inquiry.status == "open")
        .order_by(Inquiry.created_at, Inquiry.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).all()


def email(session: Session, email_id: UUID, *, lock: bool = False) -> Email | None:
    """One e-mail; with `lock`, as it is now."""
    return session.get(Email, email_id, with_for_update=lock, populate_existing=lock)


def unsent_email(session: Session, inquiry_id: UUID) -> Email | None:
    """The inquiry's letter that has not been handed to the mail server."""
    return session.scalars(
        select(Email)
        .where(Email.inquiry_id == inquiry_id, Email.status.in_(("approved", "waiting")))
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one_or_none()


def emails_to_send(session: Session, *, now: datetime, limit: int) -> Sequence[Email]:
    """Letters that may go now: first those that nobody has tried, then those tried longest ago; not locked.

    So letters that are refused again and again do not keep the others from being tried.
    """
    return session.scalars(
        select(Email)
        .where(Email.status == "approved", or_(Email.not_before.is_(None), Email.not_before <= now))
        .order_by(Email.claimed_at.asc().nulls_first(), Email.created_at, Email.id)
        .limit(limit)
    ).all()


def count_emails_to_send(session: Session) -> int:
    """How many letters only wait for the mail server."""
    return session.scalar(select(func.count()).where(Email.status == "approved")) or 0


def emails_whose_lease_ran_out(session: Session, *, now: datetime, limit: int) -> Sequence[Email]:
    """Letters whose sender has not said what became of them in time, locked; those held elsewhere are left out."""
    return session.scalars(
        select(Email)
        .where(Email.status == "sending", Email.claimed_until < now)
        .order_by(Email.claimed_until)
        .limit(limit)
        .with_for_update(skip_locked=True)
        .execution_options(populate_existing=True)
    ).all()


class ClosedGate(NamedTuple):
    """A gate that another letter holds: for whom, and its first day after."""

    subject: str
    opens_on: date


def closed_gates(session: Session, subjects: Sequence[str], *, today: date) -> list[ClosedGate]:
    """Gates of these subjects that are closed today or later, those that open last first, a therapist's first."""
    rows = (
        select(Gate.subject, func.upper(Gate.during).label("opens_on"))
        .where(Gate.subject.in_(subjects), func.upper(Gate.during) > today)
        .order_by(text("opens_on DESC"), Gate.subject.desc())
    )
    return [ClosedGate(*row) for row in session.execute(rows)]


def take_gates(session: Session, email_id: UUID, subjects: Sequence[str], *, first: date, opens_on: date) -> bool:
    """Close the gates of all these subjects for this letter, or of none; False where another letter holds one.

    Waits for a transaction that is taking the same one. The exclusion constraint decides, not a look before.
    """
    rows = [{"subject": s, "during": Range(first, opens_on), "email_id": email_id} for s in sorted(set(subjects))]
    taken = session.scalars(insert(Gate).on_conflict_do_nothing().returning(Gate.id), rows).all()
    if len(taken) == len(rows):
        return True
    release_gates(session, email_id)
    return False


def move_gates(session: Session, email_id: UUID, *, opens_on: date) -> None:
    """Let this letter's gates open on that day."""
    session.execute(
        update(Gate)
        .where(Gate.email_id == email_id)
        .values(during=func.daterange(func.lower(Gate.during), opens_on))
        .execution_options(synchronize_session=False)
    )


def release_gates(session: Session, email_id: UUID) -> None:
    """Open what this letter had closed."""
    session.execute(delete(Gate).where(Gate.email_id == email_id))


# Calls


def phone_call(session: Session, call_id: UUID, *, lock: bool = False) -> PhoneCall | None:
    """One call; with `lock`, as it is now."""
    return session.get(PhoneCall, call_id, with_for_update=lock, populate_existing=lock)


def planned_call(session: Session, inquiry_id: UUID) -> PhoneCall | None:
    """The inquiry's call that has not been made."""
    return session.scalars(
        select(PhoneCall)
        .where(PhoneCall.inquiry_id == inquiry_id, PhoneCall.status == "planned")
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one_or_none()


def taken_times(session: Session, start: datetime, end: datetime) -> list[tuple[datetime, datetime]]:
    """When calls are planned on the agency's line between two instants."""
    rows = select(PhoneCall.starts_at, PhoneCall.ends_at).where(
        and_(PhoneCall.status == "planned", PhoneCall.starts_at < end, PhoneCall.ends_at > start),
        PhoneCall.line == UUID(int=0),
    )
    return [(starts, ends) for starts, ends in session.execute(rows)]
