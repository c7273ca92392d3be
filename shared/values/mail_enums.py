"""The vocabulary of how e-mails are handed over."""

from __future__ import annotations

from enum import StrEnum


class MailMode(StrEnum):
    """What is done with e-mails to practices."""

    SEND = "send"
    REDIRECT = "redirect"
    """To an address of the agency's own instead."""
    DRY_RUN = "dry_run"
    """To nobody: it is recorded as sent."""
