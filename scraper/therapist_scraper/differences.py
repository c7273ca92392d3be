"""What has changed since the last file: additions, modifications and deletions, and when nobody may be deleted.

Only what was read whole says that somebody is gone: the areas in which they were found last, without a failed part
and without an entry that could be anybody's. An unusual share of changes is a fault of the source until a person says
otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass

from therapist_scraper.errors import Incomplete, Unusual
from therapist_scraper.normalisation import FIELDS, NormalisedDirectory
from therapist_scraper.procedures import sort
from therapist_scraper.raw import Coverage
from therapist_scraper.state import KnownPerson, Record, State

EVERYWHERE = "germany"
UNUSUAL_SHARE = 0.2
UNUSUAL_FROM = 10
"""Fewer changes than these are never unusual: in a small town two are a large share."""

ADDRESS = frozenset({"street", "house_number", "postal_code", "city"})
COORDINATES = frozenset({"latitude", "longitude"})
CONTACTS = frozenset({"phone", "mobile", "fax", "email", "website", "phone_hours"})
FOUND_BY_SEARCHES = ("procedures", "age_groups", "settings")
CHANGES_ALL_THE_TIME = frozenset({"phone_hours"})
"""Practices close for holidays together, which is no fault of the source."""


@dataclass(frozen=True)
class Difference:
    """What the file for the import holds, and the state after it."""

    additions: tuple[Record, ...]
    modifications: tuple[Record, ...]
    deletions: tuple[str, ...]
    """The ids of those who are gone."""
    unchanged: int
    kept: int
    """How many were not found and stay, since not everything was read in which they could be."""
    unusual: tuple[str, ...]
    """Why a person should look at it first."""
    state: State
    """Without the name of the file, which is not written yet."""

    @property
    def statistics(self) -> dict[str, int]:
        """The numbers of the file's `statistics`."""
        new, updated = len(self.additions), len(self.modifications)
        return {
            "total_therapists_scraped": new + updated + self.unchanged,
            "new_therapists": new,
            "updated_therapists": updated,
            "deleted_therapists": len(self.deletions),
            "unchanged_therapists": self.unchanged,
        }

    def refuse_unusual(self) -> None:
        """Raise Unusual where a person should look at it first."""
        if self.unusual:
            raise Unusual(
                f"Nothing was written: {'; '.join(self.unusual)}. Look at the source; --allow writes it all the same."
            )


def compare(before: State, directory: NormalisedDirectory, coverage: Coverage) -> Difference:
    """Returns the difference between the state and what was read now.

    Raises Incomplete where nothing was read at all, which is an outage and not an empty directory.
    """
    if not directory.records and not directory.not_read:
        raise Incomplete("Nothing was written: the source showed nobody at all.")
    now = {
        external_id: KnownPerson(_completed(record, before, directory, coverage), _areas(external_id, before, coverage))
        for external_id, record in directory.records.items()
    }
    absent = before.people.keys() - now.keys() - directory.not_read - directory.only_present
    gone = {each for each in absent if _is_gone(before.people[each], directory, coverage)}
    return _difference(before, now, gone, kept=len(absent) - len(gone))


def between(before: State, after: State) -> Difference:
    """Returns the difference between two states; who is in the first one only is gone."""
    return _difference(before, after.people, before.people.keys() - after.people.keys(), kept=0)


def _is_gone(person: KnownPerson, directory: NormalisedDirectory, coverage: Coverage) -> bool:
    if not coverage.complete or directory.unidentified:
        return False
    return EVERYWHERE in coverage.areas or (bool(person.areas) and person.areas <= set(coverage.areas))


def _areas(external_id: str, before: State, coverage: Coverage) -> frozenset[str]:
    """Returns where a person was found; pages that somebody saved do not say it."""
    known = before.people.get(external_id)
    return frozenset(coverage.areas) if coverage.is_whole or known is None else known.areas


def _difference(before: State, now: Mapping[str, KnownPerson], gone: Set[str], *, kept: int) -> Difference:
    known = now.keys() & before.people.keys()
    changed = {each for each in known if now[each].record != before.people[each].record}
    stays = {external_id: person for external_id, person in before.people.items() if external_id not in gone}
    return Difference(
        additions=tuple(now[each].record for each in sorted(now.keys() - known)),
        modifications=tuple(now[each].record for each in sorted(changed)),
        deletions=tuple(sorted(gone)),
        unchanged=len(known) - len(changed),
        kept=kept,
        unusual=(*_unusual(before, now, changed, gone), *_renumbered(before, now)),
        state=State(before.source, {**stays, **now}, before.last_file),
    )


def _unusual(before: State, now: Mapping[str, KnownPerson], changed: Set[str], gone: Set[str]) -> tuple[str, ...]:
    looked_for = len(now.keys() & before.people.keys()) + len(gone)
    others = sum(not _fields_that_differ(before, now, each) <= CHANGES_ALL_THE_TIME for each in changed)
    counted = ((len(gone), "are not there any more"), (others, "are other than before"))
    return tuple(
        f"{number} of {looked_for} people {what}"
        for number, what in counted
        if number >= UNUSUAL_FROM and number > UNUSUAL_SHARE * looked_for
    )


def _renumbered(before: State, now: Mapping[str, KnownPerson]) -> tuple[str, ...]:
    """Whether people are there under other ids than before, which would make all of them new once more."""
    absent = {_identity(before.people[each].record) for each in before.people.keys() - now.keys()}
    number = sum(_identity(now[each].record) in absent for each in now.keys() - before.people.keys())
    if number < UNUSUAL_FROM or number <= UNUSUAL_SHARE * len(now):
        return ()
    return (f"{number} of {len(now)} people have another id than before",)


def _identity(record: Record) -> tuple[object, ...]:
    return tuple(record.get(name) for name in ("last_name", "first_name", "street", "house_number", "postal_code"))


def _fields_that_differ(before: State, now: Mapping[str, KnownPerson], external_id: str) -> set[str]:
    one, other = before.people[external_id].record, now[external_id].record
    return {name for name in one.keys() | other.keys() if one.get(name) != other.get(name)}


def _completed(record: Record, before: State, directory: NormalisedDirectory, coverage: Coverage) -> Record:
    """Returns the record with what is known from before of that which could not be read now."""
    known = before.people.get(record["external_id"])
    if known is None:
        return record
    completed = _with_unreadable(record, known.record, directory.unreadable.get(record["external_id"], frozenset()))
    if not coverage.is_whole:  # a page that a person saved may show less than the answer to a search
        completed = _over(known.record, completed)
    if not coverage.complete:  # a search that failed could have found them with another procedure
        completed |= {
            name: sort(name, [*known.record.get(name, ()), *(completed.get(name) or ())]) for name in FOUND_BY_SEARCHES
        }
    return {name: completed[name] for name in FIELDS if completed.get(name) not in (None, [])}


def _with_unreadable(record: Record, known: Record, unreadable: Set[str]) -> Record:
    kept = set(unreadable & CONTACTS)
    if unreadable & ADDRESS:  # half an address is another one
        kept |= ADDRESS | COORDINATES
    elif unreadable & COORDINATES and _same_address(record, known):
        kept |= COORDINATES
    return {name: known.get(name) if name in kept else record.get(name) for name in FIELDS}


def _same_address(one: Record, other: Record) -> bool:
    return all(one.get(name) == other.get(name) for name in ADDRESS)


def _over(known: Record, record: Record) -> Record:
    """Returns the record with the known value of each field that it lacks; an address is of one of them only."""
    has_address = any(record.get(name) for name in ADDRESS)
    place = ADDRESS | COORDINATES
    lost = {
        name: known.get(name)
        for name in FIELDS
        if record.get(name) in (None, [])
        and not (name in place and has_address and not (name in COORDINATES and _same_address(record, known)))
    }
    has_gender = record.get("gender", "unknown") != "unknown"
    return {**record, **lost, **({} if has_gender else {"gender": known.get("gender", "unknown")})}
