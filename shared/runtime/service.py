"""A service, declared once: each has a `service.py` with one `SERVICE`, from which its processes are made.

Everything that reads it (command line, web process, worker, tests, tools) finds it through `shared.runtime.registry`.
What a listener, a job or an endpoint needs beside the database is made once for each process, from the settings: the
service's dependencies.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from shared.errors import PlatformError
from shared.events.listeners import Listeners
from shared.events.republish import Snapshots
from shared.runtime.health import ReadinessCheck
from shared.runtime.jobs import Job
from shared.runtime.settings import ServiceSettings

if TYPE_CHECKING:
    from shared.http import Context, Route
    from shared.security.authentication import Caller

SettingsType = TypeVar("SettingsType", bound=ServiceSettings)
DependenciesType = TypeVar("DependenciesType")


def no_dependencies(_settings: object) -> None:
    """For a service that needs nothing beside the database."""


def no_jobs(_dependencies: object) -> Sequence[Job]:
    """For a service that does nothing on a schedule of its own."""
    return ()


def no_needs(_settings: object) -> Sequence[ReadinessCheck]:
    """For a service that needs nothing beside the database and Kafka."""
    return ()


@dataclass(frozen=True, kw_only=True)
class Service(Generic[SettingsType, DependenciesType]):
    """Everything that makes one service out of what all services share."""

    settings: type[SettingsType]
    """What it reads from the environment; its name and its port are said there, since tools read them alone."""
    title: str
    description: str
    """Title and description of its API, for people who read the documentation page."""
    dependencies: Callable[[SettingsType], DependenciesType]
    routes: Callable[[], Sequence[Route]]
    """Imports the API and returns its routes; only a web process calls it, so that no worker loads Flask."""
    listeners: Listeners = field(default_factory=Listeners)
    """None where it handles no events: its worker then joins no consumer group."""
    jobs: Callable[[DependenciesType], Sequence[Job]] = no_jobs
    projections: Sequence[type[Any]] = ()
    """Table classes of the copies that its projections keep, for `rebuild`."""
    snapshots: Callable[[DependenciesType], Snapshots] | None = None
    """What is published anew of its own aggregates by `republish`; None where others keep no state of this service."""
    ready_checks: Sequence[ReadinessCheck] = ()
    """What its worker needs beside the database and Kafka."""
    needs: Callable[[SettingsType], Sequence[ReadinessCheck]] = no_needs
    """What web process and worker need from the start: without it neither starts, and readiness shows it."""
    record_refusal: Callable[[Context[DependenciesType], PlatformError], None] | None = None
    """Notes in a transaction of its own that a request was refused."""
    confirm_caller: Callable[[DependenciesType, Caller], Caller] | None = None
    """Compares whom a token names with what the service itself knows of them now: returns the caller with the roles of
    this moment, or raises `Unauthenticated`."""

    @property
    def name(self) -> str:
        """Its name, which is also that of its folder, its schema and its role in the database."""
        return self.settings.service

    @property
    def port(self) -> int:
        """The port of its web process where the settings say nothing else."""
        default: int = self.settings.model_fields["port"].default
        return default
