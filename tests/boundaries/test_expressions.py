"""No regular expression of ours takes longer than in proportion to the text: else one request could stop a process.

Those in the schemas are run by pydantic's engine in Rust, which has no such texts.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator

import pytest
from pydantic import BaseModel

from shared.values.schemas import Schema
from tests.boundaries.expressions import UNKNOWN, Expression, Pump, expressions, pumps

STEPS = (*range(8, 30, 2), *(2**power for power in range(5, 16)))
"""Lengths of the texts. Up to 28 characters 2ⁿ and 4ⁿ show, in the end n²: seconds, where n is a hundredth of one."""

SECONDS = 0.25
"""Of processor time, which other work on the machine does not count towards."""

MADE_WHILE_RUNNING = {"shared/values/phone.py": "the patterns of the numbering plans, which phonenumbers ships"}

FOUND = list(expressions())
KNOWN = {each for each in FOUND if each.method != UNKNOWN}


def steps_until_slow(expression: Expression, pump: Pump, *, too_long: float = SECONDS) -> str | None:
    """The first text that takes too long, None if there is none."""
    for length in STEPS:
        began = time.thread_time()
        expression.try_on(pump.text(length))
        if (seconds := time.thread_time() - began) > too_long:
            return f"{expression.place} {expression.method}: {length} characters take {seconds:.1f} s, {pump}"
    return None


def slow_texts(expression: Expression, *, too_long: float = SECONDS) -> Iterator[str]:
    tried = (steps_until_slow(expression, pump, too_long=too_long) for pump in pumps(expression.pattern))
    return filter(None, tried)


def test_only_expressions_of_a_library_are_made_while_the_program_runs() -> None:
    """What a function makes of its arguments nobody can try here."""
    assert {each.place.partition(":")[0] for each in FOUND if each.method == UNKNOWN} == set(MADE_WHILE_RUNNING)


def test_the_expressions_were_found() -> None:
    places = {each.place.partition(":")[0] for each in KNOWN}
    assert {"shared/values/contacts.py", "shared/security/sign_in.py", "shared/runtime/server/parser.py"} <= places
    assert len(KNOWN) > 80


@pytest.mark.parametrize("folder", sorted({each.place.partition("/")[0] for each in KNOWN}))
def test_no_expression_takes_longer_than_in_proportion(folder: str) -> None:
    chosen = [each for each in KNOWN if each.place.startswith(f"{folder}/")]
    assert [slow for each in chosen for slow in slow_texts(each)] == []


@pytest.mark.parametrize(
    ("pattern", "method"),
    [
        (r"(a+)+", "fullmatch"),
        (r"(a|a)*b", "match"),
        (r"(\w+ ?)*!", "match"),
        (r"\s*$", "search"),
        (r"[\w.]+@[\w.]+", "search"),
        (r"x: *(.*?) *\n", "search"),
        (r"([a-z]+|[a-z0-9]+)+;", "match"),
    ],
)
def test_a_bad_expression_would_be_found(pattern: str, method: str) -> None:
    # of texts that take this much the next steps take four times as much each, up to any bound
    assert next(slow_texts(Expression("here", re.compile(pattern), method), too_long=SECONDS / 16), None)


def _schemas(kind: type[BaseModel] = Schema) -> set[type[BaseModel]]:
    return {kind}.union(*(_schemas(each) for each in kind.__subclasses__()))


def test_the_patterns_of_schemas_are_run_by_an_engine_that_does_not_go_back() -> None:
    assert {each.model_config.get("regex_engine", "rust-regex") for each in _schemas()} == {"rust-regex"}
