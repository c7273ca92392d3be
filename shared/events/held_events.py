"""The events in which a patient is named, as they lie in a service: for the export of all that is held."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

from sqlalchemy import func, literal, or_, select

from shared.database import Session
from shared.database.tables import dead_letter_table, outbox
from shared.values.patient_data import HeldEvent


def of_patient(session: Session, patient_id: UUID) -> list[HeldEvent]:
    """Every event of which the key or the content names the patient; both tables are looked through."""
    return [*_own(session, patient_id), *_set_aside(session, patient_id)]


def _own(session: Session, patient_id: UUID) -> Iterator[HeldEvent]:
    columns = (outbox.c.event_id, outbox.c.topic, outbox.c.recorded_at, outbox.c.value)
    named = or_(outbox.c.key == patient_id, outbox.c.value.contains(str(patient_id)))
    for id, topic, recorded_at, value in session.execute(select(*columns).where(named).order_by(outbox.c.position)):
        yield HeldEvent(held_in="outbox", id=id, topic=topic, recorded_at=recorded_at, content=value)


def _set_aside(session: Session, patient_id: UUID) -> Iterator[HeldEvent]:
    table, wanted = dead_letter_table.c, literal(str(patient_id).encode())
    # its bytes need not be text
    named = or_(table.key == wanted, func.position(wanted.op("IN")(table.value)) > 0)
    columns = (table.id, table.topic, table.created_at, table.value)
    for id, topic, created_at, value in session.execute(select(*columns).where(named).order_by(table.created_at)):
        content = (value or b"").decode(errors="replace").replace("\x00", "\ufffd")
        yield HeldEvent(held_in="dead_letters", id=id, topic=topic, recorded_at=created_at, content=content)
