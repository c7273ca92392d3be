"""The contact log of one patient with 500 entries as a PDF for the insurer, asked for over HTTP."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from random import Random
from typing import Any
from uuid import UUID

import requests
from psycopg2.extras import execute_values

from benchmarks.figures import Figure, at_most, quantile
from migrations.connections import administrator
from migrations.settings import MigrationSettings
from shared.database import new_id
from shared.runtime import clock
from shared.values.contact_log_enums import ContactResult
from testkit.api_client import ApiClient
from testkit.private_platform import PrivatePlatform
from testkit.synthetic_region import therapists

ENTRIES, TIMES = 500, 9
RESULTS = [each for each in ContactResult if each != ContactResult.TAKEN_BACK]


def measure(platform: PrivatePlatform) -> list[Figure]:
    """Measure how long the slowest of some documents takes."""
    api, patient = ApiClient(platform.settings), new_id()
    with closing(administrator(MigrationSettings())) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            try:
                _load(cursor, patient)
                slowest = quantile(_times(api, patient), 1)
            finally:
                cursor.execute("DELETE FROM matching_service.contact_log_entries WHERE patient_id = %s", [str(patient)])
                cursor.execute("DELETE FROM matching_service.patients WHERE id = %s", [str(patient)])
    return [at_most(f"contact log of {ENTRIES} entries as PDF, slowest of {TIMES}", slowest, "s", 2)]


def _load(cursor: Any, patient: UUID) -> None:
    """A patient, and contacts as events would make them: each practice is contacted some times."""
    columns = "(id, sequence, status, reference)"
    values = [str(patient), "P-7K3M-2Q"]
    cursor.execute(f"INSERT INTO matching_service.patients {columns} VALUES (%s, 1, 'searching', %s)", values)
    chance, practices, now = Random(14), list(therapists(ENTRIES // 4, seed=14, region="germany")), clock.now()
    rows = [_entry(chance, patient, chance.choice(practices), now - timedelta(hours=each)) for each in range(ENTRIES)]
    sql = f"INSERT INTO matching_service.contact_log_entries ({', '.join(rows[0])}) VALUES %s"
    execute_values(cursor, sql, [tuple(row.values()) for row in rows])


def _entry(chance: Random, patient: UUID, practice: dict[str, Any], at: Any) -> dict[str, Any]:
    return {
        "id": str(new_id()),
        "patient_id": str(patient),
        "therapist_id": str(UUID(int=Random(practice["external_id"]).getrandbits(128))),
        "occurred_at": at,
        "recorded_at": at,
        "channel": chance.choice(["email", "phone"]),
        "direction": "outbound",
        "result": chance.choice(RESULTS).value,
        "practice_name": f"{practice.get('first_name')} {practice['last_name']}",
        "practice_address": f"{practice.get('street')} 1, {practice.get('postal_code')} {practice.get('city')}",
        "practice_accreditation": chance.choice(["statutory", "private"]),
    }


def _times(api: ApiClient, patient: UUID) -> Iterator[float]:
    for _ in range(TIMES):
        begun = time.perf_counter()
        _document(api, patient)
        yield time.perf_counter() - begun


def _document(api: ApiClient, patient: UUID) -> None:
    headers = {**api.tokens.headers(), "Accept": "application/pdf"}
    url = api.url("matching", f"/api/patients/{patient}/contact-log")
    requests.get(url, headers=headers, timeout=60).raise_for_status()
