"""The therapist service, declared."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from shared.events.event import TOPICS
from shared.events.republish import Snapshots
from shared.runtime.service import Service
from therapist_service.dependencies import Dependencies
from therapist_service.domain.publishing import snapshots
from therapist_service.jobs import jobs
from therapist_service.listeners import listeners
from therapist_service.settings import Settings

if TYPE_CHECKING:
    from shared.http import Route


def routes() -> Sequence[Route]:
    """Every URL."""
    from therapist_service.api.routes import ROUTES

    return ROUTES


SERVICE = Service(
    settings=Settings,
    title="Therapist service",
    description="Therapists: who they are, when they answer the phone, whether they may be contacted.",
    dependencies=Dependencies.of,
    routes=routes,
    listeners=listeners,
    jobs=jobs,
    snapshots=lambda _: Snapshots(TOPICS["therapist"], snapshots),
)
