"""German addresses as people write them, brought into the form in which a geocoder is asked; and what is none.

Nothing is guessed: what is left out (a floor, a building in the yard) is no part of where the house is, and a street
that cannot be one is left away whole, so that the postal code alone says where it is.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from geocoding_service.store.postal_codes import spelled
from shared.values.errors import NotAcceptable
from shared.values.identifiers import postal_code as checked_postal_code
from shared.values.text import one_line

LONGEST_STREET = 60
"""Characters: the longest names of streets in Germany have some 50."""
LONGEST_READ = 300
"""Characters of a text that are read at all."""
MOST_WORDS = 7
"""Words of a street: "An der Alten Mühle am Großen Teich". A sentence has more, or ends with its sign."""
_NUMBER = r"\d{1,4}(?:\s?[a-zA-Z])?(?![a-zA-ZäöüÄÖÜß])"
_HOUSE_NUMBER = re.compile(rf"(?P<first>{_NUMBER})(?:\s?[-–/+]\s?(?P<last>{_NUMBER}))?")
_SQUARE = re.compile(r"(?P<street>[A-U]\s?\d{1,2})(?:[\s,/]+(?P<number>\d.*))?$")
"""The squares of Mannheim have no streets: "Q7, 24"."""
_ASIDE = re.compile(r"\([^()]*\)|\[[^\[\]]*\]")
_PART_OF_A_HOUSE = re.compile(
    r"(?<=[\d,/])(?P<kept>.{0,3}?)\b(?:\d{1,2}\s?\.?\s*(?:OG|Obergeschoss|Stock|Stockwerk|Etage|UG|DG)|(?:EG|OG|UG|DG|Erdgeschoss|Dachgeschoss|"
    r"Hinterhaus|Vorderhaus|Hinterhof|Innenhof|Seitenflügel|Aufgang|Eingang|Etage|Hochparterre|Souterrain)\b).*",
    re.IGNORECASE,
)
_NO_NAME = re.compile(
    r"\b(?:postfach|c/o|nach vereinbarung|unbekannt|keine angabe|siehe|bitte)\b|[!?@:;]|\w{3}\.\s+\w", re.IGNORECASE
)
_ABBREVIATIONS = (
    (re.compile(r"(?<=\w)str\.?(?=\s|$)"), "straße"),
    (re.compile(r"\b[Ss]tr\.?(?=\s|$)"), "Straße"),
    (re.compile(r"(?<=\w)strasse\b"), "straße"),
    (re.compile(r"\bStrasse\b"), "Straße"),
    (re.compile(r"(?<=\w)pl\.(?=\s|$)"), "platz"),
    (re.compile(r"\bPl\.?(?=\s|$)"), "Platz"),
)
_CODE_IN_CITY = re.compile(r"(?:D\s?-\s?)?(\d{5})\s+(?=\D)")


_remembered: Final = lru_cache(maxsize=10_000)
"""For parts of addresses that recur: names of streets and towns, house numbers."""


@dataclass(frozen=True)
class Address:
    """An address as far as it is known; nothing in it needs to be right."""

    street: str | None = None
    house_number: str | None = None
    postal_code: str | None = None
    city: str | None = None


@lru_cache(maxsize=20_000)
def clean(address: Address) -> Address:
    """Returns the address as a geocoder is asked for it; None for each part that is not there, or cannot be one."""
    code_in_city, city = _city(address.city)
    street, number = _street(address.street, address.house_number)
    return Address(street, number, _postal_code(address.postal_code) or code_in_city, city)


def lookup_key(address: Address) -> str | None:
    """Returns what is the same for every spelling of one clean address; None where no geocoder can know more than we.

    That is one without a street, or of which neither the postal code nor the city is known.
    """
    if address.street is None or not (address.postal_code or address.city):
        return None
    parts = (spelled(address.street).replace(" ", ""), address.house_number, address.postal_code, address.city)
    return "|".join(spelled(part).replace(" ", "-") if part else "" for part in parts)


def street_and_number(text: str) -> tuple[str | None, str | None]:
    """Returns a street and its house number written together: "Musterstr. 1 a" is "Musterstraße" and "1a"."""
    return _street(text, None)


def is_same_street(one: str, other: str) -> bool:
    """Whether these are spellings of one name: "Konrad Adenauer Ufer", "Konrad-Adenauer-Ufer"; "Gr." is "Große"."""
    if _joined(one) == _joined(other):
        return True
    words, others = ([word for word in re.split(r"[\s-]+", _long_form(each)) if word] for each in (one, other))
    return len(words) == len(others) and all(map(_is_same_word, words, others))


def _is_same_word(one: str, other: str) -> bool:
    short, long = sorted((spelled(one), spelled(other)), key=len)
    return short == long or (f"{short}." in (one.casefold(), other.casefold()) and long.startswith(short))


def is_same_number(one: str, other: str) -> bool:
    """Whether one of the house numbers is, or is part of, the other: "12" is in "12-14"."""
    return bool(_numbers(one) & _numbers(other))


def _numbers(text: str) -> set[str]:
    return {part.replace(" ", "").casefold() for part in re.split(r"[-–/+,;]", text) if part.strip()}


def _joined(street: str) -> str:
    return spelled(_long_form(street)).replace(" ", "")


def _street(written: str | None, number: str | None) -> tuple[str | None, str | None]:
    text = _without_asides(written or "")
    if square := _SQUARE.match(text):
        return square["street"].replace(" ", ""), _house_number(number) or _house_number(square["number"])
    text = _long_street(text)
    name, in_street = _split(text)
    own = _house_number(number)
    if own and in_street and own != in_street:  # "Straße 24" has a number in its name
        name = text.partition(",")[0].strip()
    return (name, own or in_street) if _is_name(name) else (None, None)


@_remembered
def _long_street(text: str) -> str:
    """The street and what follows it in their long forms, without a part of the house."""
    return _long_form(_PART_OF_A_HOUSE.sub(r"\g<kept>", text).strip(" ,-/"))


@_remembered
def _split(text: str) -> tuple[str, str | None]:
    """The street, and the house number at its end, before a comma or before what follows it."""
    for found in _HOUSE_NUMBER.finditer(text):
        before, after = text[: found.start()].rstrip(" ,"), text[found.end() :].strip()
        # "Straße des 17. Juni 135": a number with a point belongs to the name
        if before and not after.startswith(".") and not re.match(r"\w", after):
            return before.removesuffix("Nr.").rstrip(" ,"), _house_number(found.group())
    return text.partition(",")[0].strip(), None


@_remembered
def _is_name(name: str) -> bool:
    has_a_word = bool(re.search(r"[^\W\d_]{2}", name))
    return has_a_word and len(name) <= LONGEST_STREET and len(name.split()) <= MOST_WORDS and not _NO_NAME.search(name)


@_remembered
def _house_number(text: str | None) -> str | None:
    found = _HOUSE_NUMBER.search(_without_asides(text or ""))
    if found is None:
        return None
    first, last = (part and part.replace(" ", "").lower() for part in found.group("first", "last"))
    return f"{first}-{last}" if last else first


@_remembered
def _city(written: str | None) -> tuple[str | None, str | None]:
    """The postal code that somebody wrote before the city, and the city."""
    text = _without_asides(written or "")
    code = None
    if found := _CODE_IN_CITY.match(text):
        code, text = _postal_code(found.group(1)), text[found.end() :]
    name = text.partition(",")[0].strip(" -/")
    return code, name if _is_name(name) and not _NO_NAME.search(text) else None


def _postal_code(written: str | None) -> str | None:
    try:
        return checked_postal_code(written) if written else None
    except NotAcceptable:
        return None


def _without_asides(text: str) -> str:
    return one_line(_ASIDE.sub(" ", text[:LONGEST_READ]))


def _long_form(text: str) -> str:
    for short, long in _ABBREVIATIONS:
        text = short.sub(long, text)
    return text
