"""Spans are sent to an OpenTelemetry collector where one is set, and cost nothing where none is."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import requests
from flask.testing import FlaskClient
from pydantic import ValidationError
from sqlalchemy.orm import Session

from shared.database import new_id
from shared.events.catalogue import RequestWithdrawn, TherapistUpdated
from shared.events.listeners import Listeners
from shared.runtime import spans
from shared.runtime.jobs import Job, run_once
from shared.runtime.settings import ServiceSettings
from shared.runtime.tracing import correlation_id, current_trace_context, new_trace_context
from tests.architecture.sources import ROOT
from tests.builders.events import happened
from tests.conftest import MONDAY
from tests.fakes.otlp import FakeCollector, collector
from tests.shared.events.publishing import withdrawn
from tests.shared.http.addresses import a_free_port, until_alive

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"  # pragma: allowlist secret


@pytest.fixture
def spans_sent() -> Iterator[FakeCollector]:
    """A collector to which this process sends its spans; `stop` sends at once what is waiting."""
    with collector() as fake:
        spans.start("therapist_service", fake.endpoint)
        yield fake
        spans.stop()


def attributes(span: Any) -> dict[str, Any]:
    return {a.key: getattr(a.value, a.value.WhichOneof("value")) for a in span.attributes}


def test_a_request_is_exported_as_the_child_of_its_callers_span(spans_sent: FakeCollector, client: FlaskClient) -> None:
    answer = client.get("/api/therapists", headers={"traceparent": f"00-{TRACE}-{SPAN}-01", "X-Correlation-Id": "abc"})
    assert answer.status_code == 200
    client.get("/health/live")
    spans.stop()
    span = spans_sent.named("GET /api/therapists")
    assert (span.trace_id.hex(), span.parent_span_id.hex()) == (TRACE, SPAN)
    assert span.kind == span.SPAN_KIND_SERVER
    assert span.end_time_unix_nano >= span.start_time_unix_nano > 10**18
    assert attributes(span) == {
        "correlation_id": "abc",
        "http.request.method": "GET",
        "http.route": "/api/therapists",
        "http.response.status_code": 200,
    }
    assert [name for name, _ in spans_sent.spans] == ["therapist_service"], "health probes are not worth telling"


def test_an_effect_is_exported_as_the_child_of_the_span_that_recorded_its_event(
    spans_sent: FakeCollector, session: Session
) -> None:
    listeners = Listeners()
    inside = []
    listeners.effect(RequestWithdrawn)(lambda session, event, *, now: inside.append(current_trace_context()))
    event = withdrawn(new_id(), 1)
    listeners.apply(session, [event], now=MONDAY)
    spans.stop()
    span = spans_sent.named("handle matching.request_withdrawn")
    _, trace_id, span_id, _ = event.envelope.traceparent.split("-")
    assert (span.trace_id.hex(), span.parent_span_id.hex()) == (trace_id, span_id)
    assert span.span_id.hex() == inside[0].span_id != span_id
    assert inside[0].correlation_id == event.envelope.correlation_id


def test_copies_of_many_causes_are_one_span_that_links_to_each(spans_sent: FakeCollector, session: Session) -> None:
    listeners = Listeners()
    listeners.projection(TherapistUpdated)(lambda session, events, *, now: None)
    events = [happened(TherapistUpdated(therapist={"id": new_id(), "last_name": "Muster"})) for _ in range(3)]
    listeners.apply(session, events, now=MONDAY)
    spans.stop()
    span = spans_sent.named("handle events together")
    assert {link.span_id.hex() for link in span.links} == {e.envelope.traceparent.split("-")[2] for e in events}
    assert not span.parent_span_id


def test_a_job_that_worked_is_exported_and_a_failure_without_its_text(spans_sent: FakeCollector) -> None:
    def fail(_: object) -> int:
        raise ValueError("Erika Mustermann")

    for name, run in {"idle": lambda _: 0, "busy": lambda _: 1, "broken": fail}.items():
        try:
            run_once(Job(name, timedelta(seconds=1), run), now=MONDAY)
        except ValueError:
            assert name == "broken"
    spans.stop()
    span = spans_sent.named("job broken")
    assert span.status.code == span.status.STATUS_CODE_ERROR
    assert attributes(span)["error.type"] == "ValueError"
    assert "Erika" not in str(span)
    assert [span.name for _, span in spans_sent.spans] == ["job busy", "job broken"]


def test_what_a_job_does_for_a_row_belongs_to_the_rows_cause(spans_sent: FakeCollector) -> None:
    inside = []

    def run(_: object) -> int:
        with spans.span("send an e-mail", correlation_id="abc-1"):
            inside.append(correlation_id())
        inside.append(correlation_id())
        return 1

    run_once(Job("send", timedelta(seconds=1), run), now=MONDAY)
    spans.stop()
    assert inside[0] == "abc-1" != inside[1]
    assert spans_sent.named("send an e-mail").trace_id.hex() == new_trace_context("abc-1").trace_id


def test_a_caller_who_samples_nothing_is_not_exported(spans_sent: FakeCollector) -> None:
    with spans.span("silent", traceparent=f"00-{TRACE}-{SPAN}-00"):
        pass
    with spans.span("sent"):
        pass
    spans.stop()
    spans_sent.named("sent")
    assert [span.name for _, span in spans_sent.spans] == ["sent"]


@pytest.mark.slow
def test_a_collector_that_hangs_keeps_nobody_from_ending() -> None:
    with collector(hangs=True) as fake:
        spans.start("therapist_service", fake.endpoint)
        with spans.span("lost"):
            pass
        began = time.monotonic()
        spans.stop()
        assert time.monotonic() - began < spans.SECONDS_FOR_THE_LAST_EXPORT + 1


def test_without_an_endpoint_nothing_is_imported_or_exported() -> None:
    program = "import sys, shared.runtime.worker, shared.runtime.web, shared.runtime.spans as s; s.start('x', '')\n"
    program += "with s.span('y'): pass\n"
    program += "assert not [m for m in sys.modules if m.startswith('opentelemetry')]"
    subprocess.run([sys.executable, "-c", program], check=True, cwd=ROOT)


@pytest.mark.parametrize("wrong", ["collector:4318", "file:///tmp/spans"])
def test_an_endpoint_that_is_no_address_is_refused_at_start(wrong: str) -> None:
    with pytest.raises(ValidationError, match="otel_exporter_otlp_endpoint"):
        ServiceSettings(database_password="x", port=1, digest_key="x", otel_exporter_otlp_endpoint=wrong)


def test_an_endpoint_without_the_packages_is_refused_at_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shared.runtime.settings.find_spec", lambda name: None)
    with pytest.raises(ValidationError, match=r"requirements/tracing\.txt"):
        ServiceSettings(database_password="x", port=1, digest_key="x", otel_exporter_otlp_endpoint="http://x:4318")


@pytest.mark.slow
def test_a_web_process_that_is_stopped_exports_the_last_spans_first() -> None:
    """Spans are sent every few seconds; those of the last ones must not be lost at each deployment."""
    port = a_free_port()
    with collector() as fake:
        environment = {**os.environ, "OTEL_EXPORTER_OTLP_ENDPOINT": fake.endpoint}
        command = [sys.executable, "-m", "tests.shared.http.sample", str(port), "1"]
        with subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.DEVNULL) as process:
            try:
                address = until_alive(f"http://127.0.0.1:{port}")
                requests.get(f"{address}/docs", headers={"X-Correlation-Id": "abc-1"}, timeout=10)
                process.terminate()
                process.wait(15)
            finally:
                process.kill()
        assert attributes(fake.named("GET /docs"))["correlation_id"] == "abc-1"
