"""From approved requests to letters and calls, and from letters to the mail catcher; in this process alone.

20,000 requests for 5,000 patients to 8,000 practices of a seeded region, of which three in ten have an e-mail address;
ten callers phone on working days. Composing is measured beside a transaction for each practice, sending beside one
connection for each e-mail.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from random import Random
from typing import Any

from psycopg2.extras import execute_values

from benchmarks.figures import Figure, at_least, at_most
from communication_service import jobs
from communication_service.dependencies import Dependencies
from communication_service.settings import Settings
from migrations.connections import administrator
from migrations.settings import MigrationSettings
from shared import database
from shared.database import new_id
from shared.runtime import clock
from shared.values.contacts import normalised_email
from shared.values.weekly import Weekly
from testkit.private_platform import PrivatePlatform
from testkit.synthetic_region import therapists

REQUESTS, PATIENTS, PRACTICES, CALLERS = 20_000, 5000, 8000, 10
SAMPLE = 1500
"""So many requests, and e-mails, are enough to measure the slower way."""
WORKER = "communication_service.worker"
OURS = "SELECT id FROM communication_service.therapists WHERE sequence = -7"
"""What is of this benchmark: no event has such a sequence."""
HOURS = Weekly.of([(day * 1440 + 8 * 60, day * 1440 + 18 * 60) for day in range(5)])


def measure(platform: PrivatePlatform) -> list[Figure]:
    """Measure how long composing takes, and how many e-mails go in a second."""
    settings = Settings()
    database.connect(settings.database_url)
    dependencies = Dependencies.of(settings)
    with _alone(platform), closing(administrator(MigrationSettings())) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            try:
                _load(cursor)
                return [*_composing(cursor, dependencies), *_sending(dependencies)]
            finally:
                _remove(cursor)


@contextmanager
def _alone(platform: PrivatePlatform) -> Iterator[None]:
    """Without the worker, which would do the same work."""
    worker = platform.process(WORKER)
    was_alive = worker.is_alive()
    worker.stop()
    try:
        yield
    finally:
        if was_alive:
            worker.start()


def _load(cursor: Any) -> None:
    """Copies and requests as events would make them; a practice is asked for two or three patients."""
    chance, now = Random(15), clock.now()
    practices = [_practice(each) for each in therapists(PRACTICES, seed=15, region="germany")]
    patients = [_patient(number, now) for number in range(PATIENTS)]
    requests = [
        _request(chance, practices[number % PRACTICES]["id"], patients[number % PATIENTS]["id"], now)
        for number in range(REQUESTS)
    ]
    callers = [_caller(number, now) for number in range(CALLERS)]
    for table, rows in {
        "therapists": practices,
        "patients": patients,
        "placement_requests": requests,
        "callers": callers,
    }.items():
        statement = f"INSERT INTO communication_service.{table} ({', '.join(rows[0])}) VALUES %s"
        execute_values(cursor, statement, [tuple(each.values()) for each in rows], page_size=1000)
        cursor.execute(f"VACUUM (ANALYZE) communication_service.{table}")


def _practice(record: dict[str, Any]) -> dict[str, Any]:
    names = ("salutation", "title", "first_name", "last_name", "gender", "street", "house_number", "postal_code")
    return {
        "id": str(new_id()),
        "sequence": -7,
        "status": "active",
        **{name: record[name] for name in names},
        "email": record["email"],
        "email_key": normalised_email(record["email"]) if record["email"] else None,
        "phone": record["phone"],
        "phone_hours": Weekly.from_json(record["phone_hours"]).to_multirange() if record["phone_hours"] else None,  # type: ignore[union-attr]
    }


def _patient(number: int, now: datetime) -> dict[str, Any]:
    return {
        "id": str(new_id()),
        "sequence": -7,
        "status": "searching",
        "reference": f"P-{number:04}-XX",
        "age": 20 + number % 60,
        "gender": "female",
        "insurance_type": "statutory",
        "diagnosis_block": "F30–F39",
        "availability": HOURS.to_multirange(),
        "search_started_on": now.date() - timedelta(days=number % 300),
    }


def _request(chance: Random, practice: str, patient: str, now: datetime) -> dict[str, Any]:
    waits_since = now - timedelta(minutes=chance.randrange(60, 600))
    return {
        "id": str(new_id()),
        "patient_id": patient,
        "therapist_id": practice,
        "status": "waiting",
        "waiting_since": waits_since,
        "due_at": waits_since,
        "asked": True,
        "asked_sequence": 1,
        "correlation_id": str(new_id()),
    }


def _caller(number: int, now: datetime) -> dict[str, Any]:
    return {
        "id": str(new_id()),
        "sequence": -7,
        "version": 1,
        "created_at": now,
        "updated_at": now,
        "name": f"Anrufer {number}",
        "hours": HOURS.to_multirange(),
    }


def _remove(cursor: Any) -> None:
    calls = f"DELETE FROM communication_service.phone_calls WHERE therapist_id IN ({OURS})"
    cursor.execute(calls)
    for table in ("emails", "inquiries", "schedule", "placement_requests"):
        cursor.execute(f"DELETE FROM communication_service.{table} WHERE therapist_id IN ({OURS})")
    for table in ("callers", "patients", "therapists"):
        cursor.execute(f"DELETE FROM communication_service.{table} WHERE sequence = -7")


# Composing


def _composing(cursor: Any, dependencies: Dependencies) -> Iterator[Figure]:
    compose = partial(jobs.compose, dependencies.rules, dependencies.texts)
    baseline = REQUESTS / _requests_a_second(cursor, partial(compose, together=1), SAMPLE)
    took = REQUESTS / _requests_a_second(cursor, compose, REQUESTS)
    yield at_most(f"{REQUESTS:,} requests composed into letters and calls", took, "s", 60, baseline=baseline)


def _requests_a_second(cursor: Any, compose: Callable[[datetime], int], number: int) -> float:
    """How many requests are composed in a second, of so many or of all that are left."""
    before, started, used = _composed(cursor), time.perf_counter(), time.process_time()
    while _composed(cursor) - before < number and compose(clock.now()):
        pass
    took, done = time.perf_counter() - started, _composed(cursor) - before
    print(f"{done} requests composed in {took:.1f} s ({time.process_time() - used:.1f} s of a processor here)")
    return done / took


def _composed(cursor: Any) -> int:
    cursor.execute(
        "SELECT count(*) FROM communication_service.placement_requests"
        f" WHERE inquiry_id IS NOT NULL AND therapist_id IN ({OURS})"
    )
    return int(cursor.fetchone()[0])


# Sending


def _sending(dependencies: Dependencies) -> Iterator[Figure]:
    one = jobs.Sending(dependencies.rules, dependencies.texts, dependencies.mail_server, links=dependencies.links)
    several = replace(one, connections=dependencies.rules.mail_connections)
    baseline = _emails_a_second(one, SAMPLE // 10)
    yield at_least(
        "e-mails to the mail catcher by one worker", _emails_a_second(several, SAMPLE), "/s", 50, baseline=baseline
    )


def _emails_a_second(job: jobs.Sending, number: int) -> float:
    started, used, sent = time.perf_counter(), time.process_time(), 0
    while sent < number and (done := job.run(clock.now())):
        sent += done
    took = time.perf_counter() - started
    print(f"{sent} e-mails in {took:.1f} s ({time.process_time() - used:.1f} s of a processor here)")
    return sent / took
