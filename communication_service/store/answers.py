"""Named questions about what practices answered."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from communication_service.store.tables import PhoneCall, RecordedAnswer
from shared.values.enums import CallAnswer


def has_definite(session: Session, placement_request_id: UUID) -> bool:
    """Whether an answer other than "later" or none at all counts here for this request; those of corrected calls
    do not.
    """
    definite = RecordedAnswer.outcome.not_in((CallAnswer.LATER, CallAnswer.NOT_DISCUSSED))
    found = (
        select(RecordedAnswer.id)
        .outerjoin(PhoneCall, PhoneCall.id == RecordedAnswer.phone_call_id)
        .where(RecordedAnswer.placement_request_id == placement_request_id, definite, PhoneCall.corrected_at.is_(None))
    )
    return session.scalar(select(found.exists())) or False


def newest_by_request(session: Session, request_ids: Collection[UUID]) -> dict[UUID, RecordedAnswer]:
    """The last answer that counts here of each of these requests that has one; those of corrected calls do not."""
    found = (
        select(RecordedAnswer)
        .outerjoin(PhoneCall, PhoneCall.id == RecordedAnswer.phone_call_id)
        .where(
            RecordedAnswer.placement_request_id.in_(list(request_ids)),
            RecordedAnswer.outcome != CallAnswer.NOT_DISCUSSED,
            PhoneCall.corrected_at.is_(None),
        )
        .order_by(RecordedAnswer.recorded_at, RecordedAnswer.id)
    )
    return {each.placement_request_id: each for each in session.scalars(found)}


def newest_of(session: Session, therapist_ids: Collection[UUID]) -> datetime | None:
    """The last instant at which an answer of this practice was given or recorded, if it has ever answered."""
    newest = func.greatest(func.max(RecordedAnswer.occurred_at), func.max(RecordedAnswer.recorded_at))
    return session.scalar(select(newest).where(RecordedAnswer.therapist_id.in_(therapist_ids)))
