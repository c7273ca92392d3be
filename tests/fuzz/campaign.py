"""Requests made up from a service's own OpenAPI document: what it says is what it does.

Each operation gets requests that the document allows and requests that it forbids, on ids that exist and on ids that
do not, with keys that repeat. A difference is: a 5xx, a status, content type, header or body that the document does not
name, something valid refused, or something invalid taken.
"""

from __future__ import annotations

import importlib
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import schemathesis
from hypothesis import HealthCheck, Phase, given, seed
from hypothesis import settings as chosen
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import load_all_checks
from schemathesis.core.failures import Failure, FailureGroup
from sqlalchemy.orm import Session

from tests.fuzz.known import Known, examples, make, with_known_values, within
from tests.fuzz.reasons import is_explained

KEY = "Idempotency-Key"


@dataclass
class Outcome:
    """What a campaign found in one service."""

    cases: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    explained: Counter[str] = field(default_factory=Counter)
    differences: Counter[tuple[str, str]] = field(default_factory=Counter)
    """By operation and what differed."""
    examples: dict[tuple[str, str], str] = field(default_factory=dict)

    def note(self, operation: str, what: str, example: str) -> None:
        """Count a difference, and keep the first request that showed it."""
        self.differences[operation, what] += 1
        self.examples.setdefault((operation, what), example)

    def report(self) -> str:
        """All differences with an example of each, for people."""
        return "\n".join(
            f"{times} x {operation}: {what}\n    {self.examples[operation, what]}"
            for (operation, what), times in self.differences.most_common()
        )


def run(service: str, session: Session, settings: Any, folder: Path, *, cases: int, number: int) -> Outcome:
    """Send so many requests to the service, made up from this seed; its work is in the session's transaction."""
    load_all_checks()
    known = make(service, session, settings, folder)
    # a folder that the imports can be read from
    app = importlib.import_module(f"{service}.app").create(within(settings, folder))
    schema = schemathesis.openapi.from_wsgi("/openapi.json", app)
    # what runs a process takes no input, and asks Kafka
    operations = [each for found in schema.get_all_operations() if "/api/" in (each := found.ok()).path]
    known = {**examples(app.test_client().get("/openapi.json").json), **known}
    outcome = Outcome()
    for position, operation in enumerate(operations):
        share = cases // len(operations) + (position < cases % len(operations))
        _try(operation, known, outcome, share, number + position)
    return outcome


def _try(operation: Any, known: Known, outcome: Outcome, cases: int, number: int) -> None:
    both = st.one_of(*(operation.as_strategy(mode) for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)))
    before = outcome.cases

    @seed(number)
    @chosen(
        max_examples=cases,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=both, luck=st.integers(0, 2**16))
    def each(case: Any, luck: int) -> None:
        if outcome.cases - before < cases:
            _send(case, luck, known, outcome)

    each()


def _send(case: Any, luck: int, known: Known, outcome: Outcome) -> None:
    _choose_known(case, luck, known)
    label = case.operation.label
    answer = case.call()
    outcome.cases += 1
    outcome.statuses[answer.status_code] += 1
    for what in _differences(case, answer):
        reason = is_explained(case, answer, what)
        if reason:
            outcome.explained[reason] += 1
        else:
            outcome.note(label, what, f"{case.as_curl_command()}\n    -> {answer.status_code} {answer.text[:600]}")
    if case.method == "POST" and luck % 4 == 0 and answer.status_code < 300:
        for what in _differences_of_a_repetition(case, luck):
            outcome.note(label, what, case.as_curl_command())


def _choose_known(case: Any, luck: int, known: Known) -> None:
    def choose(ids: Any) -> str:
        return str(ids[luck % len(ids)]) if ids else "00000000-0000-7000-8000-000000000000"

    collection = case.operation.path.partition("/{")[0]
    if luck % 3 and known.get(collection) and case.meta.generation.mode.is_positive:
        case.path_parameters["id"] = choose(known[collection])
    if luck % 5 and case.meta.generation.mode.is_positive and isinstance(case.body, dict | list):
        case.body = with_known_values(case.body, known, choose)
    if luck % 5 and case.meta.generation.mode.is_positive and case.query:
        case.query = with_known_values(case.query, known, choose)


def _differences(case: Any, answer: Any) -> Iterator[str]:
    if answer.status_code >= 500:
        yield f"{answer.status_code}"
    declared = case.operation.definition.raw["responses"]
    if str(answer.status_code) not in declared:
        yield f"status {answer.status_code} is not declared"
    try:
        case.validate_response(answer)
    except FailureGroup as group:
        yield from (_line(each) for each in group.exceptions)
    except Failure as failure:
        yield _line(failure)


def _line(failure: Any) -> str:
    return f"{failure.title}: {' '.join(str(failure.message).split())[:160]}"


def _differences_of_a_repetition(case: Any, luck: int) -> Iterator[str]:
    """The same request with the same key twice: one effect, one answer."""
    headers = {KEY: f"again-{luck}-{case.id}"}
    first, second = case.call(headers=headers), case.call(headers=headers)
    if first.status_code < 300 and (second.status_code, _body(second)) != (first.status_code, _body(first)):
        yield f"a repetition is answered {second.status_code} where the first time was {first.status_code}"


def _body(answer: Any) -> Any:
    return json.loads(answer.text) if answer.text else None
