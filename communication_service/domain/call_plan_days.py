"""The plan of calls of one day, exactly, where a call takes several steps: then it is no flow. Loads OR-tools.

CP-SAT begins with the plan there is, so what it finds is never worse, and works for a deterministic time: the same
question has the same answer on a fast and on a busy machine.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from ortools.sat.python import cp_model

from communication_service.domain.call_plan_grid import (
    ANYWHERE,
    Grid,
    GridPlace,
    Places,
    Starts,
    all_between,
    each_of,
    first_of,
    one,
)

LONGEST_DAY: Final = 0.5
"""For so long, in CP-SAT's deterministic time, a day is improved: some seconds."""
MOST_OTHERS: Final = 200
"""So many calls without a place are tried on a day, those of most weight first."""


def improve(grid: Grid, places: Places) -> dict[int, GridPlace]:
    """The plan with more calls on days with time left; each day is solved together with calls that have no place."""
    best = dict(places)
    for day in range(len(grid.day_starts)):
        chosen = _candidates(grid, best, day)
        if any(call not in best for call in chosen):
            found = _Day(grid, day, chosen, best).solve()
            others = {call: place for call, place in best.items() if call not in chosen}
            best = dict(sorted({**others, **found}.items()))
    return best


def _candidates(grid: Grid, places: Places, day: int) -> Mapping[int, Starts]:
    """The calls of that day and such as could be made then, with their starts; none where no caller has time left."""
    on_day, free = grid.on_day(day), 0
    for starts in grid.callers:
        free |= starts & on_day
    made = [call for call, place in places.items() if one(place.start) & on_day]
    if len(made) >= sum(_most_calls(starts & on_day, grid.length) for starts in grid.callers):
        return {}
    others = [call for call, starts in enumerate(grid.calls) if call not in places and starts & free]
    others.sort(key=lambda call: -grid.question.calls[call].weight)
    return {call: grid.calls[call] & free for call in sorted([*made, *others[:MOST_OTHERS]])}


def _most_calls(starts: Starts, length: int) -> int:
    """How many calls a caller can make at these starts, if practices were there at any time."""
    number = 0
    while starts:
        number += 1
        starts &= ~all_between(0, first_of(starts) + length - 1)
    return number


class _Day:
    """The model of one day: which call begins when, and when each caller begins one."""

    def __init__(self, grid: Grid, day: int, chosen: Mapping[int, Starts], best: Places) -> None:
        self._grid, self._chosen = grid, chosen
        self._best = {call: place for call, place in best.items() if call in chosen}
        self._model = cp_model.CpModel()
        self._begins = {
            (call, start): self._model.new_bool_var("") for call, starts in chosen.items() for start in each_of(starts)
        }
        self._busy = {
            GridPlace(caller, start): self._model.new_bool_var("")
            for caller, starts in enumerate(grid.callers)
            for start in each_of(starts & grid.on_day(day))
        }
        self._with_caller = dict(self._add_callers())
        self._let_each_be_made_once()
        self._let_callers_make_one_at_a_time()
        self._maximise()

    def _add_callers(self) -> Iterable[tuple[int, Any]]:
        """Of each call that is planned that day whether it stays where it is."""
        for call, planned in self._grid.current.items():
            if (call, planned.start) in self._begins and planned in self._busy:
                stays = self._model.new_bool_var("")
                self._model.add_implication(stays, self._begins[call, planned.start])
                self._model.add_implication(stays, self._busy[planned])
                yield call, stays

    def _let_each_be_made_once(self) -> None:
        of_call: dict[int, list[Any]] = {}
        for (call, _), begins in self._begins.items():
            of_call.setdefault(call, []).append(begins)
        for theirs in of_call.values():
            self._model.add_at_most_one(theirs)

    def _let_callers_make_one_at_a_time(self) -> None:
        of_start: dict[int, list[Any]] = {}
        for (_, start), begins in self._begins.items():
            of_start.setdefault(start, []).append(begins)
        callers: dict[int, list[Any]] = {}
        for place, busy in self._busy.items():
            callers.setdefault(place.start, []).append(busy)
            after = (
                self._busy.get(GridPlace(place.caller, place.start + more)) for more in range(1, self._grid.length)
            )
            self._model.add_at_most_one([busy, *(each for each in after if each is not None)])
        for start, who in callers.items():
            self._model.add(sum(of_start.get(start, [])) == sum(who))

    def _maximise(self) -> None:
        """As `Score` compares: calls, then their weights, then what is kept. The day is the same for all of them."""
        a_weight = (ANYWHERE + 2) * len(self._chosen) + 1
        weights = {call: self._grid.question.calls[call].weight for call in self._chosen}
        a_call = a_weight * (sum(weights.values()) + 1)
        terms = [
            begins
            * (a_call + weights[call] * a_weight + min(self._grid.kept(call, GridPlace(-1, start)), ANYWHERE + 1))
            for (call, start), begins in self._begins.items()
        ]
        self._model.maximize(sum([*terms, *self._with_caller.values()]))

    def solve(self) -> dict[int, GridPlace]:
        """The best plan of the day that was found; the one there is where none is better."""
        self._hint()
        solver = cp_model.CpSolver()
        solver.parameters.num_workers = 1
        solver.parameters.random_seed = 15
        solver.parameters.max_deterministic_time = LONGEST_DAY
        status = solver.solve(self._model)
        return self._places(solver) if status in (cp_model.OPTIMAL, cp_model.FEASIBLE) else self._best

    def _hint(self) -> None:
        used = set(self._best.values())
        for (call, start), begins in self._begins.items():
            self._model.add_hint(begins, call in self._best and self._best[call].start == start)
        for place, busy in self._busy.items():
            self._model.add_hint(busy, place in used)
        for call, stays in self._with_caller.items():
            self._model.add_hint(stays, self._best.get(call) == self._grid.current[call])

    def _places(self, solver: Any) -> dict[int, GridPlace]:
        callers: dict[int, list[int]] = {}
        for place, busy in self._busy.items():
            if solver.boolean_value(busy):
                callers.setdefault(place.start, []).append(place.caller)
        begin = {call: start for (call, start), begins in self._begins.items() if solver.boolean_value(begins)}
        kept = {
            call: self._grid.current[call] for call, stays in self._with_caller.items() if solver.boolean_value(stays)
        }
        for place in kept.values():
            callers[place.start].remove(place.caller)
        moved = {call: GridPlace(callers[at].pop(0), at) for call, at in begin.items() if call not in kept}
        return {**kept, **moved}
