"""Vocabularies of imports that are taken back."""

from __future__ import annotations

from enum import StrEnum


class UndoOutcome(StrEnum):
    """What became of a therapist when an import was undone."""

    RESTORED = "restored"
    PARTLY_RESTORED = "partly_restored"
    KEPT = "kept"
    DEACTIVATED = "deactivated"
    FAILED = "failed"
