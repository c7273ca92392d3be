"""Whether the mail server takes letters at all.

A wrong setting, a blocklist, an outage concern every letter alike. While there is such a trouble, one letter is tried
in a while, a different one each time, and all others stay as they are; the first that is taken ends it.

Who refuses every letter knows nothing of the addresses: those refusals are taken back, and none is believed until a
letter is taken.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import Enum
from typing import NamedTuple
from uuid import UUID

from communication_service.domain.schemas import MailServerView
from communication_service.settings import ContactRules
from communication_service.store import mail_server as store
from communication_service.store import queries
from communication_service.store.tables import MailServerState
from shared.database import Session

LONGEST_PAUSE = timedelta(minutes=15)
MOST_NOT_TAKEN = 5
"""So many different letters in a row that were not taken, for whatever reasons, are no accident."""


class Change(Enum):
    """What news of one letter changes for all."""

    NOTHING = "nothing"
    TROUBLE_BEGINS = "trouble begins"
    TROUBLE_ENDS = "trouble ends"


class Cause(NamedTuple):
    """Why a letter was not taken: as the server said it, and without its words."""

    detail: str
    code: str


class NotTaken(NamedTuple):
    """A letter that was not taken for a reason that seems to be its own."""

    email_id: UUID
    cause: Cause
    is_first: bool
    """Whether that is new of this letter: one that is tried again and again says no more of the server."""
    is_refused: bool
    """Whether it is for good."""


def claim_turn(session: Session, *, rules: ContactRules, now: datetime) -> bool:
    """Whether a letter may go now; with a server in trouble one worker gets the turn, once in a pause."""
    known = store.state(session)
    if known is None or not known.troubles:
        return True
    return store.take_probe(session, now=now, next_at=now + _pause(known.troubles, rules))


def record_taken(session: Session) -> Change:
    """A letter was taken: nothing is known against the server any more."""
    known = store.state_with_failures(session)
    if known is None:
        return Change.NOTHING
    known.not_taken, known.refused = 0, []
    return _end_trouble(session, known)


def record_trouble(session: Session, cause: Cause, *, rules: ContactRules, now: datetime) -> Change:
    """Something failed that concerns every letter: let nothing go for a while, longer each time."""
    return _add_trouble(session, store.state_for_change(session), cause, rules=rules, now=now)


def record_not_taken(session: Session, letter: NotTaken, *, rules: ContactRules, now: datetime) -> Change:
    """The server spoke of this letter alone, so it lets us in: unless it says such things of every letter."""
    known = store.state_for_change(session)
    known.not_taken = min(known.not_taken + letter.is_first, MOST_NOT_TAKEN)
    if known.not_taken < MOST_NOT_TAKEN:
        known.refused = [*known.refused, letter.email_id] if letter.is_refused else known.refused
        return _end_trouble(session, known)
    known.to_take_back, known.refused = [*known.to_take_back, *known.refused], []
    so_many = Cause(*(f"{known.not_taken} letters in a row: {each}" for each in letter.cause))
    return _add_trouble(session, known, so_many, rules=rules, now=now)


def _add_trouble(
    session: Session, known: MailServerState, cause: Cause, *, rules: ContactRules, now: datetime
) -> Change:
    known.troubles += 1
    known.since, known.detail, known.cause = known.since or now, cause.detail, cause.code
    known.next_try_at = now + _pause(known.troubles, rules)
    session.flush()
    return Change.TROUBLE_BEGINS if known.troubles == 1 else Change.NOTHING


def _end_trouble(session: Session, known: MailServerState) -> Change:
    change = Change.TROUBLE_ENDS if known.troubles else Change.NOTHING
    known.troubles, known.since, known.detail, known.cause, known.next_try_at = 0, None, None, None, None
    session.flush()
    return change


def refusals_count(session: Session) -> bool:
    """Whether a refusal is believed: not while the server refuses every letter."""
    known = store.state(session)
    return known is None or known.not_taken < MOST_NOT_TAKEN


def refusals_to_take_back(session: Session) -> list[UUID]:
    """Letters whose refusal was not to be believed."""
    known = store.state(session)
    return known.to_take_back if known else []


def begin_to_take_back(session: Session, email_id: UUID) -> bool:
    """Strike the letter from those, in the transaction that takes its refusal back; False where another one did."""
    known = store.state_for_change(session)  # before the therapist's lock, as where an answer is recorded
    is_there = email_id in known.to_take_back
    known.to_take_back = [each for each in known.to_take_back if each != email_id]
    session.flush()
    return is_there


def trouble(session: Session) -> str | None:
    """Since when nothing goes, and the code of the reason; None while letters go.

    Anybody may see it, so it has none of the server's words: they may name a practice's address.
    """
    known = store.state(session)
    if known is None or not known.troubles or known.since is None:
        return None
    return f"no e-mail goes since {known.since:%Y-%m-%d %H:%M} UTC: {known.cause}"


def show(session: Session) -> MailServerView:
    """What staff see of it."""
    known = store.state(session)
    return MailServerView(
        status="in_trouble" if known and known.troubles else "working",
        since=known.since if known else None,
        detail=known.detail if known else None,
        next_try_at=known.next_try_at if known else None,
        emails_waiting=queries.count_emails_to_send(session),
    )


def _pause(troubles: int, rules: ContactRules) -> timedelta:
    pause: timedelta = rules.email_retry * 2 ** min(troubles - 1, 10)
    return min(pause, LONGEST_PAUSE)
