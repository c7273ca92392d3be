"""What this service's endpoints and jobs need beside the database."""

from __future__ import annotations

from dataclasses import dataclass

from shared.values.enums import ReviewKind
from therapist_service.jobs.import_folder import ImportFolder
from therapist_service.settings import HoldRule, Settings


@dataclass(frozen=True)
class Dependencies:
    """Made once for each process."""

    import_folder: ImportFolder
    import_passes: frozenset[ReviewKind]
    """The kinds of reviews that imports apply without a person."""
    hold: HoldRule
    """When a file waits for a person's approval."""
    imports_kept_days: int
    """For so many days after an import it is kept what became of each record."""

    @classmethod
    def of(cls, settings: Settings) -> Dependencies:
        """With the folder and the rules of imports that the settings name."""
        return cls(ImportFolder(settings), settings.passes, settings.import_hold, settings.imports_kept_days)
