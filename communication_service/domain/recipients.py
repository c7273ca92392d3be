"""To whom an e-mail to a practice goes: its address at the moment, also once it has changed."""

from __future__ import annotations

from datetime import datetime

from communication_service.store.tables import Email, PracticeCopy


def address(email: Email, practice: PracticeCopy, *, now: datetime) -> None:
    """Write the practice's address into the e-mail; where it is there already, `updated_at` stays as it is.

    The caller has made sure that there is one.
    """
    recipient, recipient_key = practice.email or "", practice.email_key or ""
    if email.recipient_key != recipient_key:
        email.not_before, email.deferrals, email.troubles_begun = None, 0, 0  # that was about another address
    if (email.recipient, email.recipient_key) != (recipient, recipient_key):
        email.recipient, email.recipient_key, email.updated_at = recipient, recipient_key, now
