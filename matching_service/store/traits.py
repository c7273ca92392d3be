"""What the judge and the ranking compare of a therapist, as bits of one number.

PostgreSQL compares two numbers many times faster than two lists of words, and judges thousands of therapists for a
question. The column `therapists.traits` is computed by the database from the columns that are named here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from shared.values.enums import (
    Accreditation,
    AgeGroup,
    ContactPreference,
    Gender,
    Procedure,
    TherapistStatus,
    TherapySetting,
)
from shared.values.identifiers import BLOCKS

_WORDS: Final[Iterable[tuple[str, Iterable[str]]]] = (
    ("status", [TherapistStatus.ACTIVE]),
    ("contact_preference", [ContactPreference.NONE]),
    ("accreditation", Accreditation),
    ("gender", Gender),
)
"""Columns with one word, and the words that are compared."""
_LISTS: Final[Iterable[tuple[str, Iterable[str]]]] = (
    ("procedures", Procedure),
    ("age_groups", AgeGroup),
    ("settings", TherapySetting),
    ("preferred_diagnoses", BLOCKS),
)
"""Columns with lists of such words."""
_CONDITIONS: Final[Mapping[tuple[str, str | None], str]] = {
    **{(column, word): f"{column} = '{word}'" for column, words in _WORDS for word in words},
    **{(column, word): f"'{word}' = ANY ({column})" for column, words in _LISTS for word in words},
    # also where none of its words is one of ours
    **{(column, None): f"cardinality({column}) > 0" for column in ("procedures", "age_groups", "settings")},
    ("potentially_available", None): "potentially_available",
}
_BITS: Final = {trait: 1 << place for place, trait in enumerate(_CONDITIONS)}
FREE_BIT: Final = 1 << len(_CONDITIONS)
"""The lowest bit that no trait has."""

TRAITS: Final = " + ".join(f"CASE WHEN {sql} THEN {_BITS[trait]} ELSE 0 END" for trait, sql in _CONDITIONS.items())
"""The column `traits`, as SQL."""


def bit(column: str, word: str | None = None) -> int:
    """The bit of a word in a column; without one, that a list has any word or that a boolean is true."""
    return _BITS[column, word]


def bits(column: str, words: Iterable[str]) -> int:
    """The bits of these words in a column; a word that is none of ours has none."""
    return sum(_BITS.get((column, word), 0) for word in set(words))


def has(column: str, word: str | None = None, *, of: str = "t.traits") -> str:
    """The condition, as SQL, that a therapist has a trait; never NULL."""
    return f"{of} & {bit(column, word)} <> 0"


def has_none_of(wanted: str, *, of: str = "t.traits") -> str:
    """The condition that a therapist has none of the traits whose bits are this parameter; never NULL."""
    return f"{of} & CAST({wanted} AS bigint) = 0"
