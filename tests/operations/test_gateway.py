"""The gateway is a process of the platform like any other, and its settings cannot open what must stay closed."""

from __future__ import annotations

import signal
from collections.abc import Mapping
from pathlib import Path

import pytest
import requests

from operations import env_file, gateway, processes, settings_check
from operations.errors import OperationsError
from testkit.private_platform import ROOT, PrivatePlatform, private_platform, private_settings
from tests.fakes.certificates import certificates
from tests.gateway.running import members
from user_service.settings import Settings


def problems(settings: dict[str, str]) -> str:
    try:
        settings_check.check(settings, ROOT)
    except OperationsError as refused:
        return str(refused)
    return ""


@pytest.mark.parametrize("bind", ["0.0.0.0", "192.0.2.1", "::", "2001:db8::1"])
def test_without_accounts_it_is_on_this_machine_only(tmp_path: Path, bind: str) -> None:
    assert "GATEWAY_BIND" in problems(private_settings(tmp_path, GATEWAY_BIND=bind, AUTH="none"))


@pytest.mark.parametrize("bind", ["127.0.0.1", "::1", "127.0.0.9"])
def test_an_address_of_this_machine_is_accepted(tmp_path: Path, bind: str) -> None:
    assert problems(private_settings(tmp_path, GATEWAY_BIND=bind)) == ""


WRONG = {
    "a certificate without its key": {"GATEWAY_TLS_CERTIFICATE_FILE": "/etc/hostname"},
    "a key without its certificate": {"GATEWAY_TLS_KEY_FILE": "/etc/hostname"},
    "a file that is not there": {"GATEWAY_TLS_CERTIFICATE_FILE": "/no/file", "GATEWAY_TLS_KEY_FILE": "/no/file"},
    "a relative path": {"GATEWAY_TLS_CERTIFICATE_FILE": "README.md", "GATEWAY_TLS_KEY_FILE": "README.md"},
    "a path that ends a line": {"GATEWAY_TLS_CERTIFICATE_FILE": '/x"; x', "GATEWAY_TLS_KEY_FILE": '/x"; x'},
    "a name as its address": {"GATEWAY_BIND": "localhost"},
    "a proxy by its name": {"GATEWAY_TRUSTED_PROXIES": "proxy.example.org"},
    "a network with an address in it": {"GATEWAY_TRUSTED_PROXIES": "10.0.0.0/8,10.1.2.3/8"},
    "a proxy that ends a line": {"GATEWAY_TRUSTED_PROXIES": "fe80::1%;x"},
    "no requests at all": {"GATEWAY_REQUESTS_PER_SECOND": "0"},
    "the port of a service": {"GATEWAY_PORT": "8001", "PATIENT_SERVICE_PORT": "8001"},
}


@pytest.mark.parametrize("what", WRONG)
def test_settings_that_cannot_work_are_refused_before_anything_starts(tmp_path: Path, what: str) -> None:
    assert "GATEWAY" in problems(private_settings(tmp_path, **WRONG[what]))


@pytest.mark.parametrize(
    ("bind", "host"),
    [
        ("127.0.0.1", "127.0.0.1"),
        ("0.0.0.0", "127.0.0.1"),
        ("::1", "[::1]"),
        ("::", "[::1]"),
        ("127.0.0.9", "127.0.0.9"),
    ],
)
def test_its_address_is_one_that_this_machine_reaches(tmp_path: Path, bind: str, host: str) -> None:
    settings = private_settings(tmp_path, GATEWAY_BIND=bind, GATEWAY_PORT="8080")
    assert gateway.url(settings) == f"http://{host}:8080"
    assert address_in_emails(settings) == gateway.url(settings)


def address_in_emails(settings: Mapping[str, str]) -> str:
    """Where the links in e-mails of the user service lead."""
    return Settings.of(settings).platform_url


@pytest.mark.parametrize("offset", [0, 1000, 5000])
def test_links_in_emails_lead_to_it_with_every_offset_of_the_ports(checkout: Path, offset: int) -> None:
    env_file.complete(checkout, offset=offset)
    settings = env_file.load(checkout, {})
    assert address_in_emails(settings) == gateway.url(settings) == f"http://127.0.0.1:{8080 + offset}"


def test_links_in_emails_speak_tls_where_it_does(tmp_path: Path) -> None:
    """And the cookie of a session is then sent over TLS only."""
    made = certificates(tmp_path)
    files = {"GATEWAY_TLS_CERTIFICATE_FILE": str(made.server), "GATEWAY_TLS_KEY_FILE": str(made.server)}
    settings = private_settings(tmp_path, **files)
    assert address_in_emails(settings) == gateway.url(settings)
    assert address_in_emails(settings).startswith("https://")


def test_an_address_for_people_goes_before_that_of_this_machine(tmp_path: Path) -> None:
    settings = private_settings(tmp_path, PUBLIC_URL="https://platz.example.org/")
    assert address_in_emails(settings) == "https://platz.example.org"


@pytest.mark.parametrize("url", ["platz.example.org", "ftp://platz.example.org", "https://", "https://a@b.example"])
def test_an_address_that_no_link_could_have_is_refused(tmp_path: Path, url: str) -> None:
    assert "PUBLIC_URL" in problems(private_settings(tmp_path, PUBLIC_URL=url))


def test_it_starts_alone_and_says_which_service_is_away(platform: PrivatePlatform) -> None:
    front = platform.process("gateway")
    front.start()
    assert front.is_ready()
    answer = requests.get(f"{front.spec.address}/api/patients", timeout=5)
    assert (answer.status_code, answer.json()["code"]) == (503, "service.unreachable")
    pid = front.pid
    assert pid is not None
    front.stop()
    assert members(pid) == []
    assert "alert" not in front.log.read_text()


def test_after_a_crash_it_starts_again(platform: PrivatePlatform) -> None:
    """Its processes outlive the one that was killed for a moment, and hold the port."""
    front = platform.process("gateway")
    front.start()
    pid = front.pid
    assert pid is not None
    record = front.record
    front.send(signal.SIGKILL)
    assert record is not None
    assert processes.wait_until_gone(record, 5)
    platform.up(["gateway"])
    assert front.is_ready()
    assert members(pid) == []
    front.stop()


def test_it_is_ready_under_a_certificate_that_only_its_clients_know(tmp_path: Path) -> None:
    made = certificates(tmp_path)
    files = {"GATEWAY_TLS_CERTIFICATE_FILE": str(made.server), "GATEWAY_TLS_KEY_FILE": str(made.server)}
    with private_platform(files) as platform:
        front = platform.process("gateway")
        front.start()
        assert front.spec.address.startswith("https://")
        assert requests.get(f"{front.spec.address}/health/live", timeout=5, verify=str(made.authority)).ok


def test_a_certificate_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    wrong = tmp_path / "certificate.pem"
    wrong.write_text("no certificate")
    files = {"GATEWAY_TLS_CERTIFICATE_FILE": str(wrong), "GATEWAY_TLS_KEY_FILE": str(wrong)}
    with private_platform(files) as platform, pytest.raises(OperationsError, match=r"certificate\.pem"):
        platform.process("gateway").start()
