"""German addresses written in one line: which part of it is the street, the postal code and the city."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from geocoding_service.domain.cleaning import LONGEST_READ, Address, street_and_number
from geocoding_service.store.postal_codes import namesakes
from shared.values.postal_codes import area

MOST_WORDS_OF_A_CITY = 5
_POSTAL_CODE = re.compile(r"(?<!\d)\d{5}(?!\d)", re.ASCII)


def read_free_text(text: str) -> Address:
    """The street, the postal code and the city, in any order.

    The city is what follows the code; else the last part between commas that is a town's name, or the part's first or
    last words where a street with a house number is left of it; else the last part. Of several numbers of five digits
    the first that is a postal code counts.
    """
    numbers = list(_POSTAL_CODE.finditer(text))
    if not numbers:
        return _without_code(_parts(text), text)
    code = next((number for number in numbers if area(number.group())), numbers[0])
    before = _parts(text[: code.start()].removesuffix("D-"))
    city, _, rest = text[code.end() :].partition(",")
    return _around_code(before, code.group(), city.strip(), _parts(rest))


def _parts(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _without_code(parts: Sequence[str], text: str) -> Address:
    if (found := _with_town(parts)) is not None:
        others, city = found
        return _read(others, None, city)
    before, _, last = text.rpartition(",")
    return _read(_parts(before), None, last.strip())


def _around_code(before: Sequence[str], code: str, city: str, after: Sequence[str]) -> Address:
    if city and (found := _divided(city)) is not None:  # "52062 Aachen Pontstr. 12"
        street, city = found
        return _read([*before, street], code, city)
    if not city:  # "Pontstr. 12, Aachen 52062"
        found_before = _with_town(before)
        before, city = found_before if found_before is not None else (before, "")
    # what follows the city may be the country
    return _read(before or [part for part in after if street_and_number(part)[1]], code, city)


def _with_town(parts: Sequence[str]) -> tuple[list[str], str] | None:
    """The other parts and the town; None where no part is or has one."""
    for at in reversed(range(len(parts))):
        if namesakes(parts[at]):
            return [*parts[:at], *parts[at + 1 :]], parts[at]
    for at in reversed(range(len(parts))):
        if (found := _divided(parts[at])) is not None:
            street, town = found
            return [*parts[:at], street, *parts[at + 1 :]], town
    return None


def _divided(part: str) -> tuple[str, str] | None:
    """A street with its house number, and the town before or after it; None where the text is not these two."""
    return next(((street, town) for street, town in _divisions(part) if namesakes(town) and _is_house(street)), None)


def _divisions(part: str) -> Iterator[tuple[str, str]]:
    words = part[:LONGEST_READ].split()
    for number in range(min(MOST_WORDS_OF_A_CITY, len(words) - 1), 0, -1):
        yield " ".join(words[:-number]), " ".join(words[-number:])
        yield " ".join(words[number:]), " ".join(words[:number])


def _is_house(text: str) -> bool:
    return street_and_number(text)[1] is not None


def _read(parts: Sequence[str], postal_code: str | None, city: str) -> Address:
    """With the street in these parts: the last one with a house number, or the only one."""
    read = [found for part in reversed(parts) if (found := street_and_number(part))[0]]
    only = read[0] if len(parts) == 1 and read else (None, None)
    street, number = next((found for found in read if found[1]), only)
    return Address(street, number, postal_code, city or None)
