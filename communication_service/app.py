"""The web process of this service."""

from __future__ import annotations

from flask import Flask

from communication_service.api.routes import ROUTES
from communication_service.listeners import listeners
from communication_service.settings import Settings
from shared.api import service_app
from shared.api.parked import parked_routes
from shared.schema import is_current


def create(settings: Settings) -> Flask:
    """The application, wired."""
    app = service_app(
        settings.service,
        settings,
        [*ROUTES, *parked_routes(listeners)],
        title="Communication service",
        description="Letters and calls to practices, why they wait, and what came of them.",
        schema_check=lambda: is_current(settings.service),
    )
    app.extensions["contact_rules"] = settings.contact
    return app
