"""What came back by e-mail, what it may answer, and how far the mailbox was read."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Uuid, cast, delete, func, or_, select
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlalchemy.orm import Session

from communication_service.store.tables import ContactRequest, Email, MailboxState, MailReply, PracticeCopy
from shared.database.listing import Found, Listing
from shared.database.rows import find_row
from shared.values.lists import Part

THE_ONE: Final = 1
REPLIES: Final = Listing(
    sorts={"received_at": (MailReply.received_at, MailReply.id)},
    default="-received_at",
    identity=MailReply.id,
    counts={"state": MailReply.state, "kind": MailReply.kind},
)


# The mailbox


def mailbox(session: Session) -> MailboxState | None:
    """How far the mailbox was read."""
    return session.get(MailboxState, THE_ONE, populate_existing=True)


def mailbox_for_change(session: Session) -> MailboxState:
    """The same, locked."""
    session.execute(insert(MailboxState).values(id=THE_ONE).on_conflict_do_nothing())
    return session.get_one(MailboxState, THE_ONE, with_for_update=True, populate_existing=True)


# Replies


def add(session: Session, row: Mapping[str, Any]) -> MailReply | None:
    """Keep what came in; None where it is kept already."""
    added = insert(MailReply).values(**row).on_conflict_do_nothing(index_elements=["fingerprint"])
    return session.scalar(added.returning(MailReply))


def reply(session: Session, reply_id: UUID, *, lock: bool = False) -> MailReply | None:
    """One reply; with `lock`, as it is now."""
    return find_row(session, MailReply, reply_id, lock=lock)


def read_part(
    session: Session,
    part: Part,
    *,
    is_matched: bool | None,
    therapist_id: Collection[UUID],
    patient_id: Collection[UUID],
    **wanted: Collection[object],
) -> Found[MailReply]:
    """A part of the replies."""
    chosen = select(MailReply).where(
        *(getattr(MailReply, name).in_(values) for name, values in wanted.items() if values)
    )
    if is_matched is not None:
        chosen = chosen.where(MailReply.email_id.is_not(None) if is_matched else MailReply.email_id.is_(None))
    if therapist_id:
        to_them = select(Email.id).where(Email.therapist_id.in_(therapist_id))
        chosen = chosen.where(MailReply.email_id.in_(to_them))
    if patient_id:
        theirs = select(func.array_agg(ContactRequest.id)).where(ContactRequest.patient_id.in_(patient_id))
        about_them = MailReply.placement_request_ids.overlap(theirs.scalar_subquery())
        chosen = chosen.where(or_(about_them, MailReply.patient_id.in_(patient_id)))
    return REPLIES.read(session, chosen, part)


def about(session: Session, patient_ids: Collection[UUID], request_ids: Collection[UUID]) -> Sequence[MailReply]:
    """Replies of the patient with these files, and replies to e-mails about one of these requests."""
    names_one = MailReply.placement_request_ids.overlap(cast(list(request_ids), ARRAY(Uuid)))
    found = select(MailReply).where(or_(MailReply.patient_id.in_(patient_ids), names_one))
    return session.scalars(found.order_by(MailReply.received_at, MailReply.id)).all()


def count_waiting(session: Session) -> int:
    """How many wait for staff."""
    return session.scalar(select(func.count()).where(MailReply.state == "waiting")) or 0


def remove_old(session: Session, *, before: datetime, limit: int) -> Sequence[UUID]:
    """Remove replies that came before this instant; returns their ids."""
    old = (
        select(MailReply.id)
        .where(MailReply.received_at < before)
        .order_by(MailReply.received_at, MailReply.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    gone = delete(MailReply).where(MailReply.id.in_(old)).returning(MailReply.id)
    return session.scalars(gone.execution_options(synchronize_session=False)).all()


# What they may answer


def email_ids_by_message_id(session: Session, message_ids: Collection[str]) -> dict[str, UUID]:
    """The e-mails with these `Message-ID`s, by them."""
    rows = select(Email.message_id, Email.id).where(Email.message_id.in_(message_ids))
    return {row.message_id: row.id for row in session.execute(rows)} if message_ids else {}


def newest_email_to(session: Session, mailbox: str) -> UUID | None:
    """The newest e-mail that went to a practice which has this address."""
    practices = select(PracticeCopy.id).where(PracticeCopy.email_key == mailbox)
    return session.scalar(
        select(Email.id)
        .where(Email.therapist_id.in_(practices), Email.status.in_(("sent", "in_doubt", "bounced")))
        .order_by(Email.created_at.desc(), Email.id.desc())
        .limit(1)
    )


def address_of_practice(session: Session, mailbox: str) -> str | None:
    """This address as a practice writes it; None where no practice has it."""
    return session.scalar(select(PracticeCopy.email).where(PracticeCopy.email_key == mailbox).limit(1))


def therapists_of(session: Session, email_ids: Collection[UUID]) -> dict[UUID, UUID | None]:
    """To whom these e-mails went."""
    rows = select(Email.id, Email.therapist_id).where(Email.id.in_(list(email_ids)))
    return {row.id: row.therapist_id for row in session.execute(rows)}


def awaiting_answer(session: Session, request_ids: Collection[UUID]) -> Sequence[ContactRequest]:
    """Those of these requests that wait for the answer to an e-mail, locked."""
    return session.scalars(
        select(ContactRequest)
        .where(ContactRequest.id.in_(list(request_ids)), ContactRequest.status == "contacted", ~ContactRequest.by_phone)
        .order_by(ContactRequest.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).all()


# Who may be offered instead


def unsent_to(session: Session, therapist_id: UUID, *, without: Collection[UUID]) -> Sequence[ContactRequest]:
    """Approved requests to this practice that have not gone out and are not held; those patients longest first."""
    return session.scalars(
        select(ContactRequest)
        .where(
            ContactRequest.therapist_id == therapist_id,
            ContactRequest.status == "waiting",
            ContactRequest.asked,
            ~ContactRequest.answered,
            ContactRequest.hold.is_(None),
            ContactRequest.patient_id.not_in(list(without)),
        )
        .order_by(ContactRequest.waiting_since, ContactRequest.id)
    ).all()
