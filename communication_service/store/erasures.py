"""Patients who were erased, and of whom nothing speaks that may yet go out."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import and_, func, or_, select
from sqlalchemy.orm import Session

from communication_service.store.tables import ContactRequest, Email, Inquiry
from shared.database.tables import erased_aggregates

# one in doubt is not waited for: whether it has gone out staff may find out after weeks, and its text is erased already
_IS_BEING_SENT = select(Email.id).where(Email.inquiry_id == Inquiry.id, Email.status == "sending").exists()
_IS_SPOKEN_OF = (
    select(ContactRequest.id)
    .join(Inquiry, Inquiry.id == ContactRequest.inquiry_id)
    .where(ContactRequest.patient_id == erased_aggregates.c.id, or_(Inquiry.status == "open", _IS_BEING_SENT))
    .exists()
)
_MAY_GO = and_(Email.inquiry_id.is_(None), Email.status.in_(("draft", "approved", "waiting", "sending")))
_IS_IN_A_NOTICE = (
    select(Email.id)
    .join(ContactRequest, ContactRequest.id == func.any(Email.placement_request_ids))
    .where(ContactRequest.patient_id == erased_aggregates.c.id, _MAY_GO)
    .exists()
)
_IS_WRITTEN_TO = select(Email.id).where(Email.patient_id == erased_aggregates.c.id, _MAY_GO).exists()


def patients_not_spoken_of(session: Session, *, limit: int) -> Sequence[UUID]:
    """Erased patients, not confirmed yet, who are in no letter and no call that may yet go out, locked.

    Those that others hold are left out.
    """
    return session.scalars(
        select(erased_aggregates.c.id)
        .where(erased_aggregates.c.published_at.is_(None), ~_IS_SPOKEN_OF, ~_IS_IN_A_NOTICE, ~_IS_WRITTEN_TO)
        .order_by(erased_aggregates.c.erased_at)
        .limit(limit)
        .with_for_update(of=erased_aggregates, skip_locked=True)
    ).all()
