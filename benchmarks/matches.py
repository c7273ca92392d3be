"""`POST /api/matches` among 40,000 and 400,000 therapists, at 25 and 100 km, beside the same statement executed bare.

Requests are measured by the service's own log, so that their client adds nothing; the bare statement by a connection
through the same PgBouncer, in turns with them. There are earlier requests to 40,000 practices, so that they have
answers, a load and patients who wait. Copies of other benchmarks are removed before, and those of this one after it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

from psycopg2.extras import execute_values
from sqlalchemy import Engine, event

from benchmarks.contact_plans import copied_therapist
from benchmarks.figures import Figure, at_most, quantile, share_at_most
from benchmarks.load import answered
from matching_service.domain import matches
from matching_service.domain.match_schemas import MatchQuestion
from matching_service.settings import AskAgainRules, Settings
from migrations.connections import administrator
from migrations.settings import MigrationSettings
from shared import database
from shared.database import new_id, transaction
from shared.runtime import clock
from shared.values.datetimes import berlin_day
from shared.values.places import to_ewkt
from shared.values.postal_codes import areas
from testkit.api_client import ApiClient
from testkit.private_platform import PrivatePlatform
from testkit.synthetic_region import therapists

THERAPISTS, TIMES = 40_000, 10
WAITING = 2000
"""Other patients, for whom practices were asked."""
ASKED = 100
"""Requests for each of them."""
POSTAL_CODES = ("52062", "50667", "10115", "20095", "80331", "60311", "95028", "17033")
TURNS = {1: 960, TIMES: 480}
"""Questions at each distance, by how many times as many therapists there are: the slowest hundredth is more than a
single pause of the machine."""
MARK = -7
"""The sequence of the rows, older than of any event."""
GOALS = {25: 12.0, 100: 35.0}
"""Kilometres, and the milliseconds that are the goal among 40,000."""


def measure(platform: PrivatePlatform) -> list[Figure]:
    """Measure the 99th percentile at both radiuses, among both numbers of therapists."""
    database.connect(Settings().database_url)
    with closing(administrator(MigrationSettings())) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            _remove_all(cursor)
            try:
                return list(_measure(platform, cursor))
            finally:
                _remove_all(cursor)


def _remove_all(cursor: Any) -> None:
    # to delete so many rows one by one takes longer than the measurement
    cursor.execute("TRUNCATE matching_service.placement_requests, matching_service.therapists CASCADE")
    cursor.execute("TRUNCATE matching_service.patients")


def _measure(platform: PrivatePlatform, cursor: Any) -> Iterator[Figure]:
    patients = _load(cursor)
    yield from _figures(platform, patients, "40,000", 1)
    _multiply(cursor)
    yield from _figures(platform, patients, "400,000", TIMES)


def _multiply(cursor: Any) -> None:
    """Add more therapists at the same places; indexes are made anew, which takes less time than filling them."""
    cursor.execute("SET search_path = matching_service, public")
    cursor.execute(
        "SELECT indexname, indexdef FROM pg_indexes"
        " WHERE schemaname = 'matching_service' AND tablename = 'therapists' AND indexname NOT LIKE 'pk%'"
    )
    indexes = cursor.fetchall()
    cursor.execute(f"DROP INDEX {', '.join(name for name, _ in indexes)}")
    cursor.execute(
        "SELECT string_agg(attname, ', ') FROM pg_attribute WHERE attrelid = 'therapists'::regclass"
        " AND attnum > 0 AND NOT attisdropped AND attgenerated = '' AND attname <> 'id'"
    )
    columns = cursor.fetchone()[0]
    cursor.execute(
        f"INSERT INTO therapists (id, {columns})"
        f" SELECT gen_random_uuid(), {columns} FROM therapists, generate_series(2, {TIMES}) ORDER BY random()"
    )
    for _, definition in indexes:
        cursor.execute(definition)
    _clean_up(cursor)


def _load(cursor: Any) -> list[str]:
    """Copies as events would make them, and earlier requests. Returns the patients to measure with."""
    chance = Random(14)
    cursor.execute("SELECT setseed(0.14)")
    rows = [_therapist(chance, each) for each in therapists(THERAPISTS, seed=14, region="germany")]
    _insert(cursor, "therapists", rows)
    places = areas()
    measured = [_patient(places[code]) for code in POSTAL_CODES]
    others = [_patient(chance.choice(list(places.values()))) for _ in range(WAITING)]
    _insert(cursor, "patients", measured + others)
    cursor.execute(_REQUESTS, {"patients": [each["id"] for each in others], "each": ASKED, "therapists": THERAPISTS})
    _clean_up(cursor)
    return [each["id"] for each in measured]


def _insert(cursor: Any, table: str, rows: list[dict[str, Any]]) -> None:
    sql = f"INSERT INTO matching_service.{table} ({', '.join(rows[0])}) VALUES %s"
    execute_values(cursor, sql, [tuple(each.values()) for each in rows], page_size=1000)


def _clean_up(cursor: Any) -> None:
    """Run what PostgreSQL does by itself in the minutes after an import, so that it does not slow matching down."""
    for table in ("therapists", "patients", "placement_requests"):
        cursor.execute(f"VACUUM (ANALYZE) matching_service.{table}")
    cursor.execute("CHECKPOINT")


def _therapist(chance: Random, record: dict[str, Any]) -> dict[str, Any]:
    today = berlin_day(clock.now())
    copied = copied_therapist(chance, record)
    return copied | {
        "postal_code": record["postal_code"],
        "city": record["city"],
        "working_hours": chance.choice([None, "{[480,720),[1920,2160)}", "{[1980,2500)}"]),
        "individual_from": today if copied["potentially_available"] else None,
        "individual_stated_on": chance.choice([None, today - timedelta(days=chance.randrange(200))]),
        "preferred_diagnoses": chance.choice([[], [], ["F30-F39"], ["F30-F39", "F40-F48"]]),
    }


def _patient(place: Any) -> dict[str, Any]:
    return {
        "id": str(new_id()),
        "sequence": MARK,
        "status": "searching",
        "address": "x",
        "geocoded_address": "x",
        "geocoded_place": to_ewkt(place),
        "diagnosis_block": "F30-F39",
        "insurance_type": "statutory",
        "age_groups": ["adult"],
        "max_distance_km": 25,
        "preferred_procedures": ["VT", "TP"],
        "languages": ["de"],
        "availability": "{[1920,2520)}",
        "search_started_on": berlin_day(clock.now()) - timedelta(days=60),
    }


_REQUESTS = f"""
WITH numbered AS (
    SELECT id, row_number() OVER (ORDER BY id) AS number FROM matching_service.therapists
), chances AS MATERIALIZED (
    SELECT patient_id, 1 + floor(random() * %(therapists)s) AS number, random() < 0.1 AS is_open,
           CASE WHEN random() < 0.05 THEN 'accepted' ELSE 'declined_capacity' END AS outcome,
           now() - make_interval(days => 1 + CAST(floor(random() * 699) AS integer)) AS approved
    FROM unnest(CAST(%(patients)s AS uuid[])) AS patient_id, generate_series(1, %(each)s)
)
INSERT INTO matching_service.placement_requests (
    id, patient_id, therapist_id, status, outcome, approved_at, emailed_at, responded_at,
    sequence, version, created_at, updated_at
)
SELECT gen_random_uuid(), patient_id, numbered.id,
       CASE WHEN is_open THEN 'contacted' ELSE 'declined' END, CASE WHEN NOT is_open THEN outcome END, approved,
       CASE WHEN is_open THEN now() ELSE approved END, CASE WHEN NOT is_open THEN approved END,
       {MARK}, 1, approved, approved
FROM chances JOIN numbered USING (number)
ON CONFLICT DO NOTHING
"""
"""Earlier requests of patients to therapists, of which a tenth has no answer yet."""


def _figures(platform: PrivatePlatform, patients: list[str], among: str, times: int) -> Iterator[Figure]:
    """The figures among so many, `times` as many as there are practices; among more the goals are twice as long."""
    factor = 1 if times == 1 else 2
    api, log = ApiClient(platform.settings), platform.process("matching_service.web").log
    engine = database.engine_for(Settings().database_url, pool_size=1, autocommit=True)
    with engine.connect() as connection, closing(connection.connection.cursor()) as cursor:
        for kilometres, goal in GOALS.items():
            bare = [_statement(cursor, patient, kilometres) for patient in patients]
            answers, executed = _times(api, log, patients, kilometres, bare, TURNS[times])
            name = f"POST /api/matches among {among}, {kilometres} km"
            base = quantile(executed, 0.99)
            yield at_most(f"{name}, p99", quantile(answers, 0.99), "ms", goal * factor)
            yield at_most(f"{name}, p50", quantile(answers, 0.5), "ms", goal * factor)
            yield share_at_most(
                f"{name}, p99, beside the statement bare", quantile(answers, 0.99), "ms", 3, baseline=base
            )
    engine.dispose()


def _times(
    api: ApiClient, log: Path, patients: list[str], kilometres: int, bare: list[Callable[[], None]], turns: int
) -> tuple[list[float], list[float]]:
    """The milliseconds of requests and of bare statements, in turns."""
    executed = []
    body = {"overrides": {"max_distance_km": kilometres}}
    for patient in patients * 2:
        api.post("matching", "/api/matches", {"patient_id": patient, **body})
    begin = log.stat().st_size
    for turn in range(turns):
        place = turn % len(patients)
        api.post("matching", "/api/matches", {"patient_id": patients[place], **body})
        started = time.perf_counter()
        bare[place]()
        executed.append((time.perf_counter() - started) * 1000)
    times = list(answered(log, begin, "/api/matches", "POST"))
    if len(times) < turns:
        raise RuntimeError("the log does not hold every answer")
    return times, executed


def _statement(cursor: Any, patient: str, kilometres: int) -> Callable[[], None]:
    """Executes the statement that finds the candidates of a patient, as the service sends it, and reads its rows."""
    sent: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        sent.append((statement, parameters))

    question = MatchQuestion.model_validate_json(
        f'{{"patient_id": "{patient}", "overrides": {{"max_distance_km": {kilometres}}}}}'
    )
    event.listen(Engine, "before_cursor_execute", note)
    try:
        with transaction() as session:
            matches.find(session, question, rules=AskAgainRules(), today=berlin_day(clock.now()))
    finally:
        event.remove(Engine, "before_cursor_execute", note)
    statement, parameters = sent[-1]

    def run() -> None:
        cursor.execute(statement, parameters)
        cursor.fetchall()

    return run
