"""How many e-mails may be handed over in a minute and an hour, and at which hours inquiries are.

The figures hold for all workers together: a claim takes its turn before it counts.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Final

from communication_service.settings import ContactRules
from communication_service.store import email_queries, locks
from shared.database import Session
from shared.values.datetimes import BERLIN
from shared.values.enums import FederalState
from shared.values.public_holidays import may_be_public_holiday

SATURDAY: Final = 5
HOUR: Final = timedelta(hours=1)


def are_inquiries_sent(rules: ContactRules, now: datetime) -> bool:
    """Whether inquiries are handed over at this hour, by the clock in Berlin."""
    hours = rules.hours_of_sending
    if hours is None:
        return True
    here = now.astimezone(BERLIN)
    is_working_day = here.weekday() < SATURDAY and not _is_holiday_everywhere(here.date())
    return is_working_day and hours[0] <= here.time() < hours[1]


def _is_holiday_everywhere(day: date) -> bool:
    return all(may_be_public_holiday(day, {state}) for state in FederalState)


def has_room(session: Session, rules: ContactRules, now: datetime) -> bool:
    """Whether one more e-mail may be handed over now."""
    return _room(session, rules, now, 1) > 0


def take_room(session: Session, rules: ContactRules, now: datetime, *, wanted: int) -> int:
    """For how many of so many e-mails there is room that are claimed in this transaction, with no other claim beside.

    Where there is no limit, nobody waits for others.
    """
    if not rules.emails_per_minute and not rules.emails_per_hour:
        return wanted
    locks.lock_sending(session)
    return _room(session, rules, now, wanted)


def _room(session: Session, rules: ContactRules, now: datetime, wanted: int) -> int:
    limits = {timedelta(minutes=1): rules.emails_per_minute, HOUR: rules.emails_per_hour}
    if not any(limits.values()):
        return wanted
    times = email_queries.times_claimed(session, since=now - HOUR, now=now)
    left = [most - sum(each > now - span for each in times) for span, most in limits.items() if most]
    return max(0, min([wanted, *left]))
