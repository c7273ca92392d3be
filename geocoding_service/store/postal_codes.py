"""The cities of Germany's postal codes and their federal states. Read once, kept in memory.

They come from `postal_codes.csv`, which `rebuild_postal_codes.py` writes; where a postal code lies says
`shared/values/postal_codes.py`.
"""

from __future__ import annotations

import csv
import re
import unicodedata
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

from shared.values.enums import FederalState

TABLE = Path(__file__).with_name("postal_codes.csv")

_LATIN = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue"})
_ADDITION = re.compile(r"[(/,].*|\s(?:am|an|auf|bei|im|in|ob|vor|-|[abiv]\.|[ai]\.?\s?d\.).*")


@dataclass(frozen=True)
class Municipality:
    """A municipality that a postal code area covers, wholly or in part."""

    postal_code: str
    city: str
    federal_state: FederalState


def municipalities(postal_code: str) -> Sequence[Municipality]:
    """The municipalities of a postal code; none where the table does not know it."""
    return _by_code().get(postal_code, ())


def municipalities_named(name: str) -> Sequence[Municipality]:
    """The postal codes of every municipality of that name.

    Case, umlauts (`ü`, `ue`) and punctuation do not matter. An addition may be left out ("Limburg an der Lahn",
    "Homberg (Efze)", "Mühlhausen/Thüringen") where that leaves a name which no other municipality bears.
    """
    if found := _by_name().get(spelled(name)):
        return found
    found = _by_short_name().get(spelled(name), ())
    return found if len({each.city for each in found}) == 1 else ()


def namesakes(name: str) -> Sequence[Municipality]:
    """The postal codes of every municipality that bears this name, with or without an addition."""
    found = [*_by_name().get(spelled(name), ()), *_by_short_name().get(spelled(name), ())]
    return list(dict.fromkeys(found))


def is_named(municipality: Municipality, name: str) -> bool:
    """Whether the municipality bears this name, with or without its addition."""
    return spelled(name) in (spelled(municipality.city), spelled(without_addition(municipality.city)))


@cache
def _all_municipalities() -> Sequence[Municipality]:
    with TABLE.open(encoding="utf-8", newline="") as file:
        rows = csv.reader(line for line in file if not line.startswith("#"))
        return [Municipality(code, city, FederalState(state)) for code, state, city in rows]


@cache
def _by_code() -> Mapping[str, Sequence[Municipality]]:
    return _grouped([(each.postal_code, each) for each in _all_municipalities()])


@cache
def _by_name() -> Mapping[str, Sequence[Municipality]]:
    return _grouped([(spelled(each.city), each) for each in _all_municipalities()])


@cache
def _by_short_name() -> Mapping[str, Sequence[Municipality]]:
    return _grouped([(spelled(without_addition(each.city)), each) for each in _all_municipalities()])


def _grouped(pairs: Sequence[tuple[str, Municipality]]) -> Mapping[str, Sequence[Municipality]]:
    groups: dict[str, list[Municipality]] = defaultdict(list)
    for key, each in pairs:
        groups[key].append(each)
    return dict(groups)


def without_addition(city: str) -> str:
    """The name of a municipality without what distinguishes it from others of that name: "am Main", "(Efze)"."""
    return _ADDITION.sub("", city).rstrip()


@lru_cache(maxsize=20_000)
def spelled(name: str) -> str:
    """A name as it is compared: small letters, `ae` for `ä`, words apart by one blank, no punctuation."""
    plain = unicodedata.normalize("NFC", name).casefold().translate(_LATIN)
    return " ".join("st" if word == "sankt" else word for word in re.findall(r"\w+", plain))
