"""Named questions behind staff's lists."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    DateTime,
    Text,
    Uuid,
    any_,
    bindparam,
    cast,
    func,
    literal,
    null,
    or_,
    select,
    union_all,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Session, load_only

from communication_service.store import copy_queries, request_queries
from communication_service.store.tables import (
    ContactRequest,
    Email,
    Inquiry,
    PhoneCall,
    PracticeCopy,
    RecordedAnswer,
    Tables,
)
from shared.database.listing import Found, Listing
from shared.values.lists import Part

NOT_YET = datetime(9999, 12, 31, tzinfo=UTC)
"""Orders requests that do not wait yet behind all others. Without an index, which every event of a request would write:
what waits is sorted for each page."""

EMAILS: Final = Listing(
    sorts={"created_at": (Email.id,)},
    default="-created_at",
    identity=Email.id,
    counts={"status": Email.status, "kind": Email.kind},
)
INQUIRIES: Final = Listing(
    sorts={"created_at": (Inquiry.id,)},
    default="-created_at",
    identity=Inquiry.id,
    counts={"status": Inquiry.status, "channel": Inquiry.channel},
)
WAITING_REQUESTS: Final = Listing(
    sorts={"waiting_since": (func.coalesce(ContactRequest.waiting_since, NOT_YET), ContactRequest.id)},
    default="waiting_since",
    identity=ContactRequest.id,
)
PHONE_CALLS: Final = Listing(
    sorts={"starts_at": (PhoneCall.starts_at, PhoneCall.id)},
    default="starts_at",
    identity=PhoneCall.id,
    counts={"status": PhoneCall.status, "direction": PhoneCall.direction},
)


def _with_patients(session: Session, column: Any, patient_ids: Collection[UUID]) -> ColumnElement[bool]:
    """The column's requests include one of these patients'."""
    of_them = ContactRequest.patient_id.in_(copy_queries.with_kept(session, patient_ids))
    theirs = session.scalars(select(ContactRequest.id).where(of_them)).all()
    return column.overlap(cast(list(theirs), ARRAY(Uuid)))  # type: ignore[no-any-return]


def _are_among(table: type[Tables], **wanted: Collection[object]) -> list[ColumnElement[bool]]:
    """Conditions that columns have one of these values; without values any will do."""
    return [getattr(table, name).in_(values) for name, values in wanted.items() if values]


def emails(
    session: Session,
    part: Part,
    *,
    patient_id: Collection[UUID],
    therapist_id: Collection[UUID],
    fields: Collection[str],
    **wanted: Collection[object],
) -> Found[Email]:
    """A part of the e-mails, with these columns of each; also those to who was merged into the one who is kept."""
    practices = [id for ids in copy_queries.all_with_merged(session, therapist_id).values() for id in ids]
    conditions = _are_among(Email, therapist_id=practices, **wanted)
    if patient_id:
        about = _with_patients(session, Email.placement_request_ids, patient_id)
        conditions.append(or_(Email.patient_id.in_(copy_queries.files_of(session, patient_id)), about))
    shown = load_only(*(getattr(Email, name) for name in fields), raiseload=True)
    return EMAILS.read(session, select(Email).where(*conditions).options(shown), part)


def inquiries(
    session: Session, part: Part, *, patient_id: Collection[UUID], **wanted: Collection[object]
) -> Found[Inquiry]:
    """A part of the inquiries."""
    conditions = _are_among(Inquiry, **wanted)
    if patient_id:
        conditions.append(_with_patients(session, Inquiry.placement_request_ids, patient_id))
    return INQUIRIES.read(session, select(Inquiry).where(*conditions), part)


def waiting_requests(
    session: Session, part: Part, *, patient_id: Collection[UUID], **wanted: Collection[object]
) -> Found[ContactRequest]:
    """A part of the requests that are not over."""
    wanted |= {"patient_id": copy_queries.with_kept(session, patient_id)}
    waiting = select(ContactRequest).where(ContactRequest.status != "over", *_are_among(ContactRequest, **wanted))
    return WAITING_REQUESTS.read(session, waiting, part)


def known_therapists(session: Session, ids: Iterable[UUID]) -> dict[UUID, str | None]:
    """The names, with titles, of those of these therapists whose copy has arrived; None for one without a name."""
    name = func.nullif(func.concat_ws(" ", PracticeCopy.title, PracticeCopy.first_name, PracticeCopy.last_name), "")
    found = session.execute(select(PracticeCopy.id, name).where(PracticeCopy.id.in_(list(ids))))
    return {row[0]: row[1] for row in found}


def therapists_followed_up(session: Session, ids: Iterable[UUID]) -> set[UUID]:
    """Those of these therapists who are called after an e-mail that they did not answer."""
    return set(
        session.scalars(select(PracticeCopy.id).where(PracticeCopy.id.in_(list(ids)), request_queries.FOLLOWED_UP))
    )


def inquiries_with_ids(session: Session, ids: Iterable[UUID]) -> dict[UUID, Inquiry]:
    """These inquiries by id."""
    return {each.id: each for each in session.scalars(select(Inquiry).where(Inquiry.id.in_(list(ids))))}


def planned_calls_of(session: Session, inquiry_ids: Iterable[UUID]) -> dict[UUID, PhoneCall]:
    """The calls that are planned for these inquiries, by inquiry."""
    planned = select(PhoneCall).where(PhoneCall.inquiry_id.in_(list(inquiry_ids)), PhoneCall.status == "planned")
    return {call.inquiry_id: call for call in session.scalars(planned) if call.inquiry_id is not None}


def emails_and_calls_of(
    session: Session, inquiry_ids: Iterable[UUID]
) -> tuple[dict[UUID, list[UUID]], dict[UUID, list[UUID]]]:
    """The ids of each inquiry's e-mails and of its calls, oldest first."""
    ids = list(inquiry_ids)
    found: list[dict[UUID, list[UUID]]] = []
    for kind in (Email, PhoneCall):
        by_inquiry: dict[UUID, list[UUID]] = {each: [] for each in ids}
        rows = select(kind.inquiry_id, kind.id).where(kind.inquiry_id.in_(ids)).order_by(kind.created_at, kind.id)
        for inquiry_id, one in session.execute(rows):
            if inquiry_id is not None:
                by_inquiry[inquiry_id].append(one)
        found.append(by_inquiry)
    return found[0], found[1]


def phone_calls(
    session: Session,
    part: Part,
    *,
    first: datetime | None,
    before: datetime | None,
    patient_id: Collection[UUID],
    **wanted: Collection[object],
) -> Found[PhoneCall]:
    """A part of the calls that start between two instants."""
    conditions = _are_among(PhoneCall, **wanted)
    if first is not None:
        conditions.append(PhoneCall.starts_at >= first)
    if before is not None:
        conditions.append(PhoneCall.starts_at < before)
    if patient_id:
        conditions.append(_with_patients(session, PhoneCall.placement_request_ids, patient_id))
    return PHONE_CALLS.read(session, select(PhoneCall).where(*conditions), part)


def answers_to(
    session: Session, *, emails: Sequence[UUID] = (), calls: Sequence[UUID] = ()
) -> Sequence[RecordedAnswer]:
    """The answers that these e-mails and calls brought, in the order in which they were recorded."""
    return session.scalars(
        select(RecordedAnswer)
        .where(or_(RecordedAnswer.email_id.in_(emails), RecordedAnswer.phone_call_id.in_(calls)))
        .order_by(RecordedAnswer.recorded_at, RecordedAnswer.id)
    ).all()


_THERAPISTS: Any = any_(bindparam("therapist_ids", type_=ARRAY(Uuid)))
_MAILS = select(
    literal("email").label("channel"),
    literal("outbound").label("direction"),
    func.coalesce(Email.sent_at, Email.claimed_at, Email.updated_at).label("at"),
    Email.status.label("status"),
    cast(null(), Text).label("result"),
    cast(null(), DateTime(timezone=True)).label("corrected_at"),
    Email.resolved_by.label("recorded_by"),
    Email.id.label("email_id"),
    cast(null(), Uuid).label("phone_call_id"),
    Email.inquiry_id.label("inquiry_id"),
    Email.placement_request_ids.label("placement_request_ids"),
    Email.id.label("contact_id"),
).where(Email.therapist_id == _THERAPISTS, Email.status.in_(("sent", "in_doubt", "failed", "bounced")))
_CALLS = select(
    literal("phone"),
    PhoneCall.direction,
    func.coalesce(PhoneCall.occurred_at, PhoneCall.starts_at),
    PhoneCall.status,
    PhoneCall.result,
    PhoneCall.corrected_at,
    PhoneCall.recorded_by,
    cast(null(), Uuid),
    PhoneCall.id,
    PhoneCall.inquiry_id,
    PhoneCall.placement_request_ids,
    PhoneCall.id,
).where(PhoneCall.therapist_id == _THERAPISTS, PhoneCall.status != "cancelled")
_CONTACTS = union_all(_MAILS, _CALLS).subquery()
CONTACTS: Final = Listing(
    sorts={"at": (_CONTACTS.c.at, _CONTACTS.c.contact_id)}, default="-at", counts={"channel": _CONTACTS.c.channel}
)


def newest_contacts(session: Session, therapist_ids: Collection[UUID], *, besides: UUID, limit: int) -> Sequence[Any]:
    """The last e-mails and calls with one of these therapists that took place or failed, but for this call."""
    wanted = select(_CONTACTS).where(_CONTACTS.c.status != "planned", _CONTACTS.c.contact_id != besides)
    newest_first = wanted.order_by(_CONTACTS.c.at.desc(), _CONTACTS.c.contact_id.desc()).limit(limit)
    return session.execute(newest_first, {"therapist_ids": list(therapist_ids)}).all()


def contacts(session: Session, therapist_ids: Collection[UUID], part: Part) -> Found[Any]:
    """A part of the e-mails and calls with one of these therapists that took place, failed, or are planned."""
    return CONTACTS.read(session, select(_CONTACTS).params(therapist_ids=list(therapist_ids)), part)
