"""Which revision of its schema a service's code expects, and whether the database is at least there."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from shared.database import transaction

MIGRATIONS = Path(__file__).parents[2] / "migrations"


def history(service: str) -> Config:
    """The alembic configuration of one schema's history."""
    configuration = Config()
    configuration.set_main_option("script_location", str(MIGRATIONS))
    configuration.set_main_option("version_locations", str(MIGRATIONS / service))
    configuration.set_main_option("path_separator", "os")
    configuration.attributes["service"] = service
    return configuration


@cache
def expected_revision(service: str) -> str | None:
    """The newest revision that this code knows."""
    return ScriptDirectory.from_config(history(service)).get_current_head()


@cache
def _known_revisions(service: str) -> frozenset[str]:
    return frozenset(script.revision for script in ScriptDirectory.from_config(history(service)).walk_revisions())


def is_current(service: str) -> bool:
    """Whether the database's schema is not older than this code; a newer one is fine while a deployment rolls."""
    try:
        with transaction() as session:
            revision = session.scalar(text("SELECT version_num FROM alembic_version"))
    except SQLAlchemyError:
        return False
    return revision is not None and (
        revision == expected_revision(service) or revision not in _known_revisions(service)
    )
