"""Requests of a known caller, the operations of the services, and where an account is written down."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from uuid import UUID

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import text
from sqlalchemy.orm import Session

from shared.events.listeners import Listeners
from shared.http.declaration import Endpoint
from shared.http.replay import READ_ONLY
from shared.http.routes import Route
from shared.http.status import routes_of_every_service
from shared.security.authentication import Access, Caller
from shared.values.account_enums import Scope
from shared.values.enums import Role
from tests.fakes.callers import called_by

ANNA = UUID("0190aaaa-0000-7000-8000-000000000001")
"""The account of a member of staff."""

OF_EVERY_SERVICE = [*routes_of_every_service(Listeners())]
BESIDE = {"outbox", "idempotency", "alembic_version"}
"""Tables that do not say who did something: events on their way, and repeated requests for a day."""


def signed_in(app: Flask, *who: Role | Scope, id: UUID | None = ANNA) -> FlaskClient:
    """A client whose requests are those of a person with these roles, or of a machine with these scopes."""
    roles = frozenset(each for each in who if isinstance(each, Role))
    scopes = frozenset(each for each in who if isinstance(each, Scope))
    machine = {Role.SERVICE} if scopes else set()
    return called_by(app, Caller(id=id, roles=roles | machine, scopes=scopes)).test_client()


def operations(*services: str) -> Iterator[tuple[str, Endpoint, Access]]:
    """Each operation of these services as `POST /api/patients`, with its endpoint and who may call it."""
    own: list[Route] = [route for name in services for route in importlib.import_module(f"{name}.api.routes").ROUTES]
    for route in [*own, *OF_EVERY_SERVICE]:
        for method, endpoint, access in route.endpoints():
            yield f"{method.upper()} {route.path.replace('uuid:', '')}", endpoint, access


def has_effect(endpoint: Endpoint) -> bool:
    """Whether a request may change something."""
    return endpoint.name != "get" and endpoint.replay != READ_ONLY


def effects_of(service: str) -> set[str]:
    """The operations of this service alone that may change something."""
    found = {name for name, endpoint, _ in operations(service) if has_effect(endpoint)}
    return found - {name for name, _, _ in operations()}


def columns_that_name(session: Session, who: UUID) -> set[str]:
    """The columns of the service's tables that hold this account, as `patients.updated_by`."""
    session.flush()
    tables = session.scalars(text("SELECT tablename FROM pg_tables WHERE schemaname = current_schema()")).all()
    return {f"{table}.{name}" for table in set(tables) - BESIDE for name in _columns_of(session, table, who)}


def _columns_of(session: Session, table: str, who: UUID) -> set[str]:
    columns = f"SELECT DISTINCT field.key FROM {table} AS t, jsonb_each_text(to_jsonb(t)) AS field"
    return set(session.scalars(text(f"{columns} WHERE field.value LIKE :who"), {"who": f"%{who}%"}))
