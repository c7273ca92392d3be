"""What this service's endpoints and jobs need beside the database."""

from __future__ import annotations

from dataclasses import dataclass

from therapist_service.jobs import ImportFolder
from therapist_service.settings import Settings


@dataclass(frozen=True)
class Dependencies:
    """Made once for each process."""

    import_folder: ImportFolder

    @classmethod
    def of(cls, settings: Settings) -> Dependencies:
        """With the folder that the settings name."""
        return cls(ImportFolder(settings))
