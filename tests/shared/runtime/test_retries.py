"""What is tried again, for how long, and with which pauses."""

from __future__ import annotations

from itertools import pairwise

import pytest
from tenacity import stop_after_attempt

from shared.runtime.retries import FIRST_PAUSE, LONGEST_PAUSE, Backoff, retrying


class Flaky:
    """Fails so many times."""

    def __init__(self, failures: int, problem: type[Exception] = ConnectionError) -> None:
        self.failures, self.problem, self.calls = failures, problem, 0

    def __call__(self, given: str) -> str:
        """Returns what was given."""
        self.calls += 1
        if self.calls <= self.failures:
            raise self.problem(f"failure {self.calls}")
        return given


def is_passing(problem: BaseException) -> bool:
    return isinstance(problem, ConnectionError)


def test_a_call_is_tried_again_until_it_works() -> None:
    flaky, seen = Flaky(2), list[str]()
    retry = retrying(is_passing, stop=stop_after_attempt(5), on_retry=lambda problem: seen.append(str(problem)))
    assert retry(flaky, "given") == "given"
    assert (flaky.calls, seen) == (3, ["failure 1", "failure 2"])


def test_at_the_end_of_the_attempts_the_last_exception_rises() -> None:
    flaky = Flaky(9)
    with pytest.raises(ConnectionError, match="failure 2"):
        retrying(is_passing, stop=stop_after_attempt(2))(flaky, "given")
    assert flaky.calls == 2


def test_what_cannot_pass_is_not_tried_again() -> None:
    flaky = Flaky(1, ValueError)
    with pytest.raises(ValueError, match="failure 1"):
        retrying(is_passing, stop=stop_after_attempt(5))(flaky, "given")
    assert flaky.calls == 1


def test_pauses_double_up_to_the_longest_and_start_again_after_a_success() -> None:
    backoff = Backoff()
    pauses = [backoff.next() for _ in range(8)]
    assert pauses[0] == FIRST_PAUSE
    assert all(after == min(2 * before, LONGEST_PAUSE) for before, after in pairwise(pauses))
    backoff.reset()
    assert backoff.next() == FIRST_PAUSE
