"""The state of the mail server: whether it takes e-mails at all.

A wrong setting, a blocklist or an outage affects every e-mail. While there is such a trouble, one e-mail is tried after
each pause, a different one each time, and all others wait unchanged; the first that is taken ends the trouble.

The refusals of a server that refuses every e-mail are not about the addresses: they are taken back, and no refusal is
believed until an e-mail is taken.
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
"""After this many different e-mails in a row that were not taken, for any reasons, the server is in trouble."""


class TroubleChange(Enum):
    """How the outcome of one e-mail changes the state of the mail server."""

    NOTHING = "nothing"
    TROUBLE_BEGINS = "trouble begins"
    TROUBLE_ENDS = "trouble ends"


class TroubleCause(NamedTuple):
    """Why an e-mail was not taken: the text of the server, and a code without it."""

    detail: str
    code: str


class NotTaken(NamedTuple):
    """An e-mail that was not taken for a reason that seems to be its own."""

    email_id: UUID
    cause: TroubleCause
    is_first: bool
    """Whether it is the first time for this e-mail: further attempts of the same e-mail are not counted."""
    is_refused: bool
    """Whether the refusal is permanent."""


def claim_turn(session: Session, *, rules: ContactRules, now: datetime) -> bool:
    """Returns whether an e-mail may be sent now; while the server is in trouble, one worker may, once in each pause."""
    known = store.state(session)
    if known is None or not known.troubles:
        return True
    return store.take_probe(session, now=now, next_at=now + _pause(known.troubles, rules))


def record_taken(session: Session) -> TroubleChange:
    """Record that an e-mail was taken, which ends a trouble and clears the count of failures."""
    known = store.state_with_failures(session)
    if known is None:
        return TroubleChange.NOTHING
    known.not_taken, known.refused = 0, []
    return _end_trouble(session, known)


def record_trouble(
    session: Session, cause: TroubleCause, *, claimed_at: datetime | None = None, rules: ContactRules, now: datetime
) -> TroubleChange:
    """Record a failure that affects every e-mail: nothing is sent during a pause, which becomes longer each time.

    `claimed_at`: when the e-mail was claimed. Several that were before the trouble began are one failure.
    """
    known = store.state_for_change(session)
    if claimed_at is not None and known.since is not None and claimed_at < known.since:
        return TroubleChange.NOTHING
    return _add_trouble(session, known, cause, rules=rules, now=now)


def record_not_taken(session: Session, not_taken: NotTaken, *, rules: ContactRules, now: datetime) -> TroubleChange:
    """Record a failure of this e-mail alone: it ends a trouble, but begins one after `MOST_NOT_TAKEN` such e-mails."""
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


def is_refusal_believed(session: Session) -> bool:
    """Whether a refusal is believed: not while the server refuses every e-mail."""
    known = store.state(session)
    return known is None or known.not_taken < MOST_NOT_TAKEN


def list_wrongly_refused(session: Session) -> list[UUID]:
    """Returns the e-mails whose refusals must be taken back."""
    known = store.state(session)
    return known.to_take_back if known else []


def begin_to_take_back(session: Session, email_id: UUID) -> bool:
    """Remove an e-mail from them in the transaction that takes its refusal back; False where it is gone already."""
    known = store.state_for_change(session)  # before the therapist's lock, as where an answer is recorded
    is_there = email_id in known.to_take_back
    known.to_take_back = [each for each in known.to_take_back if each != email_id]
    session.flush()
    return is_there


def trouble(session: Session) -> str | None:
    """Returns since when no e-mail is sent, with the code of the cause; None while e-mails are sent.

    Anybody may see it, so it does not quote the server, which may name a practice's address.
    """
    known = store.state(session)
    if known is None or not known.troubles or known.since is None:
        return None
    return f"no e-mail goes since {known.since:%Y-%m-%d %H:%M} UTC: {known.cause}"


def show(session: Session) -> MailServerView:
    """Returns the state of the mail server as staff see it."""
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
