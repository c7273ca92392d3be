"""Which revision of its schema a service's code expects, and whether the database is at least there.

A revision is the number with which its file's name begins, and a history has no branches (an architecture test): so no
process has to load Alembic to know them.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from shared.database import transaction

MIGRATIONS = Path(__file__).parents[2] / "migrations"


@cache
def revisions(service: str) -> tuple[str, ...]:
    """The revisions that this code knows, the newest last."""
    return tuple(sorted(file.name.partition("_")[0] for file in (MIGRATIONS / service).glob("[0-9]*_*.py")))


def is_current(service: str) -> bool:
    """Whether the database's schema is not older than this code; a newer one is fine while a deployment rolls."""
    try:
        with transaction() as session:
            revision = session.scalar(text("SELECT version_num FROM alembic_version"))
    except SQLAlchemyError:
        return False
    return revision is not None and revision not in revisions(service)[:-1]
