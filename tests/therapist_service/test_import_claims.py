"""Two workers and one slow record; workers that end again and again at the same place."""

from __future__ import annotations

import threading
import time
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from shared.database import transaction
from tests.builders.imports import EVERYTHING, FIRST, SECOND, Folder, a_file, a_record
from tests.conftest import MONDAY
from therapist_service import jobs
from therapist_service.domain import imports
from therapist_service.store.tables import Import, ImportRecord, TherapistSource

SHORT = timedelta(seconds=1.5)
SLOW = b'{"tsz": [' + b"[[[[[[[[]]]]]]]]," * 600_000 + b'1], "external_id": "slow", "last_name": "Sonnentau"}'
"""Takes longer to look at than a short claim lasts: bracket by bracket, in Python."""


def claimed(now: datetime) -> imports.ImportClaim:
    with transaction() as session:
        claim = imports.claim(session, now=now, lease=jobs.LEASE)
    assert claim is not None
    return claim


def tried(claim: imports.ImportClaim, position: int) -> bool:
    with transaction() as session:
        return imports.try_alone(session, claim, position)


def later(number: int) -> datetime:
    """When the claims of so many workers have run out."""
    return MONDAY + number * 2 * jobs.LEASE


@pytest.mark.slow
def test_a_record_that_takes_longer_than_the_claim_lasts_is_looked_at_once(
    committed: Session, settings: Any, tmp_path: Path
) -> None:
    folder = Folder(tmp_path, settings)
    whole = a_file([a_record("a-1"), "SLOW", a_record("a-2")])
    path = folder.drop(FIRST, whole)
    path.write_bytes(path.read_bytes().replace(b'"SLOW"', SLOW))
    folder.drop(SECOND, a_file([a_record("a-3")]))
    while folder.watch.watch(MONDAY):
        pass
    at_work = [jobs.Applying(EVERYTHING, SHORT) for _ in range(2)]
    ended = threading.Event()
    started = time.monotonic()

    def work(applying: jobs.Applying) -> None:
        while not ended.is_set():
            applying.next(MONDAY + timedelta(seconds=time.monotonic() - started))
            time.sleep(0.05)

    threads = [threading.Thread(target=work, args=(applying,)) for applying in at_work]
    for thread in threads:
        thread.start()
    while any(each.status == "running" for each in folder.imports()) and time.monotonic() - started < 120:
        time.sleep(0.2)
    ended.set()
    for thread in threads:
        thread.join(60)
    took = time.monotonic() - started
    assert took > SHORT.total_seconds(), "else this shows nothing"
    assert [(each.file, each.status, each.counts.additions) for each in folder.imports()] == [
        (FIRST, "completed", 3), (SECOND, "completed", 1),
    ]  # fmt: skip
    assert committed.scalars(select(Import.term)).all() == [1, 1]


def test_a_record_at_which_workers_end_is_set_aside_and_the_others_go_on(folder: Folder, session: Session) -> None:
    folder.drop(FIRST, a_file([a_record(f"a-{n}") for n in range(4)]))
    folder.drop(SECOND, a_file([a_record("later")]))
    while folder.watch.watch(MONDAY):
        pass
    first = claimed(MONDAY)  # and it dies without a word, nobody knows where
    assert not first.is_careful
    for number in range(1, imports.TRIES + 1):
        assert jobs.Applying(EVERYTHING).next(later(number) - jobs.LEASE - timedelta(seconds=1)) == 0
        claim = claimed(later(number))
        assert claim.is_careful
        if number == 1:  # the first records are harmless
            total_of(claim, 4)
        assert tried(claim, 0)
    folder.work(later(imports.TRIES + 1))
    assert [(each.status, each.counts.additions, each.counts.rejected) for each in folder.imports()] == [
        ("completed", 3, 1), ("completed", 1, 0),
    ]  # fmt: skip
    refused = session.scalars(select(ImportRecord).where(ImportRecord.outcome == "rejected")).one()
    assert (refused.position, refused.reason) == (0, "set aside: 3 workers ended while they looked at it")
    assert set(session.scalars(select(TherapistSource.external_id))) == {"a-1", "a-2", "a-3", "later"}


def total_of(claim: imports.ImportClaim, total: int) -> None:
    """The file was looked through, and need not be held."""
    with transaction() as session:
        known = session.get_one(Import, claim.import_id)
        known.total, known.tries, known.judged_at = total, 0, MONDAY


def test_workers_that_end_at_different_places_cost_nobody_anything(folder: Folder, session: Session) -> None:
    folder.drop(FIRST, a_file([a_record(f"a-{n}") for n in range(4)]))
    folder.watch.watch(MONDAY)
    total_of(claimed(MONDAY), 4)
    for position in range(4):
        for number in range(imports.TRIES - 1):
            claim = claimed(later(1 + position * imports.TRIES + number))
            assert tried(claim, position)
    folder.work(later(40))
    (done,) = folder.imports()
    assert (done.status, done.counts.additions, done.counts.rejected) == ("completed", 4, 0)


def test_a_file_at_which_workers_end_fails_and_later_ones_go_on(folder: Folder) -> None:
    folder.drop(FIRST, a_file([a_record()]))
    folder.drop(SECOND, a_file([a_record("later")]))
    while folder.watch.watch(MONDAY):
        pass
    for number in range(imports.TRIES):
        assert claimed(later(number)).file == FIRST
    folder.work(later(imports.TRIES))
    failed, completed = folder.imports()
    assert (failed.status, completed.status) == ("failed", "completed")
    assert "3 workers ended" in (failed.reason or "")


def test_workers_that_stop_in_order_cost_nobody_anything(folder: Folder) -> None:
    folder.drop(FIRST, a_file([a_record()]))
    folder.watch.watch(MONDAY)
    for _ in range(3 * imports.TRIES):
        claim = claimed(MONDAY)
        assert not claim.is_careful
        with transaction() as session:
            imports.release(session, claim, now=MONDAY)
    folder.work(MONDAY)
    assert [each.status for each in folder.imports()] == ["completed"]


def test_a_claim_is_renewed_only_by_who_holds_it(folder: Folder, session: Session) -> None:
    folder.drop(FIRST, a_file([a_record()]))
    folder.watch.watch(MONDAY)
    first = claimed(MONDAY)
    with transaction() as renewing:
        imports.renew(renewing, first, now=later(1), lease=jobs.LEASE)
    with transaction() as other:
        assert imports.claim(other, now=later(1), lease=jobs.LEASE) is None
    second = claimed(later(2))
    with pytest.raises(imports.ClaimLost), transaction() as renewing:
        imports.renew(renewing, first, now=later(2), lease=jobs.LEASE)
    assert session.scalars(select(Import.term)).all() == [second.term]
