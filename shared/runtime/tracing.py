"""The trace context of the current work: one correlation id and a W3C `traceparent` from request to e-mail.

Every span (a request, an event handled, a job's run, a row a job works on) has the correlation id and the trace id of
the span that caused it, and a span id of its own.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from hashlib import sha256
from typing import NamedTuple

CORRELATION_ID = re.compile(r"[A-Za-z0-9._:-]{1,64}")
TRACE_ID = re.compile(r"(?!0{32})[0-9a-f]{32}")
TRACEPARENT_00 = "00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}"
"""The pattern of the headers that we write."""
# later versions may only append to what version 00 says; ff is none (W3C Trace Context, 3.2.2)
TRACEPARENT = re.compile(
    r"(?P<version>(?!ff)[0-9a-f]{2})-(?P<trace>(?!0{32})[0-9a-f]{32})-(?P<span>(?!0{16})[0-9a-f]{16})"
    r"-(?P<flags>[0-9a-f]{2})(?P<more>-.*)?"
)
LONGEST_TRACEPARENT = 512


class TraceContext(NamedTuple):
    """The ids of one span; events, log lines and e-mails that it causes carry them on."""

    correlation_id: str
    trace_id: str
    span_id: str
    sampled: bool = True
    parent_span_id: str | None = None
    """The span that caused this one; None for the first of a trace."""

    @property
    def traceparent(self) -> str:
        """The W3C header for the spans that this one causes."""
        return f"00-{self.trace_id}-{self.span_id}-{self.sampled:02x}"


def new_trace_context(correlation_id: str | None = None, traceparent: str | None = None) -> TraceContext:
    """Returns the context of a child of the given ids, or of a new trace; ids that are not well-formed are replaced.

    Without a traceparent the trace id is computed from the correlation id: a row that stored only the correlation id
    continues the trace.
    """
    if correlation_id is not None and not CORRELATION_ID.fullmatch(correlation_id):
        correlation_id = None
    before = parent_ids(traceparent)
    if before is None:
        correlation_id = correlation_id or f"{_random_bits(128):032x}"
        return TraceContext(correlation_id, _trace_of(correlation_id), _new_span_id())
    trace_id, span_id, sampled = before
    return TraceContext(correlation_id or trace_id, trace_id, _new_span_id(), sampled, span_id)


def parent_ids(traceparent: str | None) -> tuple[str, str, bool] | None:
    """Returns the trace id, span id and sampled flag of a header; None when it is missing or not well-formed."""
    if traceparent is None or len(traceparent) > LONGEST_TRACEPARENT:
        return None
    found = TRACEPARENT.fullmatch(traceparent)
    if found is None or (found["version"] == "00" and found["more"]):
        return None
    return found["trace"], found["span"], bool(int(found["flags"], 16) & 1)


def _trace_of(correlation_id: str) -> str:
    if TRACE_ID.fullmatch(correlation_id):
        return correlation_id
    return sha256(correlation_id.encode()).hexdigest()[:32]


def _new_span_id() -> str:
    return f"{_random_bits(64):016x}"


def _random_bits(count: int) -> int:
    """Random bits that are not secret, only unique; the last one is set, since all zeros would mean that there is no
    id.
    """
    return random.getrandbits(count) | 1


_current: ContextVar[TraceContext | None] = ContextVar("trace_context", default=None)


def current_trace_context() -> TraceContext:
    """Returns the context of the current work; a new one for work without a request or event (a schedule)."""
    return _current.get() or new_trace_context()


def correlation_id() -> str | None:
    """Returns the current correlation id; None outside of any span."""
    context = _current.get()
    return context.correlation_id if context else None


def outgoing_headers() -> dict[str, str]:  # for the calls between services of issue 12
    """Returns the headers with which another service continues the trace."""
    context = current_trace_context()
    return {"X-Correlation-Id": context.correlation_id, "traceparent": context.traceparent}


@contextmanager
def use_trace_context(context: TraceContext) -> Iterator[TraceContext]:
    """Run the block in this context."""
    token = _current.set(context)
    try:
        yield context
    finally:
        _current.reset(token)
