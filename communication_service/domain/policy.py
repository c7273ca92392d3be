"""How this agency contacts practices: the figures of the rules. Endpoints read them from the settings."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True)
class Sender:
    """Who letters come from: an ASCII address and a name of one line."""

    address: str
    name: str

    @property
    def domain(self) -> str:
        """The part of the address after the @."""
        return self.address.rpartition("@")[2]


@dataclass(frozen=True)
class Policy:
    """The figures of the rules of contact (docs/domain.md#contact-rule-4 and the next three)."""

    sender: Sender
    gathering: timedelta
    email_retry: timedelta
    days_between_emails: int
    patients_per_contact: int
    call_length: timedelta
    call_attempts: int
    days_until_call: int
