"""Vocabularies of what is known of a practice."""

from __future__ import annotations

from enum import StrEnum


class CapacitySource(StrEnum):
    """Who said whether there are places."""

    STAFF = "staff"
    IMPORT = "import"
    PRACTICE = "practice"


class InactiveBy(StrEnum):
    """Who made a therapist inactive."""

    IMPORT = "import"
    STAFF = "staff"
