"""Commands of this service's own: `python -m communication_service keys | rewrap` (docs/keys.md)."""

from __future__ import annotations

from communication_service.dependencies import Dependencies
from shared.runtime.key_commands import key_commands
from shared.security.key_rings import KeyRings


def _rings(dependencies: Dependencies) -> KeyRings:
    return dependencies.rings


commands = key_commands(_rings)
