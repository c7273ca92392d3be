"""Requests made up from a service's own OpenAPI document: what it says is what it does.

Each operation gets requests that the document allows and requests that it forbids, on ids that exist and on ids that
do not, with keys that repeat, by administrators, by callers with one role or scope, and by nobody. A difference is: a
5xx, a status, content type, header or body that the document does not name, something valid refused, something invalid
taken, or a caller who is admitted or refused against what the document says of the operation.
"""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import schemathesis
from flask import Flask
from hypothesis import HealthCheck, Phase, given, seed
from hypothesis import settings as chosen
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import load_all_checks
from schemathesis.core import NOT_SET
from schemathesis.core.failures import Failure, FailureGroup
from sqlalchemy import Connection
from sqlalchemy.orm import Session

from shared.http.web import web_app
from shared.runtime import registry
from shared.security.authentication import ANYONE
from tests.fakes.elsewhere import answer_instead
from tests.fuzz.callers import SIGN_IN, refusal
from tests.fuzz.known import Known, examples, make, with_known_values, within
from tests.fuzz.reasons import explained
from tests.fuzz.sent import Sent

KEY = "Idempotency-Key"
SHOWN_HEADERS = (KEY, "If-Match", "X-Purpose")
LONGEST_ANSWER = 1000
REFUSED = "Schema-valid request rejected"
"""As schemathesis calls it."""
DAYS = st.dates(date(1890, 1, 1), date(2110, 12, 31)).map(date.isoformat)
"""Of the years that the document's patterns let pass; of all years a hundredth does."""


EXAMPLES = 3
"""Of each kind of difference so many are shown."""


@dataclass
class Outcome:
    """What a campaign found in one service."""

    cases: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    explained: Counter[str] = field(default_factory=Counter)
    """Refusals of what a schema permits, by their reason."""
    differences: Counter[tuple[str, str]] = field(default_factory=Counter)
    """By operation and what differed."""
    examples: defaultdict[tuple[str, str], list[str]] = field(default_factory=lambda: defaultdict(list))

    def note(self, operation: str, what: str, example: str) -> None:
        """Count a difference, and keep the first requests that showed it."""
        self.differences[operation, what] += 1
        if len(self.examples[operation, what]) < EXAMPLES:
            self.examples[operation, what].append(example)

    def report(self) -> str:
        """All differences with examples of each, for people."""
        return "\n".join(self._described(*kind, times) for kind, times in self.differences.most_common())

    def _described(self, operation: str, what: str, times: int) -> str:
        return "\n".join([f"\n{times} x {operation}: {what}", *self.examples[operation, what]])


def _shown(case: Any, answer: Any) -> str:
    """A request and its answer, whole: enough to see what differs, and to send it again."""
    headers = {name: value for name, value in (case.headers or {}).items() if name in SHOWN_HEADERS}
    lines = {
        "request": f"{case.method} {case.formatted_path}{_query(case)}",
        "headers": json.dumps(headers, ensure_ascii=False) if headers else "",
        "body": "" if case.body is NOT_SET else json.dumps(case.body, ensure_ascii=False, default=repr),
        "answer": f"{answer.status_code} {answer.text[:LONGEST_ANSWER]}",
    }
    return "\n".join(f"    {name:<8} {text}" for name, text in lines.items() if text)


def _query(case: Any) -> str:
    return "?" + urlencode(case.query, doseq=True) if case.query else ""


@dataclass(frozen=True)
class Prepared:
    """A service in which something exists already."""

    app: Flask
    document: dict[str, Any]
    known: Known
    connection: Connection


def prepare(service: str, session: Session, settings: Any, folder: Path) -> Prepared:
    """The service's application, its document and what exists in it; all work is in the session's transaction."""
    known = make(service, session, settings, folder)
    # a folder that the imports can be read from
    app = web_app(registry.load(service), within(settings, folder))
    app.extensions["sign_in"] = SIGN_IN
    answer_instead(app)
    document: Any = app.test_client().get("/openapi.json").json
    return Prepared(app, document, {**examples(document), **known}, session.connection())


def run(prepared: Prepared, *, cases: int, number: int) -> Outcome:
    """Send so many requests to the service, made up from this seed."""
    load_all_checks()
    schemathesis.openapi.format("date", DAYS)
    schema: Any = schemathesis.openapi.from_dict(_without_sign_in(prepared.document))
    schema.app = prepared.app
    # what runs a process takes no input, and asks Kafka
    ours = re.compile("/(api|internal)/")
    operations = [each for found in schema.get_all_operations() if ours.match((each := found.ok()).path)]
    outcome = Outcome()
    for position, operation in enumerate(operations):
        share = cases // len(operations) + (position < cases % len(operations))
        _try(operation, prepared.document, prepared.known, outcome, share, number + position)
    return outcome


def _without_sign_in(document: dict[str, Any]) -> dict[str, Any]:
    """The document for schemathesis, which else would spend half of the requests on made-up tokens."""
    paths = {
        path: {name: {**each, "security": []} if isinstance(each, dict) else each for name, each in described.items()}
        for path, described in document["paths"].items()
    }
    return {**document, "paths": paths}


def _try(operation: Any, document: Any, known: Known, outcome: Outcome, cases: int, number: int) -> None:
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
    @given(case=both)
    def each(case: Any) -> None:
        if outcome.cases - before < cases:
            _send(case, known, outcome, document)

    each()


def _send(case: Any, known: Known, outcome: Outcome, document: Any) -> None:
    number = outcome.cases  # hypothesis would draw the same few numbers most of the time
    _choose_known(case, number, known)
    label = case.operation.label
    headers = SIGN_IN.headers_of(number)
    answer = case.call(headers=headers)
    outcome.cases += 1
    outcome.statuses[answer.status_code] += 1
    for what in (*_differences_of_access(case, answer, headers), *_differences(case, answer, headers)):
        if not what.startswith(REFUSED):
            outcome.note(label, what, _shown(case, answer))
        elif reason := explained(Sent.of(case, document), answer.status_code, answer.json()):
            outcome.explained[reason] += 1
        else:
            outcome.note(label, f"valid, but refused: {_sentence(answer)}", _shown(case, answer))
    if case.method == "POST" and number % 3 == 0 and answer.status_code < 300:
        for what in _differences_of_a_repetition(case, number, headers):
            outcome.note(label, what, _shown(case, answer))


def _choose_known(case: Any, number: int, known: Known) -> None:
    def choose(ids: Any) -> str:
        return str(ids[number % len(ids)]) if ids else "00000000-0000-7000-8000-000000000000"

    collection = case.operation.path.partition("/{")[0]
    if number % 7 and known.get(collection) and case.meta.generation.mode.is_positive:
        case.path_parameters["id"] = choose(known[collection])
    if number % 5 and case.meta.generation.mode.is_positive and isinstance(case.body, dict | list):
        case.body = with_known_values(case.body, known, choose)
    if number % 5 and case.meta.generation.mode.is_positive and case.query:
        case.query = with_known_values(case.query, known, choose)


def _sentence(answer: Any) -> str:
    """What a refusal says, without places in lists, so that the same of many requests is one kind."""
    problem = answer.json()
    fields = (f"{each['field']} {each['message']}" for each in problem.get("errors", []))
    said = "; ".join(dict.fromkeys(re.sub(r"\.\d+(?=[. ])", ".*", each) for each in fields))
    return f"{answer.status_code} {problem.get('code')} {said}"[:300]


NO_SUCH_ADDRESS = 404


def _differences_of_access(case: Any, answer: Any, headers: dict[str, str]) -> Iterator[str]:
    described = case.operation.definition.raw
    expected = refusal(described, headers)
    if expected and answer.status_code not in (expected, NO_SUCH_ADDRESS):
        yield f"{answer.status_code} for a sender who must be refused with {expected}"
    if expected is None and ANYONE not in described["x-roles"] and answer.status_code in (401, 403):
        yield f"{answer.status_code} for a sender who has access"


def _differences(case: Any, answer: Any, headers: dict[str, str]) -> Iterator[str]:
    if answer.status_code >= 500:
        yield f"{answer.status_code}"
    declared = case.operation.definition.raw["responses"]
    if str(answer.status_code) not in declared:
        yield f"status {answer.status_code} is not declared"
    try:
        case.validate_response(answer, headers=headers)
    except FailureGroup as group:
        yield from (_line(each) for each in group.exceptions if not _is_checked_later(case, each))
    except Failure as failure:
        yield _line(failure)


def _is_checked_later(case: Any, failure: Any) -> bool:
    """Whether it is about rows of a file, which is taken: a worker says what is wrong with each."""
    return case.operation.label == "POST /api/patient-imports" and "request accepted" in failure.title


def _line(failure: Any) -> str:
    return f"{failure.title}: {' '.join(str(failure.message).split())[:160]}"


def _differences_of_a_repetition(case: Any, number: int, sender: dict[str, str]) -> Iterator[str]:
    """The same request with the same key twice: one effect, one answer."""
    if not any("IdempotencyKey" in each.get("$ref", "") for each in case.operation.definition.raw["parameters"]):
        return
    headers = {KEY: f"again-{number}-{case.id}", **sender}
    first, second = case.call(headers=headers), case.call(headers=headers)
    if first.status_code < 300 and (second.status_code, _body(second)) != (first.status_code, _body(first)):
        yield f"a repetition is answered {second.status_code} where the first time was {first.status_code}"


SHOWN_ONCE = "client_secret"
"""A field that a repeated answer does not have: it is stored nowhere."""


def _body(answer: Any) -> Any:
    body = json.loads(answer.text) if answer.text else None
    return {name: value for name, value in body.items() if name != SHOWN_ONCE} if isinstance(body, dict) else body
