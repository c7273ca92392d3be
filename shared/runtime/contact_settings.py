"""What several services must know of how this agency contacts practices."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from shared.runtime.settings import SettingsGroup, Unit


class EmailInterval(SettingsGroup):
    """How often a practice is written to."""

    days_between_emails: Annotated[int, Unit("days")] = Field(default=7, ge=1, le=366)
    """A therapist, and an e-mail address, gets at most one inquiry e-mail in this many Berlin calendar days
    (docs/domain.md#contact-rule-5)."""
