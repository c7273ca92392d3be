"""Which cause the present work belongs to: one correlation id and a W3C `traceparent` from request to e-mail."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

CORRELATION_ID = re.compile(r"[A-Za-z0-9._:-]{1,64}")
TRACEPARENT = re.compile(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")


@dataclass(frozen=True)
class Cause:
    """What started this work: ids that every event, log line and e-mail it leads to carries on."""

    correlation_id: str
    traceparent: str


_current: ContextVar[Cause | None] = ContextVar("cause", default=None)


def new_cause(correlation_id: str | None = None, traceparent: str | None = None) -> Cause:
    """A cause that continues the given ids where they are well-formed, and starts new ones where not."""
    if correlation_id is None or not CORRELATION_ID.fullmatch(correlation_id):
        correlation_id = secrets.token_hex(16)
    if traceparent is None or not TRACEPARENT.fullmatch(traceparent):
        traceparent = f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-01"
    return Cause(correlation_id, traceparent)


def current_cause() -> Cause:
    """The cause of the present work; work that nobody asked for (a schedule) gets one of its own."""
    return _current.get() or new_cause()


def correlation_id() -> str | None:
    """The present correlation id, or None outside any cause."""
    cause = _current.get()
    return cause.correlation_id if cause else None


@contextmanager
def because_of(cause: Cause) -> Iterator[Cause]:
    """Everything inside the block happens because of `cause`."""
    token = _current.set(cause)
    try:
        yield cause
    finally:
        _current.reset(token)
