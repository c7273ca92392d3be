"""The events in which a patient is named, as they lie in a service: for the export of all that is held."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from uuid import UUID

from sqlalchemy import func, literal, or_, select

from shared.database import Session
from shared.database.tables import dead_letter_table, outbox
from shared.values.patient_data import HeldEvent


def of_patient(session: Session, ids: Sequence[UUID]) -> list[HeldEvent]:
    """Every event of which the key or the content names one of these files of a patient; both tables are looked
    through.
    """
    return [*_own(session, ids), *_set_aside(session, ids)]


def _own(session: Session, ids: Sequence[UUID]) -> Iterator[HeldEvent]:
    columns = (outbox.c.event_id, outbox.c.topic, outbox.c.recorded_at, outbox.c.value)
    named = or_(outbox.c.key.in_(ids), *(outbox.c.value.contains(str(each)) for each in ids))
    for id, topic, recorded_at, value in session.execute(select(*columns).where(named).order_by(outbox.c.position)):
        yield HeldEvent(held_in="outbox", id=id, topic=topic, recorded_at=recorded_at, content=value)


def _set_aside(session: Session, ids: Sequence[UUID]) -> Iterator[HeldEvent]:
    table, wanted = dead_letter_table.c, [literal(str(each).encode()) for each in ids]
    # its bytes need not be text
    named = or_(table.key.in_(wanted), *(func.position(each.op("IN")(table.value)) > 0 for each in wanted))
    columns = (table.id, table.topic, table.created_at, table.value)
    for id, topic, created_at, value in session.execute(select(*columns).where(named).order_by(table.created_at)):
        content = (value or b"").decode(errors="replace").replace("\x00", "\ufffd")
        yield HeldEvent(held_in="dead_letters", id=id, topic=topic, recorded_at=created_at, content=content)
