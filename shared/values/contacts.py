"""E-mail addresses, phone numbers and names of people."""

import re
import unicodedata
from typing import Annotated

from email_validator import EmailNotValidError, ValidatedEmail, validate_email
from pydantic import Field

from shared.values import email_headers
from shared.values.errors import NotAcceptable
from shared.values.phone import PhoneNumber, format_phone, phone_number
from shared.values.text import Text, has_unstorable, one_line

__all__ = [
    "EmailAddress",
    "PersonName",
    "PhoneNumber",
    "email_address",
    "format_phone",
    "normalised_email",
    "person_name",
    "phone_number",
    "writable_address",
    "writable_mailbox",
]

LONGEST_NAME = 100
LONGEST_EMAIL = 254
"""RFC 5321: a path of 256 octets with its angle brackets."""


# Most addresses have this simple form, which is always valid; the library takes 0.1 ms for each address.
_PLAIN_EMAIL = re.compile(
    r"[a-z0-9]+(?:[._-][a-z0-9]+)*@(?=.{4,180}\Z)(?:[a-z0-9]{1,30}(?:-[a-z0-9]{1,30})?\.)+(?:de|com|net|org|eu|info|at|ch)"
)
_LONGEST_PLAIN_LOCAL_PART = 64


def _is_plain_email(text: str) -> bool:
    return _PLAIN_EMAIL.fullmatch(text) is not None and text.index("@") <= _LONGEST_PLAIN_LOCAL_PART


def _validated(address: str) -> ValidatedEmail:
    try:
        if len(address) > LONGEST_EMAIL:  # the library composes the text (NFC) before it checks its length
            raise EmailNotValidError
        # The test environment accepts the reserved domain .test, which demonstrations use; example.org always does.
        return validate_email(one_line(address), strict=True, check_deliverability=False, test_environment=True)
    except EmailNotValidError:
        raise NotAcceptable("field.not_email") from None


def email_address(text: str) -> str:
    """Returns the address for sending: trimmed, the domain in lower case, Unicode composed (NFC).

    There is no DNS query, so the domain need not exist. Raises NotAcceptable for what is not an address.
    """
    return text if _is_plain_email(text) else _validated(text).normalized


def normalised_email(address: str) -> str:
    """Returns the same key for all spellings of one mailbox: for cooldowns, suppressions and opt-outs.

    Trimmed, Unicode composed (NFC), lower case throughout, the domain in its ASCII form (IDNA): practices write the
    address they share as `Praxis@Müller.de` and `praxis@xn--mller-kva.de`. By RFC 5321 the part before the @ could
    distinguish upper case; no provider of note does, and a second e-mail in a week is the worse mistake
    (docs/domain.md#email-address). It does not drop dots or `+tags`, and does not know that two domains belong to one
    provider (gmail.com and googlemail.com): those may be different mailboxes elsewhere. Raises NotAcceptable for what
    is not an address.
    """
    if _is_plain_email(address):
        return address
    validated = _validated(address)
    local = unicodedata.normalize("NFC", validated.local_part.lower())
    return f"{local}@{validated.ascii_domain.lower()}"


def mailbox_of(address: str | None) -> str | None:
    """Returns the key of the mailbox; None for what is no address, whatever its source took it for."""
    try:
        return normalised_email(address) if address else None
    except NotAcceptable:
        return None


def writable_address(address: str | None) -> str | None:
    """Returns the address as mail servers know it, its domain as `xn--…`; None where nobody can write to it.

    Beyond ASCII before the @ an address needs SMTPUTF8, which many servers on the way lack.
    """
    mailbox = mailbox_of(address)
    if address is None or mailbox is None:
        return None
    spelled = f"{one_line(address).rpartition('@')[0]}@{mailbox.rpartition('@')[2]}"
    try:
        return email_headers.address(spelled)
    except ValueError:
        return None


def writable_mailbox(address: str | None) -> str | None:
    """Returns the key of the mailbox; None where nobody can write to it."""
    return None if writable_address(address) is None else mailbox_of(address)


def person_name(text: str) -> str:
    """Returns the name on one line, composed (NFC), without invisible characters; otherwise as it was written.

    "Null", "von der Heide", "Tietz -Roder" and "Ng" are names (docs/domain.md#import-rule-8). Raises NotAcceptable
    without any letter, with control characters, and beyond 100 characters.
    """
    if len(text) > LONGEST_NAME:
        raise NotAcceptable("field.too_many_characters", max_length=LONGEST_NAME)
    if has_unstorable(text):
        raise NotAcceptable("field.control_characters")
    name = one_line(text)
    if not any(character.isalpha() for character in name):
        raise NotAcceptable("field.without_letter")
    return name


EmailAddress = Annotated[
    str,
    Text(LONGEST_EMAIL, email_address),
    Field(json_schema_extra={"format": "email"}, examples=["praxis@example.org"]),
]
PersonName = Annotated[str, Text(LONGEST_NAME, person_name), Field(examples=["von der Heide"])]
