"""Differences between document and service that JSON Schema cannot express, each with its reason."""

from __future__ import annotations

from typing import Any


def is_explained(case: Any, answer: Any, what: str) -> str | None:
    """The reason why this is no difference; None where it is one."""
    return None
