"""The languages in which people are answered, and which of them a request prefers."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Final

LONGEST_HEADER: Final = 1000
"""Browsers send fewer than a hundred characters; what is longer says nothing."""

NOT_NAMED, REFUSED = 0.0, -1.0
"""A language that is refused (`q=0`) is liked less than one of which nothing is said."""

_RANGE: Final = re.compile(
    r"(?P<language>[a-z]{1,8}|\*)(-[a-z0-9]{1,8})*([ \t]*;[ \t]*q=(?P<quality>0(\.[0-9]{0,3})?|1(\.0{0,3})?))?",
    re.IGNORECASE | re.ASCII,
)


class TextLanguage(StrEnum):
    """A language in which every text exists."""

    DE = "de"
    EN = "en"


def preferred_language(header: str | None, *, otherwise: TextLanguage) -> TextLanguage:
    """Returns the language that `Accept-Language` (RFC 9110, 12.5.4) likes best; `otherwise` where it likes neither.

    `de-AT` is German. Of two that it likes equally the first one counts; `*` stands for all that are not named. A part
    that is not in its form says nothing.
    """
    qualities = _qualities(header or "")
    of_others = qualities.get("*", NOT_NAMED)
    named = [TextLanguage(each) for each, quality in qualities.items() if each in set(TextLanguage) and quality > 0]
    best: TextLanguage = max([*named, otherwise, *TextLanguage], key=lambda each: qualities.get(each, of_others))
    return best


def _qualities(header: str) -> dict[str, float]:
    """How much each language is liked, in the order in which they are named; the best of several regions counts."""
    found: dict[str, float] = {}
    for part in header.split(",") if len(header) <= LONGEST_HEADER else ():
        if named := _RANGE.fullmatch(part.strip(" \t")):
            language, quality = named["language"].lower(), float(named["quality"] or 1) or REFUSED
            found[language] = max(found.get(language, REFUSED), quality)
    return found
