"""What is sent is text: it is stored as it was sent or refused, and neither carried out nor written into a header.

Every text field, every parameter and every path of every operation is sent each of `INJECTIONS`, so that a new one is
covered by being declared. What an e-mail makes of them: tests/communication_service/test_email_texts.py.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
from sqlalchemy import Connection, inspect
from werkzeug.test import TestResponse

from shared.http.declaration import Endpoint
from shared.values.text import has_unstorable, lines, one_line
from tests.architecture.sources import SERVICES
from tests.boundaries.endpoints import Endpoints, read_by
from tests.boundaries.injections import INJECTIONS, PRODUCT
from tests.boundaries.samples import Input, Path
from tests.boundaries.worlds import place_ids

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
each_service = pytest.mark.parametrize("service", SERVICES)

SLEEP_SECONDS = 9
NOTHING = object()
MAKES_NOTHING = ("geocoding_service", "communication_service", "matching_service")
"""Services in which nobody enters a text that is shown again at its place."""


class Attempts:
    """Requests to one service, and what was wrong with their answers; each is taken back."""

    def __init__(self, endpoints: Endpoints) -> None:
        self.endpoints = endpoints
        self.client = endpoints.client
        self.faults: list[str] = []
        self.stored = 0

    def send(self, name: str, text: str, method: str, address: str, **sent: Any) -> Iterator[TestResponse]:
        """The answer and, where something was made or changed, the object as it is shown afterwards."""
        with self.endpoints.cases.case():
            yield from self._send(name, text, method, address, **sent)

    def _send(self, name: str, text: str, method: str, address: str, **sent: Any) -> Iterator[TestResponse]:
        began = time.monotonic()
        answer = self.client.open(address, method=method.upper(), **sent)
        seconds = time.monotonic() - began
        where = f"{method} {address[:80]} {name}: {answer.status_code}"
        self.faults += [f"{where} {what}" for what in _faults(answer, text, seconds)]
        if answer.status_code < 300:
            yield answer
            shown = answer.headers.get("Location") or (address if method == "patch" else None)
            if shown:
                yield self.client.get(shown)


def _faults(answer: TestResponse, text: str, seconds: float) -> Iterator[str]:
    if answer.status_code >= 500:
        yield answer.get_data(as_text=True)[:300]
    if seconds > SLEEP_SECONDS:
        yield f"took {seconds:.0f} s: something slept"
    if str(PRODUCT) in answer.get_data(as_text=True):
        yield "something was calculated"
    if "X-Injected" in answer.headers:
        yield "there is another header"
    if [name for name, value in answer.headers.items() if text in value]:
        yield "the text is in a header"
    if answer.status_code >= 400 and answer.content_type != "application/problem+json":
        yield f"is no problem: {answer.content_type}"


@pytest.fixture
def attempts(endpoints: Endpoints, connection: Connection) -> Iterator[Attempts]:
    """The service under test; afterwards its tables are still there."""
    tables = set(inspect(connection).get_table_names())
    made = Attempts(endpoints)
    yield made
    assert made.faults == []
    assert set(inspect(connection).get_table_names()) == tables


OTHERS_SHARE = 5
"""Of several fields with one form, the first is sent every text, of the others each a fifth of them."""


def text_fields(endpoint: Endpoint) -> Iterator[tuple[Input, Path, dict[str, str]]]:
    """Every place of the body that holds a text which is no word of a list, and what it is sent."""
    known = read_by(endpoint)
    seen = set()
    for number, (path, schema) in enumerate(known.paths()) if known else ():
        if known and schema.get("type") == "string" and not {"enum", "const"} & schema.keys():
            form = schema.get("format"), schema.get("pattern")
            some = dict(list(INJECTIONS.items())[number % OTHERS_SHARE :: OTHERS_SHARE])
            yield known, path, some if form in seen else INJECTIONS
            seen.add(form)


def at(value: Any, path: Path) -> Any:
    """What an answer shows at this place, NOTHING where it has no such place."""
    for step in path:
        place = isinstance(value, list) and isinstance(step, int) and step < len(value)
        if not place and not (isinstance(value, dict) and step in value):
            return NOTHING
        value = value[step]
    return value


@each_service
def test_hostile_text_is_stored_as_it_is_or_refused(service: str, attempts: Attempts) -> None:
    for path, method, endpoint in attempts.endpoints:
        for known, where, texts in text_fields(endpoint):
            for name, text in texts.items():
                body = place_ids(known.example(path=where, value=text), attempts.endpoints.ids, path, where)
                for answer in attempts.send(name, text, method, attempts.endpoints.address(path), json=body):
                    # what an action answers is an object that has a note of its own
                    shown = at(answer.json, where) if method != "post" or endpoint.status == 201 else NOTHING
                    attempts.stored += shown is not NOTHING
                    if shown not in (NOTHING, text, one_line(text), lines(text)):
                        attempts.faults.append(f"{method} {path} {where} {name}: became {shown!r}")
                    if has_unstorable(text):
                        attempts.faults.append(f"{method} {path} {where} {name}: was taken")
    assert attempts.stored or service in MAKES_NOTHING, "else nothing was compared"


@each_service
def test_hostile_parameters_are_values_or_refused(service: str, attempts: Attempts) -> None:
    """A condition that is true of everything finds nothing."""
    for path, method, endpoint in attempts.endpoints:
        fields = endpoint.query.model_fields if endpoint.query is not None else {}
        for parameter in [field.alias or name for name, field in fields.items()]:
            for name, text in INJECTIONS.items():
                address = attempts.endpoints.address(path)
                for answer in attempts.send(name, text, method, address, query_string={parameter: text}):
                    if name.startswith("sql") and answer.json.get("total"):
                        attempts.faults.append(f"{path}?{parameter} {name}: found {json.dumps(answer.json)[:200]}")


@each_service
def test_hostile_paths_and_headers_are_refused_or_mean_nothing(service: str, attempts: Attempts) -> None:
    """An id is a UUID and nothing else; what a header brings is never sent back as it came."""
    for path, method, _ in attempts.endpoints:
        for name, text in INJECTIONS.items():
            if "<" in path:
                address = attempts.endpoints.address(path, quote(text, safe=""))
                for answer in attempts.send(name, text, method, address):
                    attempts.faults.append(f"{method} {address}: {answer.status_code}")
            if not set("\r\n\0") & set(text):
                sent = text.encode().decode("latin-1")
                headers = {"Idempotency-Key": sent, "X-Correlation-Id": sent, "X-Purpose": sent, "traceparent": sent}
                list(attempts.send(name, sent, method, attempts.endpoints.address(path), headers=headers))
