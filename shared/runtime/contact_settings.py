"""What several services must know of how this agency contacts practices."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from shared.runtime.settings import SettingsGroup, Unit


class EmailInterval(SettingsGroup):
    """How often a practice is written to, and how far apart letters and calls are."""

    days_between_emails: Annotated[int, Unit("days")] = Field(default=7, ge=1, le=366)
    """A therapist, and an e-mail address, gets at most one inquiry e-mail in this many Berlin calendar days
    (docs/domain.md#contact-rule-5)."""
    days_between_email_and_call: Annotated[int, Unit("days")] = Field(default=2, ge=0, le=14)
    """A practice that is to be called within so many Berlin calendar days gets no inquiry e-mail before the call, and
    one that got an inquiry e-mail is not called before so many days are over; 0: one does not wait for the other."""
