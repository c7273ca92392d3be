"""What the rule of contact has to know of practices, read from the tables for some of them at once."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from communication_service.domain import cooldowns, practice_hours
from communication_service.domain.contact_rule import PracticeFacts
from communication_service.domain.cooldowns import RecentEmails
from communication_service.settings import ContactRules
from communication_service.store import call_queries, copy_queries, suppressions
from communication_service.store.tables import PracticeCopy, PracticePlace, WrongNumber
from shared.database import Session
from shared.values.datetimes import berlin_day
from shared.values.enums import ContactPreference
from shared.values.practice_holidays import periods


def read(
    session: Session, practices: Mapping[UUID, PracticeCopy], *, rules: ContactRules, now: datetime
) -> dict[UUID, PracticeFacts]:
    """What matters of these practices, by their ids; which calls are planned is not among it."""
    keys = {id: each.email_key for id, each in practices.items() if each.email_key is not None}
    suppressed = suppressions.suppressed_among(session, set(keys.values()))
    places = copy_queries.places(session, practices.keys())
    wrong_numbers = call_queries.wrong_numbers(session, practices.keys())
    recent = cooldowns.recent_emails(session, practices, today=berlin_day(now))
    stopped = suppressions.no_contact_since(session, practices.keys())
    return {
        id: _facts(
            practice,
            rules,
            place=places.get(id),
            wrong_number=wrong_numbers.get(id),
            is_suppressed=practice.email_key in suppressed,
            recent=recent[id],
            # a block of the practice follows, and is in a newer state
            is_stopped=id in stopped and (practice.event_time is None or stopped[id] > practice.event_time),
        )
        for id, practice in practices.items()
    }


def _facts(
    practice: PracticeCopy,
    rules: ContactRules,
    *,
    place: PracticePlace | None,
    wrong_number: WrongNumber | None,
    is_suppressed: bool,
    recent: RecentEmails,
    is_stopped: bool,
) -> PracticeFacts:
    return PracticeFacts(
        status=practice.status,
        contact_preference=ContactPreference.NONE if is_stopped else practice.contact_preference,
        email_key=practice.email_key,
        is_suppressed=is_suppressed or practice.email_opt_out,
        has_phone=practice_hours.has_number(practice, wrong_number),
        call_times=practice_hours.call_times(practice, place, rules),
        cooldown=recent.cooldown if practice.email_key is not None else None,
        written_on=recent.written_on,
        holidays=tuple(periods(practice.holidays)),
    )
