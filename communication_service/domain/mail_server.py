"""Whether the mail server takes e-mails at all.

A wrong setting, a blocklist, an outage concern every e-mail alike. While there is such a trouble, one e-mail is tried
in a while, a different one each time, and all others stay as they are; the first that is taken ends it.

A server that refuses every e-mail knows nothing of the addresses: its refusals are taken back, and none is believed
until an e-mail is taken.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import Enum
from typing import NamedTuple
from uuid import UUID

from communication_service.domain.schemas import MailServerView
from communication_service.settings import ContactRules
from communication_service.store import email_queries
from communication_service.store import mail_server as store
from communication_service.store.tables import MailServerState
from shared.database import Session

LONGEST_PAUSE = timedelta(minutes=15)
MOST_NOT_TAKEN = 5
"""So many different e-mails in a row that were not taken, for whatever reasons, are no accident."""


class TroubleChange(Enum):
    """What news of one e-mail changes for all."""

    NOTHING = "nothing"
    TROUBLE_BEGINS = "trouble begins"
    TROUBLE_ENDS = "trouble ends"


class TroubleCause(NamedTuple):
    """Why an e-mail was not taken: as the server said it, and without its words."""

    detail: str
    code: str


class NotTaken(NamedTuple):
    """An e-mail that was not taken for a reason that seems to be its own."""

    email_id: UUID
    cause: TroubleCause
    is_first: bool
    """Whether that is new of this e-mail: one that is tried again and again says no more of the server."""
    is_refused: bool
    """Whether it is for good."""


def claim_turn(session: Session, *, rules: ContactRules, now: datetime) -> bool:
    """Whether an e-mail may go now; with a server in trouble one worker gets the turn, once in a pause."""
    known = store.state(session)
    if known is None or not known.troubles:
        return True
    return store.take_probe(session, now=now, next_at=now + _pause(known.troubles, rules))


def record_taken(session: Session) -> TroubleChange:
    """An e-mail was taken: nothing is known against the server any more."""
    known = store.state_with_failures(session)
    if known is None:
        return TroubleChange.NOTHING
    known.not_taken, known.refused = 0, []
    return _end_trouble(session, known)


def record_trouble(session: Session, cause: TroubleCause, *, rules: ContactRules, now: datetime) -> TroubleChange:
    """Something failed that concerns every e-mail: let nothing go for a while, longer each time."""
    return _add_trouble(session, store.state_for_change(session), cause, rules=rules, now=now)


def record_not_taken(session: Session, not_taken: NotTaken, *, rules: ContactRules, now: datetime) -> TroubleChange:
    """The server spoke of this e-mail alone, so it lets us in: unless it says such things of every e-mail."""
    known = store.state_for_change(session)
    known.not_taken = min(known.not_taken + not_taken.is_first, MOST_NOT_TAKEN)
    if known.not_taken < MOST_NOT_TAKEN:
        known.refused = [*known.refused, not_taken.email_id] if not_taken.is_refused else known.refused
        return _end_trouble(session, known)
    known.to_take_back, known.refused = [*known.to_take_back, *known.refused], []
    so_many = TroubleCause(*(f"{known.not_taken} e-mails in a row: {each}" for each in not_taken.cause))
    return _add_trouble(session, known, so_many, rules=rules, now=now)


def _add_trouble(
    session: Session, known: MailServerState, cause: TroubleCause, *, rules: ContactRules, now: datetime
) -> TroubleChange:
    known.troubles += 1
    known.since, known.detail, known.cause = known.since or now, cause.detail, cause.code
    known.next_try_at = now + _pause(known.troubles, rules)
    session.flush()
    return TroubleChange.TROUBLE_BEGINS if known.troubles == 1 else TroubleChange.NOTHING


def _end_trouble(session: Session, known: MailServerState) -> TroubleChange:
    change = TroubleChange.TROUBLE_ENDS if known.troubles else TroubleChange.NOTHING
    known.troubles, known.since, known.detail, known.cause, known.next_try_at = 0, None, None, None, None
    session.flush()
    return change


def are_rejections_believed(session: Session) -> bool:
    """Whether a refusal is believed: not while the server refuses every e-mail."""
    known = store.state(session)
    return known is None or known.not_taken < MOST_NOT_TAKEN


def rejections_to_take_back(session: Session) -> list[UUID]:
    """E-mails whose refusal was not to be believed."""
    known = store.state(session)
    return known.to_take_back if known else []


def begin_to_take_back(session: Session, email_id: UUID) -> bool:
    """Strike the e-mail from those, in the transaction that takes its refusal back; False where another one did."""
    known = store.state_for_change(session)  # before the therapist's lock, as where an answer is recorded
    is_there = email_id in known.to_take_back
    known.to_take_back = [each for each in known.to_take_back if each != email_id]
    session.flush()
    return is_there


def trouble(session: Session) -> str | None:
    """Since when nothing goes, and the code of the reason; None while e-mails go.

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
        emails_waiting=email_queries.count_emails_to_send(session),
    )


def _pause(troubles: int, rules: ContactRules) -> timedelta:
    pause: timedelta = rules.email_retry * 2 ** min(troubles - 1, 10)
    return min(pause, LONGEST_PAUSE)
