"""The vocabularies of what is kept in a patient's history."""

from __future__ import annotations

from enum import StrEnum


class CrisisAct(StrEnum):
    """What is done about a patient's crisis."""

    RAISED = "raised"
    ACKNOWLEDGED = "acknowledged"
    CLEARED = "cleared"


class HistoryKind(StrEnum):
    """What an entry of a patient's history is about."""

    STATUS = "status"
    """The status changed."""
    PAUSE = "pause"
    """A pause goes on with another last day, or without one."""
    SEARCH_START = "search_start"
    """Staff changed the first day of the search."""
    PLACE = "place"
    """A place was recorded, confirmed or taken back, and the status is as it was."""
    MERGE = "merge"
    """Another file became part of this one."""
    KEPT = "kept"
    """The file is kept although its erasure was proposed."""
