"""The web process of this service."""

from __future__ import annotations

from flask import Flask

from communication_service.api.dependencies import Dependencies
from communication_service.api.routes import ROUTES
from communication_service.listeners import listeners
from communication_service.settings import Settings
from shared.database.schema import is_current
from shared.http import service_app
from shared.http.dead_letters import dead_letter_routes


def create(settings: Settings) -> Flask:
    """The application, wired."""
    return service_app(
        settings.service,
        settings,
        [*ROUTES, *dead_letter_routes(listeners)],
        title="Communication service",
        description="E-mails and calls to practices, why they wait, and what came of them.",
        schema_check=lambda: is_current(settings.service),
        dependencies=Dependencies(settings.contact),
    )
