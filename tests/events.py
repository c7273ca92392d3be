"""What a service has recorded for the world, for tests to look at."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from shared.events.tables import outbox


def recorded(session: Session, aggregate_id: Any = None) -> list[dict[str, Any]]:
    """The CloudEvents in the outbox, in order, of one aggregate or of all."""
    wanted = select(outbox.c.value).order_by(outbox.c.position)
    if aggregate_id is not None:
        wanted = wanted.where(outbox.c.key == aggregate_id)
    return [json.loads(value) for value in session.scalars(wanted)]
