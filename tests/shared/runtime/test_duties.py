"""A duty that fails again and again, or waits for long, is seen; and that it works again too."""

from __future__ import annotations

import json
import threading
import urllib.error
import urllib.request
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException
from prometheus_client import REGISTRY
from sqlalchemy import exc

from operations.ports import reserve_block
from shared.errors import Unreachable
from shared.runtime import clock
from shared.runtime.duties import Duty, check_duties, kind_of
from shared.runtime.health import ReadinessCheck, health_app, readiness, serve_in_thread
from shared.runtime.jobs import Job, run_until
from shared.runtime.worker import _supervised

SECRET = "Erika Mustermann, F32.1"


def metric(name: str, duty: str) -> float:
    return REGISTRY.get_sample_value(name, {"duty": duty}) or 0.0


def test_three_failures_in_a_row_are_reported_with_their_kind_and_without_their_text() -> None:
    duty = Duty("consumer")
    for _ in range(2):
        duty.record_failure(ValueError(SECRET))
        assert check_duties([duty])
    duty.record_failure(ValueError(SECRET))
    with pytest.raises(Unreachable) as raised:
        check_duties([Duty("relay"), duty])
    assert raised.value.message.startswith("consumer: ValueError")
    assert SECRET not in raised.value.message
    duty.record_success()
    assert check_duties([duty])


def test_a_success_in_between_begins_a_new_count() -> None:
    duty = Duty("between")
    for _ in range(5):
        duty.record_failure(ValueError())
        duty.record_failure(ValueError())
        duty.record_success()
    assert duty.problem() is None


def test_failures_and_trouble_are_measured() -> None:
    duty, before = Duty("measured"), metric("platform_duty_failures_total", "measured")
    duty.record_failure(ValueError())
    duty.record_wait(ValueError())
    assert metric("platform_duty_failures_total", "measured") == before + 1
    assert metric("platform_duty_trouble_seconds", "measured") > 0
    duty.record_success()
    assert metric("platform_duty_trouble_seconds", "measured") == 0


def test_what_waits_for_more_than_a_minute_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr(clock, "monotonic", lambda: now)
    duty = Duty("patient")
    duty.record_wait(exc.OperationalError("SELECT", {"name": SECRET}, Exception(SECRET)))
    now += 59
    assert duty.problem() is None
    now += 2
    trouble = duty.problem()
    assert trouble is not None
    assert "OperationalError" in trouble
    assert SECRET not in trouble


def test_kafka_says_its_code_and_not_its_text() -> None:
    assert kind_of(KafkaException(KafkaError(KafkaError._FATAL, SECRET))) == "KafkaException (_FATAL)"


def test_readiness_says_why_and_recovers() -> None:
    duty = Duty("job send")
    checks = [ReadinessCheck("duties", lambda: check_duties([duty]))]
    for _ in range(3):
        duty.record_failure(RuntimeError(SECRET))
    ready, document = readiness(checks, {})
    assert not ready
    assert "job send: RuntimeError" in json.loads(document)["checks"]["duties"]["problem"]
    duty.record_success()
    assert readiness(checks, {})[0]


def until(holds: Callable[[], bool]) -> None:
    for _ in range(1000):
        if holds():
            return
        threading.Event().wait(0.01)
    pytest.fail("it did not happen")


def test_a_failing_job_turns_a_workers_readiness_red_over_http_until_it_works() -> None:
    mended, stop, duty = threading.Event(), threading.Event(), Duty("job mend")

    def run(now: datetime) -> int:
        if not mended.is_set():
            raise RuntimeError(SECRET)
        return 0

    job = Job("mend", timedelta(milliseconds=20), run)
    port = reserve_block(1)
    end_health = serve_in_thread(
        health_app([ReadinessCheck("duties", lambda: check_duties([duty]))], {}), "127.0.0.1", port
    )
    address = f"http://127.0.0.1:{port}/health/ready"
    thread = threading.Thread(target=run_until, args=(job, stop, duty))
    thread.start()
    try:
        until(lambda: status(address)[0] == 503)
        assert SECRET not in status(address)[1]
        mended.set()
        until(lambda: status(address)[0] == 200)
    finally:
        stop.set()
        thread.join()
        end_health()


def status(address: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(address) as answer:  # noqa: S310 - our own address
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as problem:
        return problem.code, problem.read().decode()


def test_a_rare_job_is_soon_tried_again_after_a_failure() -> None:
    waits: list[float] = []

    class Stop(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            waits.append(timeout or 0)
            if len(waits) == 3:
                self.set()
            return self.is_set()

    outcomes: list[Any] = [ValueError(), 0, 1]

    def run(now: datetime) -> int:
        outcome = outcomes.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return int(outcome)

    run_until(Job("rare", timedelta(hours=6), run), Stop())
    assert waits == [30, 6 * 3600, 0]


@pytest.mark.parametrize("ends_with", [RuntimeError(SECRET), SystemExit(1), KeyboardInterrupt()])
def test_a_duty_that_ends_with_anything_is_started_again_and_counted(ends_with: BaseException) -> None:
    stop, started, duty = threading.Event(), [], Duty("restarted")

    def work(stop: threading.Event, duty: Duty) -> None:
        started.append(datetime.now(UTC))
        if len(started) == 2:
            stop.set()
        raise ends_with

    _supervised(duty, work, stop).join(10)
    assert len(started) == 2
    assert duty.failures == 2
