"""Alembic's environment: runs one schema's history on the connection that `migrations.__main__` hands over."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from alembic import context
from geoalchemy2 import alembic_helpers
from sqlalchemy import Connection

SERVICE: str = context.config.attributes["service"]


def _include_object(thing: Any, name: str | None, kind: str, reflected: bool, compare_to: Any) -> bool:
    if kind == "table" and name == "alembic_version":
        return False
    return bool(
        alembic_helpers.include_object(  # type: ignore[no-untyped-call]
            thing, name, kind, reflected, compare_to
        )
    )


def _render_item(kind: str, thing: Any, autogen: Any) -> Any:
    if type(thing).__module__.startswith("shared.values"):
        autogen.imports.add(f"import {type(thing).__module__}")
        return f"{type(thing).__module__}.{type(thing).__name__}()"
    return alembic_helpers.render_item(kind, thing, autogen)  # type: ignore[no-untyped-call]


def run(connection: Connection) -> None:
    """Compare or upgrade the schema; the connection's search path is that schema."""
    context.configure(
        connection=connection,
        target_metadata=import_module(f"{SERVICE}.store.tables").Tables.metadata,
        version_table_schema=SERVICE,
        include_object=_include_object,
        render_item=_render_item,
        compare_type=True,
        compare_server_default=False,
        transaction_per_migration=True,
    )
    with context.begin_transaction():
        context.run_migrations()


run(context.config.attributes["connection"])
