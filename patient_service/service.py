"""The patient service, declared."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from patient_service.api.access_log import record_refusal
from patient_service.dependencies import Dependencies
from patient_service.domain import files
from patient_service.jobs import jobs, needs
from patient_service.listeners import listeners
from patient_service.settings import Settings
from patient_service.store.tables import LocatedPostalCode
from shared.events.event import TOPICS
from shared.events.republish import Snapshots
from shared.runtime.service import Service

if TYPE_CHECKING:
    from shared.http import Route


def routes() -> Sequence[Route]:
    """Every URL."""
    from patient_service.api.routes import ROUTES

    return ROUTES


SERVICE = Service(
    settings=Settings,
    title="Patient service",
    description="Patients: who they are, what they look for, whether their search may start.",
    dependencies=Dependencies.of,
    routes=routes,
    record_refusal=record_refusal,
    listeners=listeners,
    jobs=jobs,
    needs=needs,
    projections=(LocatedPostalCode,),
    snapshots=lambda dependencies: Snapshots(TOPICS["patient"], partial(files.snapshots, keys=dependencies.keys)),
)
