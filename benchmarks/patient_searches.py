"""Searches by name and by status among 100,000 patients: counting, decrypting and noting who was shown included."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import closing
from http import HTTPStatus
from random import Random
from typing import Any
from urllib.parse import urlencode, urlsplit

from benchmarks.entered_patients import enter
from benchmarks.figures import Figure, at_most, quantile
from benchmarks.load import exchange, request_bytes
from migrations.connections import administrator
from migrations.settings import MigrationSettings
from patient_service.dependencies import Dependencies
from patient_service.settings import Settings
from shared import database
from shared.values.enums import PatientStatus
from testkit.api_client import ApiClient
from testkit.private_platform import PrivatePlatform
from testkit.synthetic_region import therapists

PATIENTS, NAMES, SEARCHES = 100_000, 3000, 300
PREFIX = "S"


def measure(platform: PrivatePlatform) -> list[Figure]:
    """Measure the time from sending the request for a page of rows to the last byte of the answer, one at a time.

    That is the server's, with the way through its socket: nothing of the answer is read as JSON meanwhile.
    """
    settings = Settings()
    database.connect(settings.database_url)
    names = [(each["first_name"] or "Anna", each["last_name"]) for each in therapists(NAMES, seed=12, region="germany")]
    enter(Dependencies.of(settings).keys, _bodies(names), prefix=PREFIX)
    with closing(administrator(MigrationSettings())) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            _spread_statuses(cursor)
            cursor.execute("VACUUM (ANALYZE) patient_service.patients")
    return list(_measure(ApiClient(platform.settings), list(_searches(names))))


def _bodies(names: list[tuple[str, str]]) -> Iterator[dict[str, Any]]:
    random = Random(12)
    for number in range(PATIENTS):
        first, last = random.choice(names)[0], random.choice(names)[1]
        # nobody is alike: the day of birth is each one's own
        born = f"{1930 + number % 90}-{number // 90 % 12 + 1:02}-{number // 1080 % 28 + 1:02}"
        yield {
            "first_name": first,
            "last_name": f"{last}-{_ending(number)}",
            "date_of_birth": born,
            "gender": "female",
            "postal_code": "52062",
            "city": "Aachen",
            "insurance_type": "statutory",
            "diagnoses": ["F32.1G"],
        }


def _ending(number: int) -> str:
    return "".join(chr(97 + number // 26**place % 26) for place in range(4))


def _spread_statuses(cursor: Any) -> None:
    """A tenth has each of the rarer statuses."""
    rare = [each for each in PatientStatus if each not in (PatientStatus.OPEN, PatientStatus.SEARCHING)]
    cursor.execute(
        "UPDATE patient_service.patients SET status = (%s::text[])[1 + abs(hashtext(reference)) %% 10]"
        " WHERE reference LIKE 'S-%%'",
        ([*map(str, rare), *["open"] * 2, *["searching"] * 3],),
    )


def _searches(names: list[tuple[str, str]]) -> Iterator[dict[str, str]]:
    random = Random(13)
    for number in range(SEARCHES):
        first, last = random.choice(names)
        status = random.choice(list(PatientStatus)).value
        yield [
            {"q": last},
            {"q": f"{first} {last}"},
            {"q": last[:3]},
            {"q": last[:4], "status": status},
            {"status": status},
            {"q": f"{first[:3]} {last[:3]}", "status": f"{status},open"},
        ][number % 6]


def _measure(api: ApiClient, searches: list[dict[str, str]]) -> Iterator[Figure]:
    address = urlsplit(api.url("patient", ""))
    with socket.create_connection((address.hostname or "127.0.0.1", address.port or 80), timeout=30) as connection:

        def took(wanted: dict[str, str]) -> float:
            query = urlencode({"limit": 50, "view": "row", **wanted})
            request = request_bytes("GET", api.url("patient", f"/api/patients?{query}"), b"", api.tokens.headers())
            started = time.perf_counter()
            status = exchange(connection, request)
            milliseconds = (time.perf_counter() - started) * 1000
            if status != HTTPStatus.OK:
                raise RuntimeError(f"{status} for {query}")
            return milliseconds

        for wanted in searches[:30]:
            took(wanted)
        times = [(took(wanted), ", ".join(wanted)) for wanted in searches]
    print("medians:", {kind: round(quantile([t for t, k in times if k == kind], 0.5), 1) for _, kind in times})
    yield at_most("patients by name and status, p99 at 100,000", quantile([each for each, _ in times], 0.99), "ms", 20)
    yield at_most("patients by name and status, p50 at 100,000", quantile([each for each, _ in times], 0.5), "ms", 20)
