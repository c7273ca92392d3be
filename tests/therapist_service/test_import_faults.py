"""Hostile files: a bad field costs that field, a bad record that record, and what fails a file is said as it is."""

from __future__ import annotations

import itertools
import json
import os
import random
import time
from datetime import timedelta
from typing import Any

import pytest
from fsspec.implementations.local import LocalFileSystem
from pydantic_core import to_json
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from tests.builders.imports import FIRST, SECOND, Folder, a_file, a_record, entries
from tests.conftest import MONDAY
from tests.hostile import BROKEN_TEXTS, COMBINING, DEPTHS, LISTS, NUMBERS, TEXTS, WRITTEN_NUMBERS
from tests.selection import mostly_slow
from therapist_service.domain import import_files
from therapist_service.domain.import_files import BLOCK, LARGEST_RECORD, Blocks
from therapist_service.domain.import_records import (
    DEEPEST,
    KNOWN,
    LARGEST_SET_ASIDE,
    LARGEST_VALUE,
    LONGEST_REASON,
    Entry,
)
from therapist_service.store.tables import ImportContent, Therapist, TherapistSource

WRITTEN: dict[str, bytes] = {
    **{f"text-{name}": json.dumps(text).encode() for name, text in TEXTS.items()},
    **{f"raw-text-{name}": json.dumps(text, ensure_ascii=False).encode() for name, text in TEXTS.items()},
    **{f"broken-{name}": json.dumps(text).encode() for name, text in BROKEN_TEXTS.items()},
    **{f"number-{name}": json.dumps(number).encode() for name, number in NUMBERS.items()},
    **{f"written-{name}": text.encode() for name, text in WRITTEN_NUMBERS.items()},
    **{f"list-{name}": json.dumps(value).encode() for name, value in LISTS.items()},
    **{f"depth-{name}": raw for name, raw in DEPTHS.items() if "open" not in name},
    "marks-400000": json.dumps("a" + COMBINING * 100_000).encode(),
    "no-json": b"nul",
    "bad-escape": rb'"\x"',
    "raw-line-break": b'"a\nb"',
    "comma": b"[1,]",
    "repeated": b'{"a": 1, "a": 2}',
    "nul-key": b'{"\\u0000": 1}',
    "surrogate-key": b'{"\\ud800": 1}',
}
"""Values as they stand in a file, valid JSON or not."""


def with_raw(name: str, raw: bytes, **fields: Any) -> bytes:
    """A record in which this field has this value, as it stands."""
    whole = json.dumps({**a_record("a-2", **fields), name: "HERE"}).encode()
    return whole.replace(b'"HERE"', raw)


def a_raw_file(*records: bytes, name: str = "additions") -> bytes:
    """A file with these records between two good ones."""
    good = [json.dumps(a_record(each)).encode() for each in ("a-1", "a-3")]
    whole = json.dumps(a_file() | {"changes": {name: "HERE"}}).encode()
    return whole.replace(b'"HERE"', b"[" + b", ".join([good[0], *records, good[1]]) + b"]")


def stored(session: Session) -> dict[str, Therapist]:
    session.expire_all()
    both = select(TherapistSource.external_id, Therapist).join(Therapist, Therapist.id == TherapistSource.therapist_id)
    return {row.external_id: row.Therapist for row in session.execute(both)}


def set_aside(session: Session, external_id: str | None) -> dict[str, Any]:
    """What was kept of a record beside the fields."""
    entry = select(TherapistSource).where(TherapistSource.external_id == external_id)
    return session.scalars(entry.execution_options(populate_existing=True)).one().set_aside


def with_each_value(field: str) -> list[bytes]:
    """A record for each hostile value, which stands in this field."""
    plain = {name: value for name, value in (("title", "Dr."), ("house_number", "5")) if name != field}
    records = (with_raw(field, raw, **plain) for raw in WRITTEN.values())
    return [record.replace(b'"a-2"', f'"b-{number}"'.encode()) for number, record in enumerate(records)]


@pytest.mark.slow
def test_an_unknown_field_never_costs_more_than_itself(folder: Folder, session: Session) -> None:
    done = folder.bring(FIRST, a_raw_file(*with_each_value("strange")))
    assert (done.status, done.counts.additions, done.counts.rejected) == ("completed", len(WRITTEN) + 2, 0)
    known, records = stored(session), folder.records(done)[1:-1]
    for record, raw in zip(records, WRITTEN.values(), strict=True):
        therapist = known[record.external_id or ""]
        assert (therapist.title, therapist.house_number, therapist.city) == ("Dr.", "5", "Aachen")
        kept = set_aside(session, record.external_id)
        assert len(json.dumps(kept, ensure_ascii=False)) <= LARGEST_SET_ASIDE + 2
        assert kept or "strange: " in (record.reason or "") or len(raw) < 60, "kept, or it is said why not"


FIELDS = sorted(KNOWN - {"external_id", "last_name"})


def parsed(raw: bytes) -> list[Entry]:
    """All records of a file, without a database."""
    file = import_files.read(Blocks(len(raw), lambda number: raw[number * BLOCK : (number + 1) * BLOCK]))
    return entries(file, end=file.total)


@pytest.mark.parametrize("field", mostly_slow(FIELDS, every=12))
def test_a_known_field_never_costs_more_than_itself(field: str) -> None:
    for name, raw in WRITTEN.items():
        if "100000" in name or len(raw) > LARGEST_VALUE:
            continue  # other tests feed these to unknown and to known fields: their size decides, not the field
        started = time.process_time()
        _, record, _ = parsed(a_raw_file(with_raw(field, raw, gender="female", house_number="5")))
        assert time.process_time() - started < 2, f"{name} takes long"
        assert record.refused is None, name
        others = {"gender": "female", "house_number": "5", "last_name": "Sonnentau", "city": "Aachen"}
        assert {each: record.values[each] for each in others if each != field}.items() <= others.items()
        assert len(record.note or "") <= LONGEST_REASON + 2
        to_json(record.set_aside).decode().encode()


@pytest.mark.slow
def test_what_is_left_of_each_field_can_be_stored(folder: Folder, session: Session) -> None:
    """Each hostile value in a known field, in turn."""
    fields = itertools.cycle(FIELDS)
    records = [
        with_raw(next(fields), raw).replace(b'"a-2"', f'"b-{n}"'.encode()) for n, raw in enumerate(WRITTEN.values())
    ]
    done = folder.bring(FIRST, a_raw_file(*records))
    assert (done.status, done.counts.additions, done.counts.rejected) == ("completed", len(WRITTEN) + 2, 0)


@pytest.mark.slow
def test_an_unknown_field_of_a_deletion_costs_nothing(folder: Folder, session: Session) -> None:
    folder.bring(FIRST, a_file([a_record("a-2")]))
    gone = [b'{"external_id": "a-2", "strange": ' + raw + b"}" for raw in WRITTEN.values()]
    done = folder.bring(SECOND, a_raw_file(*gone, name="deletions"))
    assert (done.counts.deletions, done.counts.rejected) == (1, len(gone) - 1)
    assert stored(session)["a-2"].status == "inactive"


@pytest.mark.parametrize("field", mostly_slow(["external_id", "last_name"], every=2))
def test_an_essential_field_costs_its_record_and_says_why(folder: Folder, session: Session, field: str) -> None:
    bad = [raw for name, raw in WRITTEN.items() if "text" not in name]
    done = folder.bring(FIRST, a_raw_file(*(with_raw(field, raw) for raw in bad)))
    assert (done.status, done.counts.rejected) == ("completed", len(bad))
    assert set(stored(session)) == {"a-1", "a-3"}
    refused = [record for record in folder.records(done) if record.outcome == "rejected"]
    assert all(field in (r.reason or "") or "again" in (r.reason or "") for r in refused), {r.reason for r in refused}


@pytest.mark.parametrize(
    "record",
    [b"nul", b"NaN", b"5", b'"x"', b"[]", b"{}", b'{"a" 1}', b'{"external_id": "a-2",}', b"[[[]]]", b'{"a": tru e}'],
)
@pytest.mark.parametrize("name", ["additions", "modifications", "deletions"])
def test_a_bad_record_costs_that_record(folder: Folder, session: Session, name: str, record: bytes) -> None:
    done = folder.bring(FIRST, a_raw_file(record, name=name))
    assert (done.status, done.total, done.counts.rejected) == ("completed", 3, 1)
    (refused,) = [each for each in folder.records(done) if each.outcome == "rejected"]
    assert refused.position == 1
    assert refused.reason


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ('{"metadata"', '{"metadata": {}, "metadata"', "metadata: stands in the file more than once"),
        ('"changes"', '"changes": {}, "changes"', "changes: stands in the file more than once"),
        (
            '"additions"',
            '"additions": [{"external_id": "z"}], "additions"',
            "changes.additions: stands in the file",
        ),
        ('"additions"', '"\\u0061dditions": [], "additions"', "changes.additions: stands in the file more than once"),
        ('"deletions"', '"deletions": [], "deletions"', "changes.deletions: stands in the file more than once"),
        ('"modifications"', '"modifications": [], "modifications"', "changes.modifications: stands in the file more"),
        ('"version"', '"version": "1.0", "version"', "metadata.version: stands in the file more than once"),
        ('"source": "116117.de"', '"source": "\\ud800"', "metadata.source: must be valid Unicode text"),
        ('"scrape_id": "2026112304"', '"scrape_id": "\\u0000"', "metadata.scrape_id: must not contain"),
        ('"2026-11-23T04:00:00Z"', "9" * 5000, "metadata.timestamp: holds a number that is too long"),
        ('"version": "1.0"', '"version": "2.0"', "metadata.version: must be 1.x"),
        ('"additions": [', '"additions": [{"a": "b}, ', "The file was cut off"),
        ('"additions": [', '"additions": [1 2, ', "The file is not JSON: , should follow at byte"),
        ('"additions": [', '"additions": []], [', "The file is not JSON"),
        ("{", "{{", "The file is not JSON: a name in quotes should follow at byte 1"),
        ('"unchanged_therapists": 0}}', '"unchanged_therapists": 0}} {}', "something follows the end of the JSON"),
        ('"unchanged_therapists": 0}}', '"unchanged_therapists": 0}', "The file was cut off: it ends after"),
        ("Aachen", "Aa\udcff", "The file is not UTF-8"),
        ("Aachen", "A" * 100 + "\udcc3", "The file is not UTF-8"),
    ],
)
def test_what_fails_a_file_is_said_as_it_is(folder: Folder, session: Session, old: str, new: str, reason: str) -> None:
    whole = json.dumps(a_file([a_record()]), ensure_ascii=False)
    assert old in whole
    failed = folder.bring(FIRST, whole.replace(old, new, 1).encode("utf-8", "surrogateescape"))
    assert failed.status == "failed"
    assert reason in (failed.reason or "")
    assert stored(session) == {}
    assert folder.bring(SECOND, a_file([a_record()])).counts.additions == 1


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"version"', '"note": NaN, "version"'),
        ('"version"', f'"note": {"9" * 5000}, "version"'),
        ('"version"', '"note": "\\ud800", "version"'),
        ('"statistics"', f'"note": {"[" * 5000}{"]" * 5000}, "statistics"'),
        ('"unchanged_therapists": 0', '"unchanged_therapists": NaN'),
        ('"unchanged_therapists": 0', '"unchanged_therapists": "\\ud800"'),
        ('"statistics"', '"statistics": {}, "statistics"'),
        ('"deletions"', f'"moves": [{"9" * 5000}, NaN], "deletions"'),
        ("{", "\ufeff{"),
    ],
)
def test_what_is_of_no_use_in_a_file_fails_nothing(folder: Folder, old: str, new: str) -> None:
    whole = json.dumps(a_file([a_record()])).replace(old, new, 1)
    done = folder.bring(FIRST, whole.encode())
    assert done.counts.additions == 1
    assert ("more than once" in (done.reason or "")) == new.startswith('"statistics": {}')


def test_a_repeated_key_is_named_in_the_outcome_and_the_last_value_counts(folder: Folder, session: Session) -> None:
    hours = '{"monday": [{"start": "09:00", "end": "10:00"}], "monday": [{"start": "11:00", "end": "12:00"}]}'
    record = (
        f'{{"external_id": "a-2", "last_name": "Sonnentau", "city": "Aachen", "c\\u0069ty": "Bonn", '
        f'"phone_hours": {hours}, "tsz": {{"x": 1, "x": 2}}}}'
    )
    done = folder.bring(FIRST, a_raw_file(record.encode()))
    known, reason = stored(session)["a-2"], folder.records(done)[1].reason or ""
    assert known.city == "Bonn"
    for name in ("city", "monday", "x"):
        assert f"{name}: stands there more than once" in reason
    # also beside a value that nothing can read
    hostile = record.replace('"tsz"', '"strange": NaN, "tsz"').replace("Bonn", "Köln")
    done = folder.bring(SECOND, a_raw_file(hostile.encode()))
    reason = folder.records(done)[1].reason or ""
    assert stored(session)["a-2"].city == "Köln"
    for name in ("city", "monday", "x"):
        assert f"{name}: stands there more than once" in reason
    gone = b'{"external_id": "a-9", "external_id": "a-2"}'
    done = folder.bring("therapists_20261123_070000.json", a_raw_file(gone, name="deletions"))
    assert "external_id: stands there more than once" in (folder.records(done)[1].reason or "")
    assert stored(session)["a-2"].status == "inactive"


def test_an_id_inside_another_field_is_nobodys(folder: Folder, session: Session) -> None:
    """Were it taken for the record's own, the first record would count as outdated, and nobody be imported."""
    nested = b'{"parent": {"external_id": "a-1"}, "last_name": "Nobody"}'
    broken = b'{"parent": {"external_id": "a-1"}, "strange": NaN, "last_name": "Nobody"}'
    done = folder.bring(FIRST, a_raw_file(nested, broken))
    assert (done.counts.additions, done.counts.rejected) == (2, 2)
    assert set(stored(session)) == {"a-1", "a-3"}


def test_of_two_records_the_later_counts_however_its_id_is_written(folder: Folder, session: Session) -> None:
    again = b'{"strange": NaN, "\\u0065xternal_id": " a-\\u0031 ", "last_name": "Later"}'
    folder.bring(FIRST, a_raw_file(again))
    assert {known.last_name for known in stored(session).values()} == {"Later", "Sonnentau"}


def test_unknown_fields_are_kept_as_long_as_there_is_room(folder: Folder, session: Session) -> None:
    fields = {f"field_{number}": "x" * 3000 for number in range(10)}
    done = folder.bring(FIRST, a_file([a_record(small="s", **fields)]))
    kept = set_aside(session, "a-1")
    assert list(kept)[:2] in (["small", "field_0"], ["field_0", "field_1"])
    assert len(json.dumps(kept)) <= LARGEST_SET_ASIDE
    assert "field_9: is too large to be kept" in (folder.records(done)[0].reason or "")


def test_a_value_as_deep_as_allowed_is_kept(folder: Folder, session: Session) -> None:
    for name, depth in ((FIRST, DEEPEST), (SECOND, DEEPEST + 1)):
        folder.bring(name, a_raw_file(with_raw("deep", b"[" * depth + b"]" * depth)))
        assert ("deep" in set_aside(session, "a-2")) == (depth == DEEPEST)


def test_names_of_unknown_fields_are_shown_only_where_they_are_fit_to_be(folder: Folder) -> None:
    names = ["Anna Geheim, F32.1", "x" * 5000, "\x00", "<script>", "\ud800", "ok_name"]
    done = folder.bring(FIRST, a_file([a_record(**{name: float("nan") for name in names})]))
    reason = folder.records(done)[0].reason or ""
    assert "ok_name" in reason
    assert all(name not in reason for name in names[:-1])


def test_a_record_of_ten_megabytes_costs_only_what_makes_it_large(folder: Folder, session: Session) -> None:
    large = with_raw("tsz", json.dumps(["😀" * 100] * 8000).encode(), street="Musterweg")
    assert 9_500_000 < len(large) < LARGEST_RECORD
    done = folder.bring(FIRST, a_raw_file(large))
    assert (done.counts.additions, stored(session)["a-2"].street) == (3, "Musterweg")
    assert "tsz: is too long, not kept" in (folder.records(done)[1].reason or "")


def test_a_record_that_is_larger_still_costs_itself(folder: Folder, session: Session) -> None:
    done = folder.bring(FIRST, a_raw_file(with_raw("tsz", b'"' + b"x" * LARGEST_RECORD + b'"')))
    assert (done.counts.additions, done.counts.rejected) == (2, 1)
    assert "larger" in (folder.records(done)[1].reason or "")


@pytest.mark.slow
def test_files_with_bytes_changed_at_random_never_stop_the_import(folder: Folder, session: Session) -> None:
    """Sixty files, each with a few bytes changed: each ends, and so does a good one after them."""
    chance, signs = random.Random(9), [b'"', b"{", b"]", b"\\", b"\xff", b"\x00", b","]
    whole = json.dumps(a_file([a_record(f"a-{n}", phone="0221 4710123", tsz=[{"d": 1}]) for n in range(3)])).encode()
    for number in range(60):
        damaged = bytearray(whole)
        for _ in range(chance.randint(1, 4)):
            place = chance.randrange(len(damaged))
            damaged[place : place + chance.randint(0, 2)] = chance.choice(signs)
        folder.drop(f"therapists_20261123_0400{number:02}.json", bytes(damaged))
    folder.work()
    ended = {each.status for each in folder.imports()}
    assert ended <= {"completed", "failed"}
    assert folder.bring(SECOND, a_file([a_record("last")])).status == "completed"


@pytest.mark.skipif(os.geteuid() == 0, reason="root can read every file")
def test_a_file_without_permission_fails_and_later_ones_go_on(folder: Folder) -> None:
    folder.drop(FIRST, a_file([a_record()])).chmod(0)
    folder.drop(SECOND, a_file([a_record("a-2")]))
    folder.work(MONDAY)
    assert [(each.file, each.status) for each in folder.imports()] == [(FIRST, "failed"), (SECOND, "completed")]
    assert "PermissionError" in (folder.imports()[0].reason or "")


def test_a_file_that_cannot_be_read_waits_and_then_lets_later_ones_go_on(folder: Folder) -> None:
    """A directory appears under the name between the look and the reading: root, too, cannot read that."""
    path = folder.drop(FIRST, a_file([a_record()]), at=MONDAY)
    folder.drop(SECOND, a_file([a_record("a-2")]), at=MONDAY)
    looks_like_a_file(folder, path.name)
    folder.work(MONDAY)
    assert folder.imports() == []
    folder.work(MONDAY + timedelta(minutes=2))
    failed, completed = folder.imports()
    assert (failed.status, failed.reason) == ("failed", "The file cannot be read (IsADirectoryError).")
    assert (completed.file, completed.status) == (SECOND, "completed")


class DirectoriesAsFiles(LocalFileSystem):  # type: ignore[misc] # fsspec ships no types
    """A storage that says of a directory that it is a file, as some do."""

    def ls(self, *given: Any, **named: Any) -> Any:
        found = super().ls(*given, **named)
        return [{**each, "type": "file", "mtime": MONDAY.timestamp()} for each in found]


def looks_like_a_file(folder: Folder, name: str) -> None:
    """A directory takes the file's place, in a storage that lists it as a file."""
    path = folder.path / name
    inbox = folder.watch._inbox
    assert inbox is not None
    inbox.__dict__["_opened"] = DirectoriesAsFiles(skip_instance_cache=True), inbox._opened[1]
    path.unlink()
    path.mkdir()


def test_nothing_of_a_file_stays_behind(folder: Folder, session: Session) -> None:
    folder.drop(FIRST, json.dumps(a_file([a_record()]))[:-30], at=MONDAY)
    folder.work(MONDAY)
    assert session.scalar(select(func.count()).select_from(ImportContent)) == 0
    folder.work(MONDAY + timedelta(minutes=2))
    folder.bring(SECOND, a_file([a_record()]))
    assert session.scalar(select(func.count()).select_from(ImportContent)) == 0
