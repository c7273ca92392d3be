"""The web process of a service, as its `service.py` declares it."""

from __future__ import annotations

from functools import partial
from typing import Any

from flask import Flask

from shared.database.schema import is_current
from shared.http.application import service_app
from shared.http.status import routes_of_every_service
from shared.runtime.service import Service
from shared.runtime.settings import ServiceSettings


def web_app(service: Service[Any, Any], settings: ServiceSettings) -> Flask:
    """The service's application: its own routes, and those that every service has."""
    dependencies, confirm = service.dependencies(settings), service.confirm_caller
    return service_app(
        service.name,
        settings,
        [*service.routes(), *routes_of_every_service(service.listeners.given(dependencies))],
        title=service.title,
        description=service.description,
        ready_checks=service.needs(settings),
        schema_check=lambda: is_current(service.name),
        dependencies=dependencies,
        record_refusal=service.record_refusal,
        confirm_caller=confirm and partial(confirm, dependencies),
    )
