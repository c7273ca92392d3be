"""At most one inquiry e-mail in seven Berlin days per therapist and per address (docs/domain.md#contact-rule-5).

A letter closes both gates in the transaction that claims it for sending, and a constraint of the database lets only
one letter have a gate on a day. A letter in doubt keeps them closed; one that certainly did not go opens them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from communication_service.settings import ContactRules
from communication_service.store import queries
from communication_service.store.tables import Email
from shared.database import Session
from shared.values.datetimes import berlin_day


@dataclass(frozen=True)
class Closed:
    """Why an inquiry e-mail has to wait, and the last day on which it does."""

    waits_for: str
    waits_until: date


def subjects(therapist_id: UUID | None, recipient_key: str) -> list[str]:
    """Whom a letter closes the gates of."""
    return [f"address:{recipient_key}", f"therapist:{therapist_id}"]


def closed(session: Session, therapist_id: UUID, recipient_key: str, *, today: date) -> Closed | None:
    """Which gate keeps a letter to this therapist at this address waiting; None while both are open."""
    held = queries.closed_gates(session, subjects(therapist_id, recipient_key), today=today)
    if not held:
        return None
    latest = held[0]
    kind = latest.subject.partition(":")[0]
    return Closed(f"{kind}_emailed_recently", latest.opens_on - timedelta(days=1))


def take(session: Session, email: Email, *, rules: ContactRules, now: datetime, until: datetime) -> bool:
    """Close both gates for a letter that is handed over between `now` and `until`; False where one is closed."""
    return queries.take_gates(
        session,
        email.id,
        subjects(email.therapist_id, email.recipient_key),
        first=berlin_day(now),
        opens_on=berlin_day(until) + timedelta(days=rules.days_between_emails),
    )


def settle(session: Session, email: Email, *, rules: ContactRules, sent_at: datetime) -> None:
    """Count the days from when the letter really went."""
    opens_on = berlin_day(sent_at) + timedelta(days=rules.days_between_emails)
    queries.move_gates(session, email.id, opens_on=opens_on)


def release(session: Session, email: Email, *, now: datetime) -> None:
    """Open the gates of a letter that did not go, and let those who waited for them be looked at."""
    # requests before gates, as when a letter is claimed: the other way round two workers could wait for each other
    queries.look_again(session, queries.requests_to_address(email.recipient_key), at=now)
    queries.release_gates(session, email.id)
