"""Phone numbers, read as the platform reads them: E.164, or not at all where they could be somebody else's number."""

from __future__ import annotations

import re
import unicodedata

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumberFormat

from therapist_scraper.text import Unreadable, stated

HOME_COUNTRY_CODE = 49
LONGEST = 100
LONGEST_AREA_CODE = 6
LONGEST_USUAL = 11
"""Digits of a German number without its 0, but for switchboards with long extensions."""

_LABEL = re.compile(
    r"\A(?:tel(?:efon|ephone)?|fon|phone|mobil(?:e|telefon)?|handy|[tm](?=[.: ])|[☎✆📞📱])"
    r"(?:[-. ]*(?:nr|nummer))?[.: ]*",
    re.IGNORECASE,
)
_FAX_LABEL = re.compile(r"\A(?:tele)?fax(?:[-. ]*(?:nr|nummer))?[.: ]*", re.IGNORECASE)
_SIGNS = str.maketrans(
    dict.fromkeys("‐‑‒–—―−﹣－_", "-") | dict.fromkeys("∕⁄／", "/") | dict.fromkeys("·•", ".")
    | {"＋": "+", "（": "(", "）": ")", "[": "(", "]": ")"}
)  # fmt: skip
_WRITTEN = re.compile(r"[( ]*+\+?[0-9 ()/.-]+", re.ASCII)
_BARE_COUNTRY_CODE = re.compile(r"(?=(?:49|43|41) ?\( ?0 ?\))")
_ZERO_IN_BRACKETS = re.compile(r"\( ?0 ?\)")
_BEFORE_ZERO_IN_BRACKETS = re.compile(r"(?:[( ]*(?:\+|00) ?[0-9]{1,3}[ )./-]*)?")
_AREA_CODE = re.compile(r"(?:(?:\+|00) ?[0-9]{1,3}[ .-]*+(?:0 *+)?|0 *+)[1-9][0-9]{0,4} *+")
_SHORTEST_AFTER_SLASH = 3
_BETWEEN_NUMBERS = re.compile(r"[;,|]|\b(?:oder|und|bzw\.?)\b", re.IGNORECASE)


def phone_numbers(value: object) -> list[str]:
    """Returns the numbers of one field, in E.164; most fields have one.

    Several count only where each is written in full: `030 1234567, 68` is not two numbers. Raises Unreadable.
    """
    text = stated(value)
    if text is None:
        return []
    parts = [part for part in map(str.strip, _BETWEEN_NUMBERS.split(text)) if part]
    return list(dict.fromkeys(map(phone_number, parts)))


def fax_numbers(value: object) -> list[str]:
    """Returns the same of a field of fax numbers, where the word "Fax" may stand in front. Raises Unreadable."""
    text = stated(value)
    return phone_numbers(None if text is None else _FAX_LABEL.sub("", text))


def phone_number(text: str) -> str:
    """Returns the number in E.164, as `+493012345678`; without a country code it is German and begins with a 0.

    Raises Unreadable for what could be another number: an extension in words, no area code, several in one.
    """
    if len(text) > LONGEST:
        raise Unreadable("is too long")
    written = _normal(text)
    if not _WRITTEN.fullmatch(written):
        raise Unreadable("is no phone number")
    if _has_number_after_slash(written) or _has_misplaced_zero(written):
        raise Unreadable("may be several phone numbers")
    number = _parsed(_with_country_code(written))
    if _has_second_area_code(written, number) or not phonenumbers.is_valid_number(number):
        raise Unreadable("is a phone number that cannot exist")
    return phonenumbers.format_number(number, PhoneNumberFormat.E164)


def _normal(text: str) -> str:
    unlabelled = _LABEL.sub("", text.translate(_SIGNS))
    digits = "".join(str(unicodedata.decimal(each)) if each.isdecimal() else each for each in unlabelled)
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
    digits = re.sub("[^0-9]", "", written)
    if "+" in written:
        return "+" + digits
    if digits.startswith("00"):
        return "+" + digits.removeprefix("00")
    if digits.startswith("0"):
        return f"+{HOME_COUNTRY_CODE}{digits.removeprefix('0')}"
    raise Unreadable("is a phone number without an area code")


def _parsed(dialled: str) -> phonenumbers.PhoneNumber:
    try:
        number = phonenumbers.parse(dialled, None)
    except NumberParseException:
        raise Unreadable("is no phone number") from None
    at_home = f"+{HOME_COUNTRY_CODE}"
    national = dialled.removeprefix(at_home).removeprefix("0")
    if dialled.startswith(at_home) and str(number.national_number) != national:
        raise Unreadable("is a phone number that cannot exist")
    return number
