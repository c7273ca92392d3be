"""Reading the directory whole: every area, procedure, age group and setting, and smaller areas where answers end."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from therapist_scraper.areas import GERMANY, NAMED, SMALLEST_RADIUS_KM, Area
from therapist_scraper.errors import Incomplete
from therapist_scraper.polite_client import PoliteClient, Unanswered
from therapist_scraper.raw import Coverage, Harvest, RawEntry
from therapist_scraper.run_state import Item, Run
from therapist_scraper.sources import directory_116117 as directory

GIVE_UP_AFTER = 3
"""So many searches in a row without an answer are an outage: the rest is left for the next run."""
NOT_ASKED = "not asked: the site had not answered before"

Progress = Callable[[float], None]
"""Is given the share of the whole that another search has finished."""


def read_all(client: PoliteClient, run: Run, areas: Sequence[Area], progress: Progress) -> None:
    """Ask for what the run does not know yet, and note it there.

    What is not answered is noted as failed; in an outage that is all of the rest.

    Raises:
        Refused, UnknownForm: at once; what was read until then stays noted.
    """
    roots = [
        Item.of(box, query)
        for area in areas
        for box in area.box.pieces(run.plan.largest_radius_km)
        for query in directory.queries()
    ]
    waiting = [(item, 1 / len(roots)) for item in reversed(roots)]
    unanswered = 0
    while waiting:
        item, share = waiting.pop()
        outcome: str = run.outcomes.get(item, ("failed", ""))[0]
        if outcome == "failed":
            outcome = _fail(run, item, client, NOT_ASKED) if unanswered >= GIVE_UP_AFTER else _read(client, run, item)
            unanswered = unanswered + 1 if outcome == "failed" else 0
        if outcome == "split":
            quarters = item.box.quarters()
            waiting += [(Item(box, item.query), share / len(quarters)) for box in reversed(quarters)]
        else:
            progress(share)


def _read(client: PoliteClient, run: Run, item: Item) -> str:
    """Ask for one box; returns what became of it."""
    circle = item.box.circle()
    try:
        answer = directory.read_answer(client.post_json(directory.PATH, directory.body(circle, item.as_query())))
    except Unanswered as error:
        return _fail(run, item, client, str(error))
    if answer.more_results and circle.radius_km > SMALLEST_RADIUS_KM:
        run.note(item, "split", client.clock.now(), entries=answer.entries)
        return "split"
    if answer.more_results:
        _fail(run, item, client, "there are more people at one place than an answer holds")
        return "full"
    run.note(item, "read", client.clock.now(), entries=answer.entries)
    return "read"


def _fail(run: Run, item: Item, client: PoliteClient, reason: str) -> str:
    run.note(item, "failed", client.clock.now(), reason=reason)
    return "failed"


def count_failed(run: Run) -> Counter[str]:
    """Returns how many searches failed for each reason."""
    return Counter(reason for outcome, reason in run.outcomes.values() if outcome == "failed")


def harvest(run: Run, areas: Sequence[Area], client: PoliteClient) -> Harvest:
    """Returns what a run has read. Nobody from a part that failed is in it: half of what they offer may be missing.

    Raises:
        Incomplete: nobody was found at all, which no directory means.
    """
    failed = {item.name: reason for item, (outcome, reason) in run.outcomes.items() if outcome == "failed"}
    if not failed and not any(True for _ in run.entries()):
        raise Incomplete("nobody was found in the whole area: the directory or its search is out of order")
    return Harvest(
        source=directory.SOURCE,
        entries=_entries(run, areas),
        coverage=Coverage(tuple(sorted({area.name for area in areas})), failed),
        started_at=run.started_at,
        finished_at=client.clock.now(),
    )


def _entries(run: Run, areas: Sequence[Area]) -> Iterator[RawEntry]:
    """Yields each person once per query: circles overlap, and reach beyond the areas.

    Whom an answer without all of its people shows, or one who lies in no area or in a part that failed, is there.
    """
    failed = [item.box for item, (outcome, _) in run.outcomes.items() if outcome == "failed"]
    known: set[int] = set()
    for item, outcome, at, fields in run.entries():
        place = _place(fields)
        is_wanted = any(area.box.contains(*place) for area in areas) if place else not failed
        is_whole = outcome == "read" and is_wanted and not (place and any(box.contains(*place) for box in failed))
        key = hash((item.query if is_whole else None, json.dumps({**fields, "distance": None}, sort_keys=True)))
        if key not in known:
            known.add(key)
            yield RawEntry(directory.SOURCE, at, fields, item.as_query(), only_present=not is_whole)


def _place(fields: Mapping[str, Any]) -> tuple[float, float] | None:
    """Returns where an entry lies; None where it does not say it, or says what cannot be, such as 0/0."""
    try:
        place = float(fields["lat"]), float(fields["lon"])
    except (KeyError, TypeError, ValueError, OverflowError):
        return None
    return place if NAMED[GERMANY].contains(*place) else None
