"""The vocabulary of calls: claims, and calls by hand."""

from __future__ import annotations

from enum import StrEnum


class ReleaseReason(StrEnum):
    """Why somebody gives a claimed call back without an outcome."""

    INTERRUPTED = "interrupted"
    """They have to stop."""
    NOT_NOW = "not_now"
    """The practice should not be called at this moment."""
    OTHER = "other"


class InsistedReason(StrEnum):
    """Why staff call a practice although the rule of contact says that it waits."""

    PRACTICE_ASKED = "practice_asked"
    """The practice asked to be called."""
    PLACE_IS_FREE = "place_is_free"
    """A place is free there, or is about to be."""
    URGENT = "urgent"
    """A patient cannot wait."""
    OTHER = "other"
