"""A worker's memory, whatever the file holds; `IMPORT_MEGABYTES=200` makes the files larger."""

from __future__ import annotations

import itertools
import json
import multiprocessing
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.orm import Session

from shared import database
from tests.builders.imports import EVERYTHING, FIRST, Folder, a_file
from tests.conftest import MONDAY
from therapist_service import jobs
from therapist_service.domain import import_records, imports
from therapist_service.jobs import parsing

pytestmark = pytest.mark.slow
MEGABYTES = int(os.environ.get("IMPORT_MEGABYTES", "20"))
ALLOWED = 250
"""Megabytes that a worker may need while it imports."""


def records(size: int) -> Iterator[bytes]:
    """Records of 20 kB each, with characters beyond the basic plane and text that cannot be compressed."""
    for number in range(size // 20_000):
        record = {"external_id": f"e-{number}", "last_name": "Sonnentau", "city": "Köln", "tsz": "😀" * 100}
        noise = b', "noise": "' + os.urandom(9700).hex().encode() + b'"}'
        yield json.dumps(record, ensure_ascii=False).encode()[:-1] + noise


CONTENTS: dict[str, Callable[[int], Iterator[bytes]]] = {
    "emoji": lambda size: records(size),
    "tiny": lambda size: iter([b"{}"] * min(size // 4, 1_000_000)),
    "deletions": lambda size: (b'{"external_id": "e-%d"}' % n for n in range(min(size // 25, 1_000_000))),
    "one-string": lambda size: iter([b'"' + "😀".encode() * (size // 4) + b'"']),
    "deep": lambda size: iter([b"[" * (size // 2) + b"]" * (size // 2)]),
    "one-record": lambda size: iter([b'{"a": [' + b"[]," * (size // 3) + b"1]}"]),
}


def written(path: Path, name: str) -> Path:
    """A file whose list of additions, or deletions, is as large as wanted."""
    target = "deletions" if name == "deletions" else "additions"
    before, after = json.dumps(a_file() | {"changes": {target: ["HERE"]}}).encode().split(b'"HERE"')
    with (path / FIRST).open("wb") as file:
        file.write(before)
        for number, record in enumerate(CONTENTS[name](MEGABYTES * 1_000_000)):
            file.write(b"," + record if number else record)
        file.write(after)
    os.utime(path / FIRST, ((MONDAY - timedelta(hours=1)).timestamp(),) * 2)
    return path


def peak_of_an_import(path: Path, settings: Any, whole: bool) -> tuple[float, int | None]:
    """In a process of its own: take the file, look it through, and apply it, or only its first portions."""
    database.connect(settings.database_url, pool_size=2)
    folder = Folder(path, settings)
    assert folder.watch.watch(MONDAY) == 1
    if whole:
        jobs.Applying(EVERYTHING).next(MONDAY)
    else:
        first_portions()
    (done,) = folder.imports()
    return peak_megabytes(), done.total


def peak_megabytes() -> float:
    """Of this process since it was started; `getrusage` would also count what its parent had when it forked."""
    status = Path("/proc/self/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM")) / 1024


def first_portions() -> None:
    with database.transaction() as session:
        claimed = imports.claim(session, now=MONDAY, lease=jobs.LEASE)
    assert claimed is not None
    application = jobs._Application(claimed, EVERYTHING, lambda: MONDAY, jobs.LEASE)
    file = application._read()
    portions = import_records.portions(file, start=0, records=jobs.PORTION)
    for portion, parsed in itertools.islice(parsing.parsed_ahead(file.metadata.source, portions), 3):
        application._apply(file.metadata, portion, parsed)


@pytest.mark.parametrize("name", CONTENTS)
def test_a_large_file_needs_no_large_memory(name: str, committed: Session, settings: Any, tmp_path: Path) -> None:
    path = written(tmp_path, name)
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as process:
        whole = name not in ("tiny", "deletions")
        peak, total = process.submit(peak_of_an_import, path, settings, whole).result(timeout=1800)
    print(f"{name}: {MEGABYTES} MB, {total} records, peak {peak:.0f} MB")
    assert total
    assert peak < ALLOWED
