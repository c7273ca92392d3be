"""The response to one change of many objects: of each its status, and the problem where it was refused."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from shared.http.context import Context
from shared.http.problems import status_of
from shared.http.replay import Replay, ResponseReference
from shared.values.bulk import ObjectOutcome
from shared.values.schemas import Schema
from shared.values.worded import Worded


class BulkProblem(Schema):
    """Why an object was not changed."""

    code: str
    """A stable word for programs."""
    detail: Worded
    """A sentence for a person."""


class BulkResult(Schema):
    """What became of one object."""

    id: UUID
    """The object."""
    status: int
    """The status that a request for this object alone would have had: 200 where it was changed."""
    problem: BulkProblem | None
    """Why it was not changed; null where it was."""


class BulkResults(Schema):
    """What became of each object."""

    results: list[BulkResult]
    """One for each object, in the order of their ids."""


def results_of(outcomes: Sequence[ObjectOutcome]) -> BulkResults:
    """The response with what became of these objects."""
    return BulkResults(results=[_result(each) for each in outcomes])


def _result(outcome: ObjectOutcome) -> BulkResult:
    refusal = outcome.refusal
    if refusal is None:
        return BulkResult(id=outcome.id, status=200, problem=None)
    problem = BulkProblem(code=refusal.code, detail=refusal.sentence)
    return BulkResult(id=outcome.id, status=status_of(refusal), problem=problem)


def _reference(shown: BulkResults) -> ResponseReference:
    return shown.to_json()


def _find(_context: Context[Any], reference: ResponseReference, **_path: Any) -> BulkResults:
    return BulkResults.from_json(reference)


REPLAYED_RESULTS = Replay(reference=_reference, find=_find)
"""The replay of a bulk change: ids and refusals are stored, nothing of what was sent."""
