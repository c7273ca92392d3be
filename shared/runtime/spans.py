"""Hops of work, and their export as OpenTelemetry spans where OTEL_EXPORTER_OTLP_ENDPOINT says to whom.

A hop is the same with and without export: it sets the cause of the work inside it. The ids are our own
(shared.runtime.tracing); OpenTelemetry is only the messenger, and is imported only when there is something to send.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from shared.runtime import clock
from shared.runtime.tracing import Cause, because_of, hop_before, new_cause

Kind = Literal["internal", "server", "consumer", "producer"]
Attribute = str | int | float | bool

SECONDS_FOR_AN_EXPORT = 5
SECONDS_TO_SAY_THE_LAST = 2
"""A collector that is away must not keep a process from ending in time."""
MOST_LINKS = 32


@dataclass
class Hop:
    """One piece of work in a chain; whoever does it may still name it, describe it, or say it is not worth telling."""

    name: str
    kind: Kind
    cause: Cause
    attributes: dict[str, Attribute] = field(default_factory=dict)
    links: Sequence[str] = ()
    """Traceparents of hops that led to this one together, as the many events of one poll do."""
    failed: str | None = None
    """The kind of failure; never its text, which may quote a patient's data."""
    worth_telling: bool = True


Teller = Callable[[Hop, datetime, datetime], None]


@dataclass
class _Export:
    """What this process tells of its hops, if anything."""

    tell: Teller | None = None
    end: Callable[[], None] | None = None


_export = _Export()


@contextmanager
def hop(
    name: str,
    kind: Kind = "internal",
    *,
    correlation_id: str | None = None,
    traceparent: str | None = None,
    attributes: Mapping[str, Attribute] | None = None,
    links: Sequence[str] = (),
) -> Iterator[Hop]:
    """Everything inside the block is the next hop after the given ids, or the first of a chain."""
    this = Hop(name, kind, new_cause(correlation_id, traceparent), dict(attributes or ()), links)
    tell = _export.tell
    began = clock.now() if tell else None
    try:
        with because_of(this.cause):
            yield this
    except BaseException as problem:
        this.failed = type(problem).__name__
        raise
    finally:
        if tell and began and this.worth_telling and this.cause.sampled:
            tell(this, began, clock.now())


def start(service: str, endpoint: str) -> None:
    """Tell this OTLP/HTTP endpoint of every hop from now on; nothing where it is empty.

    For a process that will not fork any more: a thread does the sending.
    """
    if endpoint and _export.tell is None:
        _export.tell, _export.end = _teller(service, endpoint)


def stop() -> None:
    """Send what has not been sent, for two seconds at most, and tell no more."""
    end, _export.tell, _export.end = _export.end, None, None
    if end is not None:
        last = threading.Thread(target=end, daemon=True)
        last.start()
        last.join(SECONDS_TO_SAY_THE_LAST)


def _teller(service: str, endpoint: str) -> tuple[Teller, Callable[[], None]]:
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.sdk.trace.export import BatchSpanProcessor
    from opentelemetry.sdk.util.instrumentation import InstrumentationScope
    from opentelemetry.trace import Link, SpanContext, SpanKind, Status, StatusCode, TraceFlags

    resource = Resource.create({"service.name": service})
    scope = InstrumentationScope("shared.runtime.spans")
    exporter = OTLPSpanExporter(endpoint.rstrip("/") + "/v1/traces", timeout=SECONDS_FOR_AN_EXPORT)
    processor = BatchSpanProcessor(exporter)

    def context(trace_id: str, span_id: str) -> SpanContext:
        return SpanContext(int(trace_id, 16), int(span_id, 16), False, TraceFlags(TraceFlags.SAMPLED))

    def tell(this: Hop, began: datetime, ended: datetime) -> None:
        cause, attributes = this.cause, {"correlation_id": this.cause.correlation_id, **this.attributes}
        if this.failed:
            attributes["error.type"] = this.failed
        span = ReadableSpan(
            name=this.name,
            context=context(cause.trace_id, cause.span_id),
            parent=context(cause.trace_id, cause.parent_span_id) if cause.parent_span_id else None,
            resource=resource,
            attributes=attributes,
            links=[Link(context(*led[:2])) for each in this.links[:MOST_LINKS] if (led := hop_before(each))],
            kind=SpanKind[this.kind.upper()],
            instrumentation_scope=scope,
            status=Status(StatusCode.ERROR if this.failed else StatusCode.UNSET),
            start_time=_nanoseconds(began),
            end_time=_nanoseconds(ended),
        )
        processor.on_end(span)

    return tell, processor.shutdown


def _nanoseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1_000_000) * 1000
