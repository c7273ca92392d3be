"""Whatever is sent to any endpoint of any service is answered in time: never by a 5xx, always as a problem.

The routes and schemas that are declared are walked, so a new endpoint or field is fed from `tests/hostile.py` too.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pytest
from pydantic import ValidationError
from werkzeug.test import TestResponse

from shared.http.declaration import Endpoint
from shared.http.inputs import QueryString
from shared.runtime import registry
from shared.values.schemas import InvalidFields
from tests.architecture.sources import SERVICES
from tests.boundaries.endpoints import Endpoints, read_by
from tests.boundaries.samples import Input, Path, all_endpoints
from tests.boundaries.worlds import place_ids
from tests.hostile import BODIES, IDS, TEXTS, json_values

DEAD_LETTERS = "/api/dead-letters"
VALUES = dict(json_values())
SHORT = {name: value for name, value in VALUES.items() if len(str(value)) < 300}
MEDIUM = {name: value for name, value in VALUES.items() if len(str(value)) < 20_000}
FEW = dict(list(SHORT.items())[::10])
MOST_FOR_ALL = 5_000
"""Bytes of a body that each endpoint gets."""
LONGEST_HEADER = 8_000
LONGEST_QUERY = 8_000
"""What gunicorn lets through."""

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
each_service = pytest.mark.parametrize("service", SERVICES)


@each_service
def test_any_bytes_as_a_body_are_answered(service: str, endpoints: Endpoints) -> None:
    """No JSON, other encodings, depth, numbers without an end."""
    for place, (path, method, endpoint) in enumerate(endpoints):
        if not endpoint.brings_a_body:
            continue
        media = "application/merge-patch+json" if endpoint.patch is not None else "application/json"
        for name, body in _bodies(endpoint, place):
            endpoints.send(f"body {name}", method, endpoints.address(path), data=body, content_type=media)


def _bodies(endpoint: Endpoint, place: int) -> list[tuple[str, bytes]]:
    """All bodies are read by what all endpoints share: one of each kind gets also each large one, the others a share.

    What a large one costs where its schema is compared with it, tests/boundaries/test_limits.py tries for each schema.
    """
    large = {name: body for name, body in BODIES.items() if len(body) > MOST_FOR_ALL}
    few = list(large.items()) if endpoint in FIRST_OF_KIND else list(large.items())[place % 8 :: 8]
    return [*((name, body) for name, body in BODIES.items() if name not in large), *few]


@each_service
def test_any_value_in_any_field_is_answered(service: str, endpoints: Endpoints) -> None:
    """What the schema takes goes on to the work itself; of what it refuses some is sent all the same.

    One request has the value in all fields that take it. A refusal hides what the other fields would have done: where
    it names fields, those are sent alone, and the others once more together; where it names none, each is sent alone.
    """
    for path, method, endpoint in endpoints:
        known = read_by(endpoint)
        if known is None:
            continue
        taken: dict[tuple[str, int], list[Path]] = defaultdict(list)
        for where, name, value in _values_in_fields(known, endpoint):
            document = place_ids(known.example(path=where, value=value), endpoints.ids, path, where)
            body = json.dumps(document)
            if _is_taken(known, body):
                taken[name, len(where)].append(where)  # of the same depth, so none is inside another
            elif name in ("text-nul", "number-digits-400", "list-nested"):
                address = endpoints.address(path)
                endpoints.send(f"{where} {name}", method, address, data=body, content_type="application/json")
        fields = Fields(endpoints, path, method, known)
        for (name, _), places in taken.items():
            fields.send(name, places)


def _values_in_fields(known: Input, endpoint: Endpoint) -> Iterator[tuple[Path, str, Any]]:
    """Each place of the input with the values for it.

    One field gets everything, one of each kind all but the largest values (tests/boundaries/test_limits.py has them
    for each), and the others of its kind share the short ones among them.
    """
    first = {where for where, _ in known.different_paths()}
    for place, (where, _) in enumerate(known.paths()):
        everything = place == 0 and endpoint in FIRST_OF_KIND
        for name, value in VALUES.items() if everything else _fitting(place, is_first=where in first):
            yield where, name, value


@dataclass
class Fields:
    """The fields of what one endpoint takes."""

    endpoints: Endpoints
    path: str
    method: str
    known: Input
    are_refused: bool = False
    """Whether it refuses for a reason that is none of the fields, whatever is in them: each is sent alone then."""

    def send(self, name: str, places: Sequence[Path]) -> None:
        """Send the value at these places, in as few requests as let each of them be worked on."""
        if self.are_refused or len(places) < 3:
            self._send_alone(name, places)
            return
        answer = self._send(name, places)
        if answer is not None and answer.status_code < 400:
            return
        named = {re.split(r"\W", each["field"])[0] for each in (answer.json.get("errors", []) if answer else [])}
        alone = [place for place in places if place[0] in named]
        self.are_refused = answer is not None and not alone
        self._send_alone(name, alone or places)
        if alone:
            self.send(name, [place for place in places if place not in alone])

    def _send_alone(self, name: str, places: Sequence[Path]) -> None:
        for place in places:
            self._send(name, [place])

    def _send(self, name: str, places: Sequence[Path]) -> TestResponse | None:
        """The answer; None where the fields do not go together."""
        document = self.known.example_with(places, VALUES[name])
        body = json.dumps(place_ids(document, self.endpoints.ids, self.path, *places))
        if len(places) > 1 and not _is_taken(self.known, body):
            return None
        said, address = f"{places} {name}", self.endpoints.address(self.path)
        return self.endpoints.send(said, self.method, address, data=body, content_type="application/json")


def _fitting(place: int, *, is_first: bool) -> list[tuple[str, Any]]:
    if is_first:
        return list(MEDIUM.items())
    return list(SHORT.items())[place % 6 :: 6]


def _is_taken(known: Input, body: str) -> bool:
    try:
        known.adapter.validate_json(body)
    except ValidationError:
        return False
    return True


@each_service
def test_any_value_in_any_parameter_is_answered(service: str, endpoints: Endpoints) -> None:
    """Known parameters and unknown ones, once and twice; of what the schema refuses only some is sent."""
    for path, method, endpoint in endpoints:
        if method != "get":
            continue
        reader = QueryString(endpoint.query) if endpoint.query is not None else None
        fields = endpoint.query.model_fields if endpoint.query is not None else {}
        names = [field.alias or name for name, field in fields.items()]
        for parameter in [*names, "unknown", "", "a[b]", "\x00"]:
            for name, value in MEDIUM.items() if parameter in names[:1] else SHORT.items():
                text = value if isinstance(value, str) else json.dumps(value)
                query = {parameter: text[:LONGEST_QUERY]}
                # the first parameter gets everything: all refusals are written by the same lines
                if parameter in names[:1] or name in FEW or (parameter in names and _is_read(endpoints, reader, query)):
                    endpoints.send(f"?{parameter} {name}", method, endpoints.address(path), query_string=query)
        twice = "&".join(f"{name}=1&{name}=2" for name in names) or "x=1&x=2"
        endpoints.send("parameters twice", method, endpoints.address(path), query_string=twice)


def _is_read(endpoints: Endpoints, reader: QueryString | None, query: dict[str, str]) -> bool:
    with endpoints.client.application.test_request_context(query_string=query):
        try:
            return reader is not None and bool(reader.read())
        except InvalidFields:
            return False


@each_service
def test_any_id_in_any_path_is_answered(service: str, endpoints: Endpoints) -> None:
    """Ids of nobody, and what is no id."""
    for path, method, endpoint in endpoints:
        if "<" not in path:
            continue
        known = read_by(endpoint)
        body = {} if known is None else {"json": place_ids(known.example(), endpoints.ids, path, ())}
        for name, identity in [*IDS.items(), *((f"text {n}", t[:2000]) for n, t in TEXTS.items())]:
            endpoints.send(f"id {name}", method, endpoints.address(path, identity), **body)


HEADERS = ("Idempotency-Key", "If-Match", "X-Purpose", "X-Correlation-Id", "traceparent", "Content-Type", "Accept",
           "Accept-Language", "Content-Encoding", "Host", "Origin", "X-Forwarded-For", "Authorization")  # fmt: skip

READ_BY_GET = ("X-Purpose", "Accept", "Host")
HEADER_TEXTS = {
    name: re.sub("[\r\n\x00]", " ", text[:LONGEST_HEADER]).encode()[:LONGEST_HEADER].decode("latin-1")
    for name, text in TEXTS.items()
    if len(text) < 300 or name in ("long", "long-combining")
}
"""Headers come as Latin-1, and with everything but line breaks."""


def _kind(endpoint: Endpoint) -> object:
    """What the endpoints have in common whose headers are read by the same lines."""
    replay = endpoint.replay if isinstance(endpoint.replay, str) else type(endpoint.replay)
    takes = endpoint.body is not None, endpoint.patch is not None, endpoint.media_types, endpoint.cookie is not None
    return endpoint.name, replay, takes, endpoint.raw, endpoint.transaction


FIRST_OF_KIND = {_kind(endpoint): endpoint for *_, endpoint in reversed(list(all_endpoints()))}.values()


@each_service
def test_any_text_in_any_header_is_answered(service: str, endpoints: Endpoints) -> None:
    """Headers are read by what all endpoints share: one of each kind gets every text, and the others some of them."""
    for place, (path, method, endpoint) in enumerate(endpoints):
        known = read_by(endpoint)
        body = {} if known is None else {"json": place_ids(known.example(), endpoints.ids, path, ())}
        headers = Headers(endpoints, method, endpoints.address(path), body)
        texts = list(HEADER_TEXTS.items())
        for name, sent in texts if endpoint in FIRST_OF_KIND else texts[place % 10 :: 10]:
            headers.send(name, sent)


@dataclass
class Headers:
    """The headers of one endpoint."""

    endpoints: Endpoints
    method: str
    address: str
    body: dict[str, Any]

    def __post_init__(self) -> None:
        self.usual = _outcome(self.endpoints.send("no header", self.method, self.address, **self.body))
        """How the request is answered without any of them."""
        self.passed_over = list(READ_BY_GET if self.method == "get" else HEADERS)
        """Those that have changed no answer yet, whatever was in them."""
        self.refused: list[str] = []

    def send(self, name: str, text: str) -> None:
        """Send the text in each header, in as few requests as let each of them be read.

        Where all is answered as without them, none has hidden what another does. Else each is sent alone, and from then
        on those that changed the answer.
        """
        for header in self.refused:
            self._send(name, text, [header])
        if self._send(name, text, self.passed_over) != self.usual:
            changing = [header for header in self.passed_over if self._send(name, text, [header]) != self.usual]
            self.passed_over = [header for header in self.passed_over if header not in changing]
            self.refused += changing

    def _send(self, name: str, text: str, headers: Sequence[str]) -> tuple[int, str | None]:
        said, sent = f"{', '.join(headers)} {name}", dict.fromkeys(headers, text)
        return _outcome(self.endpoints.send(said, self.method, self.address, headers=sent, **self.body))


def _outcome(answer: TestResponse) -> tuple[int, str | None]:
    return answer.status_code, answer.json["code"] if answer.status_code >= 400 else None


@each_service
def test_the_dead_letters_are_asked_for_with_anything(service: str, endpoints: Endpoints) -> None:
    """Every service with a worker has them."""
    registry.load(service)
    for name, value in SHORT.items():
        text = value if isinstance(value, str) else json.dumps(value)
        for parameter in ("state", "limit", "offset"):
            endpoints.send(f"?{parameter} {name}", "get", DEAD_LETTERS, query_string={parameter: text})
        for action in ("replay", "discard"):
            address = f"{DEAD_LETTERS}/{IDS['upper']}/{action}"
            endpoints.send(f"{action} {name}", "post", address, json={"reason": value})
