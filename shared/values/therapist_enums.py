"""Vocabularies of what becomes of a therapist."""

from __future__ import annotations

from enum import StrEnum


class TherapistChangeAction(StrEnum):
    """What happened to a therapist."""

    REGISTERED = "registered"
    CHANGED = "changed"
    BLOCKED = "blocked"
    UNBLOCKED = "unblocked"
    DEACTIVATED = "deactivated"
