"""What the sources hand on: entries of the directory as the site shows them, and how much of it was read.

`fields` of an entry has the form of a 116117 record (docs/domain.md#import-rule-9), whatever it was read from, with
times (`tsz`) in either generation; a source that reads HTML translates into it. Nothing is cleaned up here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, TypedDict

Procedure = Literal["VT", "TP", "AP", "ST"]
AgeGroup = Literal["adult", "child_adolescent"]
Setting = Literal["individual", "group"]


class Query(TypedDict, total=False):
    """What was searched for when the entry was found, in the words of the import's file; a missing key: not filtered.

    A person found by several queries has all their values: the site's records need not repeat what was searched for.
    """

    procedure: Procedure
    age_group: AgeGroup
    setting: Setting


@dataclass(frozen=True)
class RawEntry:
    """One entry of the directory as one answer or page shows it; the same person may have many."""

    source: str
    """The directory, as `metadata.source` of the file names it, such as `116117.de`."""
    seen_at: datetime
    """When the site showed it (aware)."""
    fields: Mapping[str, Any]
    """The entry in the form of a 116117 record; of any type where the site sends nonsense."""
    query: Query = field(default_factory=Query)
    only_present: bool = False
    """Whether it says no more than that this person is in the directory: not all that they offer was looked for."""


@dataclass(frozen=True)
class Coverage:
    """How much of the directory was read: only what was read whole may say that somebody is gone from it."""

    areas: tuple[str, ...]
    """The names of the areas that were asked for, sorted; `germany` is the whole directory."""
    failed: Mapping[str, str] = field(default_factory=dict)
    """Parts of them that could not be read, each with the reason."""
    is_whole: bool = True
    """False for what a person saved from a browser: nobody knows what they did not save."""

    @property
    def complete(self) -> bool:
        """Whether everybody who is in the directory in these areas has been read."""
        return self.is_whole and not self.failed


@dataclass(frozen=True)
class Harvest:
    """What a scrape or a conversion hands on to the normalisation."""

    source: str
    entries: Iterable[RawEntry]
    """Read once, from start to end; they may lie in a file and are not all in memory."""
    coverage: Coverage
    started_at: datetime
    """When the reading began (aware); a resumed one began at its first start."""
    finished_at: datetime
    notes: tuple[str, ...] = ()
    """What was left out and why, for the operator."""
