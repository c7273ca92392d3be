"""A file of 400,000 therapists, of more than 256 MiB: how fast it goes through, and in how much memory."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from benchmarks.figures import Figure, at_least, at_most
from benchmarks.therapists import counted, imported, peak_megabytes, seconds_of
from testkit.api_client import ApiClient
from testkit.private_platform import PrivatePlatform
from testkit.synthetic_region import import_file, therapists

THERAPISTS = 400_000
DIFFERENT = 20_000
SMALLEST = 256 << 20


def measure(platform: PrivatePlatform) -> list[Figure]:
    """Measure the speed of the import and the memory of a worker that has done nothing else."""
    platform.process("therapist_service.worker").stop()
    platform.up(["therapist_service.worker"])
    api = ApiClient(platform.settings)
    done = imported(api, _drop(api), seconds=1800)
    counted(done, additions=THERAPISTS)
    pid = platform.process("therapist_service.worker").pid
    return [
        at_least("import of 400,000 therapists in one file", THERAPISTS / seconds_of(done), "records/s", 1000),
        at_most("memory of the worker that imported them, peak", peak_megabytes(pid), "MB", 250),
    ]


def _drop(api: ApiClient) -> str:
    """Write the file record by record; its name."""
    name, document = import_file([{"external_id": "HERE"}], datetime.now(UTC))
    document["statistics"] |= {"total_therapists_scraped": THERAPISTS, "new_therapists": THERAPISTS}
    before, _, after = json.dumps(document).partition('{"external_id": "HERE"}')
    part = api.import_folder / f".{name}.part"
    with part.open("w", encoding="utf-8") as file:
        file.write(before)
        for number, record in enumerate(_records()):
            file.write(("," if number else "") + json.dumps(record, ensure_ascii=False))
        file.write(after)
        if file.tell() < SMALLEST:
            raise RuntimeError("the file is smaller than it should be")
    os.replace(part, api.import_folder / name)
    return name


def _records() -> Iterator[dict[str, Any]]:
    different = list(therapists(DIFFERENT, seed=400, region="germany"))
    for number in range(THERAPISTS):
        record = different[number % DIFFERENT]
        # nobody whom an earlier benchmark imported: else one in twenty would wait, since they may be the same
        own = {"last_name": f"{record['last_name']}-Weit", "street": "Weiter Weg"}
        yield {**record, **own, "external_id": f"large-{number:06}", "tsz": "x" * 200}
