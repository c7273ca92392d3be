"""The matching service, declared."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from matching_service.dependencies import Dependencies
from matching_service.domain import publishing
from matching_service.jobs import jobs, needs
from matching_service.listeners import listeners
from matching_service.settings import Settings
from matching_service.store.tables import PatientCopy, TherapistCopy
from shared.events.event import TOPICS
from shared.events.republish import Snapshots
from shared.runtime.service import Service

if TYPE_CHECKING:
    from shared.http import Route


def routes() -> Sequence[Route]:
    """Every URL."""
    from matching_service.api.routes import ROUTES

    return ROUTES


SERVICE = Service(
    settings=Settings,
    title="Matching service",
    description="Which therapists fit a patient and why; whom staff decided to ask; what the practices answered.",
    dependencies=Dependencies.of,
    routes=routes,
    listeners=listeners,
    jobs=jobs,
    needs=needs,
    projections=(TherapistCopy, PatientCopy),
    snapshots=lambda _: Snapshots(TOPICS["matching"], publishing.snapshots, publishing.unknown_request),
)
