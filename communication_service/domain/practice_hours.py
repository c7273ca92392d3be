"""When one practice can be phoned, and whether there is a number to dial."""

from __future__ import annotations

from datetime import datetime

from communication_service.domain import copies
from communication_service.domain.call_times import CallTimes
from communication_service.settings import ContactRules
from communication_service.store import copy_queries
from communication_service.store.tables import PracticeCopy, PracticePlace, WrongNumber
from shared.database import Session


def call_times(therapist: PracticeCopy, place: PracticePlace | None, rules: ContactRules) -> CallTimes | None:
    """When the practice can be phoned; None where its phone hours are unknown."""
    if not therapist.phone_hours:
        return None
    states = copies.federal_states(therapist, place)
    return CallTimes(therapist.phone_hours, states, therapist.holidays, rules.closed_days)


def times_of(session: Session, therapist: PracticeCopy | None, rules: ContactRules) -> CallTimes | None:
    """The same of a practice whose place is not read yet; None also of one that is not known."""
    return None if therapist is None else call_times(therapist, copy_queries.place(session, therapist.id), rules)


def reachable_until(
    session: Session, therapist: PracticeCopy | None, *, rules: ContactRules, now: datetime
) -> datetime | None:
    """Until when the practice answers the phone that does so now; None where it does not, as far as is known."""
    times = times_of(session, therapist, rules)
    return None if times is None else times.reachable_until(now)


def has_number(therapist: PracticeCopy, wrong: WrongNumber | None) -> bool:
    """Whether the practice has a number that was not wrong when it was dialled."""
    is_wrong = wrong is not None and (wrong.phone, wrong.mobile) == (therapist.phone, therapist.mobile)
    return bool(therapist.phone or therapist.mobile) and not is_wrong
