"""At most one inquiry e-mail in seven Berlin days per therapist and per address (docs/domain.md#contact-rule-5).

An e-mail starts both cooldowns in the transaction that claims it for sending, and a constraint of the database lets
only one e-mail have a cooldown on a day. An e-mail in doubt keeps them; one that certainly did not go ends them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Final, NamedTuple
from uuid import UUID

from communication_service.domain.contact_rule import Cooldown
from communication_service.settings import ContactRules
from communication_service.store import cooldown_queries, copy_queries, schedule
from communication_service.store.cooldown_queries import ActiveCooldown
from communication_service.store.tables import Email, PracticeCopy
from shared.database import Session
from shared.values.datetimes import berlin_day

OF_THERAPIST: Final = "therapist:"


def _subjects(recipient_key: str | None, therapists: Iterable[UUID]) -> list[str]:
    """The subjects of an e-mail's cooldowns: the address, the therapist, and who was merged into them."""
    address = [] if recipient_key is None else [f"address:{recipient_key}"]
    return [*address, *(f"{OF_THERAPIST}{each}" for each in therapists)]


class RecentEmails(NamedTuple):
    """What e-mails that went not long ago, or are on their way, mean for a therapist."""

    cooldown: Cooldown | None
    """The cooldown of the therapist or the address that ends last."""
    written_on: date | None
    """When one went to the therapist last."""


def last_to_end(session: Session, therapist_id: UUID, recipient_key: str, *, today: date) -> Cooldown | None:
    """Returns the cooldown of this therapist or this address that ends last; None where neither has one."""
    merged = copy_queries.with_merged(session, therapist_id)
    held = cooldown_queries.active(session, _subjects(recipient_key, merged), today=today)
    return _cooldown(held[0]) if held else None


def recent_emails(session: Session, practices: Mapping[UUID, PracticeCopy], *, today: date) -> dict[UUID, RecentEmails]:
    """What e-mails mean that went to these therapists, those merged into them, or their addresses; by therapist."""
    merged = copy_queries.all_with_merged(session, practices.keys())
    subjects = {id: _subjects(each.email_key, merged[id]) for id, each in practices.items()}
    held = cooldown_queries.active(session, {each for some in subjects.values() for each in some}, today=today)
    by_subject: dict[str, list[ActiveCooldown]] = {}
    for each in held:
        by_subject.setdefault(each.subject, []).append(each)
    return {id: _recent([one for each in some for one in by_subject.get(each, ())]) for id, some in subjects.items()}


def _recent(held: Sequence[ActiveCooldown]) -> RecentEmails:
    own = [each.begins_on for each in held if each.subject.startswith(OF_THERAPIST)]
    # a therapist's comes first of two that end on one day, as in `active`
    last = max(held, key=lambda each: (each.ends_on, each.subject), default=None)
    return RecentEmails(_cooldown(last) if last else None, max(own, default=None))


def _cooldown(held: ActiveCooldown) -> Cooldown:
    kind = held.subject.partition(":")[0]
    return Cooldown(f"{kind}_emailed_recently", held.ends_on - timedelta(days=1))


def start_all(
    session: Session, emails: Sequence[Email], *, rules: ContactRules, now: datetime, until: datetime
) -> set[UUID]:
    """Start both cooldowns of inquiries' e-mails that are sent between `now` and `until`.

    Returns the ids of those that have both. Where one runs already, also that of an earlier one of these, an e-mail
    gets none.
    """
    merged = copy_queries.all_with_merged(session, {each.therapist_id for each in emails if each.therapist_id})
    subjects = {
        each.id: _subjects(each.recipient_key, merged[each.therapist_id] if each.therapist_id else ())
        for each in emails
    }
    ends_on = berlin_day(until) + timedelta(days=rules.days_between_emails)
    return cooldown_queries.start_all(session, subjects, first=berlin_day(now), ends_on=ends_on)


def count_from(session: Session, sent: Sequence[tuple[Email, datetime]], *, rules: ContactRules) -> None:
    """Count the days of both cooldowns of each e-mail from the instant at which it was sent."""
    by_day: dict[date, list[UUID]] = {}
    for email, sent_at in sent:
        by_day.setdefault(berlin_day(sent_at) + timedelta(days=rules.days_between_emails), []).append(email.id)
    for ends_on, ids in by_day.items():
        cooldown_queries.count_until(session, ids, ends_on=ends_on)


def end(session: Session, email: Email, *, now: datetime) -> None:
    """End the cooldowns of an e-mail that did not go, and let the practices that waited for them be planned anew."""
    # requests before cooldowns, as when an e-mail is claimed: the other way round two workers could wait for each other
    schedule.add(session, schedule.to_address(email.recipient_key), at=now)
    cooldown_queries.end(session, email.id)
