"""From a harvest to the file for the import: normalise, compare, write the file, then the state."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from therapist_scraper import import_file, state
from therapist_scraper.differences import Difference, compare
from therapist_scraper.files import join, write_whole
from therapist_scraper.normalisation import NormalisedDirectory, normalise
from therapist_scraper.raw import Harvest
from therapist_scraper.state import State

MOST_NOTES = 20
"""Notes about single people that are shown; all of them are counted."""


@dataclass(frozen=True)
class Delivery:
    """What was written, or with `dry_run` would be."""

    name: str
    """The name of the file."""
    text: str
    difference: Difference
    directory: NormalisedDirectory | None = None
    """None where two states were compared."""


def deliver(
    harvest: Harvest, *, out: str, state_at: str, now: datetime, allow: bool = False, dry_run: bool = False
) -> Delivery:
    """Write what has changed since the state as a file into the folder `out`, then the new state.

    With `dry_run` nothing is written. Raises Unusual, before anything is written, where a person should look first,
    unless they `allow` it; Incomplete where nothing was read; ScraperError where something cannot be read or written.
    """
    before = state.load(state_at, harvest.source)
    directory = normalise(harvest.entries)
    difference = compare(before, directory, harvest.coverage)
    name = import_file.file_name(now, after=before.last_file)
    content = import_file.document(
        difference,
        source=harvest.source,
        scrape_id=f"{harvest.started_at.astimezone(UTC):%Y%m%d%H%M%S}",
        at=harvest.finished_at,
    )
    delivery = Delivery(name, import_file.as_text(content), difference, directory)
    if not allow and not dry_run:
        difference.refuse_unusual()
    if not dry_run:
        write(delivery, out)
        state.save(state_at, replace(difference.state, last_file=name))
    return delivery


def write(delivery: Delivery, out: str) -> None:
    """Write the file into a folder; it appears whole, or not at all. Raises ScraperError."""
    write_whole(join(out, delivery.name), delivery.text.encode("utf-8"))


def of_states(before: State, after: State, *, difference: Difference, now: datetime) -> Delivery:
    """Returns the file that leads from one state to another."""
    content = import_file.document(
        difference, source=after.source, scrape_id=f"{now.astimezone(UTC):%Y%m%d%H%M%S}", at=now
    )
    return Delivery(import_file.file_name(now, after=before.last_file), import_file.as_text(content), difference)


def summary(delivery: Delivery) -> Iterator[str]:
    """Yields lines for the operator: what the file holds, what could not be read, what no record can hold."""
    counts = delivery.difference.statistics
    yield (
        f"{delivery.name}: {counts['new_therapists']} added, {counts['updated_therapists']} changed, "
        f"{counts['deleted_therapists']} gone, {counts['unchanged_therapists']} as before"
    )
    if delivery.difference.kept:
        yield f"{delivery.difference.kept} were not found and stay: not everything was read in which they could be"
    yield from (f"unusual: {reason}" for reason in delivery.difference.unusual)
    if delivery.directory is not None:
        yield from _about_directory(delivery.directory)


def _about_directory(directory: NormalisedDirectory) -> Iterator[str]:
    yield f"{directory.entries} entries of {len(directory.records)} people were read"
    if directory.not_read:
        yield f"{len(directory.not_read)} people could not be read and stay as they were"
    yield from (f"left out {number}× {reason}" for reason, number in sorted(directory.reasons.items()))
    yield from (f"{note.external_id}: {note.text}" for note in directory.notes[:MOST_NOTES])
    if len(directory.notes) > MOST_NOTES:
        yield f"… and {len(directory.notes) - MOST_NOTES} more notes about single people"
