"""Therapists whom nobody may contact, for a while or until somebody lifts the block."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

from shared.database import Session
from shared.errors import Conflict, FieldProblem, RuleBroken
from shared.events.catalogue import TherapistBlocked, TherapistUnblocked
from shared.values.enums import TherapistStatus
from therapist_service.domain import change_log, states, therapists
from therapist_service.domain.change_log import ChangeOrigin
from therapist_service.domain.schemas import NewBlock, TherapistView
from therapist_service.store import queries
from therapist_service.store.tables import Therapist


def block(
    session: Session, therapist_id: UUID, new: NewBlock, *, by: UUID | None, today: date, now: datetime
) -> TherapistView:
    """Let nobody contact this therapist; a block on top of a block replaces reason and end."""
    if new.until is not None and new.until < today:
        raise RuleBroken("therapist.block_in_the_past", errors=[FieldProblem.of("until", "field.before_today")])
    therapist = therapists.locked(session, therapist_id)
    before, origin = change_log.columns_of(therapist), ChangeOrigin(changed_by=by)
    states.block(therapist, reason=new.reason, until=new.until, by=by, today=today)
    return therapists.save(session, therapist, TherapistBlocked, before=before, origin=origin, now=now)


def unblock(session: Session, therapist_id: UUID, *, by: UUID | None, now: datetime) -> TherapistView:
    """Lift the block; a therapist who was inactive before is inactive again. Raises `Conflict` when not blocked."""
    therapist = therapists.locked(session, therapist_id)
    if therapist.status != TherapistStatus.BLOCKED:
        raise Conflict("therapist.not_blocked")
    return _lift_block(session, therapist, by=by, now=now)


def lift_blocks_that_ran_out(session: Session, *, today: date, now: datetime, at_most: int = 100) -> int:
    """Unblock therapists whose block ended before today; returns the number of them."""
    ended = queries.blocks_that_ran_out(session, today=today, limit=at_most)
    for therapist in ended:
        _lift_block(session, therapist, by=None, now=now)
    return len(ended)


def _lift_block(session: Session, therapist: Therapist, *, by: UUID | None, now: datetime) -> TherapistView:
    before, origin = change_log.columns_of(therapist), ChangeOrigin(changed_by=by)
    states.unblock(therapist)
    return therapists.save(session, therapist, TherapistUnblocked, before=before, origin=origin, now=now)
