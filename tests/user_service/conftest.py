"""The user service with cheap hashes, and requests in somebody's name."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import pytest
from flask import Flask

from shared.security.authentication import Caller
from shared.values.enums import Role
from tests.builders.accounts import CHEAP
from tests.fakes.callers import called_by
from tests.fakes.smtp import FakeMailServer, mail_server
from user_service import jobs
from user_service.dependencies import Dependencies
from user_service.domain.passwords import PasswordHashes

CallAs = Callable[..., Caller]
SendDue = Callable[[datetime], int]


@pytest.fixture
def settings(settings_of: Callable[[str], Any], service: str) -> Any:
    """As in production, but for the time that a hash takes."""
    return settings_of(service).model_copy(update={"hashing": CHEAP})


@pytest.fixture(autouse=True)
def _in_one_transaction(request: pytest.FixtureRequest) -> None:
    """Every test here works inside the transaction that is rolled back, unless it commits for real."""
    if "real_commits" not in request.fixturenames:
        request.getfixturevalue("connection")


@pytest.fixture
def needed(settings: Any) -> Dependencies:
    """What endpoints and jobs of one process share."""
    return Dependencies.of(settings)


@pytest.fixture
def roomy(needed: Dependencies) -> Dependencies:
    """The same with slots for a hundred hashes at once, so that no attempt is answered `sign_in.busy`."""
    return replace(needed, passwords=PasswordHashes(CHEAP.model_copy(update={"at_once": 100})))


@pytest.fixture
def call_as(app: Flask) -> CallAs:
    """Makes the requests that follow those of this account, and returns the caller."""

    def sign_in(id: UUID | None = None, *roles: Role, session_id: UUID | None = None) -> Caller:
        caller = Caller(id=id or uuid4(), roles=frozenset(roles or {Role.ADMIN}), session_id=session_id)
        called_by(app, caller)
        return caller

    return sign_in


@pytest.fixture
def catcher() -> Iterator[FakeMailServer]:
    """A mail server that keeps what it takes."""
    with mail_server() as fake:
        yield fake


@pytest.fixture
def send(needed: Dependencies, catcher: FakeMailServer) -> SendDue:
    """The job that sends invitations and password resets, one at a time; returns 0 where nothing more is due."""
    server = replace(needed.mail_server, port=catcher.port, connect_seconds=2, command_seconds=2, answer_seconds=2)
    (job,) = (each for each in jobs.jobs(replace(needed, mail_server=server)) if each.name == "send-account-emails")
    return job.run
