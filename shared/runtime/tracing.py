"""Which cause the present work belongs to: one correlation id and a W3C `traceparent` from request to e-mail.

Every span (a request, an event handled, a job's run, a row a job works on) keeps the correlation id and the trace id of
what caused it and has a span id of its own.
"""

from __future__ import annotations

import random
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from hashlib import sha256
from typing import NamedTuple

CORRELATION_ID = re.compile(r"[A-Za-z0-9._:-]{1,64}")
TRACE_ID = re.compile(r"(?!0{32})[0-9a-f]{32}")
TRACEPARENT_00 = "00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}"
"""What we write ourselves, as a pattern for others."""
# later versions may only append to what version 00 says; ff is none (W3C Trace Context, 3.2.2)
TRACEPARENT = re.compile(
    r"(?P<version>(?!ff)[0-9a-f]{2})-(?P<trace>(?!0{32})[0-9a-f]{32})-(?P<span>(?!0{16})[0-9a-f]{16})"
    r"-(?P<flags>[0-9a-f]{2})(?P<more>-.*)?"
)
LONGEST_TRACEPARENT = 512


class TraceContext(NamedTuple):
    """One span of a chain of work: what every event, log line and e-mail it leads to carries on."""

    correlation_id: str
    trace_id: str
    span_id: str
    sampled: bool = True
    parent_span_id: str | None = None
    """The span before this one; None where the chain begins."""

    @property
    def traceparent(self) -> str:
        """This span as the W3C header that the next one continues."""
        return f"00-{self.trace_id}-{self.span_id}-{self.sampled:02x}"


def new_trace_context(correlation_id: str | None = None, traceparent: str | None = None) -> TraceContext:
    """The next span after the given ids, or the first one; what is not well-formed is replaced.

    The trace id follows from the correlation id where no traceparent is given: a row that kept only the correlation id
    continues the trace.
    """
    if correlation_id is not None and not CORRELATION_ID.fullmatch(correlation_id):
        correlation_id = None
    before = parent_ids(traceparent)
    if before is None:
        correlation_id = correlation_id or secrets.token_hex(16)
        return TraceContext(correlation_id, _trace_of(correlation_id), _new_span_id())
    trace_id, span_id, sampled = before
    return TraceContext(correlation_id or trace_id, trace_id, _new_span_id(), sampled, span_id)


def parent_ids(traceparent: str | None) -> tuple[str, str, bool] | None:
    """The trace id, span id and sampled flag of a header; None for one that is missing or not well-formed."""
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
    # no secret, only different; the last bit is set, since all zeros would mean that there is no span
    return f"{random.getrandbits(64) | 1:016x}"


_current: ContextVar[TraceContext | None] = ContextVar("cause", default=None)


def current_trace_context() -> TraceContext:
    """The cause of the present work; work that nobody asked for (a schedule) gets one of its own."""
    return _current.get() or new_trace_context()


def correlation_id() -> str | None:
    """The present correlation id, or None outside any cause."""
    cause = _current.get()
    return cause.correlation_id if cause else None


def outgoing_headers() -> dict[str, str]:
    """What an HTTP call to another service carries, so that its work continues ours."""
    cause = current_trace_context()
    return {"X-Correlation-Id": cause.correlation_id, "traceparent": cause.traceparent}


@contextmanager
def use_trace_context(cause: TraceContext) -> Iterator[TraceContext]:
    """Everything inside the block happens because of `cause`."""
    token = _current.set(cause)
    try:
        yield cause
    finally:
        _current.reset(token)
