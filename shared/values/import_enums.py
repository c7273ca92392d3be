"""Vocabularies of imports: what becomes of a field that a person must decide, and of an import that is taken back."""

from __future__ import annotations

from enum import StrEnum


class FieldOutcome(StrEnum):
    """What became of a field of a record that a person had to look at; `protected`: staff set it, so that it stays."""

    WAITING = "waiting"
    APPLIED = "applied"
    REJECTED = "rejected"
    PROTECTED = "protected"
    SUPERSEDED = "superseded"


class UndoOutcome(StrEnum):
    """What became of a therapist when an import was undone."""

    RESTORED = "restored"
    PARTLY_RESTORED = "partly_restored"
    KEPT = "kept"
    DEACTIVATED = "deactivated"
    FAILED = "failed"
