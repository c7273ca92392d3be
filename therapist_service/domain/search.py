"""What therapists are found by: the beginnings of words of their name and place, and of their phone numbers.

Each therapist's row holds these words folded (`Müller` as `mueller`), as a `tsvector` with an index that finds
beginnings; a search is folded in the same way, by the same function. The town, folded, and the place on the map are
columns of their own. Trigrams (`pg_trgm`) would find the middle of words as well, which nobody types first, and have
nothing to offer for the two letters with which a search begins.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from shared.errors import FieldProblem
from shared.values.lists import MAX_LIMIT
from shared.values.places import Place
from shared.values.postal_codes import area
from shared.values.schemas import InvalidFields
from shared.values.text import fold, words

MOST_WORDS = 10
MOST_FOUND = MAX_LIMIT
"""How many of those found are counted and shown, as many as the largest page: who sees so many adds a word."""
LONGEST_WORD = 100
"""Characters of a word that are kept: folding makes four of one `㌀`, and PostgreSQL takes at most 2046 bytes."""
SHORTEST_NUMBER = 4
"""Digits of a phone number without country code and leading zeros; fewer would find half of everybody."""

LONGEST_CITY = 200
"""Characters of a folded town that are kept and compared, for the same reasons."""

FIELDS = ("first_name", "last_name", "city", "postal_code", "phone", "mobile")
"""The fields whose words find a therapist."""
COLUMNS_ARE_OF = (*FIELDS, "latitude", "longitude", "merged_words")
"""The fields of which the columns of the search are made."""
COLUMNS = ("search", "city_folded", "place")
"""The columns by which lists find a therapist."""

_NUMBER = re.compile(r"[\d\s+()/.-]+")


def columns(therapist: Mapping[str, Any]) -> dict[str, Any]:
    """The `COLUMNS` of a therapist with these values of `COLUMNS_ARE_OF`."""
    return {"search": found_by(therapist), "city_folded": folded_city(therapist["city"]), "place": _place(therapist)}


def folded_city(city: str | None) -> str | None:
    """A town without case and accents."""
    return None if city is None else fold(city)[:LONGEST_CITY]


def centre(postal_code: str) -> Place:
    """Where a postal code is. Raises `InvalidFields` where that is not known."""
    place = area(postal_code)
    if place is None:
        raise InvalidFields([FieldProblem.of("of_postal_code", "field.place_of_postal_code_unknown")])
    return place


def _place(therapist: Mapping[str, Any]) -> Place | None:
    """Where the practice is: its own coordinates, or else the place of its postal code."""
    if therapist["latitude"] is not None and therapist["longitude"] is not None:
        return Place(therapist["latitude"], therapist["longitude"])
    return area(therapist["postal_code"] or "")


def found_by(therapist: Mapping[str, Any]) -> str:
    """The words of a therapist's fields, as PostgreSQL reads a `tsvector`."""
    return " ".join(words_of(therapist))


def words_of(therapist: Mapping[str, Any]) -> list[str]:
    """The words of a therapist's fields, and those of whoever was merged into them."""
    named = _words(" ".join(therapist[name] or "" for name in FIELDS[:4]))
    numbers = [therapist[name] for name in ("phone", "mobile") if therapist[name]]
    return sorted({*named, *numbers, *(therapist.get("merged_words") or ())})


def wanted(text: str) -> str | None:
    """The search as PostgreSQL reads a `tsquery`; None where it holds no word. Raises `InvalidFields`."""
    typed = _words(text)
    if len(typed) > MOST_WORDS:
        raise InvalidFields([FieldProblem.of("q", "field.too_many_words", most=MOST_WORDS)])
    # beside longer words one letter says little, and costs the reading of whatever begins with it
    selective = [word for word in typed if len(word) > 1] or typed[:1]
    every_word = " & ".join(f"'{word}':*" for word in dict.fromkeys(selective))
    number = _phone_number(text)
    return " | ".join(filter(None, (every_word, number and f"'{number}':*"))) or None


def _words(text: str) -> list[str]:
    return [word[:LONGEST_WORD] for word in words(text)]


def _phone_number(text: str) -> str | None:
    """The beginning of a phone number as it is stored, where the text is one: people type 0221, +49 221 or 0049221."""
    if not _NUMBER.fullmatch(text):
        return None
    digits = "".join(re.findall(r"[0-9]", text.replace("(0)", "")))
    if digits.startswith("00") or text.lstrip().startswith("+"):
        number = digits.removeprefix("00")
    else:
        number = "49" + digits.lstrip("0")
    shortest = SHORTEST_NUMBER + len("49")
    return f"+{number}" if len(number) >= shortest else None
