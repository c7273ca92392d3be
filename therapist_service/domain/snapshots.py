"""The present states of therapists, which `republish` publishes for services that know others."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from shared.database import Session
from shared.events.catalogue import TherapistMerged, TherapistRemoved, TherapistUpdated
from therapist_service.domain import publishing
from therapist_service.store import queries
from therapist_service.store.tables import Therapist

State = TherapistUpdated | TherapistMerged | TherapistRemoved


def snapshots(
    session: Session,
    *,
    after: UUID,
    limit: int,
    now: datetime,  # noqa: ARG001 - all have it
) -> Sequence[tuple[Therapist, State]]:
    """The next therapists after this id, locked, and what other services are to know of them now."""
    found = queries.therapists_after(session, after, limit=limit)
    return [(therapist, _state(therapist)) for therapist in found]


def _state(therapist: Therapist) -> State:
    if therapist.merged_into is not None:
        return TherapistMerged(therapist_id=therapist.id, merged_into=therapist.merged_into)
    if therapist.removed_at is not None:
        return TherapistRemoved(therapist_id=therapist.id)
    return TherapistUpdated(therapist=publishing.public(therapist))
