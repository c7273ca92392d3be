"""Rules about the code itself."""

from __future__ import annotations

import re
import subprocess

import pytest

from tests.architecture.sources import ROOT, SERVICES, calls_in, sources

CODE = ("shared", "migrations", "gateway", *SERVICES)
ALL_OURS = (*CODE, "operations", "testkit", "simulation", "chaos", "benchmarks", "tests", "scraper")


def test_only_the_database_session_commits() -> None:
    """A commit inside a use case would tear one change into two."""
    allowed = {ROOT / "shared" / "database" / "session.py", ROOT / "migrations" / "connections.py"}
    allowed.add(ROOT / "shared" / "events" / "heartbeats.py")  # commits an offset to Kafka
    found = [
        f"{path.relative_to(ROOT)}:{line}"
        for path in sources(*CODE)
        if path not in allowed
        for line, call in calls_in(path)
        if call.endswith(".commit") and not call.startswith("consumer.")
    ]
    assert found == []


def test_only_the_clock_reads_the_wall_clock() -> None:
    """Time is an argument: a year of rules is then played in a second."""
    forbidden = re.compile(r"(^|\.)(now|today|utcnow|fromtimestamp)$|^time\.(time|localtime|gmtime)$")
    ours = {"clock.now", "clock.today", "func.now"}
    found = [
        f"{path.relative_to(ROOT)}:{line} {call}"
        for path in sources(*CODE)
        if path != ROOT / "shared" / "runtime" / "clock.py"
        for line, call in calls_in(path)
        if forbidden.search(call) and call not in ours and not call.startswith("sa.")
    ]
    assert found == []


def test_the_domain_asks_no_clock() -> None:
    """Endpoints hand the time in; a use case that asks cannot be played at another time."""
    found = [
        str(path.relative_to(ROOT))
        for service in SERVICES
        for path in sources(f"{service}/domain", f"{service}/store")
        for _, call in calls_in(path)
        if call.startswith("clock.")
    ]
    assert found == []


def test_public_holidays_are_computed_in_one_place() -> None:
    """Two calendars differ one day, and a practice is phoned on its holiday."""
    asks_the_package = re.compile(r"^\s*(from holidays import|import holidays)\b", re.MULTILINE)
    found = [str(p.relative_to(ROOT)) for p in sources(*CODE) if asks_the_package.search(p.read_text())]
    assert found == ["shared/values/public_holidays.py"]


def test_no_file_is_longer_than_a_person_reads() -> None:
    """The trouble of the codebases we admire is the tenth of their files beyond 400 lines."""
    long = [str(p.relative_to(ROOT)) for p in sources(*ALL_OURS) if len(p.read_text().splitlines()) > 400]
    assert long == []


def test_no_module_has_a_name_that_says_nothing() -> None:
    """If the right name will not come, the thing is two things."""
    empty = {"utils", "util", "helpers", "helper", "manager", "base", "data", "info", "common", "misc"}
    found = [str(p.relative_to(ROOT)) for p in sources(*ALL_OURS) if p.stem in empty]
    assert found == []


def test_every_service_has_the_same_rooms() -> None:
    """A reader who knows one service knows them all; a new kind of layer is a decision."""
    layers = {"api", "domain", "store", "clients", "jobs"}  # jobs: a file, or a folder where there are many
    files = {"__init__", "__main__", "service", "settings", "dependencies", "listeners", "jobs", "cli"}
    for service in SERVICES:
        folder = ROOT / service
        entries = {p for p in folder.iterdir() if p.name != "__pycache__"}
        assert {p.name for p in entries if p.is_dir()} <= layers, service
        assert {p.stem for p in entries if p.suffix == ".py"} <= files, service
        assert {p.name for p in entries if p.is_file() and p.suffix != ".py"} == {"texts.toml"}, service
        assert {"service", "settings", "__main__"} <= {p.stem for p in entries}, service


def test_nothing_names_this_machine_or_a_package_host() -> None:
    """What is committed must work elsewhere, and must not tell where it was made."""
    # each pattern in a form that does not match itself: this file is searched too
    names = (
        "/wo[r]k/main",
        "/ro[o]t/",
        "files.pythonh[o]sted",
        "pyp[i]\\.org",
        "registr[y]\\.npmjs",
        "rep[o]\\.maven",
        "repo[1]\\.maven",
        "de[b]\\.debian",
        "prox[y]\\.golang",
    )
    found = subprocess.run(
        ["git", "grep", "-nE", "|".join(names), "--", "."],
        cwd=ROOT,
        capture_output=True,
        text=True,
    ).stdout
    assert found == ""


@pytest.mark.parametrize("name", ["README.md", ".env.example", "Makefile", ".ci/run"])
def test_what_a_newcomer_needs_is_there(name: str) -> None:
    """Two commands do everything on a bare machine."""
    assert (ROOT / name).is_file()
