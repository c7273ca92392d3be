"""SIGTERM, whatever a process is doing and whatever is down: it ends within ten seconds, and nothing is lost."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import Any

import psycopg2
import pytest
from sqlalchemy import func, insert, select

from chaos import witness
from chaos.campaign import prepare_witness, witnesses
from operations.managed_process import ManagedProcess
from shared import database
from shared.database import new_id, transaction
from shared.runtime import clock
from testkit.api_client import ApiClient
from testkit.private_platform import PrivatePlatform
from tests.end_to_end.people import a_searching_patient, a_therapist, asked, exactly_one_letter
from tests.shared.events.conftest import until

IN_TIME = 15.0
"""Ten seconds, and what a busy machine adds."""


def asked_to_stop(*processes: ManagedProcess) -> list[float]:
    """Send all of them SIGTERM at once; how long each took to end."""

    def stopped(process: ManagedProcess) -> float:
        began, pid = time.monotonic(), process.pid
        process.send(signal.SIGTERM)
        while process.is_alive():
            assert time.monotonic() - began < 30, f"{process.spec.name} does not stop"
            time.sleep(0.02)
        assert pid is not None
        return time.monotonic() - began

    with ThreadPoolExecutor(max_workers=len(processes)) as hands:
        return list(hands.map(stopped, processes))


class Counters:
    """What the witness is to count."""

    def __init__(self) -> None:
        self.ids = [new_id() for _ in range(10)]
        self.published = 0
        with transaction() as session:
            session.execute(insert(witness.Counter), [{"id": each} for each in self.ids])

    def increase(self, times: int) -> None:
        """Count on: that many events, committed."""
        with transaction() as session:
            for number in range(times):
                witness.increase(session, self.ids[number % len(self.ids)], now=clock.now())
        self.published += times

    def effects(self) -> tuple[int, int]:
        """How many effects there were, and of how many events."""
        column = witness.ledger.c
        with transaction() as session:
            asked_for = select(func.count(), func.count(column.event_id.distinct())).where(column.subject.in_(self.ids))
            all_of_them, different = session.execute(asked_for).one()
            return all_of_them, different

    def all_had_one_effect(self) -> None:
        """Wait for the last one; none is there twice."""
        until(lambda: self.effects()[1] >= self.published)
        assert self.effects() == (self.published, self.published)


@pytest.fixture(scope="module")
def slow_witness(platform: PrivatePlatform) -> Iterator[ManagedProcess]:
    """A worker whose listener takes its time, beside the services; not started yet."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in platform.settings.items():
            patch.setenv(name, value)
        prepare_witness(platform.settings)
        (part,) = witnesses(platform, 1)
        slow = replace(
            part,
            command=(sys.executable, "-m", "tests.end_to_end.slow_witness"),
            environment={**part.environment, "CONSUMER_BATCH_SIZE": "10", "RELAY_BATCH_SIZE": "20"},
        )
        platform.process_specs.append(slow)
        yield platform.process(slow.name)
        platform.process(slow.name).stop()
        platform.process_specs.remove(slow)


def test_a_worker_in_the_midst_of_relaying_and_consuming_finishes_or_gives_back(slow_witness: ManagedProcess) -> None:
    counters = Counters()
    counters.increase(200)
    for _ in range(2):
        slow_witness.start()
        before = counters.effects()[0]
        until(lambda before=before: counters.effects()[0] > before)  # type: ignore[misc]
        (seconds,) = asked_to_stop(slow_witness)
        assert seconds < IN_TIME
        assert counters.effects()[0] < counters.published, "it was not in the midst of its work"
    slow_witness.start()
    counters.all_had_one_effect()


@pytest.mark.parametrize("down", ["kafka", "postgresql", "pgbouncer"])
def test_processes_end_in_time_while_something_they_need_is_down(
    platform: PrivatePlatform, api: ApiClient, slow_witness: ManagedProcess, down: str
) -> None:
    counters = Counters()
    slow_witness.start()
    counters.increase(100)
    until(lambda: counters.effects()[0] > 0)
    published = [slow_witness, platform.process("communication_service.web")]
    platform.process(down).kill()
    time.sleep(1.5)  # everybody has noticed
    ended = asked_to_stop(*published)
    platform.process(down).start()
    for process in published:
        process.launch()
    for process in published:
        process.wait_until_ready()
    database.connect(witness.Settings().database_url)  # our own connections may have died too
    counters.all_had_one_effect()
    assert max(ended) < IN_TIME


def test_an_email_that_the_mail_server_does_not_take_yet_is_released(platform: PrivatePlatform, api: ApiClient) -> None:
    practice, patient = a_therapist(api), a_searching_patient(api)
    worker, mail = platform.process("communication_service.worker"), platform.process("mail")
    mail.freeze()
    with ExitStack() as afterwards:
        afterwards.callback(mail.thaw)
        (request,) = asked(api, patient, practice)
        api.until(lambda: "sending" in _letters(api, practice), "the letter to be on its way")
        (seconds,) = asked_to_stop(worker)
        assert _letters(api, practice) == ["approved"]
    assert seconds < IN_TIME
    worker.start()
    exactly_one_letter(platform, api, practice, request)


def _letters(api: ApiClient, practice: dict[str, Any]) -> list[str]:
    return [email["status"] for email in api.get("communication", "/api/emails", therapist_id=practice["id"])["items"]]


@contextmanager
def connected(platform: PrivatePlatform, service: str) -> Iterator[psycopg2.extensions.connection]:
    """A connection as a service's role, whose open transaction ends with the block."""
    settings = platform.settings
    connection = psycopg2.connect(
        host=settings["DATABASE_HOST"],
        port=settings["DATABASE_PORT"],
        user=service,
        password=settings[f"{service.upper()}_DATABASE_PASSWORD"],
        dbname=settings["DATABASE_NAME"],
    )
    try:
        yield connection
    finally:
        connection.close()


def test_a_web_process_answers_the_requests_that_it_has(platform: PrivatePlatform, api: ApiClient) -> None:
    therapist, web = a_therapist(api), platform.process("therapist_service.web")
    path = f"/api/therapists/{therapist['id']}"
    with connected(platform, "therapist_service") as other, ThreadPoolExecutor() as hands:
        with other.cursor() as cursor:
            cursor.execute("SELECT FROM therapists WHERE id = %s FOR UPDATE", (therapist["id"],))
            asked_for = hands.submit(api.patch, "therapist", path, {"title": "Dr."})
            until(lambda: _somebody_waits(cursor))
            stopping = hands.submit(asked_to_stop, web)
            time.sleep(1)  # long enough for a process that would not wait
            assert not asked_for.done()
            other.rollback()
        assert asked_for.result()["title"] == "Dr."
        assert stopping.result()[0] < IN_TIME
    web.start()
    assert api.get("therapist", path)["title"] == "Dr."


def _somebody_waits(cursor: psycopg2.extensions.cursor) -> bool:
    cursor.execute("SELECT FROM pg_locks WHERE NOT granted")
    return cursor.fetchone() is not None
