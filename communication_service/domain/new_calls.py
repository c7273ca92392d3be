"""Calls before anything has come of them: one of ours that is planned, and one that a practice makes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from communication_service.domain import call_states as states
from communication_service.store.tables import Inquiry, PhoneCall
from shared.database import first_version, new_id


def to_practice(inquiry: Inquiry, *, attempt: int, now: datetime) -> PhoneCall:
    """Plan a call about what the inquiry carries; the caller gives it its time."""
    return PhoneCall(
        id=new_id(),
        **first_version(by=None, now=now),
        therapist_id=inquiry.therapist_id,
        inquiry_id=inquiry.id,
        placement_request_ids=list(inquiry.placement_request_ids),
        direction="outbound",
        status=states.NEW_CALL,
        attempt=attempt,
    )


def from_practice(therapist_id: UUID, request_ids: Sequence[UUID], *, by: UUID | None, now: datetime) -> PhoneCall:
    """A practice calls, perhaps about these requests; what comes of it is recorded later."""
    return PhoneCall(
        id=new_id(),
        **first_version(by=by, now=now),
        therapist_id=therapist_id,
        placement_request_ids=list(request_ids),
        direction="inbound",
        status=states.NEW_CALL,
        attempt=1,
    )
