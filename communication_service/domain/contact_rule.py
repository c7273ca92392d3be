"""Whether a practice may be contacted now, by e-mail or by call, and if not, why and until when: one rule for all.

Composing asks it, and with that every claim of an e-mail; so do calls when they are planned, claimed or listed as
callable, and everything that staff write or plan by hand (docs/decisions/0055-one-rule-of-contact.md).

    docs/domain.md#contact-rule-4  which channel: e-mail first, a call otherwise
    docs/domain.md#contact-rule-5  when an e-mail may go: not within the cooldown of therapist or address
    docs/domain.md#contact-rule-7  no call in the practice's holidays (`CallTimes`), and no letter either

Some reasons last until something changes, others end by themselves on a day. Nobody gets past the first; staff who say
why may call in spite of some of the others.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final, Literal, NamedTuple

from communication_service.domain.call_times import CallTimes
from communication_service.domain.contact_waits import ContactWait
from communication_service.settings import ContactRules
from shared.values.datetimes import start_of_berlin_day
from shared.values.enums import ContactPreference
from shared.values.practice_holidays import Days, last_closed_day

ContactChannel = Literal["email", "phone"]
WRITTEN_TO: Final = frozenset({ContactPreference.ANY, ContactPreference.EMAIL_ONLY})
"""Preferences of practices that are written to."""
ONE_DAY: Final = timedelta(days=1)


@dataclass(frozen=True)
class Cooldown:
    """Another e-mail went to the therapist or the address: what to wait for, and the last day of it."""

    waits_for: str
    waits_until: date


@dataclass(frozen=True)
class PracticeFacts:
    """What matters of the practice: how it may be reached."""

    status: str = "active"
    contact_preference: str = "any"
    email_key: str | None = None
    """None also for an address that nobody can write to (`writable_mailbox`): the practice is phoned."""
    is_suppressed: bool = False
    """Somebody asked for no e-mails to the address, or it does not exist."""
    has_phone: bool = False
    call_times: CallTimes | None = None
    """None where the phone hours are not known."""
    has_chosen_time: bool = False
    """Staff chose when to call: whatever is known of the hours, they mean it."""
    is_called_for_a_reason: bool = False
    """Staff said why to call, although the practice should wait."""
    cooldown: Cooldown | None = None
    holidays: Sequence[Days] = ()
    """When the practice is closed."""
    written_on: date | None = None
    """When an inquiry's e-mail went to the therapist last."""
    called_on: date | None = None
    """When a call to the practice is planned."""

    @property
    def has_email(self) -> bool:
        """Whether there is an address that one can write to and that is not suppressed."""
        return self.email_key is not None and not self.is_suppressed


class Barrier(NamedTuple):
    """Why a practice may not be contacted now."""

    waits_for: ContactWait
    until: date | None = None
    """The last day of it; None where it lasts until something changes."""


def barrier(practice: PracticeFacts, channel: ContactChannel, *, rules: ContactRules, today: date) -> Barrier | None:
    """Why the practice may not be asked now in this way; None where it may.

    Of several reasons the one that lasts longest.
    """
    lasting = lasting_barrier(practice, channel)
    if lasting is not None:
        return lasting
    found = _of_emails(practice, rules, today) if channel == "email" else _of_calls(practice, rules, today)
    return max(found, key=lambda each: each.until or date.max, default=None)


def lasting_barrier(practice: PracticeFacts, channel: ContactChannel) -> Barrier | None:
    """Why the practice may not be contacted in this way until something changes; None where it may.

    It is all that counts for an answer to the practice, such as a withdrawal (docs/domain.md#contact-rule-5).
    """
    if practice.status != "active":
        return Barrier(ContactWait.THERAPIST_NOT_ACTIVE)
    if practice.contact_preference == ContactPreference.NONE:
        return Barrier(ContactWait.NO_CONTACT_WANTED)
    return _without_emails(practice) if channel == "email" else _without_calls(practice)


def _without_emails(practice: PracticeFacts) -> Barrier | None:
    if practice.contact_preference not in WRITTEN_TO:
        return Barrier(ContactWait.CALLS_ONLY)
    if practice.has_email:
        return None
    return Barrier(ContactWait.EMAIL_SUPPRESSED if practice.is_suppressed else ContactWait.EMAIL_ADDRESS_MISSING)


def _without_calls(practice: PracticeFacts) -> Barrier | None:
    if practice.contact_preference == ContactPreference.EMAIL_ONLY and not practice.is_called_for_a_reason:
        return _without_emails(practice) or Barrier(ContactWait.EMAILS_ONLY)
    if not practice.has_phone:
        return Barrier(ContactWait.PHONE_NUMBER_MISSING)
    is_known = practice.call_times is not None or practice.has_chosen_time
    return None if is_known else Barrier(ContactWait.PHONE_HOURS_UNKNOWN)


def _of_emails(practice: PracticeFacts, rules: ContactRules, today: date) -> Iterator[Barrier]:
    if practice.cooldown is not None:
        yield Barrier(ContactWait(practice.cooldown.waits_for), practice.cooldown.waits_until)
    closed_until = last_closed_day(practice.holidays, today)
    if closed_until is not None:
        yield Barrier(ContactWait.PRACTICE_HOLIDAYS, closed_until)
    called_on = practice.called_on
    if called_on is not None and called_on - today < timedelta(days=rules.days_between_email_and_call):
        yield Barrier(ContactWait.PLANNED_CALL, called_on)


def _of_calls(practice: PracticeFacts, rules: ContactRules, today: date) -> Iterator[Barrier]:
    first_day = first_day_of_calls(practice.written_on, rules)
    if first_day is not None and today < first_day and not practice.is_called_for_a_reason:
        yield Barrier(ContactWait.THERAPIST_EMAILED_RECENTLY, first_day - ONE_DAY)


def first_day_of_calls(written_on: date | None, rules: ContactRules) -> date | None:
    """The first day on which a practice is called that was written to on this day."""
    return None if written_on is None else written_on + timedelta(days=rules.days_between_email_and_call)


def first_call_at(written_on: date | None, rules: ContactRules) -> datetime | None:
    """The instant from which on a practice is called that was written to on this day."""
    first_day = first_day_of_calls(written_on, rules)
    return None if first_day is None else start_of_berlin_day(first_day)


def later(one: datetime | None, other: datetime | None) -> datetime | None:
    """The later of two instants before which something does not happen; None where there is neither."""
    return max((each for each in (one, other) if each is not None), default=None)


class ChannelChoice(NamedTuple):
    """How requests reach the practice, and what is missing before they can."""

    channel: ContactChannel
    missing: str | None = None


def channel_to(practice: PracticeFacts, *, only_by_phone: bool) -> ChannelChoice:
    """The channel for a request; `only_by_phone` after an e-mail brought nothing (docs/domain.md#contact-rule-4)."""
    wants_email = practice.contact_preference in WRITTEN_TO
    channel: ContactChannel = "email" if wants_email and practice.has_email and not only_by_phone else "phone"
    missing = lasting_barrier(practice, channel)
    return ChannelChoice(channel, missing.waits_for if missing else None)
