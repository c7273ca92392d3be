"""The vocabularies of how e-mails are handed over, and of why somebody is not named in one."""

from __future__ import annotations

from enum import StrEnum


class MailMode(StrEnum):
    """What is done with e-mails to practices."""

    SEND = "send"
    REDIRECT = "redirect"
    """To an address of the agency's own instead."""
    DRY_RUN = "dry_run"
    """To nobody: it is recorded as sent."""


class IdentityRefusal(StrEnum):
    """Why the patient service does not say who somebody is."""

    NO_OFFER = "no_offer"
    """No practice offers a place to the patient with this request, as far as the patient service knows."""
    NO_CONSENT = "no_consent"
    """The mandate, or the consent to be written to, is not given (any more)."""
    NO_ADDRESS = "no_address"
    """The patient has no e-mail address."""
    NOT_KNOWN = "not_known"
    """Nobody is known by this id: erased, or merged into another file."""
