"""What this service's endpoints and jobs need beside the database."""

from __future__ import annotations

from dataclasses import dataclass

from shared.values.enums import ReviewKind
from therapist_service.jobs import ImportFolder
from therapist_service.settings import Settings


@dataclass(frozen=True)
class Dependencies:
    """Made once for each process."""

    import_folder: ImportFolder
    import_passes: frozenset[ReviewKind]
    """The kinds of reviews that imports apply without a person."""

    @classmethod
    def of(cls, settings: Settings) -> Dependencies:
        """With the folder and the policy of reviews that the settings name."""
        return cls(ImportFolder(settings), settings.passes)
