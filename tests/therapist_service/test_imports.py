"""Files on their way through an import: whole or broken, in turn or out of it, and workers that die."""

from __future__ import annotations

import gzip
import json
import os
import threading
import time
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from shared.database import transaction
from shared.database.tables import outbox
from shared.errors import Unreachable
from shared.runtime.duties import Duty
from shared.runtime.jobs import Job, run_until
from testkit.synthetic_region import import_file, therapists
from tests.builders.imports import EVERYTHING, FIRST, SECOND, THIRD, Folder, a_file, a_record, records
from tests.conftest import MONDAY
from tests.events import recorded
from tests.shared.events.conftest import until
from therapist_service import jobs
from therapist_service.domain import import_files, imports
from therapist_service.domain.import_files import Blocks, ImportFile
from therapist_service.store.tables import Import, ImportContent, ImportRecord, Therapist

MINUTE = timedelta(minutes=1)


def count(session: Session, table: Any) -> int:
    return session.scalar(select(func.count()).select_from(table)) or 0


def wholesome(number: int) -> dict[str, Any]:
    return import_file(therapists(number), MONDAY)[1]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty"),
        (b" \n ", "empty"),
        (b"\x00\xff\xfe garbage", "UTF-8"),
        (b"<html>Wartung</html>", "not a JSON object"),
        (b"[]", "not a JSON object"),
        (b"null", "not a JSON object"),
        (b"[" * 200_000, "not a JSON object"),
        (json.dumps(a_file([a_record()]))[:-40], "cut off"),
        (json.dumps(a_file([a_record()])).replace('"1.0"', "NaN"), "metadata.version: must be a finite number"),
        ({"changes": {}}, "metadata: is required"),
        (a_file(version="2.0"), "metadata.version"),
        (a_file(version=1), "metadata.version"),
        (a_file() | {"metadata": {"version": "1.0"}}, "metadata.timestamp: is required"),
        (a_file() | {"changes": []}, "changes: must be an object"),
        (a_file() | {"changes": {"additions": {}}}, "changes.additions: must be a list"),
        ({"metadata": a_file()["metadata"]}, "changes: is required"),
    ],
)
def test_a_broken_file_fails_with_its_reason_and_later_ones_go_on(folder: Folder, content: Any, reason: str) -> None:
    failed = folder.bring(FIRST, content)
    assert failed.status == "failed"
    assert reason in (failed.reason or "")
    assert failed.finished_at is not None
    assert folder.bring(SECOND, a_file([a_record()])).counts.additions == 1


@pytest.mark.parametrize("version", ["1.0", "1.7", "1"])
def test_every_minor_version_is_known(folder: Folder, version: str) -> None:
    assert folder.bring(FIRST, a_file([a_record()], version=version)).status == "completed"


def test_statistics_that_do_not_add_up_are_noted(folder: Folder) -> None:
    wrong = a_file([a_record()])
    wrong["statistics"]["new_therapists"] = 7
    done = folder.bring(FIRST, wrong)
    assert (done.status, done.counts.additions) == ("completed", 1)
    assert "statistics.new_therapists is not 1" in (done.reason or "")
    for name, statistics in ((SECOND, None), (THIRD, {"new_therapists": "many"})):
        assert folder.bring(name, a_file([a_record()]) | {"statistics": statistics}).status == "completed"


def test_an_empty_list_of_changes_is_a_complete_import(folder: Folder) -> None:
    done = folder.bring(FIRST, a_file())
    assert (done.status, done.total, done.done) == ("completed", 0, 0)


def test_a_file_that_is_still_being_written_waits_and_later_ones_with_it(folder: Folder) -> None:
    whole = json.dumps(a_file([a_record()]))
    folder.drop(FIRST, whole[:-30], at=MONDAY)
    folder.drop(SECOND, a_file([a_record("a-2")]), at=MONDAY)
    folder.work(MONDAY + timedelta(seconds=10))
    assert folder.imports() == []
    folder.drop(FIRST, whole, at=MONDAY + timedelta(seconds=20))
    folder.work(MONDAY + timedelta(seconds=21))
    assert [(each.file, each.status) for each in folder.imports()] == [(FIRST, "completed"), (SECOND, "completed")]


def test_a_file_cut_in_half_fails_when_nobody_goes_on_writing(folder: Folder) -> None:
    folder.drop(FIRST, json.dumps(a_file([a_record()]))[:100], at=MONDAY)
    folder.drop(SECOND, a_file([a_record()]), at=MONDAY)
    folder.work(MONDAY + timedelta(seconds=59))
    assert folder.imports() == []
    folder.work(MONDAY + timedelta(seconds=61))
    assert [each.status for each in folder.imports()] == ["failed", "completed"]


def test_a_cut_file_from_a_clock_that_is_ahead_does_not_wait_for_ever(folder: Folder) -> None:
    folder.drop(FIRST, "{", at=MONDAY + timedelta(days=365))
    folder.work(MONDAY)
    folder.work(MONDAY + 2 * MINUTE)
    assert [each.status for each in folder.imports()] == ["failed"]


def test_files_are_applied_in_the_order_of_their_names(folder: Folder, session: Session) -> None:
    for name, city in ((THIRD, "Bonn"), (FIRST, "Aachen"), (SECOND, "Köln")):
        folder.drop(name, a_file([a_record(city=city)]))
    folder.work()
    assert [each.file for each in folder.imports()] == [FIRST, SECOND, THIRD]
    assert session.scalars(select(Therapist.city)).all() == ["Bonn"]


def test_a_file_older_than_the_last_applied_one_is_rejected(folder: Folder, session: Session) -> None:
    folder.bring(SECOND, a_file([a_record(city="Köln")]))
    late = folder.bring(FIRST, a_file([a_record(city="Aachen")]))
    assert (late.status, late.done) == ("rejected", 0)
    assert SECOND in (late.reason or "")
    assert session.scalars(select(Therapist.city)).all() == ["Köln"]


@pytest.mark.parametrize("name", ["therapists_20620101_000000.json", "therapists_20261399_000000.json"])
def test_a_file_from_the_future_or_from_no_day_at_all_would_hold_up_all_others(folder: Folder, name: str) -> None:
    assert folder.bring(name, a_file([a_record()])).status == "rejected"
    assert folder.bring(FIRST, a_file([a_record()])).status == "completed"


def test_the_same_file_twice_changes_nothing(folder: Folder, session: Session) -> None:
    file = a_file([a_record("a-1"), a_record("a-2", last_name=None)])
    folder.bring(FIRST, file)
    events, records = count(session, outbox), count(session, ImportRecord)
    folder.drop(SECOND, (folder.path / FIRST).read_bytes())
    (folder.path / FIRST).touch()
    folder.work()
    (folder.path / SECOND).touch()
    folder.work()
    original, copy = folder.imports()
    assert (copy.file, copy.status, copy.duplicate_of) == (SECOND, "rejected", original.id)
    # that of the copy, which is rejected
    assert (count(session, outbox), count(session, ImportRecord)) == (events + 1, records)
    assert count(session, ImportContent) == 0


@pytest.mark.parametrize("between", [0, jobs.PORTION])
def test_whom_a_file_deletes_by_one_id_and_adds_by_another_stays_active(
    folder: Folder, session: Session, between: int
) -> None:
    """Also where the two records are in different portions."""
    mira = {"first_name": "Mira", "street": "Musterweg", "postal_code": "52062", "phone": "+492414710555"}
    folder.bring(FIRST, a_file([a_record("a-1", **mira), a_record("a-2", first_name="Nora")]))
    folder.passes = frozenset()
    gone = ["a-1", *(f"x-{n}" for n in range(between)), "a-2"]
    done = folder.bring(SECOND, a_file([a_record("b-1", **mira, languages=["tr"])], deletions=gone))
    assert (done.counts.deletions, done.counts.waiting) == (1, 0)
    known = {each.first_name: each for each in session.scalars(select(Therapist))}
    assert {name: each.status for name, each in known.items()} == {"Mira": "active", "Nora": "inactive"}
    types = [each["type"] for each in recorded(session, known["Mira"].id)]
    assert (types, known["Mira"].languages) == (["therapist.registered", "therapist.updated"], ["tr"])


def test_other_files_in_the_folder_are_left_alone(folder: Folder) -> None:
    others = (".therapists_20261123_040000.json.part", "therapists.json", "readme.txt", f"{FIRST}.tmp", f"x\\{FIRST}")
    for name in others:
        folder.drop(name, a_file([a_record()]))
    (folder.path / SECOND).mkdir()
    folder.work()
    assert folder.imports() == []


def test_a_folder_that_is_away_is_looked_at_again(folder: Folder) -> None:
    folder.drop(FIRST, a_file([a_record()]))
    folder.path.rename(folder.path.with_name("elsewhere"))
    for _ in range(3):
        with pytest.raises(Unreachable):
            folder.work()
    assert folder.imports() == []
    folder.path.with_name("elsewhere").rename(folder.path)
    folder.work()
    assert [each.status for each in folder.imports()] == ["completed"]


def test_a_folder_that_stays_away_turns_readiness_red_and_is_logged_once(
    folder: Folder, capsys: pytest.CaptureFixture[str]
) -> None:
    away = folder.path.rename(folder.path.with_name("elsewhere"))
    stop, duty = threading.Event(), Duty("job watch-imports")
    job = Job("watch-imports", timedelta(milliseconds=10), folder.watch.watch)
    thread = threading.Thread(target=run_until, args=(job, stop, duty))
    thread.start()
    try:
        until(lambda: duty.failures > 5)
        assert "Unreachable (import.folder)" in (duty.problem() or "")
        away.rename(folder.path)
        until(lambda: duty.problem() is None)
    finally:
        stop.set()
        thread.join()
    assert capsys.readouterr().out.count("folder_unreachable") == 1


def test_what_is_no_file_to_be_read_fails_with_its_reason_and_later_ones_go_on(
    folder: Folder, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Two gigabytes, a link out of the folder, one to nothing, a pipe that would never end, a compressed file."""
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "secret.json"
    elsewhere.write_text(json.dumps(a_file([a_record("secret")])))
    names = [f"therapists_20261123_0400{number:02}.json" for number in range(5)]
    with (folder.path / names[0]).open("wb") as file:
        file.truncate(2 << 30)
    (folder.path / names[1]).symlink_to(elsewhere)
    (folder.path / names[2]).symlink_to("nothing")
    os.mkfifo(folder.path / names[3])
    folder.drop(f"{names[4]}.gz", gzip.compress(bytes(1 << 20)))
    folder.drop(SECOND, a_file([a_record()]))
    folder.work()
    *failed, done = folder.imports()
    assert [each.status for each in failed] == ["failed"] * 5
    assert [(each.reason or "").split(":")[0].split(" bytes")[0] for each in failed] == [
        "The file is larger than 1073741824",
        *["It is a link, a pipe or a device"] * 3,
        "It is compressed",
    ]
    assert (done.file, done.counts.additions) == (SECOND, 1)
    folder.work()
    assert len(folder.imports()) == 6, "each is refused once"


def looked_through(session: Session, claimed: imports.ImportClaim) -> ImportFile:
    return import_files.read(Blocks(claimed.size, lambda number: imports.block(session, claimed, number)))


def one_of_each(session: Session, number: int) -> None:
    """Assert that every record has one outcome and every therapist one event."""
    positions = session.scalars(select(ImportRecord.position).order_by(ImportRecord.position)).all()
    assert positions == list(range(number))
    assert count(session, Therapist) == number
    published = Counter(session.scalars(select(outbox.c.key).where(outbox.c.topic == "therapist.events")))
    assert (len(published), set(published.values())) == (number, {1})


@pytest.mark.slow
def test_after_a_crash_another_worker_goes_on_where_it_was_left(folder: Folder, session: Session) -> None:
    folder.drop(FIRST, wholesome(1200))
    assert folder.watch.watch(MONDAY) == 1
    with transaction() as first:
        claimed = imports.claim(first, now=MONDAY, lease=jobs.LEASE)
        assert claimed is not None
        file = looked_through(first, claimed)
        imports.begin(first, claimed, file, now=MONDAY, lease=jobs.LEASE)
    portion = records(file, end=500)
    with transaction() as first:
        imports.apply(first, claimed, file.metadata, portion, passes=EVERYTHING, now=MONDAY, lease=jobs.LEASE)
    (folder.path / FIRST).unlink()  # not even the file is needed any more
    # here the worker dies; until its claim runs out nobody touches the import
    assert jobs.Applying(EVERYTHING).next(MONDAY + jobs.LEASE / 2) == 0
    assert session.scalars(select(Import.done)).all() == [500]
    assert jobs.Applying(EVERYTHING).next(MONDAY + 2 * jobs.LEASE) == 1
    one_of_each(session, 1200)
    (done,) = folder.imports()
    assert (done.status, done.counts.additions, done.done) == ("completed", 1200, 1200)
    # and should the first worker only have slept, it finds its claim gone
    with pytest.raises(imports.ClaimLost), transaction() as first:
        imports.apply(first, claimed, file.metadata, portion, passes=EVERYTHING, now=MONDAY, lease=jobs.LEASE)
    one_of_each(session, 1200)


def test_a_worker_that_stops_gives_the_import_back_at_the_next_portion(
    folder: Folder, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.drop(FIRST, wholesome(510))
    folder.watch.watch(MONDAY)
    stopping, portion = jobs.Applying(EVERYTHING), jobs._Application._apply

    def stop_after_a_portion(*given: Any) -> None:
        portion(*given)
        stopping.release(MONDAY)

    with monkeypatch.context() as patch:
        patch.setattr(jobs._Application, "_apply", stop_after_a_portion)
        stopping.next(MONDAY)
    assert session.scalars(select(Import.done)).all() == [500]
    jobs.Applying(EVERYTHING).next(MONDAY)
    one_of_each(session, 510)
    stopping.release(MONDAY)
    assert [each.status for each in folder.imports()] == ["completed"]


def test_a_portion_that_fails_half_way_leaves_nothing_behind(folder: Folder, session: Session) -> None:
    folder.drop(FIRST, wholesome(20))
    folder.watch.watch(MONDAY)
    with transaction() as first:
        claimed = imports.claim(first, now=MONDAY, lease=jobs.LEASE)
        assert claimed is not None
        file = looked_through(first, claimed)
        imports.begin(first, claimed, file, now=MONDAY, lease=jobs.LEASE)
    portion = records(file, end=20)

    def die_half_way() -> None:
        with transaction() as first:
            imports.apply(first, claimed, file.metadata, portion, passes=EVERYTHING, now=MONDAY, lease=jobs.LEASE)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        die_half_way()
    assert (count(session, Therapist), count(session, ImportRecord), count(session, outbox)) == (0, 0, 0)
    jobs.Applying(EVERYTHING).next(MONDAY + 2 * jobs.LEASE)
    one_of_each(session, 20)


def test_a_record_that_the_database_refuses_is_alone_in_its_fate(folder: Folder, session: Session) -> None:
    records = [a_record(f"a-{n}") for n in range(30)]
    too_large = a_record("a-30", qualifications=[f"{n:03}" + "x" * 190 for n in range(100)])
    too_large["offers"] = ["\U0001f600" * 199 + str(n) for n in range(100)]
    done = folder.bring(FIRST, a_file([*records[:13], a_record("a\t1"), a_record("a\t1"), *records[13:], too_large]))
    assert (done.status, done.total) == ("completed", 33)
    assert count(session, Therapist) == 32
    assert (done.counts.additions, done.counts.rejected) == (32, 1)


def test_no_two_workers_are_at_work_at_once(folder: Folder) -> None:
    for name in (FIRST, SECOND):
        folder.drop(name, a_file([a_record(name)]))
        folder.watch.watch(MONDAY)
    with transaction() as one:
        first = imports.claim(one, now=MONDAY, lease=jobs.LEASE)
        assert first is not None
        assert first.file == FIRST
    with transaction() as other:
        assert imports.claim(other, now=MONDAY, lease=jobs.LEASE) is None
    with transaction() as other:
        taken_over = imports.claim(other, now=MONDAY + 2 * jobs.LEASE, lease=jobs.LEASE)
        assert taken_over is not None
        assert (taken_over.import_id, taken_over.term) == (first.import_id, first.term + 1)


def test_two_workers_at_the_same_files_do_everything_once(
    committed: Session, settings: Any, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("inbox")
    workers = [Folder(path, settings), Folder(path, settings)]
    records = list(therapists(1600))
    workers[0].drop(FIRST, a_file(records[:900]))
    workers[0].drop(SECOND, a_file(records[900:]))
    start, problems = threading.Barrier(2), []

    def work(folder: Folder) -> None:
        try:
            start.wait()
            for _ in range(200):
                folder.work()
                if [each.status for each in folder.imports()] == ["completed", "completed"]:
                    return
                time.sleep(0.05)
        except BaseException as problem:
            problems.append(problem)

    threads = [threading.Thread(target=work, args=(worker,)) for worker in workers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert problems == []
    assert [(each.file, each.status) for each in workers[0].imports()] == [(FIRST, "completed"), (SECOND, "completed")]
    assert count(committed, ImportRecord) == 1600
    published = Counter(committed.scalars(select(outbox.c.key).where(outbox.c.topic == "therapist.events")))
    assert (len(published), set(published.values())) == (1600, {1})


@pytest.mark.slow
def test_five_thousand_records_in_a_few_seconds(folder: Folder, session: Session) -> None:
    started = time.monotonic()
    done = folder.bring(FIRST, wholesome(5000))
    assert (done.status, done.counts.additions, done.counts.rejected) == ("completed", 5000, 0)
    one_of_each(session, 5000)
    assert time.monotonic() - started < 60, "the benchmark says how fast; this only notices a mistake"
