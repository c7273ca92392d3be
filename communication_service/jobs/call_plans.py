"""The job that plans calls anew: reads, has the plan computed by a process of its own, and moves calls to it."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

from communication_service.domain.call_plan_question import Question, Solution


def solve_apart(question: Question) -> Solution:
    """The solution, computed by a process of its own: it takes seconds and some memory, and holds Python's lock.

    Events and health of the worker go on meanwhile, and what the solver loads is gone with its process.
    """
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
        return process.submit(_solve, question).result()


def _solve(question: Question) -> Solution:
    from communication_service.domain import call_plan_solving

    return call_plan_solving.solve(question)
