"""Known vulnerabilities fail the check; a service that cannot be reached does not, and is named."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from tests.checks.dependency_audit import Audit, AuditFailed, audit, audit_of_today

FOUND = {
    "vulns": [
        {
            "id": "PYSEC-2026-1",
            "summary": "Reads what it must not.",
            "affected": [
                {
                    "package": {"name": "flask", "ecosystem": "PyPI"},
                    "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "9.9"}]}],
                }
            ],
        }
    ]
}


@contextmanager
def a_database(vulnerable: str = "") -> Iterator[tuple[str, list[str]]]:
    """A database of vulnerabilities that knows of one package, and the names it was asked for."""
    asked: list[str] = []

    class Answers(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            sent = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            name: str = sent["package"]["name"]
            asked.append(name)
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps(FOUND if name == vulnerable else {}).encode())

        def log_message(self, format: str, *args: Any) -> None:
            """Nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/", asked
        server.shutdown()


def pinned(*packages: str) -> str:
    return "".join(f"{each} \\\n    --hash=sha256:{'0' * 64}\n" for each in packages)


@pytest.fixture
def requirements(tmp_path: Path) -> Path:
    file = tmp_path / "dev.txt"
    file.write_text(pinned("flask==3.1.0", "requests==2.34.2"))
    return file


def options(address: str, folder: Path) -> list[str]:
    return ["--vulnerability-service=osv", f"--osv-url={address}", f"--cache-dir={folder / 'cache'}"]


@pytest.mark.slow
def test_a_known_vulnerability_is_named(requirements: Path, tmp_path: Path) -> None:
    with a_database("flask") as (address, asked):
        found = audit(requirements, *options(address, tmp_path))
    assert found.findings == ["flask 3.1.0: PYSEC-2026-1, mended in 9.9"]
    assert sorted(asked) == ["flask", "requests"]
    assert found.sentence() == "dependency audit: 2 packages, 1 known vulnerabilities"


@pytest.mark.slow
def test_an_answer_counts_for_a_day_and_for_these_packages(requirements: Path, tmp_path: Path) -> None:
    kept = tmp_path / "build" / "audit.json"
    with a_database("flask") as (address, asked):
        first = audit_of_today(requirements, kept, *options(address, tmp_path))
        assert audit_of_today(requirements, kept, *options(address, tmp_path)) == first
        assert len(asked) == 2
        requirements.write_text(pinned("requests==2.34.2"))
        assert audit_of_today(requirements, kept, *options(address, tmp_path)) == Audit([], 0, 1)


@pytest.mark.slow
def test_without_a_network_it_says_so(requirements: Path, tmp_path: Path) -> None:
    found = audit(requirements, *options("http://127.0.0.1:9/", tmp_path))
    assert found == Audit([], 2, 2)
    assert "nothing was checked" in found.sentence()


@pytest.mark.slow
def test_a_file_that_cannot_be_read_is_no_missing_network(tmp_path: Path) -> None:
    with pytest.raises(AuditFailed):
        audit(tmp_path / "nothing.txt", *options("http://127.0.0.1:9/", tmp_path))


def test_some_that_nobody_knows_are_counted() -> None:
    assert Audit([], 1, 3).sentence() == (
        "dependency audit: 3 packages, 1 of them could not be looked up, 0 known vulnerabilities"
    )
