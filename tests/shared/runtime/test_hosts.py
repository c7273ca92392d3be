"""Whoever was not meant is refused: names that are not ours, and pages of others."""

from __future__ import annotations

from typing import Any

import pytest
import requests
from pydantic import ValidationError

from operations.mail_catcher import RefusalSwitch
from operations.mail_page import USER, MailPage, credentials, serve
from operations.mail_store import MailStore
from shared.errors import Forbidden
from shared.runtime.health import health_app, serve_in_thread
from shared.runtime.hosts import LOCAL, ForeignHost, Hosts
from tests.shared.http import sample
from tests.shared.http.addresses import a_free_port

HOSTS = Hosts.of(f"{LOCAL},Desk.Example.org", bind="0.0.0.0")

OURS = ["127.0.0.1", "127.0.0.1:8001", "localhost", "LOCALHOST:1", "[::1]:8001", "desk.example.org"]
NOT_OURS = [
    "",
    "evil.example",
    "evil.example:8001",
    "127.0.0.1.evil.example",
    "evil.example#127.0.0.1",
    "127.0.0.1@evil.example",
    "localhost, evil.example",
    "localhost:8001:1",
    "localhost:",
    "localhost.",
    "127.1",
    "2130706433",
    "0x7f000001",
    "0.0.0.0",
    "0.0.0.0:8001",
    "[::]",
    "[::ffff:127.0.0.1]",
    "192.168.1.1",
    " localhost",
    "localhost\n",
]

FOREIGN_PAGES: list[dict[str, str]] = [
    {"Origin": "http://evil.example"},
    {"Origin": "null"},
    {"Origin": ""},
    {"Origin": "http://127.0.0.1:3000"},
    {"Origin": "http://127.0.0.1.evil.example"},
    {"Origin": "https://evil.example", "Sec-Fetch-Site": "same-origin"},
    {"Origin": "https://desk.example.org"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "something new"},
]
CHANGES = ["POST", "PUT", "PATCH", "DELETE"]


def environment(method: str = "GET", host: str = "127.0.0.1:8001", **headers: str) -> dict[str, Any]:
    named = {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in headers.items()}
    return {"REQUEST_METHOD": method, "HTTP_HOST": host, **named}


@pytest.mark.parametrize("host", OURS)
def test_our_own_names_are_let_in(host: str) -> None:
    HOSTS.admit(environment(host=host))


@pytest.mark.parametrize("host", NOT_OURS)
def test_other_names_are_refused(host: str) -> None:
    with pytest.raises(ForeignHost):
        HOSTS.admit(environment(host=host))


@pytest.mark.parametrize("method", CHANGES)
@pytest.mark.parametrize("headers", FOREIGN_PAGES)
def test_pages_of_others_change_nothing(method: str, headers: dict[str, str]) -> None:
    with pytest.raises(Forbidden):
        HOSTS.admit(environment(method, **headers))


@pytest.mark.parametrize("method", ["GET", *CHANGES])
@pytest.mark.parametrize(
    ("host", "headers"),
    [
        ("127.0.0.1:8001", {}),
        ("127.0.0.1:8001", {"Sec-Fetch-Site": "none"}),
        ("127.0.0.1:8001", {"Origin": "http://127.0.0.1:8001", "Sec-Fetch-Site": "same-origin"}),
        # behind a gateway that speaks TLS
        ("desk.example.org:8443", {"Origin": "https://desk.example.org:8443", "Sec-Fetch-Site": "same-origin"}),
    ],
)
def test_programs_and_our_own_pages_may_ask(method: str, host: str, headers: dict[str, str]) -> None:
    HOSTS.admit(environment(method, host, **headers))


def test_a_link_on_somebody_elses_page_may_lead_here() -> None:
    HOSTS.admit(environment("GET", **{"Sec-Fetch-Site": "cross-site"}))


def test_a_service_answers_with_problems_and_does_nothing() -> None:
    client = sample.create_app().test_client()
    for host in ("evil.example", "0.0.0.0:8001", "127.1"):
        answer = client.get("/api/plain", headers={"Host": host})
        assert (answer.status_code, answer.content_type) == (421, "application/problem+json")
    for headers in FOREIGN_PAGES:
        answer = client.delete("/api/plain", headers=headers)
        assert (answer.status_code, answer.json["code"]) == (403, "origin.foreign")
    assert client.delete("/api/plain").status_code == 204
    for path in ("/health/live", "/health/ready", "/metrics", "/docs", "/openapi.json", "/nowhere"):
        assert client.get(path, headers={"Host": "evil.example"}).status_code == 421


def test_a_workers_port_and_the_mail_page_are_guarded(tmp_path: Any) -> None:
    health, page = a_free_port(), a_free_port()
    store = MailStore(tmp_path)
    ends = [
        serve_in_thread(HOSTS.guard(health_app([], {})), "127.0.0.1", health),
        serve("127.0.0.1", page, MailPage(store, RefusalSwitch()), HOSTS, password="secret"),
    ]
    try:
        for port in (health, page):
            address = f"http://127.0.0.1:{port}"
            assert requests.get(f"{address}/health/ready", timeout=5).status_code == 200
            answer = requests.get(f"{address}/health/ready", headers={"Host": f"evil.example:{port}"}, timeout=5)
            assert (answer.status_code, answer.headers["Content-Type"]) == (421, "application/problem+json")
        evil = {"Origin": "http://evil.example", "Authorization": credentials("secret")}
        assert requests.delete(f"http://127.0.0.1:{page}/mails", headers=evil, timeout=5).status_code == 403
        assert requests.delete(f"http://127.0.0.1:{page}/mails", auth=(USER, "secret"), timeout=5).status_code == 204
    finally:
        for end in ends:
            end()


@pytest.mark.parametrize(
    "wrong",
    [
        {"allowed_hosts": "localhost:8001"},
        {"allowed_hosts": "http://localhost"},
        {"allowed_hosts": "*"},
    ],
)
def test_settings_that_name_no_host_are_refused(wrong: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        sample.settings(**wrong)
