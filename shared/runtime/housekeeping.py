"""Jobs of every worker: they delete old rows of the tables that every service has, and count the rows for metrics."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from shared.database import copies, transaction
from shared.database.idempotency import prune_idempotency
from shared.database.tables import dead_letter_table, processed_events
from shared.events import dead_letters, erasures, outbox
from shared.runtime import metrics
from shared.runtime.jobs import Job

KEEP_PUBLISHED = timedelta(days=2)
KEEP_PROCESSED = timedelta(days=100)
"""Facts stay on Kafka for 90 days and may be delivered again until then: the ids must be kept longer."""
KEEP_RESOLVED = timedelta(days=365)
PORTION = 5000


def prune(now: datetime) -> int:
    """Delete one portion of old rows; returns their number, so that a full portion is followed by another."""
    with transaction() as session:
        metrics.outbox_waiting.set(outbox.waiting(session))
        metrics.dead_letters_waiting.set(dead_letters.waiting(session))
        metrics.copies_ahead.set(copies.count_ahead(session))
        removed = outbox.prune(session, now=now, keep=KEEP_PUBLISHED, at_most=PORTION)
        removed += _prune_processed_events(session, now)
        removed += erasures.remove_dead_letters(session)
        session.execute(
            delete(dead_letter_table).where(
                dead_letter_table.c.state != "waiting", dead_letter_table.c.resolved_at < now - KEEP_RESOLVED
            )
        )
    return removed


def _prune_processed_events(session: Session, now: datetime) -> int:
    old = (
        select(processed_events.c.event_id)
        .where(processed_events.c.processed_at < now - KEEP_PROCESSED)
        .order_by(processed_events.c.processed_at)
        .limit(PORTION)
        .with_for_update(skip_locked=True)
    )
    return session.execute(delete(processed_events).where(processed_events.c.event_id.in_(old))).rowcount  # type: ignore[attr-defined, no-any-return]


def _forget_keys(now: datetime) -> int:
    with transaction() as session:
        return prune_idempotency(session, now)


HOUSEKEEPING = Job("housekeeping", timedelta(seconds=30), prune)
FORGET_KEYS = Job("forget-idempotency-keys", timedelta(minutes=10), _forget_keys)
