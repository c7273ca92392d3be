"""Reading the directory whole: every area, procedure, age group and setting, and smaller areas where answers end."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from therapist_scraper.areas import GERMANY, NAMED, SMALLEST_RADIUS_KM, Area
from therapist_scraper.errors import Incomplete
from therapist_scraper.polite_client import PoliteClient, Unanswered
from therapist_scraper.raw import Coverage, Harvest, RawEntry
from therapist_scraper.run_state import Item, Outcome, Run
from therapist_scraper.sources import directory_116117 as directory

GIVE_UP_AFTER = 3
"""So many searches in a row without an answer are an outage: the rest is left for the next run."""
NOT_ASKED = "not asked: the site had not answered before"
SEARCHES_FOR_EACH, SEARCHES_AT_LEAST = 20, 1000
"""How many searches a box and query may take on average, its quarters included; of a city a few take hundreds."""
FULL = "there are more people at one place than an answer holds"
TOO_MANY = "not asked: the site had said in too many answers that there are more people"

Progress = Callable[[float], None]
"""Is given the share of the whole that another search has finished."""


def read_all(
    client: PoliteClient, run: Run, areas: Sequence[Area], progress: Progress, most: int | None = None
) -> None:
    """Ask for what the run does not know yet, and note it there.

    What is not answered is noted as failed; in an outage that is all of the rest, and so it is after the `most`
    searches, which no directory needs that ever shows all of its people.

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
    asking = _Asking(client, run, most or max(SEARCHES_AT_LEAST, SEARCHES_FOR_EACH * len(roots)))
    while waiting:
        item, share = waiting.pop()
        outcome: Outcome = run.outcomes.get(item, ("failed", ""))[0]
        if outcome == "failed":
            outcome = asking.ask(item)
        if outcome == "split":
            quarters = item.box.quarters()
            waiting += [(Item(box, item.query), share / len(quarters)) for box in reversed(quarters)]
        else:
            progress(share)


@dataclass
class _Asking:
    """Asks one search after another, until the site does not answer or it was enough."""

    client: PoliteClient
    run: Run
    left: int
    """The number of searches that may still be sent."""
    unanswered: int = 0
    """The number of searches in a row without an answer."""

    def ask(self, item: Item) -> Outcome:
        """Ask for one box and note what became of it."""
        if self.unanswered >= GIVE_UP_AFTER:
            return self._note(item, "failed", reason=NOT_ASKED)
        if not self.left:
            return self._note(item, "failed", reason=TOO_MANY)
        self.left -= 1
        circle = item.box.circle()
        body = directory.body(circle, item.as_query())
        try:
            answer = directory.read_answer(self.client.post_json(directory.PATH, body))
        except Unanswered as error:
            self.unanswered += 1
            return self._note(item, "failed", reason=str(error))
        self.unanswered = 0
        if not answer.more_results:
            return self._note(item, "read", entries=answer.entries)
        if circle.radius_km > SMALLEST_RADIUS_KM:
            return self._note(item, "split", entries=answer.entries)
        return self._note(item, "failed", reason=FULL, entries=answer.entries)

    def _note(self, item: Item, outcome: Outcome, *, reason: str = "", entries: Sequence[Any] = ()) -> Outcome:
        self.run.note(item, outcome, self.client.clock.now(), reason=reason, entries=entries)
        return outcome


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
