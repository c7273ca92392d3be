"""Therapists whom staff take out, and let come back; a block always wins (docs/domain.md#import-rule-6)."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from shared.database import Session
from shared.errors import Conflict
from shared.events.catalogue import TherapistDeactivated, TherapistUpdated
from shared.values.enums import TherapistStatus
from shared.values.practice_enums import InactiveBy
from therapist_service.domain import change_log, states, therapists
from therapist_service.domain.change_log import ChangeOrigin
from therapist_service.domain.schemas import TherapistView
from therapist_service.store.tables import Therapist


def deactivate(
    session: Session, therapist_id: UUID, *, by: UUID | None, now: datetime, reason: str | None = None
) -> TherapistView:
    """Take a therapist out, so that no import makes them active again; one who is blocked is inactive after the block.

    Raises `NotFound`, and `Conflict` where staff have done so already.
    """
    therapist = therapists.locked(session, therapist_id)
    if therapist.inactive_by == InactiveBy.STAFF:
        raise Conflict("therapist.inactive_already")
    return take_out(session, therapist, origin=ChangeOrigin(changed_by=by, reason=reason), now=now)


def take_out(session: Session, therapist: Therapist, *, origin: ChangeOrigin, now: datetime) -> TherapistView:
    """Make a therapist inactive who is locked and was not made so by staff before."""
    before = change_log.columns_of(therapist)
    states.deactivate(therapist)
    # of one who is blocked nobody else sees whether they would be inactive otherwise
    is_inactive = therapist.status == TherapistStatus.INACTIVE
    event = TherapistDeactivated if is_inactive else TherapistUpdated
    return therapists.save(session, therapist, event, before=before, origin=origin, now=now)


def reactivate(
    session: Session, therapist_id: UUID, *, by: UUID | None, now: datetime, reason: str | None = None
) -> TherapistView:
    """Let a therapist be active again, also one whom an import made inactive; one who is blocked after the block.

    Raises `NotFound`, and `Conflict` where they are not inactive.
    """
    therapist = therapists.locked(session, therapist_id)
    if therapist.inactive_by is None:
        raise Conflict("therapist.not_inactive")
    before, origin = change_log.columns_of(therapist), ChangeOrigin(changed_by=by, reason=reason)
    states.reactivate(therapist)
    return therapists.save(session, therapist, TherapistUpdated, before=before, origin=origin, now=now)
