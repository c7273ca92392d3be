"""A mail server that listens, and the job that sends to it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine

from communication_service.jobs import Sending
from shared import database
from shared.runtime.smtp import MailServer
from tests.builders.communication import LINKS, RULES, TEXTS
from tests.conftest import MONDAY
from tests.fakes.smtp import FakeMailServer, mail_server
from tests.fakes.smtp_script import ScriptedServer, scripted

NOW = MONDAY + timedelta(seconds=6)
"""When a letter of MONDAY may go: its requests have been gathered."""


@pytest.fixture(autouse=True)
def _in_one_transaction(request: pytest.FixtureRequest) -> None:
    """Every test here works on the database inside the transaction that is rolled back, unless it commits for real."""
    if "real_commits" not in request.fixturenames:
        request.getfixturevalue("connection")


@pytest.fixture
def committed(real_commits: None, settings: Any) -> Iterator[Engine]:
    """The real database, where transactions commit; it is emptied afterwards."""
    engine = database.engine_for(settings.database_url, pool_size=8)
    yield engine
    engine.dispose()


@pytest.fixture
def catcher() -> Iterator[FakeMailServer]:
    """A mail server that keeps what it takes."""
    with mail_server() as fake:
        yield fake


def reaching(fake: FakeMailServer | ScriptedServer, **seconds: float) -> MailServer:
    """The way to the fake, with short waits."""
    waits = {"connect_seconds": 2.0, "command_seconds": 2.0, "answer_seconds": 2.0} | seconds
    return MailServer("127.0.0.1", fake.port, "none", "", "", "agentur.example.org", **waits)


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    """A mail server that answers as it is told."""
    with scripted() as running:
        yield running


@pytest.fixture
def job(server: ScriptedServer) -> Sending:
    """The job that sends to it."""
    return Sending(RULES, TEXTS, reaching(server))


@pytest.fixture
def sending(catcher: FakeMailServer) -> Sending:
    """The job `send`."""
    return Sending(RULES, TEXTS, reaching(catcher), links=LINKS)


@pytest.fixture
def sent(sending: Sending) -> Callable[..., None]:
    """Sends everything that may go."""

    def run(now: datetime = NOW) -> None:
        while sending.run(now):
            pass

    return run


def at_once(*works: Callable[[], object]) -> None:
    """Run all of these at the same time; whatever one raises is raised."""
    problems: list[BaseException] = []
    start = threading.Barrier(len(works))

    def run(work: Callable[[], object]) -> None:
        start.wait()
        try:
            work()
        except BaseException as problem:
            problems.append(problem)

    threads = [threading.Thread(target=run, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if problems:
        raise problems[0]
