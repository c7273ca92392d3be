"""Procedures, age groups and settings of a person: from what was searched for, and from the words of the entry."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

PROCEDURES = ("VT", "TP", "AP", "ST", "NP")
AGE_GROUPS = ("adult", "child_adolescent")
SETTINGS = ("individual", "group")

_WORDS: Mapping[str, Mapping[str, re.Pattern[str]]] = {
    kind: {value: re.compile(pattern, re.IGNORECASE) for value, pattern in patterns.items()}
    for kind, patterns in {
        "procedures": {
            "VT": r"verhaltenstherap|\bVT\b",
            "TP": r"tiefenpsycholog|\bTP\b",
            "AP": r"analytische|psychoanaly|\bAP\b",
            "ST": r"systemische|\bST\b",
            "NP": r"neuropsycholog|\bNP\b",
        },
        "age_groups": {
            "adult": r"erwachsene",
            "child_adolescent": r"\bkind(?:er|ern|es)?\b|kinder-|jugendlich",
        },
        "settings": {"individual": r"einzel", "group": r"gruppe"},
    }.items()
}
_NEGATED = re.compile(r"\b(?:kein|nicht|ohne)", re.IGNORECASE)
_ALL = {"procedures": PROCEDURES, "age_groups": AGE_GROUPS, "settings": SETTINGS}
_QUERIED = {"procedure": "procedures", "age_group": "age_groups", "setting": "settings"}


@dataclass
class Offered:
    """The values of one person, collected from all their entries."""

    values: dict[str, set[str]] = field(default_factory=lambda: {kind: set() for kind in _ALL})

    def add_query(self, query: Mapping[str, str]) -> None:
        """Add what was searched for when the entry was found."""
        for name, kind in _QUERIED.items():
            value = query.get(name)
            if value in _ALL[kind]:
                self.values[kind].add(str(value))

    def add_words(self, text: str) -> bool:
        """Add what a text of the entry names; returns whether it named anything.

        A text that says what is not offered ("keine Gruppentherapie") adds nothing, and counts as understood.
        """
        found = {
            kind: {value for value, pattern in patterns.items() if pattern.search(text)}
            for kind, patterns in _WORDS.items()
        }
        if not _NEGATED.search(text):
            for kind, values in found.items():
                self.values[kind] |= values
        return any(found.values())

    def in_order(self) -> dict[str, list[str]]:
        """Returns the fields of the import's record, always in the same order."""
        return {kind: sort(kind, values) for kind, values in self.values.items()}


def sort(kind: str, values: Iterable[str]) -> list[str]:
    """Returns the values of `procedures`, `age_groups` or `settings` in the order in which files have them."""
    chosen = set(values)
    return [value for value in _ALL[kind] if value in chosen]
