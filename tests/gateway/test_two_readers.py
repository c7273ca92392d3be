"""nginx and the services read one address: whatever is sent, both find the same service in it, or it is refused."""

from __future__ import annotations

import json
from urllib.parse import unquote_to_bytes

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from werkzeug.exceptions import HTTPException
from werkzeug.routing import Map, Rule

from gateway.paths import OF_EVERY_SERVICE, forwarded_paths
from tests.gateway.running import SERVICES, Gateway
from tests.shared.runtime.server.raw_clients import asked

PATHS = forwarded_paths()
ID = "0199aa00-0000-7000-8000-000000000001"
FIXED = {part for each in PATHS for part in each.path.split("/") if "<" not in part}
WORDS = sorted(FIXED | {"metrics", "health", "ready"})
ODD = [
    ".",
    "..",
    "%2e",
    "%2E.",
    "%2f",
    "%5c",
    "\\",
    "%00",
    "..;",
    ";a=b",
    "%20",
    "+",
    "%c3%bc",
    "%ff",
    "%25",
    "*",
    "~",
    "@",
    ":",
    "",
]

parts = st.one_of(
    st.sampled_from(WORDS),
    st.just(ID),
    st.sampled_from(ODD),
    st.builds(str.__add__, st.sampled_from(WORDS), st.sampled_from(ODD)),
    st.sampled_from(WORDS).map(lambda word: "".join(f"%{ord(letter):02x}" for letter in word)),
    st.text(st.characters(min_codepoint=33, max_codepoint=126, exclude_characters="/?#%"), min_size=1, max_size=5),
)
known = st.sampled_from(PATHS).map(lambda each: [ID if "<" in part else part for part in each.path.split("/")[1:]])
addresses = st.one_of(
    st.lists(parts, min_size=1, max_size=6),
    st.builds(lambda path, part, at: [*path[:at], part, *path[at:]], known, parts, st.integers(0, 5)),
    st.builds(lambda path, part, at: [*path[:at], part, *path[at + 1 :]], known, parts, st.integers(0, 5)),
).map(lambda found: "/" + "/".join(found))


def rules(*paths: str) -> Map:
    """How services find an endpoint (`shared/http/application.py`); that an id is one they check themselves."""
    any_text = [path.replace("<uuid:", "<") for path in paths]
    return Map([Rule(path, endpoint=path) for path in any_text], strict_slashes=False, merge_slashes=False)


def own(service: str) -> list[str]:
    paths = [each.path for each in PATHS if each.service == service]
    return [path for path in paths if not path.startswith(f"/{service}/")]


OWN = {name: rules(*own(name)) for name in SERVICES}
OF_ALL = rules(*OF_EVERY_SERVICE)


def finds(known_paths: Map, path: str) -> bool:
    try:
        known_paths.bind("localhost").match(path)
    except HTTPException:
        return False
    return True


def finds_below(service: str, path: str) -> bool:
    return path.startswith(f"/{service}/") and finds(OF_ALL, path.removeprefix(f"/{service}"))


def as_a_service_reads_it(address: str) -> str:
    return unquote_to_bytes(address).decode("utf-8", "replace")


@pytest.mark.slow
@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(address=addresses)
def test_both_find_the_same_service_or_it_is_refused(front: Gateway, address: str) -> None:
    request = f"GET {address} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    head, _, body = asked(front.address, request.encode()).partition(b"\r\n\r\n")
    status, answer = int(head.split()[1]), json.loads(body)
    path = as_a_service_reads_it(address)
    meant = [name for name in SERVICES if finds(OWN[name], path) or finds_below(name, path)]
    if "service" in answer:
        assert meant == [answer["service"]]
        received = answer["path"].encode("latin-1").decode("utf-8", "replace")  # as WSGI has it
        assert received in (path, path.removeprefix(f"/{answer['service']}"))
        assert finds(OWN[answer["service"]], received) or finds(OF_ALL, received)
    else:
        assert status == 400 or (status == 404 and not meant) or path.strip("/") == "health/live"
