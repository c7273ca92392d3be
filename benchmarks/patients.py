"""The throughput of `POST /api/patients` relative to a bare insert; neither request has an idempotency key."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import count

import requests
from sqlalchemy import text
from sqlalchemy.schema import CreateTable, DropTable

from benchmarks.bare import BarePatient
from benchmarks.figures import Figure, share_at_least
from benchmarks.load import alternately, throughput
from migrations.connections import as_owner
from migrations.settings import MigrationSettings
from operations.ports import reserve_block
from operations.services import environment
from testkit.api_client import ApiClient
from testkit.private_platform import PrivatePlatform

CONNECTIONS, SECONDS, ROUNDS = 8, 5.0, 3


def measure(platform: PrivatePlatform) -> list[Figure]:
    """Measure POST /api/patients and the bare application; workers are stopped, or their work would count too."""
    settings = platform.settings
    workers = [platform.process(part.name) for part in platform.process_specs if part.name.endswith(".worker")]
    for worker in workers:
        worker.stop()
    turns, api = count(), ApiClient(settings)
    with _bare(platform) as bare_url, _unencrypted(platform) as unencrypted_url:
        ours, bare, unencrypted = alternately(
            ROUNDS,
            lambda: posted_per_second(api.url("patient", "/api/patients"), next(turns), api.tokens.headers()),
            lambda: posted_per_second(bare_url, next(turns), {}),
            lambda: posted_per_second(unencrypted_url, next(turns), api.tokens.headers()),
        )
    for worker in workers:
        worker.start()
    return [
        share_at_least("POST /api/patients against a bare insert", ours, "requests/s", 0.6, baseline=bare),
        share_at_least(
            "POST /api/patients against one without encryption", ours, "requests/s", 0.75, baseline=unencrypted
        ),
    ]


def posted_per_second(url: str, turn: int, headers: Mapping[str, str]) -> float:
    """How many different people are posted in a second over all connections; each turn has others."""
    return throughput(
        url, lambda n: _body(turn, n), connections=CONNECTIONS, seconds=SECONDS, expected=201, headers=headers
    )


def _body(turn: int, number: int) -> bytes:
    """Returns a new person each time, so that none counts as a duplicate."""
    return json.dumps(
        {
            "first_name": f"Vorname{turn}",
            "last_name": f"Nachname{number}",
            "date_of_birth": "1990-05-05",
            "gender": "female",
            "postal_code": "52062",
            "city": "Aachen",
            "email": f"patient{number}@example.org",
            "insurance_type": "statutory",
            "max_distance_km": 25,
            "diagnoses": ["F32.1G"],
            "availability": {"monday": [{"start": "09:00", "end": "12:00"}]},
        }
    ).encode()


@contextmanager
def _bare(platform: PrivatePlatform) -> Iterator[str]:
    """Runs the bare application, with a table of its own in the same schema; yields its URL."""
    with as_owner(MigrationSettings(), "patient_service") as connection:
        connection.execute(CreateTable(BarePatient.__table__))  # type: ignore[arg-type]
        connection.commit()
    try:
        with _running("benchmarks.bare", platform) as url:
            yield f"{url}/patients"
    finally:
        with as_owner(MigrationSettings(), "patient_service") as connection:
            connection.execute(DropTable(BarePatient.__table__))  # type: ignore[arg-type]
            connection.commit()


@contextmanager
def _unencrypted(platform: PrivatePlatform) -> Iterator[str]:
    """Runs the service without encryption, on the same tables; yields the URL of patients.

    What it wrote can be read by nobody afterwards, so it is removed.
    """
    with as_owner(MigrationSettings(), "patient_service") as connection:
        before = connection.execute(text("SELECT count(*) FROM data_keys")).scalar_one()
    if before:
        raise RuntimeError("only on an empty database: what is written without encryption must be removed")
    try:
        with _running("benchmarks.unencrypted", platform) as url:
            yield f"{url}/api/patients"
    finally:
        with as_owner(MigrationSettings(), "patient_service") as connection:
            connection.execute(text("TRUNCATE patients, data_keys, outbox CASCADE"))
            connection.commit()


@contextmanager
def _running(module: str, platform: PrivatePlatform) -> Iterator[str]:
    """Runs an application of the benchmarks' own with the settings of the patient service; yields its URL."""
    port = reserve_block(1)
    process = subprocess.Popen(
        [sys.executable, "-m", module, str(port)],
        env=environment("patient_service", platform.settings),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _until_it_answers(f"http://127.0.0.1:{port}/")
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(10)


def _until_it_answers(url: str) -> None:
    for _ in range(100):
        try:
            requests.get(url, timeout=1)
            return
        except requests.RequestException:
            time.sleep(0.1)
    raise RuntimeError("the bare application did not start")
