"""Publishes how practices can be contacted and when callers phone, whenever that is other than was published last.

What holds is compared with what was published, whatever changed it: so nothing that plans, sends or suppresses needs to
remember to publish. What still holds is published once more before the topic forgets it, for a reader that begins
with nothing (docs/decisions/0057-forecasts-of-contacts.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from communication_service.domain import callers
from communication_service.domain.call_times import CallerTimes, is_closed_by_us
from communication_service.settings import ContactRules
from communication_service.store import published_contacts as store
from communication_service.store.tables import PublishedCallingHours, PublishedContact
from shared.database import Session
from shared.events.catalogue import CallingDay, CallingHoursChanged, PracticeContactChanged
from shared.events.outbox import record
from shared.values.datetimes import berlin_day, start_of_berlin_day
from shared.values.enums import FederalState
from shared.values.practice_holidays import Days
from shared.values.public_holidays import may_be_public_holiday

AT_ONCE: Final = 500
"""Practices of which one transaction publishes something."""
DAYS_AHEAD: Final = 28
"""For so many days it is said when callers phone: a contact plan looks three weeks ahead."""
ONCE_MORE_AFTER: Final = timedelta(days=60)
"""Then what still holds is published anew: its topic forgets after 90 days. When callers phone changes every day."""
HOURS_ID: Final = UUID("00000000-0000-7000-8000-000000000001")
"""The one aggregate that says when callers phone."""


def publish(session: Session, *, rules: ContactRules, now: datetime) -> int:
    """Publish what has changed, or was published long ago; returns how much, 0 also while another worker does it."""
    if not store.take_turn(session):
        return 0
    changes = _publish_hours(session, rules=rules, now=now) + _publish_contacts(session, rules=rules, now=now)
    return changes + _publish_once_more(session, now=now)


def _publish_contacts(session: Session, *, rules: ContactRules, now: datetime) -> int:
    days = rules.days_between_email_and_call
    changed = store.changed(session, today=berlin_day(now), days_until_call=days, at_most=AT_ONCE)
    known = store.published(session, [row.id for row in changed])
    for row in changed:
        published = known.get(row.id)
        if published is None:
            published = PublishedContact(id=row.id)
            session.add(published)
        _write(published, row)
        _publish_contact(session, published, now=now)
    return len(changed)


def _publish_once_more(session: Session, *, now: datetime) -> int:
    """Publish what was published long ago and still holds; returns of how many practices."""
    old = store.not_published_since(session, now - ONCE_MORE_AFTER, today=berlin_day(now), at_most=AT_ONCE)
    for published in old:
        _publish_contact(session, published, now=now)
    return len(old)


def _write(published: PublishedContact, row: Any) -> None:
    published.email_suppressed, published.email_again_on = row.email_suppressed, row.email_again_on
    published.call_again_on = row.call_again_on
    published.planned_call_at, published.number_is_wrong = row.planned_call_at, row.number_is_wrong


def _publish_contact(session: Session, published: PublishedContact, *, now: datetime) -> None:
    published.updated_at = now
    event = PracticeContactChanged(
        therapist_id=published.id,
        email_suppressed=published.email_suppressed,
        email_again_on=published.email_again_on,
        call_again_on=published.call_again_on,
        planned_call_at=published.planned_call_at,
        number_is_wrong=published.number_is_wrong,
    )
    record(session, published, event, now=now)


def _publish_hours(session: Session, *, rules: ContactRules, now: datetime) -> int:
    phoning = [each for each in callers.times(session) if each.hours is not None]
    days = list(calling_days(phoning, today=berlin_day(now), closing_days=rules.closed_days)) if phoning else []
    written = [each.model_dump(mode="json") for each in days]
    published = store.published_hours(session)
    if published is None:
        published = PublishedCallingHours(id=HOURS_ID, callers=0, days=[])
    if (published.callers, published.days) == (len(phoning), written):
        return 0
    published.callers, published.days, published.updated_at = len(phoning), written, now
    session.add(published)
    event = CallingHoursChanged(calling_hours_id=published.id, callers=len(phoning), days=days)
    record(session, published, event, now=now)
    return 1


def calling_days(phoning: Sequence[CallerTimes], *, today: date, closing_days: Sequence[Days]) -> Sequence[CallingDay]:
    """How many minutes these callers phone on each of the next days, less absences and days without calls."""
    days = (today + timedelta(days=number) for number in range(DAYS_AHEAD))
    return [CallingDay(day=day, minutes=_minutes(phoning, day, closing_days)) for day in days]


def _minutes(phoning: Sequence[CallerTimes], day: date, closing_days: Sequence[Days]) -> int:
    if is_closed_by_us(day, closing_days) or all(may_be_public_holiday(day, {each}) for each in FederalState):
        return 0
    opens, closes = start_of_berlin_day(day), start_of_berlin_day(day + timedelta(days=1))
    spans = (span for each in phoning for span in each.within(opens, closes))
    return sum(round((end - start) / timedelta(minutes=1)) for start, end in spans)
