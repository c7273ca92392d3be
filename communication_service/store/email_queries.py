"""E-mails that are to go, go, or went."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, or_, select, true
from sqlalchemy.orm import Session

from communication_service.store.tables import Email, PatientPseudonym
from shared.database.rows import find_row


def email(session: Session, email_id: UUID, *, lock: bool = False) -> Email | None:
    """One e-mail; with `lock`, as it is now."""
    return find_row(session, Email, email_id, lock=lock)


def emails(session: Session, ids: Iterable[UUID], *, lock: bool = False) -> Sequence[Email]:
    """These e-mails as they are now, by their ids; locked, if wanted."""
    found = select(Email).where(Email.id.in_(list(ids))).order_by(Email.id).execution_options(populate_existing=True)
    return session.scalars(found.with_for_update() if lock else found).all()


def unsent_emails(session: Session, inquiry_ids: Iterable[UUID]) -> dict[UUID, Email]:
    """The e-mail of each of these inquiries that has not been handed to the mail server, by inquiry, locked."""
    found = session.scalars(
        select(Email)
        .where(Email.inquiry_id.in_(list(inquiry_ids)), Email.status.in_(("draft", "approved", "waiting")))
        .order_by(Email.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return {email.inquiry_id: email for email in found if email.inquiry_id is not None}


def refused_by_address(session: Session, patient_id: UUID) -> Sequence[Email]:
    """E-mails to this patient, or to one merged into them, of whose address a mail server said that there is none."""
    merged = select(PatientPseudonym.id).where(PatientPseudonym.merged_into == patient_id)
    return session.scalars(
        select(Email)
        .where(or_(Email.patient_id == patient_id, Email.patient_id.in_(merged)), Email.address_refused_at.is_not(None))
        .order_by(Email.id)
    ).all()


def emails_to_send(session: Session, *, now: datetime, limit: int, with_inquiries: bool = True) -> Sequence[Email]:
    """E-mails that may go now: first those that nobody has tried, then those tried longest ago; not locked.

    So e-mails that are refused again and again do not keep the others from being tried. `with_inquiries`: not only
    notices and what is urgent.
    """
    kinds = true() if with_inquiries else or_(Email.kind != "inquiry", Email.is_urgent)
    return session.scalars(
        select(Email)
        .where(Email.status == "approved", or_(Email.not_before.is_(None), Email.not_before <= now), kinds)
        .order_by(Email.claimed_at.asc().nulls_first(), Email.created_at, Email.id)
        .limit(limit)
    ).all()


def times_claimed(session: Session, *, since: datetime, now: datetime) -> Sequence[datetime]:
    """When e-mails were last claimed for sending since then and until now, the earliest first."""
    claimed = select(Email.claimed_at).where(Email.claimed_at > since, Email.claimed_at <= now)
    return [each for each in session.scalars(claimed.order_by(Email.claimed_at)) if each is not None]


def count_emails_to_send(session: Session) -> int:
    """How many e-mails only wait for the mail server."""
    return session.scalar(select(func.count()).where(Email.status == "approved")) or 0


def emails_whose_lease_ran_out(session: Session, *, now: datetime, limit: int) -> Sequence[Email]:
    """E-mails whose sender has not said what became of them in time, locked; those held elsewhere are left out."""
    return session.scalars(
        select(Email)
        .where(Email.status == "sending", Email.claimed_until < now)
        .order_by(Email.claimed_until)
        .limit(limit)
        .with_for_update(skip_locked=True)
        .execution_options(populate_existing=True)
    ).all()
