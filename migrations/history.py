"""The history of one schema, as Alembic reads it."""

from __future__ import annotations

from alembic.config import Config

from shared.database.schema import MIGRATIONS


def history(service: str) -> Config:
    """The Alembic configuration of one schema's history."""
    configuration = Config()
    configuration.set_main_option("script_location", str(MIGRATIONS))
    configuration.set_main_option("version_locations", str(MIGRATIONS / service))
    configuration.set_main_option("path_separator", "os")
    configuration.attributes["service"] = service
    return configuration
