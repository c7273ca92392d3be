"""What a service has recorded for the world, for tests to look at; and events as others would write them."""

from __future__ import annotations

import json
from datetime import UTC
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from shared.database.tables import outbox
from shared.events.event import Event


def recorded(session: Session, aggregate_id: Any = None) -> list[dict[str, Any]]:
    """The CloudEvents in the outbox, in order, of one aggregate or of all."""
    wanted = select(outbox.c.value).order_by(outbox.c.position)
    if aggregate_id is not None:
        wanted = wanted.where(outbox.c.key == aggregate_id)
    return [json.loads(value) for value in session.scalars(wanted)]


def recorded_data(session: Session, type: str) -> list[dict[str, Any]]:
    """The data of the events of this type in the outbox, in order."""
    return [event["data"] for event in recorded(session) if event["type"] == type]


def document(event: Event) -> str:
    """The CloudEvents document of an event that has an envelope, by the book and not by the outbox's shortcuts."""
    envelope = event.envelope
    members = {
        "specversion": "1.0",
        "id": str(envelope.id),
        "source": envelope.source,
        "type": envelope.type,
        "subject": str(envelope.subject),
        "time": envelope.time.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        "datacontenttype": "application/json",
        "sequence": envelope.sequence,
        "correlationid": envelope.correlation_id,
        "traceparent": envelope.traceparent,
        **({"republished": True} if envelope.republished else {}),
        "data": event.model_dump(mode="json"),
    }
    return json.dumps(members, ensure_ascii=False, separators=(",", ":"))
