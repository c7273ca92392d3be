"""Commands of this service's own: `python -m patient_service keys | rewrap` (docs/keys.md)."""

from __future__ import annotations

from patient_service.dependencies import Dependencies
from patient_service.domain import key_rings
from shared.runtime.key_commands import key_commands
from shared.security.key_rings import KeyRings


def _rings(dependencies: Dependencies) -> KeyRings:
    return key_rings.rings(dependencies.keys)


commands = key_commands(_rings)
