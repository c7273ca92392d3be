"""Whether the mail server takes letters at all.

A wrong setting, a blocklist, an outage concern every letter alike. While there is such a trouble, one letter is tried
in a while, a different one each time, and all others stay as they are; the first that is taken ends it.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from communication_service.domain.policy import Policy
from communication_service.domain.schemas import MailServerView
from communication_service.store import mail_server as store
from communication_service.store import queries
from shared.db import Session

LONGEST_PAUSE = timedelta(minutes=15)
MOST_NOT_TAKEN = 5
"""So many different letters in a row that were not taken, for whatever reasons, are no accident."""


def may_try(session: Session, *, policy: Policy, now: datetime) -> bool:
    """Whether a letter may go now; with a server in trouble one worker hears yes, once in a pause."""
    known = store.state(session)
    if known is None or not known.troubles:
        return True
    return store.take_probe(session, now=now, next_at=now + _pause(known.troubles, policy))


def works(session: Session) -> bool:
    """A letter was taken; True where that ends a trouble."""
    return store.forget(session)


def in_trouble(session: Session, *, detail: str, policy: Policy, now: datetime) -> bool:
    """Let nothing go for a while, longer each time; True where the trouble begins with this letter."""
    known = store.state_for_change(session)
    known.troubles += 1
    known.since, known.detail = known.since or now, detail
    known.next_try_at = now + _pause(known.troubles, policy)
    session.flush()
    return known.troubles == 1


def did_not_take(session: Session, *, is_first_try: bool, detail: str, policy: Policy, now: datetime) -> None:
    """The server spoke of this letter alone, so it lets us in: unless it says such things of every letter."""
    known = store.state_for_change(session)
    known.not_taken += is_first_try
    if known.not_taken < MOST_NOT_TAKEN:
        known.troubles, known.since, known.detail, known.next_try_at = 0, None, None, None
        session.flush()
    else:
        in_trouble(session, detail=f"{known.not_taken} letters in a row: {detail}", policy=policy, now=now)


def trouble(session: Session) -> str | None:
    """Since when and why nothing goes; None while letters go."""
    known = store.state(session)
    if known is None or not known.troubles or known.since is None:
        return None
    return f"no e-mail goes since {known.since:%Y-%m-%d %H:%M} UTC: {known.detail}"


def shown(session: Session) -> MailServerView:
    """What staff see of it."""
    known = store.state(session)
    return MailServerView(
        status="in_trouble" if known and known.troubles else "working",
        since=known.since if known else None,
        detail=known.detail if known else None,
        next_try_at=known.next_try_at if known else None,
        emails_waiting=queries.count_emails_to_send(session),
    )


def _pause(troubles: int, policy: Policy) -> timedelta:
    pause: timedelta = policy.email_retry * 2 ** min(troubles - 1, 10)
    return min(pause, LONGEST_PAUSE)
