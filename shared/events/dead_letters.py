"""Dead letters: events that could not be handled, kept until a person replays or discards them.

Their bytes are kept unchanged. Every text about them (reason, traceback, type) goes through `storable`, since anybody
may have written it; where a description still cannot be made or stored, the bytes are kept without one.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Collection, Mapping
from contextlib import nullcontext, suppress
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from confluent_kafka import Message
from pydantic import ValidationError
from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import StatementError
from sqlalchemy.orm import Session

from shared.database import copies, is_trouble, new_id, repeat_if_lost, sqlstate, transaction
from shared.database.listing import Found, Listing
from shared.database.tables import dead_letter_table, processed_events
from shared.errors import Conflict, NotFound
from shared.events.batches import UnreadableBatch
from shared.events.event import LARGEST_MESSAGE, Event, UnreadableEvent, decode, decode_envelope, refuse_future
from shared.events.message_reader import ReceivedMessage
from shared.runtime import clock, metrics
from shared.runtime.duties import kind_of
from shared.runtime.logs import logger
from shared.runtime.tracing import new_trace_context, use_trace_context
from shared.values.lists import Part

log = logger(__name__)

LONGEST_TRACEBACK = 20_000
LONGEST_REASON = 500


def set_aside(received: ReceivedMessage, problem: Exception) -> None:
    """Store a message as a dead letter, in a transaction of its own.

    Raises only when the database is in trouble or refuses any row.
    """
    message, envelope = received.message, received.envelope
    with (
        use_trace_context(new_trace_context(envelope.correlation_id, envelope.traceparent))
        if envelope
        else nullcontext()
    ):
        place = {"topic": message.topic(), "partition": message.partition(), "offset": message.offset()}
        try:
            _in_one_transaction(lambda session: add(session, message, problem, now=clock.now()))
        except Exception as again:
            if is_trouble(again):
                raise
            log.error("consumer.dead_letter_undescribed", **place, problem=kind_of(again))
            _in_one_transaction(lambda session: _add_undescribed(session, message, problem, now=clock.now()))
        log.error("consumer.dead_letter", **place, reason=kind_of(problem))
    metrics.events_dead_lettered.inc()
    # its frames hold the message, which may be large, in a reference cycle that is collected late
    problem.__traceback__ = None


def set_aside_batch(batch: Message, end: int) -> None:
    """Store an unreadable batch, from this message's offset up to `end`, as one dead letter without bytes."""
    topic, begin = batch.topic(), batch.offset() or 0
    kind = batch.error().name()  # type: ignore[union-attr]
    problem = UnreadableBatch(f"offsets {begin} to {end - 1} cannot be unpacked ({kind}); their bytes are not kept")
    set_aside(ReceivedMessage(Message(topic=topic, partition=batch.partition(), offset=begin), None), problem)


def _in_one_transaction(work: Callable[[Session], None]) -> None:
    def committed() -> None:
        with transaction() as session:
            work(session)

    repeat_if_lost(committed)


def add(session: Session, message: Message, problem: Exception, *, now: datetime) -> None:
    """Store a message's bytes and position with the reason; the same message is stored once.

    Its headers are not stored: ours have none, and with a name that is not UTF-8 `Message.headers()` ends the process
    (the list that confluent_kafka returns has an empty item).
    """
    _insert(
        session,
        message,
        event_type=_event_type(message.value()),
        reason=storable(reason_of(problem), LONGEST_REASON),
        traceback=storable(_traceback(problem), LONGEST_TRACEBACK),
        created_at=now,
    )


def _add_undescribed(session: Session, message: Message, problem: Exception, *, now: datetime) -> None:
    reason = f"{storable(kind_of(problem), LONGEST_REASON)}, without a description"
    _insert(session, message, event_type=None, reason=reason, traceback="", created_at=now)


def _insert(session: Session, message: Message, **description: Any) -> None:
    row = {
        "id": new_id(),
        "topic": message.topic(),
        "partition": message.partition(),
        "offset": message.offset(),
        "key": _bytes(message.key()),
        "value": _bytes(message.value()),
        **description,
    }
    session.execute(insert(dead_letter_table).values(row).on_conflict_do_nothing())


def storable(text: str, longest: int) -> str:
    """Returns the text as PostgreSQL can store it, cut to this length: NUL and lone surrogates become U+FFFD."""
    cut = text[:longest]
    return cut.replace("\x00", "\ufffd").encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def reason_of(problem: Exception) -> str:
    """Returns one line that says what went wrong without repeating any value of the event."""
    if isinstance(problem, ValidationError):
        first = problem.errors(include_input=False, include_context=False, include_url=False)[0]
        return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
    if isinstance(problem, UnreadableEvent):
        return str(problem)
    # the text of a database's error may quote the row
    from_database = isinstance(problem, StatementError) or sqlstate(problem)
    return kind_of(problem) if from_database else f"{kind_of(problem)}: {problem}"


def _traceback(problem: Exception) -> str:
    # frames only: an exception's text may quote the event
    frames = "".join(traceback.format_tb(problem.__traceback__))
    return (frames + type(problem).__name__)[-LONGEST_TRACEBACK:]


def _bytes(content: str | bytes | None) -> bytes | None:
    """The bytes to store; of a message larger than any event only the beginning."""
    encoded = content.encode() if isinstance(content, str) else content
    return encoded[:LARGEST_MESSAGE] if encoded is not None else None


def _event_type(value: str | bytes | None) -> str | None:
    try:
        return storable(decode_envelope(_bytes(value) or b"")[0].type, LONGEST_REASON)
    except Exception:  # whatever the bytes are, they name no type that can be read
        return None


def waiting(session: Session) -> int:
    """Returns the number of dead letters that wait for a decision."""
    return (
        session.scalar(
            select(func.count()).select_from(dead_letter_table).where(dead_letter_table.c.state == "waiting")
        )
        or 0
    )


def count_waiting() -> int:
    """Returns the same number, from a transaction of its own."""
    with transaction() as session:
        return waiting(session)


READINESS_FIGURES = {"dead_letters": count_waiting, "copies_ahead": copies.count_ahead_now}
"""The figures about events that `/health/ready` shows."""


LISTING: Final = Listing(
    sorts={"created_at": (dead_letter_table.c.created_at, dead_letter_table.c.id)},
    default="-created_at",
    identity=dead_letter_table.c.id,
    counts={"state": dead_letter_table.c.state, "topic": dead_letter_table.c.topic},
)


def read_part(session: Session, part: Part, *, states: Collection[str]) -> Found[Any]:
    """Returns a part of the dead letters of which this was decided; without states, of all."""
    # without the bytes of the events, which may be large and are not shown
    wanted = select(*(column for column in dead_letter_table.c if column.name not in ("key", "value")))
    return LISTING.read(session, wanted.where(dead_letter_table.c.state.in_(states)) if states else wanted, part)


def get(session: Session, dead_letter_id: UUID, *, lock: bool = False) -> Mapping[str, Any]:
    """Returns one dead letter; raises `NotFound`."""
    statement = select(dead_letter_table).where(dead_letter_table.c.id == dead_letter_id)
    row = session.execute(statement.with_for_update() if lock else statement).mappings().one_or_none()
    if row is None:
        raise NotFound("dead_letter")
    return dict(row)


def replay(session: Session, dead_letter_id: UUID, *, reason: str, by: UUID | None, now: datetime) -> Event:
    """Mark a dead letter as replayed and return its event; the caller gives it to the listeners at once.

    Raises `Conflict` when it was replayed or discarded before, or still cannot be read.
    """
    row = _resolve(session, dead_letter_id, "replayed", reason, by=by, now=now)
    try:
        envelope, data = decode_envelope(bytes(row["value"] or b""))
        event = decode(envelope, data)
        refuse_future(event, now)
        return event
    except (UnreadableEvent, ValidationError, KeyError) as problem:
        why = storable(reason_of(problem), LONGEST_REASON)
        raise Conflict("dead_letter.unreadable", why=why) from problem


def discard(session: Session, dead_letter_id: UUID, *, reason: str, by: UUID | None, now: datetime) -> None:
    """Mark a dead letter as discarded: its event has no effect, also when it is delivered again.

    Raises `Conflict` when it was replayed or discarded before.
    """
    row = _resolve(session, dead_letter_id, "discarded", reason, by=by, now=now)
    with suppress(UnreadableEvent):  # bytes that are no event never have an effect
        envelope, _ = decode_envelope(bytes(row["value"] or b""))
        session.execute(insert(processed_events).values(event_id=envelope.id).on_conflict_do_nothing())


def _resolve(
    session: Session, dead_letter_id: UUID, state: str, reason: str, *, by: UUID | None, now: datetime
) -> Mapping[str, Any]:
    row = get(session, dead_letter_id, lock=True)
    if row["state"] != "waiting":
        raise Conflict(f"dead_letter.settled.{row['state']}")
    session.execute(
        update(dead_letter_table)
        .where(dead_letter_table.c.id == dead_letter_id)
        .values(state=state, resolved_at=now, resolved_by=by, resolved_reason=reason)
    )
    return row
