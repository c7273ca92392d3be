"""How people and practices are reached, and what they are called."""

import re
import unicodedata
from functools import cache
from typing import Annotated, NamedTuple

import phonenumbers
from email_validator import EmailNotValidError, ValidatedEmail, validate_email
from phonenumbers import NumberParseException, PhoneNumberFormat
from pydantic import AfterValidator, Field

from shared.values.refusals import NotAcceptable

HOME_REGION = "DE"
HOME_COUNTRY_CODE = 49
LONGEST_NAME = 100

_GERMAN_E164 = re.compile(r"\+49[1-9][0-9]{4,13}", re.ASCII)


# Most addresses are of this form, and its rules leave nothing to find out: the library takes 0.1 ms for each.
_PLAIN_EMAIL = re.compile(
    r"[a-z0-9]+(?:[._-][a-z0-9]+)*@(?=.{4,180}\Z)(?:[a-z0-9]{1,30}(?:-[a-z0-9]{1,30})?\.)+(?:de|com|net|org|eu|info|at|ch)"
)
_LONGEST_PLAIN_LOCAL_PART = 64


def _is_plain_email(text: str) -> bool:
    return _PLAIN_EMAIL.fullmatch(text) is not None and text.index("@") <= _LONGEST_PLAIN_LOCAL_PART


def _validated(address: str) -> ValidatedEmail:
    try:
        # The test environment lets the reserved domain .test pass, which demonstrations use; example.org always does.
        return validate_email(address.strip(), strict=True, check_deliverability=False, test_environment=True)
    except EmailNotValidError:
        raise NotAcceptable("must be an e-mail address like praxis@example.org") from None


def email_address(text: str) -> str:
    """The address as it is written to: trimmed, the domain in lower case, Unicode composed (NFC).

    Nothing is looked up, so the domain need not exist. Raises NotAcceptable for what is not an address.
    """
    return text if _is_plain_email(text) else _validated(text).normalized


def normalised_email(address: str) -> str:
    """The key under which two spellings are one mailbox: for the weekly gate, suppressions and opt-outs.

    Trimmed, Unicode composed (NFC), lower case throughout, the domain in its ASCII form (IDNA): practices write the
    address they share as `Praxis@Müller.de` and `praxis@xn--mller-kva.de`. By RFC 5321 the part before the @ could
    distinguish upper case; no provider of note does, and a second e-mail in a week is the worse mistake.
    It does not drop dots or `+tags`, and does not know that two domains belong to one provider (gmail.com and
    googlemail.com): those may be different mailboxes elsewhere. Raises NotAcceptable for what is not an address.
    """
    if _is_plain_email(address):
        return address
    validated = _validated(address)
    local = unicodedata.normalize("NFC", validated.local_part.lower())
    return f"{local}@{validated.ascii_domain.lower()}"


def phone_number(text: str) -> str:
    """The number in E.164, as `+493012345678`; without a country code it is German.

    Blanks, brackets, slashes, dots and hyphens are dropped. Refused are letters (a word such as "abends" would be
    dialled as digits), extensions, and numbers that no numbering plan allows, such as 116117: nobody can be
    called back there. Raises NotAcceptable.
    """
    if any(character.isalpha() for character in text):
        raise NotAcceptable("must be a phone number without words, like 030 1234567 or +43 1 5877777")
    try:
        # parsing is half of the cost of a number, and this is the one form in which there is nothing to find out
        if _GERMAN_E164.fullmatch(text):
            if _is_ordinary(text.removeprefix("+49")):
                return text
            number = phonenumbers.PhoneNumber(country_code=HOME_COUNTRY_CODE, national_number=int(text[3:]))
        else:
            number = phonenumbers.parse(text, HOME_REGION)
    except NumberParseException:
        raise NotAcceptable("must be a phone number with its area code, like 030 1234567") from None
    if number.extension or not phonenumbers.is_valid_number(number):
        raise NotAcceptable("must be a phone number that exists, with its area code, like 030 1234567")
    return phonenumbers.format_number(number, PhoneNumberFormat.E164)


def _is_ordinary(digits: str) -> bool:
    """Whether this is a valid German landline or mobile number; the library would try every other kind before these."""
    general, *kinds = _german_kinds()
    return general.allow(digits) and any(kind.allow(digits) for kind in kinds)


class _Kind(NamedTuple):
    """One kind of number of a country's numbering plan."""

    lengths: frozenset[int]
    pattern: re.Pattern[str]

    def allow(self, digits: str) -> bool:
        return len(digits) in self.lengths and self.pattern.fullmatch(digits) is not None


@cache
def _german_kinds() -> tuple[_Kind, ...]:
    """What all German numbers have in common, then landline and mobile numbers."""
    plan = phonenumbers.PhoneMetadata.metadata_for_region(HOME_REGION)
    assert plan is not None
    return tuple(
        _Kind(frozenset(kind.possible_length), re.compile(kind.national_number_pattern))
        for kind in (plan.general_desc, plan.fixed_line, plan.mobile)
        if kind is not None and kind.national_number_pattern is not None
    )


def shown_phone(number: str) -> str:
    """A stored number (E.164) as people in Germany write it: `030 12345678`, abroad `+43 1 5877777`."""
    parsed = phonenumbers.parse(number, HOME_REGION)
    at_home = parsed.country_code == HOME_COUNTRY_CODE
    return phonenumbers.format_number(
        parsed, PhoneNumberFormat.NATIONAL if at_home else PhoneNumberFormat.INTERNATIONAL
    )


def person_name(text: str) -> str:
    """The name, trimmed, with single blanks, Unicode composed (NFC); otherwise as it was written.

    "Null", "von der Heide", "Tietz -Roder" and "Ng" are names. Raises NotAcceptable without any letter, with
    control characters, and beyond 100 characters.
    """
    name = unicodedata.normalize("NFC", " ".join(text.split()))
    if not any(character.isalpha() for character in name):
        raise NotAcceptable("must have at least one letter")
    if any(unicodedata.category(character) == "Cc" for character in name):
        raise NotAcceptable("must not contain control characters")
    if len(name) > LONGEST_NAME:
        raise NotAcceptable(f"must have at most {LONGEST_NAME} characters")
    return name


EmailAddress = Annotated[
    str, AfterValidator(email_address), Field(json_schema_extra={"format": "email"}, examples=["praxis@example.org"])
]
PhoneNumber = Annotated[
    str, AfterValidator(phone_number), Field(description="Stored as E.164", examples=["030 1234567"])
]
PersonName = Annotated[str, AfterValidator(person_name), Field(examples=["von der Heide"])]
