"""One correlation id and one trace from a request to the last thing it causes, a new span for each span."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.runtime.tracing import (
    TRACEPARENT,
    correlation_id,
    current_trace_context,
    new_trace_context,
    outgoing_headers,
    use_trace_context,
)

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"  # pragma: allowlist secret
GIVEN = f"00-{TRACE}-{SPAN}-01"


def test_a_span_keeps_the_trace_and_has_an_id_of_its_own() -> None:
    span = new_trace_context("abc-1", GIVEN)
    assert (span.correlation_id, span.trace_id, span.parent_span_id) == ("abc-1", TRACE, SPAN)
    assert span.span_id != SPAN
    after = new_trace_context(span.correlation_id, span.traceparent)
    assert (after.correlation_id, after.trace_id, after.parent_span_id) == ("abc-1", TRACE, span.span_id)


def test_a_caller_who_traces_and_gives_no_correlation_id_finds_the_trace_id_in_the_logs() -> None:
    assert new_trace_context(None, GIVEN).correlation_id == TRACE


@pytest.mark.parametrize("given", [None, "abc-1"])
def test_a_row_that_kept_only_the_correlation_id_continues_the_trace(given: str | None) -> None:
    request = new_trace_context(given)
    job = new_trace_context(request.correlation_id)
    assert job.trace_id == request.trace_id
    assert job.span_id != request.span_id


def test_a_caller_who_samples_nothing_is_followed() -> None:
    assert new_trace_context(None, f"00-{TRACE}-{SPAN}-00").traceparent.endswith("-00")
    assert new_trace_context(None, f"00-{TRACE}-{SPAN}-ff").traceparent.endswith("-01")


def test_a_later_version_of_the_header_is_continued_as_version_00() -> None:
    span = new_trace_context(None, f"42-{TRACE}-{SPAN}-01-more")
    assert span.traceparent.startswith(f"00-{TRACE}-")


@pytest.mark.parametrize(
    "bad",
    ["", "abc", f"00-{TRACE}-{SPAN}", f"00-{TRACE}-{SPAN}-01-more", f"ff-{TRACE}-{SPAN}-01", f"00-{'0' * 32}-{SPAN}-01",
     f"00-{TRACE}-{'0' * 16}-01", GIVEN.upper(), GIVEN + "\n", f"42-{TRACE}-{SPAN}-01-{'x' * 600}"],
)  # fmt: skip
def test_a_header_that_is_not_well_formed_starts_a_new_trace(bad: str) -> None:
    span = new_trace_context(None, bad)
    assert span.trace_id != TRACE
    assert span.parent_span_id is None


@given(st.none() | st.text(), st.none() | st.text())
def test_whatever_is_given_what_goes_out_is_well_formed(given_id: str | None, given_parent: str | None) -> None:
    span = new_trace_context(given_id, given_parent)
    assert TRACEPARENT.fullmatch(span.traceparent)
    assert new_trace_context(span.correlation_id, span.traceparent).correlation_id == span.correlation_id


def test_outgoing_calls_carry_the_present_cause_and_nothing_is_left_of_it_afterwards() -> None:
    with use_trace_context(new_trace_context("abc-1", GIVEN)) as cause:
        assert outgoing_headers() == {"X-Correlation-Id": "abc-1", "traceparent": cause.traceparent}
        assert current_trace_context() is cause
    assert correlation_id() is None
