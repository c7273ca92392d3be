"""Spans of work, exported to OpenTelemetry where OTEL_EXPORTER_OTLP_ENDPOINT says to whom.

A span is the same with and without export: it sets the cause of the work inside it. The ids are our own
(shared.runtime.tracing); OpenTelemetry only sends, and is imported only where there is somebody to send to.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from shared.runtime import clock
from shared.runtime.tracing import TraceContext, new_trace_context, parent_ids, use_trace_context

Kind = Literal["internal", "server", "consumer", "producer"]
Attribute = str | int | float | bool

SECONDS_FOR_AN_EXPORT = 5
SECONDS_FOR_THE_LAST_EXPORT = 2
"""A collector that is away must not keep a process from ending in time."""
MOST_LINKS = 32


@dataclass
class Span:
    """One piece of work in a chain, which may still be named, described, or kept from export."""

    name: str
    kind: Kind
    cause: TraceContext
    attributes: dict[str, Attribute] = field(default_factory=dict)
    links: Sequence[str] = ()
    """Traceparents of spans that led to this one together, as the many events of one poll do."""
    failed: str | None = None
    """The kind of failure; never its text, which may quote a patient's data."""
    should_export: bool = True


Exporter = Callable[[Span, datetime, datetime], None]


@dataclass
class _Export:
    """How this process exports its spans, if at all."""

    export: Exporter | None = None
    end: Callable[[], None] | None = None


_export = _Export()


@contextmanager
def span(
    name: str,
    kind: Kind = "internal",
    *,
    correlation_id: str | None = None,
    traceparent: str | None = None,
    attributes: Mapping[str, Attribute] | None = None,
    links: Sequence[str] = (),
) -> Iterator[Span]:
    """Everything inside the block is the next span after the given ids, or the first of a chain."""
    this = Span(name, kind, new_trace_context(correlation_id, traceparent), dict(attributes or ()), links)
    export = _export.export
    began = clock.now() if export else None
    try:
        with use_trace_context(this.cause):
            yield this
    except BaseException as problem:
        this.failed = type(problem).__name__
        raise
    finally:
        if export and began and this.should_export and this.cause.sampled:
            export(this, began, clock.now())


def start(service: str, endpoint: str) -> None:
    """Export every span to this OTLP/HTTP endpoint from now on; none where it is empty.

    For a process that will not fork any more: a thread does the sending.
    """
    if endpoint and _export.export is None:
        _export.export, _export.end = _exporter(service, endpoint)


def stop() -> None:
    """Send what has not been sent, for two seconds at most, and export no more."""
    end, _export.export, _export.end = _export.end, None, None
    if end is not None:
        last = threading.Thread(target=end, daemon=True)
        last.start()
        last.join(SECONDS_FOR_THE_LAST_EXPORT)


def _exporter(service: str, endpoint: str) -> tuple[Exporter, Callable[[], None]]:
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.sdk.trace.export import BatchSpanProcessor
    from opentelemetry.sdk.util.instrumentation import InstrumentationScope
    from opentelemetry.trace import Link, SpanContext, SpanKind, Status, StatusCode, TraceFlags

    resource = Resource.create({"service.name": service})
    scope = InstrumentationScope("shared.runtime.spans")
    sender = OTLPSpanExporter(endpoint.rstrip("/") + "/v1/traces", timeout=SECONDS_FOR_AN_EXPORT)
    processor = BatchSpanProcessor(sender)

    def context(trace_id: str, span_id: str) -> SpanContext:
        return SpanContext(int(trace_id, 16), int(span_id, 16), False, TraceFlags(TraceFlags.SAMPLED))

    def export(this: Span, began: datetime, ended: datetime) -> None:
        cause, attributes = this.cause, {"correlation_id": this.cause.correlation_id, **this.attributes}
        if this.failed:
            attributes["error.type"] = this.failed
        finished = ReadableSpan(
            name=this.name,
            context=context(cause.trace_id, cause.span_id),
            parent=context(cause.trace_id, cause.parent_span_id) if cause.parent_span_id else None,
            resource=resource,
            attributes=attributes,
            links=[Link(context(*led[:2])) for each in this.links[:MOST_LINKS] if (led := parent_ids(each))],
            kind=SpanKind[this.kind.upper()],
            instrumentation_scope=scope,
            status=Status(StatusCode.ERROR if this.failed else StatusCode.UNSET),
            start_time=_nanoseconds(began),
            end_time=_nanoseconds(ended),
        )
        processor.on_end(finished)

    return export, processor.shutdown


def _nanoseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1_000_000) * 1000
