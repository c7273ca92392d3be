"""The vocabulary of claims of calls."""

from __future__ import annotations

from enum import StrEnum


class ReleaseReason(StrEnum):
    """Why somebody gives a claimed call back without an outcome."""

    INTERRUPTED = "interrupted"
    """They have to stop."""
    NOT_NOW = "not_now"
    """The practice should not be called at this moment."""
    OTHER = "other"
