"""`POST /api/matches` among 40,000 and 400,000 therapists, at 25 and 100 km, beside the same statement executed bare.

Requests are measured by the service's own log, so that their client adds nothing; the bare statement by a connection
through the same PgBouncer, in turns with them. There are earlier requests to 40,000 practices, so that they have
answers, a load and patients who wait.
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
TURNS = 1600
"""So many that the slowest hundredth is sixteen, and not a single pause of the machine."""
MARK = -7
"""The sequence of the rows that are deleted at the end."""
GOALS = {25: 12.0, 100: 35.0}
"""Kilometres, and the milliseconds that are the goal among 40,000."""


def measure(platform: PrivatePlatform) -> list[Figure]:
    """Measure the 99th percentile at both radiuses, among both numbers of therapists."""
    database.connect(Settings().database_url)
    with closing(administrator(MigrationSettings())) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            try:
                return list(_measure(platform, cursor))
            finally:
                for table in ("placement_requests", "therapists", "patients"):
                    cursor.execute(f"DELETE FROM matching_service.{table} WHERE sequence = {MARK}")


def _measure(platform: PrivatePlatform, cursor: Any) -> Iterator[Figure]:
    patients = _load(cursor)
    yield from _figures(platform, patients, "40,000", 1)
    cursor.execute(
        "CREATE TEMPORARY TABLE many AS SELECT t.* FROM matching_service.therapists t, generate_series(2, %s)"
        f" WHERE sequence = {MARK}",
        (TIMES,),
    )
    cursor.execute("UPDATE many SET id = gen_random_uuid()")
    cursor.execute("ALTER TABLE many DROP COLUMN place")
    cursor.execute(
        "SELECT string_agg(attname, ', ') FROM pg_attribute"
        " WHERE attrelid = 'many'::regclass AND attnum > 0 AND NOT attisdropped"
    )
    columns = cursor.fetchone()[0]
    cursor.execute(f"INSERT INTO matching_service.therapists ({columns}) SELECT {columns} FROM many ORDER BY id")
    _clean_up(cursor)
    yield from _figures(platform, patients, "400,000", 2)


def _load(cursor: Any) -> list[str]:
    """Copies as events would make them, and earlier requests. Returns the patients to measure with."""
    chance = Random(14)
    rows = [_therapist(chance, each) for each in therapists(THERAPISTS, seed=14, region="germany")]
    _insert(cursor, "therapists", rows)
    places = areas()
    measured = [_patient(places[code]) for code in POSTAL_CODES]
    others = [_patient(chance.choice(list(places.values()))) for _ in range(WAITING)]
    _insert(cursor, "patients", measured + others)
    requests = [_request(chance, patient["id"], chance.choice(rows)["id"]) for patient in others for _ in range(ASKED)]
    live = {(each["patient_id"], each["therapist_id"]): each for each in requests}
    _insert(cursor, "placement_requests", list(live.values()))
    _clean_up(cursor)
    return [each["id"] for each in measured]


def _insert(cursor: Any, table: str, rows: list[dict[str, Any]]) -> None:
    sql = f"INSERT INTO matching_service.{table} ({', '.join(rows[0])}) VALUES %s"
    execute_values(cursor, sql, [tuple(each.values()) for each in rows], page_size=1000)


def _clean_up(cursor: Any) -> None:
    """Run what PostgreSQL does by itself in the minutes after an import, so that it does not slow matching down."""
    cursor.execute("VACUUM (ANALYZE)")
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


def _request(chance: Random, patient_id: str, therapist_id: str) -> dict[str, Any]:
    now = clock.now()
    approved = now - timedelta(days=chance.randrange(1, 700))
    is_open = chance.random() < 0.1
    outcome = "accepted" if chance.random() < 0.05 else "declined_capacity"
    return {
        "id": str(new_id()),
        "patient_id": patient_id,
        "therapist_id": therapist_id,
        "status": "contacted" if is_open else "declined",
        "outcome": None if is_open else outcome,
        "approved_at": approved,
        "emailed_at": now if is_open else approved,
        "responded_at": None if is_open else approved,
        "sequence": MARK,
        "version": 1,
        "created_at": approved,
        "updated_at": approved,
    }


def _figures(platform: PrivatePlatform, patients: list[str], among: str, factor: int) -> Iterator[Figure]:
    """The figures among so many; with more of them the goals are `factor` times as long."""
    api, log = ApiClient(platform.settings), platform.process("matching_service.web").log
    engine = database.engine_for(Settings().database_url, pool_size=1, autocommit=True)
    with engine.connect() as connection, closing(connection.connection.cursor()) as cursor:
        for kilometres, goal in GOALS.items():
            bare = [_statement(cursor, patient, kilometres) for patient in patients]
            times, executed = _times(api, log, patients, kilometres, bare)
            name = f"POST /api/matches among {among}, {kilometres} km"
            base = quantile(executed, 0.99)
            yield at_most(f"{name}, p99", quantile(times, 0.99), "ms", goal * factor)
            yield at_most(f"{name}, p50", quantile(times, 0.5), "ms", goal * factor)
            yield share_at_most(
                f"{name}, p99, beside the statement bare", quantile(times, 0.99), "ms", 3, baseline=base
            )
    engine.dispose()


def _times(
    api: ApiClient, log: Path, patients: list[str], kilometres: int, bare: list[Callable[[], None]]
) -> tuple[list[float], list[float]]:
    """The milliseconds of requests and of bare statements, in turns."""
    executed = []
    body = {"overrides": {"max_distance_km": kilometres}}
    for patient in patients * 2:
        api.post("matching", "/api/matches", {"patient_id": patient, **body})
    begin = log.stat().st_size
    for turn in range(TURNS):
        place = turn % len(patients)
        api.post("matching", "/api/matches", {"patient_id": patients[place], **body})
        started = time.perf_counter()
        bare[place]()
        executed.append((time.perf_counter() - started) * 1000)
    times = list(answered(log, begin, "/api/matches", "POST"))
    if len(times) < TURNS:
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
