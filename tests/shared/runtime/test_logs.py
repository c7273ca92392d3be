"""Logs say to operators what failed and where, and nothing about a patient."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import pytest
import structlog
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from shared.database import new_id
from shared.events.catalogue import PublicTherapist, RequestWithdrawn, TherapistUpdated
from shared.events.consumer import Consumer
from shared.events.event import Event, read_event
from shared.events.listeners import Listeners
from shared.runtime import logs
from shared.runtime.jobs import Job, run_once, run_until
from shared.runtime.spans import span
from shared.runtime.tracing import correlation_id, current_trace_context, new_trace_context, use_trace_context
from tests.builders.events import happened
from tests.conftest import MONDAY
from tests.events import document


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level, config = root.handlers[:], root.level, structlog.get_config()
    yield
    root.handlers[:], root.level = handlers, level
    structlog.configure(**config)


def failed(problem: Exception, capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    logs.configure("patient_service", "web", "INFO")
    try:
        name = "Erika Mustermann"
        raise problem
    except Exception:
        structlog.stdlib.get_logger("test").exception("request.failed", length=len(name))
    line: dict[str, Any] = json.loads(capsys.readouterr().err)
    return line


def test_a_failure_names_its_type_and_place_and_no_value(capsys: pytest.CaptureFixture[str]) -> None:
    line = failed(KeyError("Erika"), capsys)
    (problem,) = line["exception"]
    assert problem["exc_type"] == "KeyError"
    assert problem["frames"][-1]["filename"].endswith("test_logs.py")
    assert "Erika" not in json.dumps(line)


def test_causes_and_groups_are_as_silent(capsys: pytest.CaptureFixture[str]) -> None:
    line = failed(ExceptionGroup("Erika", [ValueError("Erika")]), capsys)
    assert "ValueError" in json.dumps(line)
    assert "Erika" not in json.dumps(line)


def test_what_speaks_of_our_code_is_kept(capsys: pytest.CaptureFixture[str]) -> None:
    assert failed(RuntimeError("connect() was not called"), capsys)["exception"][0]["exc_value"]


# Every line that somebody's request caused carries that request's correlation id


def listening(capsys: pytest.CaptureFixture[str]) -> Callable[[], list[dict[str, Any]]]:
    logs.configure("therapist_service", "worker", "INFO")
    return lambda: [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def test_a_requests_lines_carry_its_correlation_id(client: FlaskClient, capsys: pytest.CaptureFixture[str]) -> None:
    lines = listening(capsys)
    client.get("/api/therapists", headers={"X-Correlation-Id": "abc-1"})
    (line,) = [line for line in lines() if line["event"] == "request.answered"]
    assert line["correlation_id"] == "abc-1"


def test_a_job_that_fails_says_so_under_its_own_correlation_id(capsys: pytest.CaptureFixture[str]) -> None:
    lines = listening(capsys)
    inside = []

    def run(_: datetime) -> int:
        inside.append(correlation_id())
        raise RuntimeError

    stop = threading.Event()
    threading.Timer(0.2, stop.set).start()
    run_until(Job("broken", timedelta(seconds=5), run), stop)
    (line,) = lines()
    assert (line["event"], line["job"], line["correlation_id"]) == ("job.failed", "broken", inside[0])


def test_a_row_that_a_job_works_on_is_logged_under_the_id_of_the_request_that_caused_it(
    capsys: pytest.CaptureFixture[str],
) -> Any:
    lines = listening(capsys)

    def run(_: datetime) -> int:
        with span("send an e-mail", correlation_id="abc-1"):
            logs.logger("test").info("email.sent")
        return 0

    run_once(Job("send", timedelta(seconds=1), run), now=MONDAY)
    (line,) = lines()
    assert line["correlation_id"] == "abc-1"


@dataclass
class Arrived:
    """A Kafka message."""

    content: str

    def value(self) -> bytes:
        return self.content.encode()

    def key(self) -> bytes:
        return b"key"

    def headers(self) -> None: ...
    def topic(self) -> str:
        return "matching.events"

    def partition(self) -> int:
        return 0

    def offset(self) -> int:
        return 7

    def timestamp(self) -> tuple[int, int]:
        return 0, 0


@pytest.mark.parametrize("damage", ["", '"reason"'], ids=["the listener fails", "the payload cannot be read"])
def test_an_event_becomes_a_dead_letter_under_the_id_of_the_request_that_caused_it(
    damage: str, session: Session, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = listening(capsys)

    def fail(session: Session, event: Event, *, now: datetime) -> None:
        logs.logger("test").info("listener.tries")
        raise ValueError

    listeners = Listeners()
    listeners.effect(RequestWithdrawn)(fail)
    ids = dict.fromkeys(("placement_request_id", "patient_id", "therapist_id"), new_id())
    event = happened(RequestWithdrawn(**ids, reason="other"))
    text = document(event)
    text = text.replace(damage, '"no reason"') if damage else text
    Consumer("therapist_service", {}, listeners).handle([Arrived(text)])  # type: ignore[list-item]
    said = lines()
    assert [line["event"] for line in said] == ["listener.tries"] * (0 if damage else 3) + ["consumer.dead_letter"]
    assert {line["correlation_id"] for line in said} == {event.envelope.correlation_id}


def test_copies_of_one_cause_are_logged_under_its_id(session: Session, capsys: pytest.CaptureFixture[str]) -> None:
    lines = listening(capsys)
    listeners = Listeners()
    listeners.projection(TherapistUpdated)(lambda session, events, *, now: logs.logger("test").info("copies.kept"))
    with use_trace_context(new_trace_context("abc-1")):
        event = TherapistUpdated(therapist=PublicTherapist(id=new_id(), last_name="Erfunden"))
        listeners.apply(session, [arrived(event), arrived(event)], now=MONDAY)
        listeners.apply(session, [arrived(event)], now=MONDAY)
    assert {line["correlation_id"] for line in lines()} == {"abc-1"}


def arrived(event: Event) -> Event:
    """The event as it comes from the outbox: with the cause of the moment."""
    cause = current_trace_context()
    envelope = replace(happened(event).envelope, correlation_id=cause.correlation_id, traceparent=cause.traceparent)
    value = document(event.with_envelope(envelope)).encode()
    read = read_event(value, {type(event)})
    assert read is not None
    return read
