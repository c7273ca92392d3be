"""No endpoint shows or changes a patient's file without an entry in the access log (decision 0035)."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from patient_service.api.routes import ROUTES
from patient_service.domain import accesses, consents, patients, places, searches
from shared.http.declaration import Endpoint
from tests.architecture.sources import calls_in, sources

NOTES = {
    accesses.record,
    accesses.record_sealed,
    accesses.record_list,
    accesses.list_all,
    accesses.creation,
}
"""The functions that write an entry, and the one that makes the first of a file."""
WITHOUT_AN_ENTRY = {
    "GET /api/patient-imports": "counts rows, and names nobody",
    "GET /api/patient-imports/<uuid:id>": "the same",
    "POST /api/patient-imports": "the same; the worker enters and notes the patients",
    "GET /api/erasures": "says who was erased, of whose files nothing is left",
    "GET /api/erasures/<uuid:id>": "says that somebody was erased, of whose file nothing is left",
}
"""Operations of the patient service that note nothing, with the reason; of what each really notes
tests/patient_service/test_file_accesses.py asks the database.
"""

Function = Callable[..., Any]


def operations() -> dict[str, Endpoint]:
    """Every operation of the patient service."""
    return {f"{method.upper()} {route.path}": endpoint for route in ROUTES for method, endpoint, _ in route.endpoints()}


def called_by(function: Function) -> Iterator[Function]:
    """The functions of the patient service that this one names: calls, and hands on to be called."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    known = inspect.unwrap(function).__globals__
    for node in ast.walk(tree):
        found = None
        if isinstance(node, ast.Name):
            found = known.get(node.id)
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            found = getattr(known.get(node.value.id), node.attr, None)
        if inspect.isfunction(found) and found.__module__.startswith("patient_service."):
            yield found


def notes_an_access(function: Function) -> bool:
    """Whether this function, or one that it calls, writes an entry."""
    seen: set[Function] = set()
    waiting = [function]
    while waiting:
        each = waiting.pop()
        if each in NOTES:
            return True
        if each not in seen:
            seen.add(each)
            waiting += called_by(each)
    return False


def test_every_operation_writes_an_entry_or_has_a_reason() -> None:
    """Whoever forgets it shows a file of which nobody can say later who saw it."""
    silent = {name for name, endpoint in operations().items() if not notes_an_access(endpoint.method)}
    assert len(operations()) > 15
    assert silent == WITHOUT_AN_ENTRY.keys()


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (patients.get, True),
        (consents.give, True),
        (patients.register, True),
        (patients.change_unnoted, False),
        (searches.waits_for_location, False),
        (places.record_offer, False),
    ],
)
def test_the_search_for_an_entry_can_fail(function: Function, expected: bool) -> None:
    assert notes_an_access(function) == expected


def test_entries_are_written_by_the_statements_that_chain_them_only() -> None:
    """An object that is added to a session has no place in a chain."""
    made = {name for path in sources("patient_service") for _, name in calls_in(path)}
    assert not {"FileAccess", "ListAccess", "AnchoredChain"} & made
