"""What passes the gateway passes unchanged, and nothing of it stays there: on no disk and in no log."""

from __future__ import annotations

import json
import re
import threading
import time

import pytest
import requests

from gateway.configuration import TEMPLATE
from shared.runtime.server.limits import MEBIBYTE
from tests.gateway.running import Gateway
from tests.shared.runtime.server.raw_clients import asked, client

OWN_ID = re.compile(r"[0-9a-f]{32}")
FORWARDED = {
    "Forwarded": "for=10.0.0.1;host=evil.example",
    "X-Forwarded-For": "10.0.0.1",
    "X-Forwarded-Host": "evil.example",
    "X-Forwarded-Proto": "https",
    "X-Forwarded-Prefix": "/metrics",
    "X-Original-URL": "/metrics",
    "X-Rewrite-URL": "/metrics",
    "X-HTTP-Method-Override": "DELETE",
}


def seen(front: Gateway) -> dict[str, str]:
    """The headers of the one request that reached the patient service."""
    (only,) = front.services["patient_service"].requests
    found: dict[str, str] = only["headers"]
    return found


def test_a_correlation_id_goes_through(front: Gateway) -> None:
    answer = front.asked("GET", "/api/patients", headers={"X-Correlation-Id": "case-7:b"})
    assert seen(front)["X-CORRELATION-ID"] == answer.headers["X-Correlation-Id"] == "case-7:b"
    assert (
        front.asked("GET", "/nothing", headers={"X-Correlation-Id": "case-7:b"}).json()["correlation_id"] == "case-7:b"
    )


@pytest.mark.parametrize("given", [None, "", "x" * 65, "a b", 'quoted"', "a,b", "Müller".encode()])
def test_what_is_no_correlation_id_is_replaced(front: Gateway, given: str | bytes | None) -> None:
    """By the rule of the services, so that gateway, log and answer agree."""
    answer = front.asked("GET", "/api/patients", headers={} if given is None else {"X-Correlation-Id": given})
    assert OWN_ID.fullmatch(seen(front)["X-CORRELATION-ID"])
    assert answer.headers["X-Correlation-Id"] == seen(front)["X-CORRELATION-ID"]
    refused = front.asked("GET", "/nothing", headers={} if given is None else {"X-Correlation-Id": given})
    assert OWN_ID.fullmatch(refused.json()["correlation_id"])


def test_the_correlation_id_of_a_service_counts(front: Gateway) -> None:
    front.services["patient_service"].headers = [("X-Correlation-Id", "its-own")]
    assert front.asked("GET", "/api/patients").headers["X-Correlation-Id"] == "its-own"


def test_headers_and_status_pass_and_what_clients_claim_about_proxies_does_not(front: Gateway) -> None:
    service = front.services["patient_service"]
    service.status = "409 CONFLICT"
    service.headers = [("Retry-After", "17"), ("ETag", '"5"'), ("Location", "/api/patients/1"), ("Set-Cookie", "a=b")]
    wanted = {
        "Authorization": "Bearer t",
        "If-Match": '"5"',
        "X-Purpose": "call",
        "Idempotency-Key": "k",
        "Cookie": "c=d",
    }
    answer = front.asked(
        "POST", "/api/patients", data=b"{}", headers={**wanted, **FORWARDED, "X-Note": "Rückruf".encode()}
    )
    assert answer.status_code == 409
    assert seen(front)["X-NOTE"].encode("latin-1").decode() == "Rückruf"
    assert answer.headers.items() >= dict(service.headers).items()
    assert {name: seen(front)[name.upper()] for name in wanted} == wanted
    assert [name for name in FORWARDED if name.upper() in seen(front)] == []


def test_a_service_learns_the_address_of_the_client_and_not_what_the_client_says(front: Gateway) -> None:
    front.asked("GET", "/api/patients", headers={"X-Real-IP": "10.0.0.1"})
    assert seen(front)["X-REAL-IP"] == "127.0.0.1"


def test_a_client_that_has_said_everything_is_answered(front: Gateway) -> None:
    """`nc`, and HTTP/1.0 without keeping the connection."""
    answer = asked(front.address, b"GET /api/patients HTTP/1.0\r\nHost: localhost\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 200")


def test_connections_to_a_service_are_kept(front: Gateway) -> None:
    for _ in range(50):
        front.asked("GET", "/api/patients")
    assert len({each["from"] for each in front.services["patient_service"].requests}) <= 4, "two processes of nginx"


def test_a_client_that_leaves_does_not_undo_what_it_asked_for(front: Gateway) -> None:
    service = front.services["patient_service"]
    service.may_go_on.clear()
    with client(front.address, b"POST /api/patients HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}"):
        _until(lambda: bool(service.requests))
    service.may_go_on.set()
    assert front.asked("GET", "/api/patients").ok
    assert [each["method"] for each in service.requests] == ["POST", "GET"]


def test_nothing_is_kept_on_a_disk(front: Gateway) -> None:
    """Neither a large body that arrives slowly, nor a large answer that is read slowly."""
    folder = front.state / "own" / "never-used"
    before = folder.stat().st_mtime_ns
    service = front.services["patient_service"]
    service.size = 8 * MEBIBYTE
    sender = threading.Thread(
        target=front.asked, args=("POST", "/api/patients"), kwargs={"data": _slowly(b"x" * 900_000)}
    )
    sender.start()
    with requests.get(f"{front.url}/api/patients", stream=True, timeout=10) as answer:
        time.sleep(1)
        assert len(answer.content) > service.size
    sender.join(20)
    assert [each["length"] for each in service.requests if each["method"] == "POST"] == [900_000]
    assert list(folder.iterdir()) == []
    assert folder.stat().st_mtime_ns == before, "a file that was made and removed"


def test_the_log_names_endpoints_and_nothing_of_a_person(front: Gateway) -> None:
    secret = "Geheimnis"
    service = front.services["patient_service"]
    service.status = "502 BAD GATEWAY"
    begin = len(front.log)
    headers = {"X-Purpose": secret, "Referer": f"https://{secret}.example", "Authorization": f"Bearer {secret}"}
    for path in (f"/api/patients/{secret}?q={secret}", f"/nothing/{secret}?q={secret}", f"/api//{secret}?{secret}"):
        front.asked("POST", path, data=secret.encode(), headers=headers)
    asked(front.address, f"GET /{secret}%zz?q={secret} HTTP/1.1\r\nHost: {secret}\r\n\r\n".encode())
    asked(
        front.address,
        f"POST /api/patients/{secret} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9999999\r\n\r\n".encode(),
    )
    _until(lambda: front.log[begin:].count("\n") >= 5)
    written = [json.loads(line) for line in front.log[begin:].splitlines()]
    assert secret not in front.log[begin:]
    assert [each["status"] for each in written] == ["502", "404", "400", "400", "413"]
    assert [each["endpoint"] for each in written][::4] == ["patient_service /api/patients/<uuid:id>"] * 2
    assert all(each["event"] == "gateway.answered" and each["correlation_id"] for each in written)


def test_no_device_of_the_machine_is_opened_for_errors() -> None:
    """Root's nginx gives the files of `error_log` to its workers' user on SIGUSR1: /dev/null would be theirs."""
    assert set(re.findall(r"^\s*error_log\s+(\S+)", TEMPLATE.read_text(), re.M)) == {"stderr"}


def test_what_a_service_answered_is_in_its_own_log_only(front: Gateway) -> None:
    begin = len(front.log)
    assert front.asked("GET", "/api/patients").ok
    assert front.asked("GET", "/health/live").ok
    front.services["patient_service"].status = "404 NOT FOUND"
    front.asked("GET", "/api/patients/1")
    front.asked("GET", "/nothing")
    _until(lambda: len(front.log) > begin)
    assert [json.loads(line)["endpoint"] for line in front.log[begin:].splitlines()] == [""]


def _slowly(body: bytes) -> object:
    for begin in range(0, len(body), 100_000):
        time.sleep(0.1)
        yield body[begin : begin + 100_000]


def _until(happened: object) -> None:
    for _ in range(100):
        if happened():  # type: ignore[operator]
            return
        time.sleep(0.05)
    raise AssertionError("it did not happen")
