"""What the endpoints of this service are given beside the request."""

from __future__ import annotations

from dataclasses import dataclass

from therapist_service.jobs import ImportFolder


@dataclass(frozen=True)
class Dependencies:
    """What the service was wired with."""

    import_folder: ImportFolder
