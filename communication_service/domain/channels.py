"""E-mail first; phone where there is no e-mail, or no answer to one (docs/domain.md#contact-rule-4)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from communication_service.store.tables import Therapist
from shared.values.weekly import Weekly

Channel = Literal["email", "phone"]


@dataclass(frozen=True)
class Way:
    """How requests reach the practice, and what is missing before they can."""

    channel: Channel
    waits_for: str | None = None


@dataclass(frozen=True)
class Reachability:
    """What is known of the ways to a practice."""

    status: str
    preference: str
    has_email: bool
    """An address that one can write to and that nobody asked to leave alone."""
    is_suppressed: bool
    """Somebody asked to leave the address alone, or there is none behind it."""
    has_phone: bool
    phone_hours: Weekly | None

    @classmethod
    def of(cls, therapist: Therapist, *, is_suppressed: bool) -> Reachability:
        """What the copy of the therapist says; `is_suppressed` concerns the address."""
        key = therapist.email_key
        return cls(
            status=therapist.status,
            preference=therapist.contact_preference,
            # beyond ASCII before the @ needs SMTPUTF8, which many servers on the way lack: such a practice is phoned
            has_email=key is not None and key.isascii() and not therapist.email_opt_out and not is_suppressed,
            is_suppressed=is_suppressed or therapist.email_opt_out,
            has_phone=bool(therapist.phone or therapist.mobile),
            phone_hours=therapist.phone_hours,
        )


def way_to(practice: Reachability, *, only_by_phone: bool) -> Way:
    """The channel for a request; `only_by_phone` after an e-mail brought nothing."""
    wants_email = practice.preference in ("any", "email_only")
    by_email = wants_email and practice.has_email and not only_by_phone
    channel: Channel = "email" if by_email else "phone"
    if practice.status != "active":
        return Way(channel, "therapist_not_active")
    if practice.preference == "none":
        return Way(channel, "no_contact_wanted")
    if by_email:
        return Way("email")
    if practice.preference == "email_only":
        return Way("phone", "email_suppressed" if practice.is_suppressed else "email_address_missing")
    if not practice.has_phone:
        return Way("phone", "phone_number_missing")
    if not practice.phone_hours:
        return Way("phone", "phone_hours_unknown")
    return Way("phone")
