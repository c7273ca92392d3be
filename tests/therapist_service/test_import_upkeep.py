"""What is looked after of imports: records of long ago, and the figures that an operator is alerted by."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from prometheus_client import REGISTRY
from sqlalchemy import func, select, text
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.orm import Session

from shared.database import new_id
from tests.builders.imports import FIRST, SECOND, THIRD, Folder, a_file, a_record
from tests.conftest import MONDAY
from therapist_service.domain import import_upkeep
from therapist_service.jobs.upkeep import remove_old_import_records, remove_old_reviews, show_import_figures
from therapist_service.store.tables import Import, ImportRecord, ImportReview

LONG_AGO = MONDAY - timedelta(days=200)
NINETY = 90


def records(session: Session) -> int:
    return session.scalar(select(func.count()).select_from(ImportRecord)) or 0


def test_records_go_after_ninety_days_in_portions_and_the_import_stays_known(
    folder: Folder, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(import_upkeep, "AT_ONCE", 2)
    old = folder.bring("therapists_20260507_040000.json", a_file([a_record(f"a-{n}") for n in range(3)]), now=LONG_AGO)
    folder.bring(FIRST, a_file([a_record("b-1")]))
    day = timedelta(days=1)
    assert remove_old_import_records(NINETY, LONG_AGO + 90 * day) == 0
    removed = [remove_old_import_records(NINETY, LONG_AGO + 90 * day + timedelta(seconds=1)) for _ in range(3)]
    assert (removed, records(session)) == ([2, 1, 0], 1)
    shown = folder.imports()[0]
    assert (shown.id, shown.counts.additions, folder.records(shown)) == (old.id, 3, [])
    folder.work()
    assert len(folder.imports()) == 2, "it lies in the folder and is known"


def test_the_database_keeps_what_is_younger_than_a_month_whatever_the_service_asks(
    folder: Folder, session: Session
) -> None:
    known = folder.bring(FIRST, a_file([a_record("a-1")]))
    session.execute(
        text("UPDATE imports SET finished_at = now() - interval '29 days' WHERE id = :id"), {"id": known.id}
    )
    assert session.scalar(select(func.remove_import_records(known.id, 10))) == 0
    assert records(session) == 1
    with pytest.raises(ProgrammingError, match="permission denied"), session.begin_nested():
        session.execute(text("DELETE FROM import_records"))


def shown(name: str) -> float | None:
    return REGISTRY.get_sample_value(f"platform_import{name}")


def test_figures_say_what_is_missing_unusual_failed_or_waits(folder: Folder, session: Session) -> None:
    def figures(after: timedelta = timedelta()) -> Any:
        return import_upkeep.figures(session, now=MONDAY + after)

    nothing = figures()
    assert (nothing.held, nothing.seconds_since_file, nothing.is_not_applied, nothing.size_ratio) == (
        0,
        None,
        None,
        None,
    )
    for number in range(5):
        usual = a_file([a_record(f"a-{number}-{each}") for each in range(4)])
        folder.bring(f"therapists_2026111{number}_040000.json", usual, now=MONDAY - timedelta(days=10 - number))
    assert figures().size_ratio is None, "of so few nothing is usual"
    folder.bring(FIRST, a_file([a_record(f"b-{each}") for each in range(40)]), now=MONDAY)
    now = figures(timedelta(hours=27))
    assert (now.seconds_since_file, now.is_not_applied, 3 < now.size_ratio < 10) == (27 * 3600, False, True)
    folder.bring(SECOND, a_file([], deletions=[f"b-{each}" for each in range(40)]), now=MONDAY)
    folder.bring(THIRD, "[]", now=MONDAY)
    show_import_figures(MONDAY)
    assert (shown("s_held"), shown("_file_age_seconds"), shown("_file_not_applied")) == (1, 0, 0)
    failed = session.scalars(select(Import).where(Import.file == THIRD)).one()
    assert failed.status == "running", "it waits for the held one"


def a_review(session: Session, external_id: str, *, at: datetime, **fields: Any) -> UUID:
    """A review that was overtaken at that moment, unless something else is said."""
    same = {"position": 0, "source_name": "116117.de", "external_id": external_id, "kind": "contact"}
    review = ImportReview(id=new_id(), created_at=at, updated_at=at, **same, **{"state": "superseded", **fields})
    session.add(review)
    session.flush()
    return review.id


def test_reviews_go_after_ninety_days_but_for_what_waits_and_what_was_rejected(session: Session) -> None:
    decided = {"state": "rejected", "decided_at": LONG_AGO, "declined": {"phone": "+49241111111"}}
    a_review(session, "a-1", at=LONG_AGO, **decided)
    remembers = a_review(session, "a-1", at=LONG_AGO, **decided)
    a_review(session, "a-2", at=LONG_AGO, state="approved", decided_at=LONG_AGO)
    waits = a_review(session, "a-3", at=LONG_AGO, state="pending")
    younger = a_review(session, "a-4", at=MONDAY - timedelta(days=89))
    assert [remove_old_reviews(NINETY, MONDAY) for _ in range(2)] == [2, 0]
    assert set(session.scalars(select(ImportReview.id))) == {remembers, waits, younger}
