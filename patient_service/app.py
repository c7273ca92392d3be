"""The web process of this service."""

from __future__ import annotations

from flask import Flask

from patient_service import listeners
from patient_service.api.dependencies import Dependencies, record_refusal
from patient_service.api.routes import ROUTES
from patient_service.settings import Settings
from shared.database.schema import is_current
from shared.http import service_app
from shared.http.dead_letters import dead_letter_routes
from shared.security.encryption import Keys


def create(settings: Settings) -> Flask:
    """The application, wired."""
    keys = Keys(settings.master_key.get_secret_value())
    return service_app(
        settings.service,
        settings,
        [*ROUTES, *dead_letter_routes(listeners.create(keys))],
        title="Patient service",
        description="Patients: who they are, what they look for, whether their search may start.",
        schema_check=lambda: is_current(settings.service),
        dependencies=Dependencies(keys),
        record_refusal=record_refusal,
    )
