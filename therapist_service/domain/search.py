"""What therapists are found by: the beginnings of words of their name and place, and of their phone numbers.

Each therapist's row holds these words folded (`Müller` as `mueller`), as a `tsvector` with an index that finds
beginnings; a search is folded in the same way, by the same function. The town, folded, and the place on the map are
columns of their own. Trigrams (`pg_trgm`) would find the middle of words as well, which nobody types first, and have
nothing to offer for the two letters with which a search begins.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from shared.errors import FieldProblem
from shared.values.lists import MAX_LIMIT
from shared.values.places import Place
from shared.values.postal_codes import area
from shared.values.schemas import InvalidFields
from shared.values.text import fold, one_line, words

MOST_WORDS = 10
MOST_FOUND = MAX_LIMIT
"""How many of those found are counted and shown, as many as the largest page: who sees so many adds a word."""
LONGEST_WORD = 100
"""Characters of a word that are kept: folding makes four of one `㌀`, and PostgreSQL takes at most 2046 bytes."""
SHORTEST_NUMBER = 4
"""Digits of a phone number without country code and leading zeros; fewer would find half of everybody."""

LONGEST_CITY = 200
"""Characters of a folded town that are kept and compared, for the same reasons."""

TEXTS = ("first_name", "last_name", "city", "postal_code")
NUMBERS = ("phone", "mobile")
FIELDS = (*TEXTS, *NUMBERS, "email")
"""The fields whose words find a therapist."""
MOST_TEXTS = 4096
"""Texts whose words are remembered: those of names and towns recur in an import."""
LEFT_OUT = frozenset({"dr", "prof", "dipl", "psych", "frau", "herr"})
"""Words of a search that say nothing beside others: how people are addressed."""
COLUMNS_ARE_OF = (*FIELDS, "latitude", "longitude", "merged_words")
"""The fields of which the columns of the search are made."""
COLUMNS = ("search", "city_folded", "place")
"""The columns by which lists find a therapist."""

_PLAIN = re.compile(r"[a-z0-9@._%+-]+")
_WITHOUT_DOTS = str.maketrans("äöüÄÖÜ", "aouAOU")
"""Beside `mueller` people type `muller`."""
_NUMBER = re.compile(r"[\d\s+()/.-]+")


def columns(therapist: Mapping[str, Any]) -> dict[str, Any]:
    """The `COLUMNS` of a therapist with these values of `COLUMNS_ARE_OF`."""
    return {"search": found_by(therapist), "city_folded": folded_city(therapist["city"]), "place": _place(therapist)}


def folded_city(city: str | None) -> str | None:
    """A town without case and accents."""
    return None if city is None else _folded_city(city)


@lru_cache(MOST_TEXTS)
def _folded_city(city: str) -> str:
    folded = fold(city)
    for spelled, bare in (("ae", "a"), ("oe", "o"), ("ue", "u")):  # Jülich is Juelich, and Julich on some keyboards
        folded = folded.replace(spelled, bare)
    return folded[:LONGEST_CITY]


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
    """The words of a therapist's fields, and those of who was merged into them."""
    found = {therapist[name] for name in NUMBERS if therapist[name]}
    found.update(therapist.get("merged_words") or ())
    for text in filter(None, map(therapist.__getitem__, TEXTS)):
        found.update((text,) if _is_number(text) else _words_in(text))
    if therapist["email"]:
        found.update(_email(therapist["email"]))
    return sorted(found)


def _is_number(text: str) -> bool:
    """Whether the text is one word as it stands, such as a postal code: too many others to be remembered."""
    return text.isascii() and text.isdigit() and len(text) <= LONGEST_WORD


@lru_cache(MOST_TEXTS)
def _words_in(text: str) -> tuple[str, ...]:
    """The words of a name, a town or a postal code, also as they are spelled without the dots of umlauts."""
    bare = () if text.isascii() else _words(one_line(text).translate(_WITHOUT_DOTS))
    return (*_words(text), *bare)


def _email(text: str) -> list[str]:
    """An e-mail address as one word, which PostgreSQL reads without quotes."""
    folded = fold(text).replace(" ", "")[:LONGEST_WORD]
    return [folded] if "@" in folded and _PLAIN.fullmatch(folded) else []


def wanted(text: str) -> str | None:
    """The search as PostgreSQL reads a `tsquery`; None where it holds no word. Raises `InvalidFields`."""
    typed = _words(text)
    if len(typed) > MOST_WORDS:
        raise InvalidFields([FieldProblem.of("q", "field.too_many_words", most=MOST_WORDS)])
    # beside longer words one letter says little, and costs the reading of whatever begins with it
    meant = [word for word in typed if word not in LEFT_OUT] or typed
    selective = [word for word in meant if len(word) > 1] or meant[:1]
    every_word = " & ".join(f"'{word}':*" for word in dict.fromkeys(selective))
    others = [_phone_number(text), *_email(text)]
    return " | ".join(filter(None, (every_word, *(f"'{other}':*" for other in others if other)))) or None


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
