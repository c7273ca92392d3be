"""The web process of this service."""

from __future__ import annotations

from flask import Flask

from shared.database.schema import is_current
from shared.http import service_app
from shared.http.dead_letters import dead_letter_routes
from therapist_service.api.dependencies import Dependencies
from therapist_service.api.routes import ROUTES
from therapist_service.jobs import ImportFolder
from therapist_service.listeners import listeners
from therapist_service.settings import Settings


def create(settings: Settings) -> Flask:
    """The application, wired."""
    return service_app(
        settings.service,
        settings,
        [*ROUTES, *dead_letter_routes(listeners)],
        title="Therapist service",
        description="Therapists: who they are, when they answer the phone, whether they may be contacted.",
        schema_check=lambda: is_current(settings.service),
        dependencies=Dependencies(ImportFolder(settings)),
    )
