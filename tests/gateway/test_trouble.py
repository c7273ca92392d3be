"""Services that are away or silent, clients that stall, processes that come and go."""

from __future__ import annotations

import json
import os
import signal
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import requests

from gateway.paths import forwarded_paths
from shared.runtime.server import Limits
from tests.fakes.certificates import certificates
from tests.gateway.running import SERVICES, Gateway, RecordingService, gateway, members
from tests.shared.runtime.server.raw_clients import client, is_problem, seconds_until_closed

pytestmark = pytest.mark.slow

QUICK = Limits(header_seconds=1, request_seconds=3, answer_seconds=2, idle_seconds=20)
NEIGHBOURS = [name for name in SERVICES if name != "therapist_service"]
HALF_A_BODY = b"POST /api/patients HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\nabc"
HALF_A_CHUNK = b"POST /api/patients HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nff\r\nabc"


@pytest.fixture(scope="module")
def quick() -> Iterator[Gateway]:
    """A gateway with short time limits."""
    with gateway(paths=forwarded_paths(), limits=QUICK) as running:
        yield running


def until(happened: Callable[[], bool], seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.05)


# --- clients that stall ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sent", [b"", b"GET /api", b"GET /api/patients HTTP/1.1\r\nHost: localhost\r\nX-Slow: "])
def test_headers_have_a_time_and_single_bytes_do_not_extend_it(quick: Gateway, sent: bytes) -> None:
    with client(quick.address, sent) as connection:
        seconds, _ = seconds_until_closed(connection, lambda: connection.sendall(b"x") if sent else None)
        assert seconds < 4
    assert quick.asked("GET", "/api/patients").ok


@pytest.mark.parametrize("sent", [HALF_A_BODY, HALF_A_CHUNK])
def test_a_body_that_arrives_byte_by_byte_is_refused_by_the_clock_of_the_service(quick: Gateway, sent: bytes) -> None:
    """nginx itself would take one byte a minute for two years."""
    with client(quick.address, sent) as connection:
        seconds, answer = seconds_until_closed(connection, lambda: connection.sendall(b"x"))
    assert seconds < 7
    assert is_problem(answer, 408)


def test_two_hundred_stalled_clients_keep_nobody_waiting(quick: Gateway) -> None:
    with ExitStack() as stalled:
        for sent in (b"", b"GET /api", HALF_A_BODY, b"GET /api/patients HTTP/1.1\r\nHost: localhost\r\n\r\n") * 50:
            stalled.enter_context(client(quick.address, sent, buffer=4096))
        for _ in range(5):
            began = time.monotonic()
            assert quick.asked("GET", "/api/therapists").ok
            assert time.monotonic() - began < 2


def test_connections_of_one_client_are_limited_and_others_are_served() -> None:
    with gateway(settings={"GATEWAY_CONNECTIONS": "3"}) as front, ExitStack() as held:
        service = front.services["patient_service"]
        service.may_go_on.clear()
        asks = b"GET /api/patients HTTP/1.1\r\nHost: localhost\r\n\r\n"
        for _ in range(3):
            held.enter_context(client(front.address, asks))
        until(lambda: len(service.requests) == 3)
        answer = front.asked("GET", "/api/therapists")
        assert (answer.status_code, answer.headers["Retry-After"]) == (429, "1")
        other = socket.create_connection(front.address, 5, source_address=("127.0.0.2", 0))
        held.enter_context(other).sendall(asks.replace(b"patients", b"therapists"))
        assert other.recv(100).startswith(b"HTTP/1.1 200")
        service.may_go_on.set()


# --- services that are away ------------------------------------------------------------------------------------------


def test_a_service_that_is_away_is_503_and_its_neighbours_are_there() -> None:
    with gateway(services=NEIGHBOURS, settings={"THERAPIST_SERVICE_PORT": "1"}) as front:
        answer = front.asked("POST", "/api/therapists?q=Geheimnis", data=b"{}")
        assert answer.status_code == 503
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert answer.headers["Retry-After"] == "5"
        assert (answer.json()["code"], answer.json()["status"]) == ("service.unreachable", 503)
        assert front.asked("GET", "/api/patients").ok
        until(lambda: "gateway.answered" in front.log)
        assert json.loads(front.log.splitlines()[-1])["upstream_status"] == "502"
        assert "Geheimnis" not in front.log


def test_an_answer_503_of_a_service_passes_with_its_own_time_to_wait(quick: Gateway) -> None:
    service = quick.services["patient_service"]
    service.status, service.headers = "503 SERVICE UNAVAILABLE", [("Retry-After", "17")]
    answer = quick.asked("GET", "/api/patients")
    service.status, service.headers = "200 OK", []
    assert (answer.status_code, answer.headers["Retry-After"], answer.json()["service"]) == (
        503,
        "17",
        "patient_service",
    )


def test_a_silent_service_is_504_and_may_have_done_it(quick: Gateway) -> None:
    service = quick.services["matching_service"]
    service.requests.clear()
    service.may_go_on.clear()
    answer = quick.asked("POST", "/api/matches", data=b"{}")
    service.may_go_on.set()
    assert (answer.status_code, answer.json()["code"], answer.headers["Retry-After"]) == (504, "service.late", "5")
    assert len(service.requests) == 1, "it is not asked twice"


# --- several processes of one service --------------------------------------------------------------------------------


@pytest.fixture
def names(tmp_path: Path) -> Path:
    """A name server outside our walls: what it knows of each name, in a file of the name."""
    (tmp_path / "bin").mkdir()
    fake = tmp_path / "bin" / "getent"
    fake.write_text(f'#!/bin/sh\n[ "$1" = ahostsv4 ] && cat "{tmp_path}/$2" 2>/dev/null\n')
    fake.chmod(0o755)
    return tmp_path


def test_processes_that_come_and_go_are_followed_without_a_refused_request(names: Path) -> None:
    settings = {"PATH": f"{names}/bin:{os.environ['PATH']}", "PATIENT_SERVICE_HOST": "patient-web"}
    with gateway(settings=settings) as front, ExitStack() as stack:
        assert front.asked("GET", "/api/patients").status_code == 503, "a name without an address stops nothing"
        first = front.services["patient_service"]
        second = RecordingService("the second", first.port)
        stack.enter_context(second.serving(Limits(), "127.0.0.2"))
        (names / "patient-web").write_text("127.0.0.1 STREAM\n127.0.0.1 DGRAM\n")
        until(lambda: front.asked("GET", "/api/patients").ok)
        statuses: list[int] = []
        stopped = threading.Event()
        clients = [threading.Thread(target=_ask, args=(front, statuses, stopped)) for _ in range(4)]
        for each in clients:
            each.start()
        (names / "patient-web").write_text("127.0.0.1 STREAM\n127.0.0.2 STREAM\n")
        until(lambda: len(second.requests) > 20)
        (names / "patient-web").write_text("127.0.0.2 STREAM\n")
        time.sleep(2)
        before = len(first.requests)
        time.sleep(1)
        stopped.set()
        for each in clients:
            each.join()
        assert set(statuses) == {200}
        assert len(first.requests) == before


def _ask(front: Gateway, statuses: list[int], stopped: threading.Event) -> None:
    while not stopped.is_set():
        statuses.append(front.asked("POST", "/api/patients", data=b"{}").status_code)


def test_a_process_that_died_costs_no_request_while_another_lives(names: Path) -> None:
    settings = {"PATH": f"{names}/bin:{os.environ['PATH']}", "PATIENT_SERVICE_HOST": "patient-web"}
    (names / "patient-web").write_text("127.0.0.1 STREAM\n127.0.0.2 STREAM\n")  # and nobody listens at the second
    with gateway(settings=settings) as front:
        assert {front.asked("POST", "/api/patients", data=b"{}").status_code for _ in range(20)} == {200}


def test_a_request_that_broke_off_is_not_sent_to_another_process(names: Path) -> None:
    """It may have had its effect."""
    asked: list[bytes] = []
    with ExitStack() as stack:
        first = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        port = first.getsockname()[1]
        second = stack.enter_context(socket.create_server(("127.0.0.2", port)))
        for breaking in (first, second):
            threading.Thread(target=_break_off, args=(breaking, asked), daemon=True).start()
        (names / "therapist-web").write_text("127.0.0.1 STREAM\n127.0.0.2 STREAM\n")
        settings = {"PATH": f"{names}/bin:{os.environ['PATH']}", "THERAPIST_SERVICE_HOST": "therapist-web"}
        settings["THERAPIST_SERVICE_PORT"] = str(port)
        front = stack.enter_context(gateway(services=NEIGHBOURS, settings=settings))
        answer = front.asked("POST", "/api/therapists", data=b"{}")
        assert (answer.status_code, answer.json()["code"]) == (503, "service.unreachable")
        assert len(asked) == 1


def _break_off(listener: socket.socket, asked: list[bytes]) -> None:
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        with connection:
            asked.append(connection.recv(1000))


# --- start and end ---------------------------------------------------------------------------------------------------


def test_what_is_being_answered_when_it_stops_is_answered() -> None:
    with gateway() as front:
        service = front.services["patient_service"]
        service.may_go_on.clear()
        answers: list[int] = []
        asking = threading.Thread(target=lambda: answers.append(front.asked("GET", "/api/patients").status_code))
        asking.start()
        until(lambda: bool(service.requests))
        front.process.send_signal(signal.SIGQUIT)
        time.sleep(0.5)
        service.may_go_on.set()
        asking.join()
        assert answers == [200]
        assert front.process.wait(10) == 0
        until(lambda: members(front.process.pid) == [])


def test_when_it_is_killed_its_processes_end_too_and_the_port_is_free() -> None:
    with gateway() as front:
        assert len(members(front.process.pid)) >= 3
        front.process.kill()
        front.process.wait()
        until(lambda: members(front.process.pid) == [])
        with pytest.raises(requests.ConnectionError):
            front.asked("GET", "/health/live")


@pytest.mark.skipif(os.getuid() != 0, reason="only root can start something as somebody else")
def test_it_runs_as_an_ordinary_user() -> None:
    with gateway(user="nobody") as front:
        assert front.asked("POST", "/api/patients", data=b"x" * 1_000_000).json()["length"] == 1_000_000


@pytest.mark.skipif(os.getuid() != 0, reason="only root has something to give up")
def test_started_by_root_it_answers_as_nobody_special() -> None:
    with gateway() as front:
        workers = [pid for pid, name in members(front.process.pid) if name == "nginx" and pid != front.process.pid]
        assert len(workers) == 2
        # one that was forked a moment ago still is root
        until(lambda: all(os.stat(f"/proc/{pid}").st_uid != 0 for pid in workers))


@pytest.mark.filterwarnings("ignore:.*TLSv1_1:DeprecationWarning", "ignore:Unverified HTTPS request")
def test_with_a_certificate_it_speaks_https_only(tmp_path: Path) -> None:
    made = certificates(tmp_path)
    settings = {"GATEWAY_TLS_CERTIFICATE_FILE": str(made.server), "GATEWAY_TLS_KEY_FILE": str(made.server)}
    with gateway(settings=settings) as front:
        answer = front.asked("GET", "/api/patients", verify=str(made.authority))
        assert answer.ok
        assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"
        plain = requests.get(front.url.replace("https", "http") + "/api/patients", timeout=5)
        assert (plain.status_code, plain.json()["code"]) == (400, "https.needed")
        assert len(front.services["patient_service"].requests) == 1
        old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        old.check_hostname, old.verify_mode = False, ssl.CERT_NONE
        old.maximum_version = ssl.TLSVersion.TLSv1_1
        with pytest.raises(ssl.SSLError), socket.create_connection(front.address, 5) as connection:
            old.wrap_socket(connection)


@pytest.mark.filterwarnings("ignore:Unverified HTTPS request")
def test_with_a_certificate_the_own_ports_of_services_speak_https_only_too(tmp_path: Path) -> None:
    made = certificates(tmp_path)
    tls = {"GATEWAY_TLS_CERTIFICATE_FILE": str(made.server), "GATEWAY_TLS_KEY_FILE": str(made.server)}
    # not where the services are, whose ports they are here
    with gateway(settings={**tls, "SERVICES_HAVE_OWN_PORTS": "yes", "GATEWAY_BIND": "127.0.0.9"}) as front:
        for service in front.services.values():
            address = f"127.0.0.9:{service.port}/metrics"
            plain = requests.get(f"http://{address}", timeout=5)
            assert (plain.status_code, plain.json()["code"]) == (400, "https.needed")
            assert service.requests == []
            assert requests.get(f"https://{address}", timeout=5, verify=False).json()["service"] == service.name  # noqa: S501


def test_the_own_port_of_a_service_reaches_everything_of_it() -> None:
    """In containers, where several processes of a service cannot have one port of this machine."""
    with gateway(settings={"SERVICES_HAVE_OWN_PORTS": "yes", "GATEWAY_BIND": "127.0.0.9"}) as front:
        for service in front.services.values():
            for path in ("/metrics", "/health/live", "/health/ready", "/docs/x.js", "/api/nothing"):
                answer = requests.get(f"http://127.0.0.9:{service.port}{path}", timeout=5).json()
                assert (answer["service"], answer["path"]) == (service.name, path)
            assert requests.get(f"http://127.0.0.9:{service.port}//metrics", timeout=5).status_code == 400
        assert front.asked("GET", "/metrics").status_code == 404
