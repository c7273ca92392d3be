"""Who did it (docs/decisions/0022): no effect of a request can forget its caller, no counted change its author."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.database import Aggregate, first_version
from shared.http.declaration import Endpoint
from shared.security.authentication import ANYONE
from tests.accounts import has_effect, operations
from tests.architecture.sources import ROOT, SERVICES, sources, tree

COUNTED_IN = ROOT / "shared" / "database" / "columns.py"
AUTHORED = {"version", "updated_by"}
PERSISTENT = ("shared/database", "shared/events", "shared/http", "shared/values")
"""The packages below the services that could change rows; elsewhere a `version` is one of HTTP."""
HANDED = {"by=context.caller.id", "reader=reader(context)", "context.caller"}
"""How a method hands its caller to the domain: as `by`, with the purpose as the `reader` of a file, or themselves."""

EFFECTS = {
    name: endpoint for name, endpoint, access in operations(*SERVICES) if has_effect(endpoint) and access != ANYONE
}


def arguments_of_calls(endpoint: Endpoint) -> set[str]:
    """What the method gives to the functions that it calls: `by=context.caller.id`, `context.session`."""
    method = ast.parse(textwrap.dedent(inspect.getsource(inspect.unwrap(endpoint.method))))
    calls = [node for node in ast.walk(method.body[0].body[-1]) if isinstance(node, ast.Call)]  # type: ignore[attr-defined]
    named = {f"{each.arg}={ast.unparse(each.value)}" for call in calls for each in call.keywords}
    return named | {ast.unparse(argument) for call in calls for argument in call.args}


@pytest.mark.parametrize("operation", EFFECTS)
def test_an_endpoint_with_an_effect_hands_its_caller_to_the_domain(operation: str) -> None:
    """Nobody can say later who did what was not written down; `tests/<service>/test_authors.py` sees that it is."""
    assert arguments_of_calls(EFFECTS[operation]) & HANDED


def test_the_rule_finds_a_method_that_keeps_its_caller_to_itself() -> None:
    shown = next(endpoint for name, endpoint, _ in operations("therapist_service") if name.startswith("GET"))
    assert not arguments_of_calls(shown) & HANDED
    assert len(EFFECTS) > 20


def assignments(path: Path) -> Iterator[str]:
    """Where the file sets the version or the last editor of a row."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) and node.attr in AUTHORED:
            yield f"{path.relative_to(ROOT)}:{node.lineno}"
        if isinstance(node, ast.Call):
            constant = {k.arg for k in node.keywords if isinstance(k.value, ast.Constant)}
            if "version" in constant or "updated_by" in {k.arg for k in node.keywords}:
                yield f"{path.relative_to(ROOT)}:{node.lineno}"


def rows_without_an_author(path: Path) -> Iterator[str]:
    """Where the file writes a row's version as a dictionary that does not name the author."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Dict):
            keys = {key.value for key in node.keys if isinstance(key, ast.Constant)}
            if {"version", "updated_at"} <= keys and "updated_by" not in keys:
                yield f"{path.relative_to(ROOT)}:{node.lineno}"


def test_only_one_function_counts_a_change_and_it_names_the_author() -> None:
    """`Aggregate.count_change` and `first_version` have no default for `by`: who forgets it is told by mypy."""
    files = [path for path in sources(*PERSISTENT, *SERVICES) if path != COUNTED_IN]
    assert [place for path in files for place in assignments(path)] == []
    assert [place for path in files for place in rows_without_an_author(path)] == []
    for function in (Aggregate.count_change, first_version):
        assert inspect.signature(function).parameters["by"].default is inspect.Parameter.empty


@pytest.mark.parametrize("service", SERVICES)
def test_every_object_shows_who_changed_it_last(service: str) -> None:
    shown = {
        name: endpoint.response.model_fields
        for name, endpoint, _ in operations(service)
        if "version" in getattr(endpoint.response, "model_fields", {})
    }
    assert {name for name, fields in shown.items() if "updated_by" not in fields} == set()
