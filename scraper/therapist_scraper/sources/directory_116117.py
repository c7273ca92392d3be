"""The search of 116117.de (docs/domain.md#import-rule-9): its questions, and its answers in both generations."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, get_args

from therapist_scraper.areas import Circle
from therapist_scraper.errors import UnknownForm
from therapist_scraper.raw import AgeGroup, Procedure, Query, Setting
from therapist_scraper.text import excerpt

SOURCE = "116117.de"
SITE = "https://arztsuche.116117.de"
PATH = "/api/data"

PSYCHOTHERAPY = "12"
PROCEDURES: dict[Procedure, str] = {"AP": "A", "ST": "S", "TP": "T", "VT": "V"}
AGE_GROUPS: dict[AgeGroup, str] = {"adult": "E", "child_adolescent": "K"}
SETTINGS: dict[Setting, str] = {"individual": "E", "group": "G"}
"""The codes of the filters `fgg`, `ptv`, `pta` and `pts`."""

_KNOWN_TIMES = ({"tszDesTyps"}, {"typTsz"})
"""By what the two generations of `tsz` differ."""


@dataclass(frozen=True)
class Answer:
    """The people of one search."""

    entries: Sequence[Mapping[str, Any]]
    more_results: bool
    """Whether the site knows of more people than it shows."""


def queries() -> list[Query]:
    """Returns every combination of procedure, age group and setting: what a person offers is what finds them."""
    return [
        Query(procedure=procedure, age_group=age_group, setting=setting)
        for procedure, age_group, setting in product(PROCEDURES, AGE_GROUPS, SETTINGS)
    ]


def body(circle: Circle, query: Query) -> dict[str, Any]:
    """Returns what is posted to `PATH` to find these people."""
    filters = {"fgg": PSYCHOTHERAPY}
    if "procedure" in query:
        filters["ptv"] = PROCEDURES[query["procedure"]]
    if "age_group" in query:
        filters["pta"] = AGE_GROUPS[query["age_group"]]
    if "setting" in query:
        filters["pts"] = SETTINGS[query["setting"]]
    return {
        "r": circle.radius_km,
        "lat": circle.latitude,
        "lon": circle.longitude,
        "filterSelections": [{"fieldName": name, "selectedCodes": [code]} for name, code in filters.items()],
    }


def read_query(posted: Any) -> Query:
    """Returns what a search was for, from what was posted; of several codes in one filter nothing can be concluded."""
    chosen: dict[str, Any] = {}
    for each in _mappings(posted.get("filterSelections")) if isinstance(posted, Mapping) else ():
        codes = each.get("selectedCodes")
        chosen[str(each.get("fieldName"))] = codes[0] if isinstance(codes, list) and len(codes) == 1 else None
    query = Query()
    for procedure in get_args(Procedure):
        if chosen.get("ptv") == PROCEDURES[procedure]:
            query["procedure"] = procedure
    for age_group in get_args(AgeGroup):
        if chosen.get("pta") == AGE_GROUPS[age_group]:
            query["age_group"] = age_group
    for setting in get_args(Setting):
        if chosen.get("pts") == SETTINGS[setting]:
            query["setting"] = setting
    return query


def is_answer(document: Any) -> bool:
    """Whether this is, or once was, an answer of the search: one of its two keys is there."""
    return isinstance(document, Mapping) and bool({"arztPraxisDatas", "moreResults"} & document.keys())


def read_answer(document: Any) -> Answer:
    """Returns the people of an answer.

    Raises:
        UnknownForm: it is not in the form that is known; reading on would take changed people for ones who left.
    """
    if not isinstance(document, Mapping):
        raise UnknownForm(f"an answer of the search is no JSON object: {type(document).__name__}")
    entries, more = document.get("arztPraxisDatas"), document.get("moreResults")
    if not isinstance(entries, list) or not isinstance(more, bool):
        found = ", ".join(excerpt(key, 40) for key in sorted(map(str, document))[:10]) or "nothing"
        raise UnknownForm(f"an answer of the search lacks arztPraxisDatas or moreResults; it has: {found}")
    check_entries(entries)
    return Answer(entries, more)


def check_entries(entries: Sequence[Any]) -> None:
    """See that these are people of the directory.

    Raises:
        UnknownForm: they are not, or most of them are not; single ones are left to the normalisation.
    """
    known = [each for each in entries if isinstance(each, Mapping)]
    named = sum(bool(each.get("id")) and bool(each.get("name")) for each in known)
    if len(known) < len(entries) or named * 2 < len(entries):
        raise UnknownForm(f"of {len(entries)} entries only {named} have an id and a name: the site may have changed")
    days = list(_days(known))
    if days and not any(_KNOWN_TIMES[0] <= day.keys() or _KNOWN_TIMES[1] <= day.keys() for day in days):
        raise UnknownForm("no entry has its times (tsz) in a form that is known: the site may have changed")


def _days(entries: Iterable[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    for entry in entries:
        yield from _mappings(entry.get("tsz"))


def _mappings(value: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(value, list):
        yield from (each for each in value if isinstance(each, Mapping))
