"""Telling the world anew what is: every aggregate, in its order, and what the outbox still keeps."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import func, select, text, update
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from matching_service.domain import publishing
from shared import database
from shared.database import new_id
from shared.database.tables import outbox
from shared.errors import Unreachable
from shared.events.event import StateEvent
from shared.events.republish import RepublishResult, publish_unknown_aggregates, republish, wait_until_published
from tests.builders.therapists import a_therapist
from tests.conftest import MONDAY
from tests.events import recorded
from therapist_service.domain import blocks, therapists
from therapist_service.domain.publishing import snapshots
from therapist_service.domain.schemas import NewBlock
from therapist_service.store.tables import Therapist

NOWHERE = UUID(int=0)


def published(session: Session, therapist_id: UUID) -> list[tuple[str, int]]:
    return [(event["type"], event["sequence"]) for event in recorded(session, therapist_id)]


def test_every_aggregate_is_published_once_with_its_next_sequence_however_many_portions_it_takes(
    session: Session,
) -> None:
    known = [a_therapist(session) for _ in range(5)]
    reported: list[int] = []
    assert republish(snapshots, portion=2, progress=reported.append) == RepublishResult(kept=0, states=5)
    assert reported == [2, 4, 5]
    for each in known:
        assert published(session, each.id) == [("therapist.registered", 1), ("therapist.updated", 2)]
        assert therapists.get(session, each.id) == each


def test_a_run_that_dies_halfway_is_simply_run_again(session: Session) -> None:
    first, second = a_therapist(session), a_therapist(session)

    def dying(session: Session, *, after: UUID, limit: int, now: datetime) -> Sequence[tuple[Therapist, StateEvent]]:
        found = snapshots(session, after=after, limit=limit, now=now)
        if after != NOWHERE:
            raise KeyboardInterrupt
        return found

    with pytest.raises(KeyboardInterrupt):
        republish(dying, portion=1)
    assert [len(published(session, each.id)) for each in (first, second)] == [2, 1]
    republish(snapshots, portion=1)
    assert [sequence for _, sequence in published(session, first.id)] == [1, 2, 3]
    assert [sequence for _, sequence in published(session, second.id)] == [1, 2]


def test_a_change_afterwards_comes_after_it(session: Session) -> None:
    known = a_therapist(session)
    republish(snapshots)
    blocks.block(session, known.id, NewBlock(reason="rests"), today=MONDAY.date(), by=None, now=MONDAY)
    assert published(session, known.id)[1:] == [("therapist.updated", 2), ("therapist.blocked", 3)]


def test_what_the_outbox_keeps_waits_once_more_and_before_the_states(session: Session) -> None:
    known = a_therapist(session)
    session.execute(update(outbox).values(published_at=MONDAY))
    waiting = a_therapist(session)
    assert republish(None) == RepublishResult(kept=1, states=0)
    assert republish(snapshots) == RepublishResult(kept=0, states=2)
    in_order = (
        select(outbox.c.key, outbox.c.sequence).where(outbox.c.published_at.is_(None)).order_by(outbox.c.position)
    )
    assert [tuple(row) for row in session.execute(in_order)] == [
        (known.id, 1), (waiting.id, 1), (known.id, 2), (waiting.id, 2),
    ]  # fmt: skip


@pytest.mark.usefixtures("committing")
def test_nobody_changes_an_aggregate_while_its_state_is_being_recorded() -> None:
    with database.transaction() as session:
        known = a_therapist(session)
    with database.transaction() as recording:
        ((locked, _),) = snapshots(recording, after=NOWHERE, limit=10, now=MONDAY)
        assert locked.id == known.id
        with pytest.raises(OperationalError, match="could not obtain lock"), database.transaction() as other:
            other.execute(text("SELECT 1 FROM therapists WHERE id = :id FOR UPDATE NOWAIT"), {"id": known.id})


def test_the_end_is_when_all_that_was_recorded_is_published(session: Session) -> None:
    for _ in range(3):
        a_therapist(session)
    reported: list[int] = []

    def publish_one(waiting: int) -> None:
        reported.append(waiting)
        first = select(func.min(outbox.c.position)).where(outbox.c.published_at.is_(None)).scalar_subquery()
        session.execute(update(outbox).where(outbox.c.position == first).values(published_at=MONDAY))
        session.commit()

    wait_until_published(publish_one)
    assert reported == [3, 2, 1, 0]


def test_without_a_relay_the_wait_ends_with_the_reason(session: Session, connection: Any) -> None:
    a_therapist(session)
    session.commit()
    with pytest.raises(Unreachable, match="is a worker running"):
        wait_until_published(lambda _: None, stalled_seconds=0)


def test_a_denial_is_recorded_under_a_number_that_is_free(session: Session) -> None:
    ids = [new_id(), new_id()]
    assert publish_unknown_aggregates(ids, publishing.unknown_request) == 2
    assert publish_unknown_aggregates(ids[:1], publishing.unknown_request) == 1
    assert [(e["sequence"], e["republished"]) for e in recorded(session, ids[0])] == [(1, True), (2, True)]
    assert [e["type"] for e in recorded(session, ids[1])] == ["matching.request_unknown"]
