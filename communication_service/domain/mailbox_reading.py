"""The mailbox: how far it was read, who reads it now, and whether it can be read at all."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

from communication_service.store import mail_replies as store
from shared.database import Session


class Position(NamedTuple):
    """How far a mailbox was read: up to `last_uid` while its `uid_validity` is the same (RFC 3501)."""

    uid_validity: int
    last_uid: int


def take(session: Session, name: str, *, lease: timedelta, now: datetime) -> Position | None:
    """Let this worker alone read the mailbox until it says that it ended; None while another one does.

    In another mailbox than the last one the numbers begin anew; what is kept already is not kept twice.
    """
    state = store.mailbox_for_change(session)
    if state.claimed_until is not None and state.claimed_until > now:
        return None
    state.claimed_until = now + lease
    if state.name != name:
        state.name, state.uid_validity, state.last_uid = name, 0, 0
    return Position(state.uid_validity, state.last_uid)


def record_position(session: Session, position: Position) -> None:
    """Record, together with the e-mail that it is about, how far the mailbox was read."""
    state = store.mailbox_for_change(session)
    if state.uid_validity != position.uid_validity:
        state.uid_validity, state.last_uid = position
    state.last_uid = max(state.last_uid, position.last_uid)


def record_end(session: Session, *, cause: str | None, now: datetime) -> bool:
    """Record that a worker ended, and why it could not read on; returns whether a trouble begins or ends with that."""
    state = store.mailbox_for_change(session)
    was_in_trouble = state.cause is not None
    state.claimed_until = None
    state.read_at = now if cause is None else state.read_at
    state.trouble_since = None if cause is None else state.trouble_since or now
    state.cause = cause
    return was_in_trouble != (cause is not None)


def forget_trouble(session: Session, *, now: datetime) -> None:
    """Record that there is no mailbox to read any more, hence none that cannot be read."""
    if trouble(session) is not None:
        record_end(session, cause=None, now=now)


def trouble(session: Session) -> str | None:
    """Returns since when the mailbox cannot be read, with a word for the cause; None while it can, or there is none."""
    state = store.mailbox(session)
    if state is None or state.trouble_since is None:
        return None
    return f"the mailbox is not read since {state.trouble_since:%Y-%m-%d %H:%M} UTC: {state.cause}"


def count_waiting(session: Session) -> int:
    """How many e-mails that came back wait for staff."""
    return store.count_waiting(session)
