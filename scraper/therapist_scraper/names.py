"""Names, titles, salutations and genders as directories write them.

A surname is what somebody is called: "Null", "von der Heide", "Tietz -Roder" and "Ng" stay as they stand.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from therapist_scraper.text import Unreadable, folded, one_line, stated

_TITLES = tuple(
    (re.compile(pattern, re.IGNORECASE), canonical)
    for pattern, canonical in (
        (r"univ\.?[- ]?prof(?:essor|\.)?(?:in)?", "Univ.-Prof."),
        (r"prof(?:essorin|essor|\.)?(?:in\b)?", "Prof."),
        (r"priv(?:at)?\.?[- ]?doz(?:entin|ent|\.)?", "PD"),
        (r"pd\b", "PD"),
        (r"dr\.?[- ]?ing\.?", "Dr.-Ing."),
        (r"d(?:okto)?r(?:in)?\b\.?", "Dr."),
        (r"med\.? ?dent\.?", "med. dent."),
        (r"med\b\.?", "med."),
        (r"univ\.?", "univ."),
        (r"phil\b\.?", "phil."),
        (r"rer\.? ?nat\.?", "rer. nat."),
        (r"rer\.? ?(?:soc|soz)\.?", "rer. soc."),
        (r"rer\.? ?medic\.?", "rer. medic."),
        (r"rer\.? ?pol\.?", "rer. pol."),
        (r"sc\.? ?(?:hum|pol|mus)\.?", None),
        (r"(?:biol\. ?)?hum\.", "hum."),
        (r"paed\.?|päd\.?", "paed."),
        (r"h\. ?c\.", "h. c."),
        (r"habil\.?", "habil."),
        (r"mult\.", "mult."),
        (r"dipl(?:om|\.)?[- ]*psych(?:ologin|ologe|\.)?", "Dipl.-Psych."),
        (r"dipl(?:om|\.)?[- ]*(?:soz(?:ial)?\.?[- ]*)?päd(?:agogin|agoge|\.)?", None),
        (r"m\. ?sc\.?", "M.Sc."),
        (r"m\. ?a\.", "M.A."),
        (r"b\. ?sc\.?", "B.Sc."),
        (r"ph\.? ?d\b\.?", "PhD"),
        (r"psy\. ?d\.", "Psy.D."),
        (r"mag\.", "Mag."),
    )
)
"""How each part of a title is written, and how it is kept; None keeps it as it was written."""
_BETWEEN = re.compile(r"[\s,;]*")
_BEFORE_NAMES = re.compile(
    r"(?:univ\.?[- ]?prof\.|prof(?:\.|essor(?:in)?)(?= |$|[A-ZÄÖÜ])|priv\.?[- ]?doz\.|PD(?= )|dr\.|med\.|phil\.|"
    r"rer\. ?(?:nat|soc|soz|pol|medic)\.|dipl\.[- ]*psych\.|h\. ?c\.|habil\.)[\s,]*",
    re.IGNORECASE,
)
"""What is a title in front of a name beyond doubt; `Dr` without a full stop could be a name."""
_SALUTATIONS = {"frau": "Frau", "fr": "Frau", "herr": "Herr", "hr": "Herr", "herrn": "Herr"}
_GENDERS = {
    **dict.fromkeys(("w", "weiblich", "f", "female", "frau"), "female"),
    **dict.fromkeys(("m", "maennlich", "male", "mann", "herr"), "male"),
    **dict.fromkeys(("d", "divers", "diverse", "nicht binaer"), "diverse"),
    **dict.fromkeys(("u", "x", "unbekannt", "unknown", "keine angabe", "k a", ""), "unknown"),
}
_OF_SALUTATION = {"Frau": "female", "Herr": "male"}


@dataclass(frozen=True)
class PersonNames:
    """How a person is called."""

    last_name: str
    first_name: str | None = None
    title: str | None = None


def salutation(value: object) -> tuple[str | None, str | None]:
    """Returns "Frau" or "Herr", and what else stood there, which is a title ("Frau Dr."). Raises Unreadable."""
    text = stated(value)
    if text is None:
        return None, None
    first, _, rest = text.partition(" ")
    known = _SALUTATIONS.get(folded(first))
    if known is None:
        raise Unreadable("is neither Frau nor Herr")
    return known, rest or None


def gender(value: object, salutation: str | None) -> str:
    """Returns `female`, `male`, `diverse` or `unknown`, which it is where nothing says it.

    Raises Unreadable where the word is not known, or where it contradicts the salutation.
    """
    text = one_line(value)
    said = _GENDERS.get(folded(text or ""))
    if said is None:
        raise Unreadable("is no gender that is known")
    by_salutation = _OF_SALUTATION.get(salutation or "", "unknown")
    if said == "unknown":
        return by_salutation
    if by_salutation not in ("unknown", said):
        raise Unreadable("contradicts the salutation")
    return said


def title(value: object) -> str | None:
    """Returns a title in one spelling, as `Dr. phil.` for "Dr.phil"; one that is not known stays as it was written."""
    text = stated(value)
    if text is None:
        return None
    parts, place = [], _end(_BETWEEN, text, 0)
    while place < len(text):
        found = next(((known, pattern) for pattern, known in _TITLES if pattern.match(text, place)), None)
        if found is None:
            return text
        end = _end(found[1], text, place)
        parts.append(found[0] or text[place:end].strip())
        place = _end(_BETWEEN, text, end)
    return " ".join(parts) or None


def names(last: object, first: object) -> PersonNames:
    """Returns the names of an entry, without the titles that stand in front of them.

    "Heide, Anna" as a last name alone is both names; without a comma nobody knows where the first name ends.
    Raises Unreadable where there is no last name.
    """
    last_name, first_name = one_line(last), one_line(first)
    if last_name is None or not any(each.isalpha() for each in last_name):
        raise Unreadable("is required")
    if first_name is None and last_name.count(",") == 1:
        last_name, _, first_name = (part.strip() for part in last_name.partition(","))
        if not last_name or not first_name:
            last_name, first_name = last_name or first_name, None
    first_title, first_name = _without_title(first_name)
    last_title, rest = _without_title(last_name)
    last_name = rest or last_name
    if first_name is not None and not any(each.isalpha() for each in first_name):
        first_name = None
    return PersonNames(last_name, first_name, title(first_title) or title(last_title))


def _without_title(name: str | None) -> tuple[str | None, str | None]:
    """Returns the title in front of a name, and the name; a name that is all title has none but itself."""
    place = 0
    while name and (found := _BEFORE_NAMES.match(name, place)) and found.end() > place:
        place = found.end()
    if not name or not place:
        return None, name
    return name[:place].strip(" ,"), name[place:].strip() or None


def _end(pattern: re.Pattern[str], text: str, place: int) -> int:
    found = pattern.match(text, place)
    return found.end() if found else place
