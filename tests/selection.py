"""Which of many cases `make test-fast` runs."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from itertools import product
from typing import Any

import pytest


def mostly_slow(cases: Iterable[Any], *, every: int) -> list[Any]:
    """Returns the cases for `parametrize`, all slow but the first and every so many after it.

    It is for a test whose cases together take long and resemble each other; a case that is alone of its kind belongs
    in a test of its own.
    """
    return [_slow(case) if number % every else case for number, case in enumerate(cases)]


def params_of_pairs(values: Collection[Any]) -> list[Any]:
    """Returns all ordered pairs of the values, for `parametrize` with two names.

    Where the number of values is no multiple of 5, one in five of the pairs has each value at each of the places.
    """
    return [pytest.param(*pair) for pair in product(values, repeat=2)]


def _slow(case: Any) -> Any:
    if hasattr(case, "marks"):  # what pytest.param returns
        return case._replace(marks=[*case.marks, pytest.mark.slow])
    return pytest.param(case, marks=pytest.mark.slow)
