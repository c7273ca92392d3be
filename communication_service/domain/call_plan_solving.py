"""The plan of calls for some days: the best of what is planned, first-fit and the flow, improved day by day.

A pure function of the question; the same question has the same answer. It loads OR-tools, so that only the process that
solves imports it.
"""

from __future__ import annotations

from communication_service.domain.call_plan_days import improve
from communication_service.domain.call_plan_flow import best_flow
from communication_service.domain.call_plan_grid import Grid, Places, first_fit, grid_of
from communication_service.domain.call_plan_question import CallQuestion, CallSolution
from shared.values.call_plan_enums import CallGap


def solve(question: CallQuestion) -> CallSolution:
    """The most calls, then of the most value, then with the fewest moves.

    Never worse than first-fit, nor than what is planned completed by it.
    """
    grid = grid_of(question)
    places: Places = best_flow(grid)
    if grid.length > 1:
        others = (first_fit(grid, grid.current), first_fit(grid))
        places = max((places, *others), key=grid.score)
        places = max((places, improve(grid, places)), key=grid.score)
    return _solution(grid, places)


def solve_by_first_fit(question: CallQuestion) -> CallSolution:
    """What is planned without a solver: each call stays where it is or gets the first slot that is free."""
    grid = grid_of(question)
    return _solution(grid, first_fit(grid, grid.current))


def _solution(grid: Grid, places: Places) -> CallSolution:
    calls = grid.question.calls
    return CallSolution(
        slots={calls[call].inquiry_id: grid.slot(place) for call, place in places.items()},
        gaps={each.inquiry_id: _gap(grid, call) for call, each in enumerate(calls) if call not in places},
        score=grid.score(places),
    )


def _gap(grid: Grid, call: int) -> CallGap:
    if not grid.calls[call]:
        return CallGap.HOURS_TOO_SHORT
    common = any(grid.calls[call] & starts for starts in grid.callers)
    return CallGap.TIMES_TAKEN if common else CallGap.NO_CALLER_THEN
