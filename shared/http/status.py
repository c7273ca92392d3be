"""`/api/status`, in every service: how it is, for everybody on staff; `/health/ready` is for machines beside it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import current_app

from shared.events import dead_letters, outbox
from shared.events.listeners import Listeners
from shared.http.context import Context
from shared.http.dead_letters import dead_letter_routes
from shared.http.endpoint import Resource, endpoint
from shared.http.routes import Route
from shared.runtime.health import ReadinessCheck, count_of_figure
from shared.security.authentication import SIGNED_IN
from shared.texts import Sentence
from shared.values.datetimes import Instant
from shared.values.schemas import Schema
from shared.values.worded import Worded


class FailingCheck(Schema):
    """Something that the service needs and does not have at the moment."""

    name: str
    """Which check fails, as in `/health/ready`, or which figure should be 0."""
    decisive: bool
    """Whether the service cannot answer requests meanwhile; without what is not decisive something waits."""
    detail: Worded
    """What is wrong, for a person."""


class StatusView(Schema):
    """How a service is at this moment, as the web process sees it that was asked."""

    service: str
    """The name of the service."""
    started_at: Instant
    """When this process started."""
    ready: bool
    """Whether it has all that it needs to answer requests."""
    problems: list[FailingCheck]
    """What it lacks; empty where it lacks nothing."""
    outbox_waiting: int | None
    """How many events wait to be published; null where that cannot be read, as for the other numbers."""
    dead_letters: int | None
    """How many events could not be handled and wait for a decision."""
    copies_ahead: int | None
    """How many copies are ahead of their source until it republishes."""


FIGURES: Mapping[str, Callable[[], int]] = dead_letters.READINESS_FIGURES | {"outbox_waiting": outbox.count_waiting}


@dataclass(frozen=True)
class StatusOfService:
    """Reads how the service of this web process is."""

    service: str
    started_at: datetime
    checks: Sequence[ReadinessCheck]

    def read(self) -> StatusView:
        """How it is now."""
        figures = {name: count_of_figure(name, count) for name, count in FIGURES.items()}
        problems = [*_failing(self.checks), *_set_aside(figures["dead_letters"])]
        return StatusView(
            service=self.service,
            started_at=self.started_at,
            ready=not any(each.decisive for each in problems),
            problems=problems,
            **figures,
        )


def _failing(checks: Sequence[ReadinessCheck]) -> list[FailingCheck]:
    return [found for found in map(_problem, checks) if found is not None]


def _set_aside(dead_letters: int | None) -> list[FailingCheck]:
    """Of events that were set aside something does not follow until somebody decides; requests are answered."""
    if not dead_letters:
        return []
    detail = Sentence.of("check.dead_letters", number=dead_letters)
    return [FailingCheck(name="dead_letters", decisive=False, detail=detail)]


def _problem(check: ReadinessCheck) -> FailingCheck | None:
    holds, why = check.ask()
    if holds:
        return None
    detail = Sentence.of("check.fails", check=check.name) if why is None else why.sentence
    return FailingCheck(name=check.name, decisive=check.decisive, detail=detail)


class StatusResource(Resource):
    """How the service is."""

    @endpoint(response=StatusView, transaction=False)
    def get(self, context: Context[Any]) -> StatusView:  # noqa: ARG002 - every endpoint is handed it
        """Show how the service is: what it lacks, in words, and how many events wait.

        200 also where it is not ready.
        """
        return _status().read()


def _status() -> StatusOfService:
    status: StatusOfService = current_app.extensions["status"]
    return status


def routes_of_every_service(listeners: Listeners) -> list[Route]:
    """Returns the routes that every service has; dead letters are replayed to these listeners."""
    return [Route("/api/status", StatusResource, get=SIGNED_IN), *dead_letter_routes(listeners)]
