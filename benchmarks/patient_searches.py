"""Searches by name and by status among 100,000 patients: counting, decrypting and noting who was shown included."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from random import Random
from typing import Any

from benchmarks.entered_patients import enter
from benchmarks.figures import Figure, at_most, quantile
from benchmarks.load import answered
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
    """Measure how long the service takes for a page of rows, one at a time, by its own log: its client adds nothing."""
    settings = Settings()
    database.connect(settings.database_url)
    names = [(each["first_name"] or "Anna", each["last_name"]) for each in therapists(NAMES, seed=12, region="germany")]
    enter(Dependencies.of(settings).keys, _bodies(names), prefix=PREFIX)
    with closing(administrator(MigrationSettings())) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            _spread_statuses(cursor)
            cursor.execute("VACUUM (ANALYZE) patient_service.patients")
    log = platform.process("patient_service.web").log
    return list(_measure(ApiClient(platform.settings), log, list(_searches(names))))


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


def _measure(api: ApiClient, log: Path, searches: list[dict[str, str]]) -> Iterator[Figure]:
    def search(wanted: dict[str, str]) -> None:
        api.get("patient", "/api/patients", limit=50, view="row", **wanted)

    for wanted in searches[:30]:
        search(wanted)
    begin = log.stat().st_size
    for wanted in searches:
        search(wanted)
    times = list(answered(log, begin, "/api/patients"))
    if len(times) != len(searches):
        raise RuntimeError(f"the log names {len(times)} of {len(searches)} searches")
    kinds = [", ".join(wanted) for wanted in searches]
    print(
        "medians:",
        {each: quantile([t for t, kind in zip(times, kinds, strict=True) if kind == each], 0.5) for each in kinds},
    )
    yield at_most("patients by name and status, p99 at 100,000", quantile(times, 0.99), "ms", 20)
    yield at_most("patients by name and status, p50 at 100,000", quantile(times, 0.5), "ms", 20)
