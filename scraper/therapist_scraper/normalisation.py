"""From the entries of the directory to the people of the import's file: one record per person.

A person is found by several searches, once for each procedure, age group and setting that they offer; these are
merged. Nothing is invented: what cannot be read is left out and counted with its reason, and who cannot be read at
all is known to be there, so that nobody takes them for gone.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from hashlib import blake2b
from itertools import combinations
from typing import Any

from therapist_scraper.entry_readings import Address, Reading, read_entry
from therapist_scraper.procedures import Offered
from therapist_scraper.raw import RawEntry

Record = dict[str, Any]

OF_ONE_SCRAPE = timedelta(hours=24)
"""Entries of one person that are older than the newest one by more are of an earlier state."""
FIELDS = (
    "external_id", "salutation", "title", "first_name", "last_name", "gender", "street", "house_number", "postal_code",
    "city", "latitude", "longitude", "phone", "mobile", "fax", "email", "website", "accreditation", "procedures",
    "age_groups", "settings", "languages", "qualifications", "offers", "phone_hours",
)  # fmt: skip
"""All fields of a record, in the order in which files have them."""
LONGEST_LISTS = {"languages": 50, "qualifications": 100, "offers": 100}
"""Lists of words, and the most that the import takes of each."""
_CHANGES_WITH_THE_SEARCH = "distance"


@dataclass(frozen=True)
class Note:
    """Something about one person that the record cannot hold."""

    external_id: str
    text: str


@dataclass(frozen=True)
class NormalisedDirectory:
    """The people of a directory, and what could not be read of it."""

    records: Mapping[str, Record]
    """The record of each person by their `external_id`, in the order of the ids."""
    unreadable: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Fields of a person that are there, cannot be read, and are missing in the record."""
    not_read: frozenset[str] = frozenset()
    """The ids of people who are in the directory and have no record, since their entry cannot be read."""
    unidentified: int = 0
    """The number of entries of which nobody knows whose they are."""
    reasons: Mapping[str, int] = field(default_factory=dict)
    """How many people each reason concerns, such as `phone: is no phone number`."""
    notes: Sequence[Note] = ()
    entries: int = 0
    """The number of entries that were read."""
    only_present: frozenset[str] = frozenset()
    """The ids of people who are in the directory and were not looked for, and so have no record."""


@dataclass
class _Sighting:
    """Entries with the same content."""

    reading: Reading
    seen_at: datetime
    times: int = 1


@dataclass
class _Person:
    offered: Offered = field(default_factory=Offered)
    sightings: dict[bytes, _Sighting] = field(default_factory=dict)


def normalise(entries: Iterable[RawEntry]) -> NormalisedDirectory:
    """Returns the people of these entries, which are read once and are not kept; their order does not matter."""
    people: dict[str, _Person] = {}
    known_as: dict[bytes, str | None] = {}
    present: dict[bytes, str | None] = {}
    read = unidentified = 0
    for entry in entries:
        if entry.only_present:
            content = _digest(entry)
            if content not in present:
                present[content] = read_entry(entry).external_id
            continue
        read += 1
        content = _digest(entry)
        if content not in known_as:
            known_as[content] = _first_sighting(people, content, entry)
        external_id = known_as[content]
        if external_id is None:
            unidentified += 1
        else:
            _add(people[external_id], content, entry)
    _give_ids(people)
    directory = _directory(people, read, unidentified)
    return replace(directory, only_present=frozenset(filter(None, present.values())) - people.keys())


def _digest(entry: RawEntry) -> bytes:
    """Returns the same for entries with the same content, of which there are many: one for each search."""
    fields = entry.fields
    if isinstance(fields, Mapping):
        fields = {name: value for name, value in fields.items() if name != _CHANGES_WITH_THE_SEARCH}
    text = json.dumps([entry.source, fields], sort_keys=True, default=repr)
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def _first_sighting(people: dict[str, _Person], content: bytes, entry: RawEntry) -> str | None:
    reading = read_entry(entry)
    if reading.external_id is None:
        return None
    person = people.setdefault(reading.external_id, _Person())
    person.sightings[content] = _Sighting(reading, entry.seen_at, times=0)
    _merge(person.offered, reading.offered)
    return reading.external_id


def _add(person: _Person, content: bytes, entry: RawEntry) -> None:
    sighting = person.sightings[content]
    sighting.times += 1
    sighting.seen_at = max(sighting.seen_at, entry.seen_at)
    if isinstance(entry.query, Mapping):
        person.offered.add_query(entry.query)  # type: ignore[arg-type]


def _merge(into: Offered, other: Offered) -> None:
    for kind, values in other.values.items():
        into.values[kind] |= values


def _give_ids(people: dict[str, _Person]) -> None:
    """Merge who was found without an id of the source into who has one, where name and address are the same."""
    with_id: dict[tuple[str, ...], set[str]] = defaultdict(set)
    without: list[tuple[str, tuple[str, ...]]] = []
    for external_id, person in people.items():
        for reading in (each.reading for each in person.sightings.values()):
            if reading.identity is not None and reading.has_own_id:
                with_id[reading.identity].add(external_id)
            elif reading.identity is not None and (external_id, reading.identity) not in without[-1:]:
                without.append((external_id, reading.identity))
    for external_id, identity in without:
        if len(with_id[identity]) == 1:  # of two with the same name in one practice it could be either
            known, found = people[next(iter(with_id[identity]))], people.pop(external_id)
            known.sightings |= found.sightings
            _merge(known.offered, found.offered)


def _directory(people: Mapping[str, _Person], entries: int, unidentified: int) -> NormalisedDirectory:
    records: dict[str, Record] = {}
    unreadable: dict[str, frozenset[str]] = {}
    not_read: set[str] = set()
    reasons: Counter[str] = Counter()
    notes: list[Note] = []
    for external_id, person in sorted(people.items()):
        current = _current(person)
        problems = {problem: None for each in current for problem in each.reading.problems}
        if _are_several_people(current):
            problems[("external_id", "several people have it")] = None
            record = None
        else:
            record = _record(external_id, person, current)
        if record is None:
            not_read.add(external_id)
        else:
            records[external_id] = record
            missing = frozenset(name for name, _ in problems if name not in record)
            unreadable |= {external_id: missing} if missing else {}
        reasons.update(f"{name}: {reason}" for name, reason in problems)
        notes += [Note(external_id, text) for text in _notes(current)]
    if unidentified:
        reasons["external_id: nobody knows whose entry it is"] += unidentified
    return NormalisedDirectory(records, unreadable, frozenset(not_read), unidentified, reasons, notes, entries)


def _current(person: _Person) -> list[_Sighting]:
    """Returns what was seen last, newest first; of the same moment always in the same order."""
    found = sorted(person.sightings.items(), key=lambda each: each[0])
    found.sort(key=lambda each: each[1].seen_at, reverse=True)
    newest = found[0][1].seen_at
    return [each for _, each in found if newest - each.seen_at <= OF_ONE_SCRAPE]


def _are_several_people(current: Sequence[_Sighting]) -> bool:
    """Whether entries of one id have neither the first nor the last name in common; who marries keeps one of them."""
    people = [each.reading.person for each in current if each.reading.person]
    return any(
        one["last_name"] != other["last_name"] and one["first_name"] != other["first_name"]
        for one, other in combinations(people, 2)
    )


def _record(external_id: str, person: _Person, current: Sequence[_Sighting]) -> Record | None:
    readable = [each for each in current if each.reading.person]
    if not readable:
        return None
    address = _address(readable)
    at_address = [each for each in readable if each.reading.address == address]
    values: Record = {"external_id": external_id}
    values |= dict(_first_known([each.reading.person for each in readable]))
    if values["gender"] == "unknown":
        values["gender"] = next((each.reading.person["gender"] for each in readable
                                 if each.reading.person["gender"] != "unknown"), "unknown")  # fmt: skip
    values |= _practice(at_address)
    values |= person.offered.in_order()
    for name, most in LONGEST_LISTS.items():
        texts = {text for each in readable for text in each.reading.texts[name]}
        values[name] = sorted(texts, key=lambda text: (text.casefold(), text))[:most]
    return {name: values[name] for name in FIELDS if values.get(name) not in (None, [])}


def _address(sightings: Sequence[_Sighting]) -> Address:
    """Returns the address that most entries have; of equally many always the same one."""
    counted: Counter[Address] = Counter()
    for each in sightings:
        counted[each.reading.address] += each.times
    return min(counted, key=lambda address: (not any(address), -counted[address], address))


def _first_known(readings: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, Any]]:
    """Yields each field with its first value that is known."""
    for name in dict.fromkeys(name for reading in readings for name in reading):
        value = next((reading[name] for reading in readings if reading.get(name) is not None), None)
        if value is not None:
            yield name, value


def _practice(sightings: Sequence[_Sighting]) -> Record:
    readings = [each.reading.practice for each in sightings]
    values = dict(_first_known(readings))
    placed = next((each for each in readings if "latitude" in each), None)
    if placed is not None:  # both of one entry
        values |= {name: placed[name] for name in ("latitude", "longitude")}
    return values


def _notes(current: Sequence[_Sighting]) -> list[str]:
    texts = list(dict.fromkeys(text for each in current for text in each.reading.notes))
    addresses = {each.reading.address for each in current if each.reading.person and any(each.reading.address)}
    if len(addresses) > 1:
        texts.append(f"has {len(addresses)} addresses; the record has the one that most entries have")
    return texts
