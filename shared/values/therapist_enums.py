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
    UNDONE = "undone"
    REMOVED = "removed"
    MERGED = "merged"
    """Two entries were of one person: the kept one has the fields that the other one had in addition."""


class RemovalOutcome(StrEnum):
    """What becomes of a therapist whom staff remove."""

    REMOVED = "removed"
    """Nothing referred to them: they are no more."""
    INACTIVE = "inactive"
    """Something refers to them: they are inactive by staff."""


class TherapistReference(StrEnum):
    """What refers to a therapist, so that they cannot be removed."""

    ASKED = "asked"
    """Somebody was to be asked for a patient."""
    EMAILED = "emailed"
    CALLED = "called"
    SOURCE = "source"
    """A source has them."""
    MERGED = "merged"
    """Another one was merged into them."""
