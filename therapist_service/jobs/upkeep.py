"""What is looked after of imports: what is kept for long enough is removed, what is unusual is shown."""

from __future__ import annotations

from datetime import datetime

from shared.database import transaction
from shared.runtime import metrics
from therapist_service.domain import import_upkeep


def remove_old_import_records(days: int, now: datetime) -> int:
    """Remove what became of each record of a file, long after the import."""
    with transaction() as session:
        return import_upkeep.remove_old_records(session, days=days, now=now)


def remove_old_reviews(days: int, now: datetime) -> int:
    """Remove reviews of imports that were decided, or overtaken, long ago."""
    with transaction() as session:
        return import_upkeep.remove_old_reviews(session, days=days, now=now)


def show_import_figures(now: datetime) -> int:
    """Show in the metrics whether the files arrive that are awaited, and which of them wait."""
    with transaction() as session:
        figures = import_upkeep.figures(session, now=now)
    metrics.imports_held.set(figures.held)
    for gauge, value in (
        (metrics.import_file_age_seconds, figures.seconds_since_file),
        (metrics.import_file_not_applied, figures.is_not_applied),
        (metrics.import_file_size_ratio, figures.size_ratio),
    ):
        if value is not None:
            gauge.set(value)
    return 0
