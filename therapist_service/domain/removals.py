"""Therapists whom staff remove: to whom nothing refers are no more, all others become inactive.

Other services ask and contact therapists while this one decides. Who was to be asked at the moment of the removal is
taken back, and is inactive by staff, as if that had been known before.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from shared.database import Session
from shared.events.catalogue import TherapistRemoved
from shared.events.outbox import record
from shared.values.practice_enums import InactiveBy
from shared.values.therapist_enums import RemovalOutcome, TherapistChangeAction, TherapistReference
from therapist_service.domain import change_log, inactivity, states, therapists
from therapist_service.domain.change_log import Change, ChangeOrigin
from therapist_service.domain.schemas import TherapistRemoval
from therapist_service.store import queries, source_queries
from therapist_service.store.tables import Therapist


def remove(
    session: Session, therapist_id: UUID, *, expected_versions: Collection[int] | None, by: UUID | None, now: datetime
) -> TherapistRemoval:
    """Remove a therapist to whom nothing refers; every other one becomes inactive. Raises `NotFound`, `LostUpdate`."""
    therapist = therapists.locked(session, therapist_id, expected_versions)
    references = _references(session, therapist)
    if not references:
        _remove(session, therapist, by=by, now=now)
        return TherapistRemoval(id=therapist_id, outcome=RemovalOutcome.REMOVED, references=[])
    if therapist.inactive_by != InactiveBy.STAFF:
        inactivity.take_out(session, therapist, origin=ChangeOrigin(changed_by=by), now=now)
    return TherapistRemoval(id=therapist_id, outcome=RemovalOutcome.INACTIVE, references=references)


def _references(session: Session, therapist: Therapist) -> list[TherapistReference]:
    found = {
        TherapistReference.ASKED: therapist.last_asked_on is not None,
        TherapistReference.EMAILED: therapist.last_email_on is not None,
        TherapistReference.CALLED: therapist.last_call_on is not None,
        TherapistReference.SOURCE: bool(source_queries.of_therapists(session, [therapist.id])),
        TherapistReference.MERGED: bool(queries.merged_into(session, [therapist.id])),
    }
    return [reference for reference, is_there in found.items() if is_there]


def _remove(session: Session, therapist: Therapist, *, by: UUID | None, now: datetime) -> None:
    before = change_log.columns_of(therapist)
    states.remove(therapist, now=now)
    therapist.count_change(by=by, now=now)
    record(session, therapist, TherapistRemoved(therapist_id=therapist.id), now=now)
    difference = change_log.difference_of(before, change_log.columns_of(therapist))
    entry = Change(therapist.id, TherapistChangeAction.REMOVED, ChangeOrigin(changed_by=by), difference)
    change_log.add(session, [entry], now=now)


def take_back(session: Session, therapist_id: UUID, *, now: datetime) -> None:
    """Let a therapist be inactive who was removed while somebody decided to ask them, or had contact with them."""
    therapist = queries.therapist(session, therapist_id, lock=True)
    if therapist is not None and therapist.removed_at is not None:
        states.take_back(therapist)
        inactivity.take_out(session, therapist, origin=ChangeOrigin(), now=now)
