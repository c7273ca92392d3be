"""The state of therapists that is published again when Kafka has lost it."""

from __future__ import annotations

from sqlalchemy import update
from sqlalchemy.orm import Session

from shared.events.republish import republish
from tests.builders.therapists import a_therapist
from tests.conftest import MONDAY
from tests.events import recorded
from therapist_service.domain import blocks
from therapist_service.domain.publishing import snapshots
from therapist_service.domain.schemas import NewBlock
from therapist_service.store.tables import Therapist


def test_blocked_and_inactive_therapists_are_published_as_such(session: Session) -> None:
    blocked, inactive = a_therapist(session), a_therapist(session)
    new = NewBlock.from_json({"reason": "rests", "until": "2026-12-24"})
    blocks.block(session, blocked.id, new, today=MONDAY.date(), by=None, now=MONDAY)
    session.execute(update(Therapist).where(Therapist.id == inactive.id).values(status="inactive", inactive_by="staff"))
    assert republish(snapshots).states == 2
    before, again = recorded(session, blocked.id)[-2:]
    assert (again["type"], again["sequence"], again["data"]) == ("therapist.updated", 3, before["data"])
    assert (again["data"]["therapist"]["status"], again["data"]["therapist"]["blocked_until"]) == (
        "blocked",
        "2026-12-24",
    )
    assert recorded(session, inactive.id)[-1]["data"]["therapist"]["status"] == "inactive"
