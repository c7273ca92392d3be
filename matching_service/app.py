"""The web process of this service."""

from __future__ import annotations

from flask import Flask

from matching_service import listeners
from matching_service.api.dependencies import Dependencies
from matching_service.api.routes import ROUTES
from matching_service.settings import Settings
from shared.database.schema import is_current
from shared.http import service_app
from shared.http.dead_letters import dead_letter_routes


def create(settings: Settings) -> Flask:
    """The application, wired."""
    return service_app(
        settings.service,
        settings,
        [*ROUTES, *dead_letter_routes(listeners.create(settings.ask_again))],
        title="Matching service",
        description="Which therapists fit a patient and why; whom staff decided to ask; what the practices answered.",
        schema_check=lambda: is_current(settings.service),
        dependencies=Dependencies(settings.ask_again),
    )
