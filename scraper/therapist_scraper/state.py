"""What was written so far: everybody of one source, as the import knows them from our files.

A text file: a line about the whole, then a line for each person. It is replaced as a whole, and only after the file
for the import is there: after a crash between the two the next file has the same differences again, which does no harm.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from therapist_scraper.errors import ScraperError
from therapist_scraper.files import read_bytes, write_whole

FILE = "people.jsonl"
"""Its name in the folder of `--state`."""
VERSION = 1
_WHAT_IT_IS = f"a state is the file {FILE} that `scrape` keeps in its folder of --state"
Record = dict[str, Any]


@dataclass(frozen=True)
class KnownPerson:
    """One person as the last file had them."""

    record: Record
    areas: frozenset[str]
    """The areas of the reading in which they were found last: they are in one of these."""


@dataclass(frozen=True)
class State:
    """Everybody who is known."""

    source: str
    people: Mapping[str, KnownPerson] = field(default_factory=dict)
    """By `external_id`."""
    last_file: str | None = None
    """The name of the last file for the import."""


def load(url: str, source: str | None = None) -> State:
    """Returns the state at a path or URL, an empty one where nothing is there yet.

    Without a `source` there must be one. Raises ScraperError where it cannot be read, or is of another source: an
    empty state instead would bring back nobody who is gone meanwhile.
    """
    try:
        content = read_bytes(url)
    except ScraperError as error:
        raise ScraperError(f"{error.message}; {_WHAT_IT_IS}.") from None
    if content is None and source is not None:
        return State(source)
    if content is None:
        raise ScraperError(f"There is no state at {url}: {_WHAT_IT_IS}.")
    try:
        found = _parsed(content.decode("utf-8"))
    except (ValueError, KeyError, TypeError, AttributeError):
        raise ScraperError(
            f"{url} cannot be read: {_WHAT_IT_IS}. Restore a broken one, or remove it to begin anew."
        ) from None
    if source not in (None, found.source):
        raise ScraperError(f"The state at {url} is of {found.source}, not of {source}.")
    return found


def save(url: str, state: State) -> None:
    """Replace the state at a path or URL. Raises ScraperError."""
    write_whole(url, "".join(_lines(state)).encode(), replace=True)


def _parsed(text: str) -> State:
    head, *lines = text.splitlines()
    about = json.loads(head)
    if about["version"] != VERSION or about["people"] != len(lines):
        raise ValueError("another version, or cut off")
    people = {}
    for line in lines:
        person = json.loads(line)
        people[person["record"]["external_id"]] = KnownPerson(person["record"], frozenset(person["areas"]))
    return State(about["source"], people, about["last_file"])


def _lines(state: State) -> Iterator[str]:
    head = {"version": VERSION, "source": state.source, "last_file": state.last_file, "people": len(state.people)}
    yield json.dumps(head) + "\n"
    for _, person in sorted(state.people.items()):
        # in ASCII: a text may hold line separators of Unicode, and a line must stay one
        yield json.dumps({"areas": sorted(person.areas), "record": person.record}) + "\n"
