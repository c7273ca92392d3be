"""A mail server that listens, and the job that sends to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

import pytest

from communication_service.clients.smtp import MailServer
from communication_service.jobs import Sending
from tests.builders.communication import POLICY
from tests.conftest import MONDAY
from tests.fakes.smtp import FakeMailServer, mail_server


@pytest.fixture(autouse=True)
def _in_one_transaction(request: pytest.FixtureRequest) -> None:
    """Every test here works on the database inside the transaction that is rolled back, unless it says `committed`."""
    if "committed" not in request.fixturenames:
        request.getfixturevalue("connection")


@pytest.fixture
def catcher() -> Iterator[FakeMailServer]:
    """A mail server that keeps what it takes."""
    with mail_server() as fake:
        yield fake


def reaching(fake: FakeMailServer, **seconds: float) -> MailServer:
    """The way to the fake, with short waits."""
    waits = {"connect_seconds": 2.0, "command_seconds": 2.0, "answer_seconds": 2.0} | seconds
    return MailServer("127.0.0.1", fake.port, "none", "", "", "agentur.example.org", **waits)


@pytest.fixture
def sending(catcher: FakeMailServer) -> Sending:
    """The job `send`."""
    return Sending(POLICY, reaching(catcher))


@pytest.fixture
def sent(sending: Sending) -> Callable[..., None]:
    """Sends everything that may go."""

    def run(now: datetime = MONDAY + timedelta(seconds=6)) -> None:
        while sending.run(now):
            pass

    return run
