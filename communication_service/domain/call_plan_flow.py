"""The plan of calls of a week as a flow: which call gets which of the callers' times. Loads OR-tools and NumPy.

Where a call takes one step, the starts of a caller do not exclude each other, and the flow is the best plan there is.
Where it takes several, each caller's time is cut into times for calls beforehand, around the calls that are planned:
the best plan for those times, which `call_plan_days` improves.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from ortools.graph.python import min_cost_flow

from communication_service.domain.call_plan_grid import Grid, GridPlace, Starts, around, each_of, one

_STEPS_THAT_COUNT: Final = 96
"""Within a day sooner is better where nothing else decides, by quarters of an hour."""
_MOST_KEPT: Final = 3


class _Arcs:
    """Arcs for one unit each, in the order in which they were added."""

    def __init__(self) -> None:
        self.tails: list[int] = []
        self.heads: list[int] = []
        self.costs: list[int] = []

    def add(self, tail: int, head: int, cost: int = 0) -> None:
        self.tails.append(tail)
        self.heads.append(head)
        self.costs.append(cost)


def best_flow(grid: Grid) -> dict[int, GridPlace]:
    """The plan with the most calls, then of the most value, then with the fewest moves."""
    slots = [GridPlace(caller, start) for caller, starts in enumerate(_cut(grid)) for start in each_of(starts)]
    if not slots or not grid.calls:
        return {}
    calls, times = len(grid.calls), sorted({slot.start for slot in slots})
    time_node = {start: calls + number for number, start in enumerate(times)}
    slot_node = {slot: calls + len(times) + number for number, slot in enumerate(slots)}
    arcs = _arcs(grid, time_node, slot_node)
    used = _solve(arcs, calls, len(times), len(slots))
    return _places(arcs, used, time_node, slot_node)


def _cut(grid: Grid) -> list[Starts]:
    """The starts of each caller that do not exclude each other, those of planned calls among them."""
    if grid.length == 1:
        return list(grid.callers)
    planned = [0] * len(grid.callers)
    for place in grid.current.values():
        planned[place.caller] |= one(place.start)
    return [_cut_one(left, kept, grid.length) for left, kept in zip(grid.callers, planned, strict=True)]


def _cut_one(left: Starts, kept: Starts, length: int) -> Starts:
    for start in each_of(kept):
        left &= ~around(start, length)
    chosen, reached = kept, 0
    for start in each_of(left):
        if start >= reached:
            chosen, reached = chosen | one(start), start + length
    return chosen


def _arcs(grid: Grid, time_node: dict[int, int], slot_node: dict[GridPlace, int]) -> _Arcs:
    arcs = _Arcs()
    times = 0
    for start in time_node:
        times |= one(start)
    price = _Prices(grid)
    for call, starts in enumerate(grid.calls):
        for start in each_of(starts & times):
            arcs.add(call, time_node[start], price.of(call, GridPlace(-1, start)))
        planned = grid.current.get(call)
        if planned is not None and planned in slot_node:
            arcs.add(call, slot_node[planned], price.of(call, planned))
    for slot, node in slot_node.items():
        arcs.add(time_node[slot.start], node)
    return arcs


class _Prices:
    """Costs of arcs in which value comes before what is kept, and both before the time of the day."""

    def __init__(self, grid: Grid) -> None:
        self._grid = grid
        self._a_move = len(grid.calls) * _STEPS_THAT_COUNT + 1
        self._a_value = self._a_move * (_MOST_KEPT * len(grid.calls) + 1)
        # each start of a day lies in one of as many parts of it
        self._of_day = [(start, end - start) for start, end in _days(grid)]

    def of(self, call: int, place: GridPlace) -> int:
        """What it costs to make a call there; the caller is any other than the planned one where it is -1."""
        day = self._grid.day_of(place.start)
        begins, steps = self._of_day[day]
        late = (place.start - begins) * _STEPS_THAT_COUNT // steps
        kept = self._grid.kept(call, place) * self._a_move
        return late - kept - self._grid.value(call, place.start) * self._a_value


def _days(grid: Grid) -> Sequence[tuple[int, int]]:
    return list(zip(grid.day_starts, [*grid.day_starts[1:], grid.steps], strict=True))


def _solve(arcs: _Arcs, calls: int, times: int, slots: int) -> Sequence[int]:
    """The numbers of the arcs that are used."""
    flow = min_cost_flow.SimpleMinCostFlow()
    source, sink = calls + times + slots, calls + times + slots + 1
    inner = len(arcs.tails)
    tails = np.array([*arcs.tails, *[source] * calls, *range(calls + times, source)], dtype=np.int64)
    heads = np.array([*arcs.heads, *range(calls), *[sink] * slots], dtype=np.int64)
    costs = np.array([*arcs.costs, *[0] * (calls + slots)], dtype=np.int64)
    flow.add_arcs_with_capacity_and_unit_cost(tails, heads, np.ones(len(tails), dtype=np.int64), costs)
    flow.set_nodes_supplies(np.array([source, sink]), np.array([calls, -calls]))
    status = flow.solve_max_flow_with_min_cost()
    if status != flow.OPTIMAL:
        raise RuntimeError(f"the flow ended with {status}")
    used: list[int] = np.flatnonzero(flow.flows(np.arange(inner)) > 0).tolist()
    return used


def _places(
    arcs: _Arcs, used: Sequence[int], time_node: dict[int, int], slot_node: dict[GridPlace, int]
) -> dict[int, GridPlace]:
    """The calls with their places: of those at one time each takes one of the callers who are free then."""
    start_of = {node: start for start, node in time_node.items()}
    slot_of = {node: slot for slot, node in slot_node.items()}
    callers: dict[int, list[int]] = {}
    places, at_times = {}, []
    for arc in used:
        tail, head = arcs.tails[arc], arcs.heads[arc]
        if tail in start_of:
            callers.setdefault(start_of[tail], []).append(slot_of[head].caller)
        elif head in slot_of:
            places[tail] = slot_of[head]
        else:
            at_times.append((tail, start_of[head]))
    for call, start in at_times:
        places[call] = GridPlace(callers[start].pop(0), start)
    return dict(sorted(places.items()))
