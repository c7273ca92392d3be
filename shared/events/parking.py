"""Events that could not be handled, set aside whole, until a person replays or discards them."""

from __future__ import annotations

import traceback
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any
from uuid import UUID

from confluent_kafka import Message
from pydantic import ValidationError
from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from shared.db import new_id, transaction
from shared.errors import Conflict, NotFound
from shared.events.event import Event, Unreadable, decode, decode_envelope
from shared.events.tables import parked, seen

LONGEST_TRACEBACK = 20_000


def park(session: Session, message: Message, problem: Exception, *, now: datetime) -> None:
    """Keep a message's bytes, headers and place, with the reason; the same message is kept once."""
    value = message.value()
    row = {
        "id": new_id(),
        "topic": message.topic(),
        "partition": message.partition(),
        "offset": message.offset(),
        "key": _bytes(message.key()),
        "value": _bytes(value),
        "headers": _headers(message),
        "event_type": _event_type(value),
        "reason": reason_of(problem),
        "traceback": _traceback(problem),
        "parked_at": now,
    }
    session.execute(insert(parked).values(row).on_conflict_do_nothing())


def _headers(message: Message) -> list[list[str]]:
    headers: Any = message.headers() or []
    return [[name, (_bytes(content) or b"").hex()] for name, content in headers]


def reason_of(problem: Exception) -> str:
    """One line that says what went wrong without repeating any value of the event."""
    if isinstance(problem, ValidationError):
        first = problem.errors(include_input=False, include_url=False)[0]
        return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
    if isinstance(problem, Unreadable):
        return str(problem)
    return type(problem).__name__ if getattr(problem, "params", None) else f"{type(problem).__name__}: {problem}"[:500]


def _traceback(problem: Exception) -> str:
    # frames only: an exception's text may quote the event
    frames = "".join(traceback.format_tb(problem.__traceback__))
    return (frames + type(problem).__name__)[-LONGEST_TRACEBACK:]


def _bytes(content: str | bytes | None) -> bytes | None:
    return content.encode() if isinstance(content, str) else content


def _event_type(value: str | bytes | None) -> str | None:
    try:
        return decode_envelope(_bytes(value) or b"")[0].type
    except Unreadable:
        return None


def waiting(session: Session) -> int:
    """How many parked events wait for a decision."""
    return session.scalar(select(func.count()).select_from(parked).where(parked.c.state == "parked")) or 0


def how_many_wait() -> int:
    """The same, asked in a transaction of its own."""
    with transaction() as session:
        return waiting(session)


SHOWN = {"parked_events": how_many_wait}
"""What `/health/ready` shows of them."""


def listed(session: Session, *, state: str | None, limit: int, offset: int) -> tuple[Sequence[Mapping[str, Any]], int]:
    """A page of parked events, newest first, and how many there are."""
    wanted = [parked.c.state == state] if state else []
    total = session.scalar(select(func.count()).select_from(parked).where(*wanted)) or 0
    newest = select(parked).where(*wanted).order_by(parked.c.parked_at.desc(), parked.c.id.desc())
    return [dict(row) for row in session.execute(newest.limit(limit).offset(offset)).mappings()], total


def get(session: Session, parked_id: UUID, *, lock: bool = False) -> Mapping[str, Any]:
    """One parked event; raises `NotFound`."""
    question = select(parked).where(parked.c.id == parked_id)
    row = session.execute(question.with_for_update() if lock else question).mappings().one_or_none()
    if row is None:
        raise NotFound("parked_event")
    return dict(row)


def take_up(session: Session, parked_id: UUID, *, reason: str, now: datetime) -> Event:
    """The event of a parked message, which is marked replayed; the caller gives it to the listeners at once.

    Raises `Conflict` when it was dealt with before or can still not be read.
    """
    row = _settle(session, parked_id, "replayed", reason, now)
    try:
        envelope, data = decode_envelope(row["value"] or b"")
        return decode(envelope, data)
    except (Unreadable, ValidationError, KeyError) as problem:
        raise Conflict("parked_event.unreadable", "The event still cannot be read: discard it instead.") from problem


def discard(session: Session, parked_id: UUID, *, reason: str, now: datetime) -> None:
    """Decide that a parked event will have no effect, also when it comes again; raises `Conflict` if it was settled."""
    row = _settle(session, parked_id, "discarded", reason, now)
    with suppress(Unreadable):  # bytes that are no event have no effect anyway
        envelope, _ = decode_envelope(row["value"] or b"")
        session.execute(insert(seen).values(event_id=envelope.id).on_conflict_do_nothing())


def _settle(session: Session, parked_id: UUID, state: str, reason: str, now: datetime) -> Mapping[str, Any]:
    row = get(session, parked_id, lock=True)
    if row["state"] != "parked":
        raise Conflict("parked_event.settled", f"This event was {row['state']} before.")
    session.execute(
        update(parked).where(parked.c.id == parked_id).values(state=state, resolved_at=now, resolved_reason=reason)
    )
    return row
