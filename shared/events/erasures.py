"""What each service does about somebody who was erased, beside emptying its own tables.

Kafka may bring anything about them later: a message that cannot be handled, or the same `…erased` once more after a
rebuild, or because their source published its states anew. So a service keeps whom it had to erase, and nothing about
them beside that: their dead letters are deleted whenever they come, and each such event is confirmed anew.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import ARRAY, Text, Uuid, any_, bindparam, cast, delete, func, literal, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from shared.database.tables import dead_letter_table, erased_aggregates, outbox
from shared.events.event import Event
from shared.events.outbox import record_all

_IDS = any_(bindparam("ids", type_=ARRAY(Uuid)))


def record_erased(session: Session, ids: Sequence[UUID], *, now: datetime) -> None:
    """Note that these aggregates were erased, and delete what is kept of their events; the service has yet to confirm.

    Recorded events of such an aggregate that carry its state go too, so that a relay, or `republish`, does not publish
    them once more.
    """
    # in one order everywhere, or two workers could wait for each other
    rows = [{"id": id, "erased_at": now} for id in sorted(ids)]
    session.execute(_NOTE, rows)
    session.execute(_FORGET_RECORDED, {"ids": list(ids)})
    remove_dead_letters(session)


_new = insert(erased_aggregates)
_NOTE = _new.on_conflict_do_update(index_elements=["id"], set_={"published_at": None})
_recorded = select(outbox.c.position).where(outbox.c.key == _IDS).order_by(outbox.c.position).with_for_update()
_FORGET_RECORDED = delete(outbox).where(outbox.c.position.in_(_recorded))
"""In the order in which the relay marks what it has published."""


def confirm(session: Session, ids: Sequence[UUID], erased: Callable[[UUID], Event], *, now: datetime) -> None:
    """Record for each of these aggregates that nothing of it is left here."""
    times = count_published(session, ids, now=now)
    record_all(session, [(id, number, erased(id)) for id, number in times.items()], now=now)


def count_published(session: Session, ids: Sequence[UUID], *, now: datetime) -> dict[UUID, int]:
    """Count that this service publishes of these aggregates that they are erased here; returns how often it has now."""
    return {row.id: row.times_published for row in session.execute(_COUNT, {"ids": list(ids), "now": now})}


_COUNT = (
    update(erased_aggregates)
    .where(erased_aggregates.c.id == _IDS)
    .values(times_published=erased_aggregates.c.times_published + 1, published_at=bindparam("now"))
    .returning(erased_aggregates.c.id, erased_aggregates.c.times_published)
)


def remove_dead_letters(session: Session) -> int:
    """Delete the dead letters of everybody who was erased, also those that came later; returns their number.

    One that somebody replays or discards at this moment is left for the next time.
    """
    return session.execute(_REMOVE).rowcount  # type: ignore[attr-defined, no-any-return]


# the bytes of a key may be anything, so that the ids are written as keys are and not the other way round
_theirs = (
    select(dead_letter_table.c.id)
    .join(
        erased_aggregates,
        dead_letter_table.c.key == func.convert_to(cast(erased_aggregates.c.id, Text), literal("UTF8")),
    )
    .with_for_update(of=dead_letter_table, skip_locked=True)
)
_REMOVE = delete(dead_letter_table).where(dead_letter_table.c.id.in_(_theirs))
