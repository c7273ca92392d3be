"""Phone numbers as people write them: parsed, or refused when they could be the number of somebody else."""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from typing import Annotated, NamedTuple

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumberFormat
from pydantic import Field

from shared.values.errors import NotAcceptable
from shared.values.text import Text, one_line

HOME_REGION = "DE"
HOME_COUNTRY_CODE = 49
LONGEST_INPUT = 100
LONGEST_AREA_CODE = 6
LONGEST_USUAL = 11
"""Digits of a German number without its 0, but for switchboards with long extensions."""

_GERMAN_E164 = re.compile(r"\+49[1-9][0-9]{4,13}", re.ASCII)

_LABEL = re.compile(
    r"\A(?:tel(?:efon|ephone)?|fon|phone|mobil(?:e|telefon)?|handy|[tm](?=[.: ])|[☎✆📞📱])"
    r"(?:[-. ]*(?:nr|nummer))?[.: ]*",
    re.IGNORECASE,
)
"""Labels before a number that only mean "telephone". A fax number is not a number to call."""
_SIGNS = str.maketrans(
    dict.fromkeys("‐‑‒–—―−﹣－_", "-") | dict.fromkeys("∕⁄／", "/") | dict.fromkeys("·•", ".")
    | {"＋": "+", "（": "(", "）": ")", "[": "(", "]": ")"}
)  # fmt: skip
_WRITTEN = re.compile(r"[( ]*+\+?[0-9 ()/.-]+", re.ASCII)
_BARE_COUNTRY_CODE = re.compile(r"(?=(?:49|43|41) ?\( ?0 ?\))")
"""`49 (0)345 …`: only a country code is followed by a zero in brackets."""
_ZERO_IN_BRACKETS = re.compile(r"\( ?0 ?\)")
_BEFORE_ZERO_IN_BRACKETS = re.compile(r"(?:[( ]*(?:\+|00) ?[0-9]{1,3}[ )./-]*)?")
_AREA_CODE = re.compile(r"(?:(?:\+|00) ?[0-9]{1,3}[ .-]*+(?:0 *+)?|0 *+)[1-9][0-9]{0,4} *+")
_SHORTEST_AFTER_SLASH = 3


def phone_number(text: str) -> str:
    """Returns the number in E.164, as `+493012345678`; without a country code it is German and begins with a 0.

    Blanks, brackets, dots, dashes, a slash after the area code and a word such as "Tel.:" in front are dropped, a
    zero in brackets is the one that is not dialled from abroad. Refused is what could be another number: several in
    one field (`030 1234567/8`), other words (an extension, "abends"), numbers without an area code, and numbers that
    no numbering plan allows, such as 116117: nobody can be called back there (docs/domain.md#phone-number).
    Raises NotAcceptable.
    """
    # parsing is half of the cost of a number, and this form needs none
    if _GERMAN_E164.fullmatch(text) and _is_ordinary(text.removeprefix("+49")):
        return text
    written = _normalise_characters(text)
    if not _WRITTEN.fullmatch(written):
        raise NotAcceptable("field.not_phone.words")
    if _has_number_after_slash(written) or _has_misplaced_zero(written):
        raise NotAcceptable("field.not_phone.several")
    number = _parse(_with_country_code(written))
    if _has_second_area_code(written, number) or not phonenumbers.is_valid_number(number):
        raise NotAcceptable("field.not_phone.nonexistent")
    return phonenumbers.format_number(number, PhoneNumberFormat.E164)


def _normalise_characters(text: str) -> str:
    """Returns the number with ASCII blanks, digits, dashes and brackets, without a label; `49 (0)` gets its +."""
    unlabelled = _LABEL.sub("", one_line(text).translate(_SIGNS))
    digits = "".join(str(unicodedata.decimal(c)) if c.isdecimal() else c for c in unlabelled)
    return "+" + digits if _BARE_COUNTRY_CODE.match(digits) else digits


def _has_misplaced_zero(written: str) -> bool:
    """Whether a zero in brackets is anywhere but at the beginning or after the country code."""
    zero = _ZERO_IN_BRACKETS.search(written)
    if zero is None:
        return False
    in_place = _BEFORE_ZERO_IN_BRACKETS.fullmatch(written, 0, zero.start())
    return in_place is None or _ZERO_IN_BRACKETS.search(written, zero.end()) is not None


def _has_number_after_slash(written: str) -> bool:
    """Whether a slash is anywhere but after the area code, as in `030 1234567/8`."""
    before, slash, after = written.partition("/")
    if not slash:
        return False
    is_area_code = _AREA_CODE.fullmatch(before.replace("(", "").replace(")", "").strip()) is not None
    return not is_area_code or "/" in after or len(re.findall("[0-9]", after)) < _SHORTEST_AFTER_SLASH


def _has_second_area_code(written: str, number: phonenumbers.PhoneNumber) -> bool:
    """Whether a long number contains a second area code, as in `030 1234 030 5678`."""
    if len(str(number.national_number)) <= LONGEST_USUAL:
        return False
    groups = re.findall("[0-9]+", written)
    if not groups[0].startswith("0") or groups[0].startswith("00"):
        groups = groups[1:] or groups
    first = 1 + (len(groups[0]) <= LONGEST_AREA_CODE)  # after an area code comes the number, which may begin with zeros
    if len(groups) > 1 and len(groups[1]) == 1:  # part of the area code, as in 0180 9 01234567
        first += 1
    return any(group.startswith("0") and len(group) > 2 for group in groups[first:])


def _with_country_code(written: str) -> str:
    """Returns the number with its country code, as `+…`. Raises NotAcceptable without an area code."""
    digits = re.sub("[^0-9]", "", written)
    if "+" in written:
        return "+" + digits
    if digits.startswith("00"):
        return "+" + digits.removeprefix("00")
    if digits.startswith("0"):
        return f"+{HOME_COUNTRY_CODE}{digits.removeprefix('0')}"
    raise NotAcceptable("field.not_phone")


def _parse(dialled: str) -> phonenumbers.PhoneNumber:
    try:
        number = phonenumbers.parse(dialled, None)
    except NumberParseException:
        raise NotAcceptable("field.not_phone") from None
    at_home = f"+{HOME_COUNTRY_CODE}"
    national = dialled.removeprefix(at_home).removeprefix("0")
    if dialled.startswith(at_home) and str(number.national_number) != national:
        raise NotAcceptable("field.not_phone.nonexistent")
    return number


def _is_ordinary(digits: str) -> bool:
    """Whether this is a valid German landline or mobile number; the library would try every other kind before these."""
    general, *kinds = _german_kinds()
    return general.allow(digits) and any(kind.allow(digits) for kind in kinds)


class _Kind(NamedTuple):
    """A kind of number in a country's numbering plan."""

    lengths: frozenset[int]
    pattern: re.Pattern[str]

    def allow(self, digits: str) -> bool:
        return len(digits) in self.lengths and self.pattern.fullmatch(digits) is not None


@cache
def _german_kinds() -> tuple[_Kind, ...]:
    """Returns the pattern of all German numbers, then those of landline and mobile numbers."""
    plan = phonenumbers.PhoneMetadata.metadata_for_region(HOME_REGION)
    assert plan is not None
    return tuple(
        _Kind(frozenset(kind.possible_length), re.compile(kind.national_number_pattern))
        for kind in (plan.general_desc, plan.fixed_line, plan.mobile)
        if kind is not None and kind.national_number_pattern is not None
    )


def format_phone(number: str) -> str:
    """Returns a stored number (E.164) as people in Germany write it: `030 12345678`, abroad `+43 1 5877777`."""
    parsed = phonenumbers.parse(number, HOME_REGION)
    national = phonenumbers.format_number(parsed, PhoneNumberFormat.NATIONAL)
    if parsed.country_code == HOME_COUNTRY_CODE and national.startswith("0"):  # a few special numbers have none
        return national
    return phonenumbers.format_number(parsed, PhoneNumberFormat.INTERNATIONAL)


PhoneNumber = Annotated[
    str,
    Text(LONGEST_INPUT, phone_number),
    Field(description="Stored as E.164", examples=["030 1234567"]),
]
