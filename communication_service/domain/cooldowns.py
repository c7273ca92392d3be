"""At most one inquiry e-mail in seven Berlin days per therapist and per address (docs/domain.md#contact-rule-5).

An e-mail starts both cooldowns in the transaction that claims it for sending, and a constraint of the database lets
only one e-mail have a cooldown on a day. An e-mail in doubt keeps them; one that certainly did not go ends them.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from uuid import UUID

from communication_service.domain.planning import Cooldown
from communication_service.settings import ContactRules
from communication_service.store import cooldown_queries, copy_queries, schedule
from communication_service.store.tables import Email
from shared.database import Session
from shared.values.datetimes import berlin_day


def list_subjects(session: Session, therapist_id: UUID | None, recipient_key: str) -> list[str]:
    """Returns the subjects of an e-mail's cooldowns: the address, the therapist, and who was merged into them."""
    therapists = [] if therapist_id is None else copy_queries.with_merged(session, therapist_id)
    return [f"address:{recipient_key}", *(f"therapist:{each}" for each in therapists)]


def last_to_end(session: Session, therapist_id: UUID, recipient_key: str, *, today: date) -> Cooldown | None:
    """Returns the cooldown of this therapist or this address that ends last; None where neither has one."""
    held = cooldown_queries.active(session, list_subjects(session, therapist_id, recipient_key), today=today)
    if not held:
        return None
    latest = held[0]
    kind = latest.subject.partition(":")[0]
    return Cooldown(f"{kind}_emailed_recently", latest.ends_on - timedelta(days=1))


def start(session: Session, email: Email, *, rules: ContactRules, now: datetime, until: datetime) -> bool:
    """Start both cooldowns of an e-mail that is sent between `now` and `until`; False where one runs already."""
    return cooldown_queries.start(
        session,
        email.id,
        list_subjects(session, email.therapist_id, email.recipient_key),
        first=berlin_day(now),
        ends_on=berlin_day(until) + timedelta(days=rules.days_between_emails),
    )


def count_from(session: Session, email: Email, *, rules: ContactRules, sent_at: datetime) -> None:
    """Count the days of both cooldowns from the instant at which the e-mail was sent."""
    ends_on = berlin_day(sent_at) + timedelta(days=rules.days_between_emails)
    cooldown_queries.count_until(session, email.id, ends_on=ends_on)


def end(session: Session, email: Email, *, now: datetime) -> None:
    """End the cooldowns of an e-mail that did not go, and let the practices that waited for them be planned anew."""
    # requests before cooldowns, as when an e-mail is claimed: the other way round two workers could wait for each other
    schedule.add(session, schedule.to_address(email.recipient_key), at=now)
    cooldown_queries.end(session, email.id)
