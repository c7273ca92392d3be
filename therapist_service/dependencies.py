"""What this service's endpoints and jobs need beside the database."""

from __future__ import annotations

from dataclasses import dataclass

from therapist_service.jobs import ImportFolder
from therapist_service.settings import HoldRule, Settings


@dataclass(frozen=True)
class Dependencies:
    """Made once for each process."""

    import_folder: ImportFolder
    hold: HoldRule
    """When a file waits for a person's approval."""
    imports_kept_days: int
    """For so many days after an import it is kept what became of each record."""

    @classmethod
    def of(cls, settings: Settings) -> Dependencies:
        """With the folder that the settings name."""
        return cls(ImportFolder(settings), settings.import_hold, settings.imports_kept_days)
