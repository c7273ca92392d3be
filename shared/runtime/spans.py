"""Spans of work, exported with OpenTelemetry when OTEL_EXPORTER_OTLP_ENDPOINT is set.

A span is the same with and without export: it sets the trace context of the work inside it. The ids are our own
(shared.runtime.tracing); OpenTelemetry only sends them, and is imported only when there is an endpoint.
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
"""A collector that does not answer must not keep a process from ending in time."""
MOST_LINKS = 32


@dataclass
class Span:
    """One piece of work in a trace; its name, attributes and `should_export` may be set until it ends."""

    name: str
    kind: Kind
    context: TraceContext
    attributes: dict[str, Attribute] = field(default_factory=dict)
    links: Sequence[str] = ()
    """Traceparents of other spans that caused this one, such as those of the events of one poll."""
    failed: str | None = None
    """The class of the error; never its text, which may quote a patient's data."""
    should_export: bool = True


Exporter = Callable[[Span, datetime, datetime], None]


@dataclass
class _Export:
    """How this process exports its spans; None where it does not."""

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
    """Run the block in a new span, the child of the given ids or the first of a new trace."""
    this = Span(name, kind, new_trace_context(correlation_id, traceparent), dict(attributes or ()), links)
    export = _export.export
    began = clock.now() if export else None
    try:
        with use_trace_context(this.context):
            yield this
    except BaseException as problem:
        this.failed = type(problem).__name__
        raise
    finally:
        if export and began and this.should_export and this.context.sampled:
            export(this, began, clock.now())


def start(service: str, endpoint: str) -> None:
    """Export every span to this OTLP/HTTP endpoint from now on; nothing happens when it is empty.

    Call it when the process does not fork any more: a thread sends the spans.
    """
    if endpoint and _export.export is None:
        _export.export, _export.end = _exporter(service, endpoint)


def stop() -> None:
    """Send the remaining spans, for two seconds at most, and stop exporting."""
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

    def span_context(trace_id: str, span_id: str) -> SpanContext:
        return SpanContext(int(trace_id, 16), int(span_id, 16), False, TraceFlags(TraceFlags.SAMPLED))

    def export(this: Span, began: datetime, ended: datetime) -> None:
        own, attributes = this.context, {"correlation_id": this.context.correlation_id, **this.attributes}
        if this.failed:
            attributes["error.type"] = this.failed
        finished = ReadableSpan(
            name=this.name,
            context=span_context(own.trace_id, own.span_id),
            parent=span_context(own.trace_id, own.parent_span_id) if own.parent_span_id else None,
            resource=resource,
            attributes=attributes,
            links=[Link(span_context(*ids[:2])) for each in this.links[:MOST_LINKS] if (ids := parent_ids(each))],
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
