"""A plan of calls in numbers: the starts that calls can have, counted in steps, as sets of bits.

Bit k of a set stands for the start after k steps. A week of five-minute steps has 2016: Python's integers take the
union or the first of so many at once.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple
from uuid import UUID

from communication_service.domain.call_plan_question import CallQuestion, Score, WantedCall
from communication_service.domain.call_times import FreeSlot, Span

Starts = int
"""A set of starts."""


ANYWHERE: Final = 1
"""What it counts that a call which is planned stays in these days; as much more at its time, and with its caller."""


class GridPlace(NamedTuple):
    """The number of a caller, and that of a start."""

    caller: int
    start: int


Places = Mapping[int, GridPlace]
"""Where calls are made, by their numbers."""


@dataclass(frozen=True)
class Grid:
    """The question in numbers."""

    question: CallQuestion
    length: int
    """How many steps a call takes."""
    calls: Sequence[Starts]
    """When each call can begin as far as its practice goes."""
    callers: Sequence[Starts]
    """When each caller can begin one."""
    day_starts: Sequence[int]
    """The first start of each day."""
    current: Places
    """Where calls are planned that can stay there."""

    def day_of(self, start: int) -> int:
        """The number of the day of a start."""
        return bisect_right(self.day_starts, start) - 1

    def on_day(self, day: int) -> Starts:
        """All starts of a day."""
        begins = self.day_starts[day]
        ends = self.day_starts[day + 1] if day + 1 < len(self.day_starts) else self.steps
        return all_between(begins, ends - 1)

    @property
    def steps(self) -> int:
        """How many starts there are."""
        return int((self.question.days[-1] - self.question.days[0]) / self.question.step)

    def value(self, call: int, start: int) -> int:
        """What is won by making a call then: sooner is more."""
        return self.question.calls[call].weight * (len(self.day_starts) - self.day_of(start))

    def kept(self, call: int, place: GridPlace | None) -> int:
        """What it counts that a call is made there, or not at all: most where it is planned now."""
        known = self.current.get(call)
        if known is None or place is None:
            return 0
        return ANYWHERE + (place.start == known.start) + (place == known)

    def score(self, places: Places) -> Score:
        """What a plan is worth."""
        kept = sum(self.kept(call, places.get(call)) for call in self.current)
        return Score(len(places), sum(self.value(call, at.start) for call, at in places.items()), kept)

    def slot(self, place: GridPlace) -> FreeSlot:
        """The place as an instant and a caller."""
        begins = self.question.days[0] + place.start * self.question.step
        return FreeSlot(begins, self.question.callers[place.caller].caller_id)


def grid_of(question: CallQuestion) -> Grid:
    """The question in numbers."""
    calls = [_starts(question, call.spans) for call in question.calls]
    callers = [_starts(question, caller.free) for caller in question.callers]
    length = -(-question.length // question.step)
    days = [int((day - question.days[0]) / question.step) for day in question.days[:-1]]
    numbers = {caller.caller_id: number for number, caller in enumerate(question.callers)}
    found = ((number, _current(question, call, numbers)) for number, call in enumerate(question.calls))
    fitting = {
        number: place
        for number, place in found
        if place is not None and calls[number] & callers[place.caller] & one(place.start)
    }
    return Grid(question, length, calls, callers, days, _apart(fitting, length))


def _current(question: CallQuestion, call: WantedCall, numbers: Mapping[UUID | None, int]) -> GridPlace | None:
    if call.current is None or call.current.caller_id not in numbers:
        return None
    start, rest = divmod(call.current.starts_at - question.days[0], question.step)
    return None if rest or start < 0 else GridPlace(numbers[call.current.caller_id], start)


def _apart(places: Places, length: int) -> dict[int, GridPlace]:
    """Those places that no two calls of one caller share: the first of them have it."""
    taken: dict[int, Starts] = {}
    kept = {}
    for call, place in places.items():
        if not taken.get(place.caller, 0) & one(place.start):
            kept[call] = place
            taken[place.caller] = taken.get(place.caller, 0) | around(place.start, length)
    return kept


def _starts(question: CallQuestion, spans: Iterable[Span]) -> Starts:
    """The starts of calls that lie in one of these spans whole."""
    found, begins = 0, question.days[0]
    for opens, closes in spans:
        first = -(-(opens - begins) // question.step)
        last = (closes - question.length - begins) // question.step
        found |= all_between(max(first, 0), last)
    return found


def one(start: int) -> Starts:
    """The set of one start."""
    return 1 << start


def all_between(first: int, last: int) -> Starts:
    """All starts from the first to the last one; none where these are in the wrong order."""
    return ((1 << (last - first + 1)) - 1) << first if first <= last else 0


def around(start: int, length: int) -> Starts:
    """The starts that a call excludes for others of its caller."""
    return all_between(max(start - length + 1, 0), start + length - 1)


def first_of(starts: Starts) -> int:
    """The first of some starts, of which there is one at least."""
    return (starts & -starts).bit_length() - 1


def each_of(starts: Starts) -> Iterator[int]:
    """The starts in order."""
    while starts:
        yield first_of(starts)
        starts &= starts - 1


class Timetable:
    """Which starts of callers are left while calls are placed one by one."""

    def __init__(self, grid: Grid, places: Places | None = None) -> None:
        self._length = grid.length
        self._left = list(grid.callers)
        self.places: dict[int, GridPlace] = {}
        for call, place in (places or {}).items():
            self.put(call, place)

    def put(self, call: int, place: GridPlace) -> None:
        """Give a call its place, which is free."""
        self.places[call] = place
        self._left[place.caller] &= ~around(place.start, self._length)

    def first_free(self, starts: Starts) -> GridPlace | None:
        """The earliest of these starts at which a caller is free, and of several callers the first."""
        found = [
            GridPlace(caller, first_of(common)) for caller, left in enumerate(self._left) if (common := left & starts)
        ]
        return min(found, key=lambda place: place.start, default=None)


def first_fit(grid: Grid, places: Places | None = None) -> dict[int, GridPlace]:
    """Every call that has no place yet is given the first that is free, in the order of the question."""
    table = Timetable(grid, places)
    for call, starts in enumerate(grid.calls):
        if call not in table.places and (place := table.first_free(starts)) is not None:
            table.put(call, place)
    return table.places
