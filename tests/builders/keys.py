"""Keys and rings of keys, as a rotation has them one after the other."""

from __future__ import annotations

import base64

from shared.security.encryption import Keys


def a_key(number: int) -> str:
    """A key that is the same in every run, as it stands in a setting."""
    return base64.b64encode(bytes([number]) * 32).decode()


TEXT_RINGS = {f"{name}_SERVICE_TEXT_KEY": a_key(number) for name, number in (("MATCHING", 5), ("COMMUNICATION", 6))}
"""Of the services under test, so that builders write what the services read."""
LINK_RING = a_key(7)
"""Signs links in e-mails under test."""
OLD, NEW, OTHER = a_key(1), a_key(2), a_key(3)
PHASES = [OLD, f"{OLD},{NEW}", f"{NEW},{OLD}", NEW]
"""The rings of a rotation, one after the other; processes of two that follow each other serve at the same time."""


def with_masters(ring: str) -> Keys:
    """With this ring of master keys."""
    return Keys(ring, OTHER)


def with_indexes(ring: str) -> Keys:
    """With this ring of index keys."""
    return Keys(OTHER, ring)
