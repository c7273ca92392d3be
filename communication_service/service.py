"""The communication service, declared."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from communication_service.dependencies import Dependencies
from communication_service.jobs import MAIL_SERVER, jobs, needs
from communication_service.jobs.reading import MAILBOX
from communication_service.listeners import listeners
from communication_service.settings import Settings
from communication_service.store.tables import PatientPseudonym, PracticeCopy, PracticePlace
from shared.runtime.service import Service

if TYPE_CHECKING:
    from shared.http import Route


def routes() -> Sequence[Route]:
    """Every URL."""
    from communication_service.api.routes import ROUTES

    return ROUTES


SERVICE = Service(
    settings=Settings,
    title="Communication service",
    description="E-mails and calls to practices, why they wait, and what came of them.",
    dependencies=Dependencies.of,
    routes=routes,
    listeners=listeners,
    jobs=jobs,
    needs=needs,
    ready_checks=(MAIL_SERVER, MAILBOX),
    projections=(PracticeCopy, PatientPseudonym, PracticePlace),
)
