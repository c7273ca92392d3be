"""Searches among 400,000 therapists: with many, some or no results, one at a time and 24 at once.

One at a time they are measured by the service's own log, so that their client adds nothing.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from string import ascii_lowercase
from typing import Any

from psycopg2.extras import execute_values

from benchmarks.figures import Figure, at_most, quantile
from benchmarks.load import answered
from migrations.connections import administrator
from migrations.settings import MigrationSettings
from testkit.api_client import ApiClient
from testkit.private_platform import PrivatePlatform
from testkit.synthetic_region import therapists
from therapist_service.domain import search

DIFFERENT, TIMES = 5000, 80
ROUNDS = 3
AT_ONCE = 24
EVERYBODY = "praxis"

Row = dict[str, Any]


def measure(platform: PrivatePlatform) -> list[Figure]:
    """Measure the 99th percentile of all searches, one at a time and from 24 clients at once."""
    rows = [_row(each) for each in therapists(DIFFERENT, seed=9, region="germany")]
    api, log = ApiClient(platform.settings), platform.process("therapist_service.web").log
    with closing(administrator(MigrationSettings())) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            _load(cursor, rows)
            try:
                return list(_measure(api, log, list(_searches(rows))))
            finally:
                cursor.execute("DELETE FROM therapist_service.therapists WHERE name_key = 'benchmark'")


def _row(record: Row) -> Row:
    fields: Row = {name: record.get(name) for name in search.FIELDS}
    return {**fields, "search": f"{search.found_by(fields)} {EVERYBODY}"}


def _load(cursor: Any, rows: list[Row]) -> None:
    columns = (*search.FIELDS, "search")
    cursor.execute(f"CREATE TEMPORARY TABLE few ({', '.join(f'{name} text' for name in columns)})")
    execute_values(cursor, "INSERT INTO few VALUES %s", [tuple(row[name] for name in columns) for row in rows])
    cursor.execute(
        f"INSERT INTO therapist_service.therapists (id, name_key, {', '.join(columns)})"
        f" SELECT gen_random_uuid(), 'benchmark', {', '.join(search.FIELDS)}, search::tsvector"
        f" FROM few, generate_series(1, {TIMES})"
    )
    cursor.execute("VACUUM (ANALYZE) therapist_service.therapists")


def _searches(rows: list[Row]) -> Iterator[dict[str, Any]]:
    for letter in ascii_lowercase:
        yield {"q": letter}
        yield {"q": letter, "offset": search.MOST_FOUND - 50}
    for row in rows[:60]:
        name, city = row["last_name"], row["city"] or ""
        for q in (
            name,
            name[:3],
            city,
            f"{name} {city}",
            f"{row['first_name'] or ''} {city}",
            (row["phone"] or "")[:7],
        ):
            if q.strip():
                yield {"q": q}
    common = " ".join([EVERYBODY, *ascii_lowercase[:9]])
    for q in (EVERYBODY, f"{EVERYBODY} {EVERYBODY[:1]}", "xylophon", f"{EVERYBODY} xylophon", common, "0049", "52 0"):
        yield {"q": q}
        yield {"q": q, "offset": search.MOST_FOUND - 50}
        yield {"q": q, "offset": 2**31 - 1}


def _measure(api: ApiClient, log: Path, searches: list[dict[str, Any]]) -> Iterator[Figure]:
    def took(wanted: dict[str, Any], **more: Any) -> float:
        started = time.perf_counter()
        api.get("therapist", "/api/therapists", limit=50, **wanted, **more)
        return (time.perf_counter() - started) * 1000

    for wanted in searches[:20]:
        took(wanted, view="row")
    begin = log.stat().st_size
    asked = searches * ROUNDS
    for wanted in asked:
        took(wanted, view="row")
    times = list(answered(log, begin, "/api/therapists"))
    if len(times) != len(asked):
        raise RuntimeError(f"the log names {len(times)} of {len(asked)} searches")
    slowest = sorted(zip(times, map(str, asked), strict=True))[-3:]
    print("the slowest:", {wanted: round(took) for took, wanted in slowest})
    yield at_most("q p99 at 400,000, a page of rows", quantile(times, 0.99), "ms", 30)
    yield at_most("q p50 at 400,000, a page of rows", quantile(times, 0.5), "ms", 30)
    with ThreadPoolExecutor(AT_ONCE) as people:
        together = list(people.map(took, searches * 2))
    yield at_most(f"q p99 at 400,000, {AT_ONCE} at once", quantile(together, 0.99), "ms", 1000)
