"""Which of many cases `make test-fast` runs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest


def mostly_slow(cases: Iterable[Any], *, every: int) -> list[Any]:
    """Returns the cases for `parametrize`, all slow but the first and every so many after it.

    It is for a test whose cases together take long and resemble each other; a case that is alone of its kind belongs
    in a test of its own.
    """
    return [_slow(case) if number % every else case for number, case in enumerate(cases)]


def _slow(case: Any) -> Any:
    if hasattr(case, "marks"):  # what pytest.param returns
        return case._replace(marks=[*case.marks, pytest.mark.slow])
    return pytest.param(case, marks=pytest.mark.slow)
