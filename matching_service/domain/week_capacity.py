"""What a week has room for: which practices can be contacted in it, how, and how many calls there are.

Here a plan learns of the days between e-mails and of callers' hours (docs/domain.md#contact-rule-5). Matching knows
from events when a practice was written to about requests, and how many minutes callers phone on each day. Where no
caller has hours, only staff can say how many practices can be called.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from matching_service.domain import acceptance
from matching_service.domain.plan_question import Practice
from matching_service.store import practice_contacts as store
from shared.database import Session
from shared.values.contact_plan_enums import ContactLack, PlannedChannel
from shared.values.datetimes import berlin_day, start_of_berlin_day
from shared.values.enums import ContactPreference


@dataclass(frozen=True)
class PracticeLimits:
    """What bounds each practice in a week."""

    most_patients: int
    days_between_emails: int
    """Calendar days between two inquiries by e-mail to one mailbox (docs/domain.md#contact-rule-5)."""


@dataclass(frozen=True)
class Week:
    """Monday to Sunday."""

    monday: date

    @property
    def began(self) -> datetime:
        """Its first instant in Berlin."""
        return start_of_berlin_day(self.monday)

    @property
    def last_day(self) -> date:
        """The Sunday."""
        return self.monday + timedelta(days=6)


@dataclass(frozen=True)
class CallLimit:
    """How many practices can be called in a week."""

    in_callers_hours: int | None
    """As callers have hours for; None where nobody has any."""
    calls: int | None
    """The number that bounds a plan: this one, or the one that staff said, whichever is smaller."""
    lack: ContactLack
    """Which of the two it is."""


def call_limit(
    session: Session, week: Week, max_calls: int | None, *, minutes_per_call: int, now: datetime
) -> CallLimit:
    """How many practices can be called from now on in a week, less those that have a call planned already."""
    days = store.calling_days(session)
    if days is None:
        return CallLimit(None, max_calls, ContactLack.NO_CALL_LEFT)
    first, last = max(week.monday, berlin_day(now)), week.last_day
    minutes = sum(each["minutes"] for each in days if first <= date.fromisoformat(each["day"]) <= last)
    planned = store.count_planned_calls(session, max(week.began, now), start_of_berlin_day(last + timedelta(days=1)))
    possible = max(0, minutes // minutes_per_call - planned)
    if max_calls is not None and max_calls <= possible:
        return CallLimit(possible, max_calls, ContactLack.NO_CALL_LEFT)
    return CallLimit(possible, possible, ContactLack.CALLERS_HOURS_USED_UP)


def practice(therapist: Any, mailed: Mapping[str, datetime], week: Week, limits: PracticeLimits) -> Practice:
    """What a therapist can take in a week: by e-mail where that is possible, else by phone.

    `mailed`: when each mailbox was last written to. `therapist`: a row of `plan_candidates.practices`.
    """
    channel = _channel(therapist)
    return Practice(
        id=therapist.id,
        room=max(0, limits.most_patients - therapist.asked_for),
        chance=acceptance.of_practice(therapist.acceptance, is_hinted=therapist.potentially_available),
        channel=channel,
        is_hinted=therapist.potentially_available,
        mailbox=therapist.mailbox,
        lack=_lack(channel, therapist, mailed, week, limits),
    )


def _channel(therapist: Any) -> PlannedChannel | None:
    if therapist.mailbox and therapist.contact_preference != ContactPreference.PHONE_ONLY:
        return PlannedChannel.EMAIL
    if therapist.can_be_phoned and therapist.contact_preference != ContactPreference.EMAIL_ONLY:
        return PlannedChannel.PHONE
    return None


def _lack(
    channel: PlannedChannel | None, therapist: Any, mailed: Mapping[str, datetime], week: Week, limits: PracticeLimits
) -> ContactLack | None:
    if channel is None:
        return ContactLack.NO_CHANNEL
    if channel == PlannedChannel.EMAIL:
        # of the therapist, also from another address, and of all who share the present one
        last = [each for each in (therapist.emailed_at, mailed.get(therapist.mailbox)) if each is not None]
        if last and berlin_day(max(last)) + timedelta(days=limits.days_between_emails) > week.last_day:
            return ContactLack.MAILED_RECENTLY
    return None
