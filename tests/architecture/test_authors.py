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
from tests.architecture.sources import ROOT, SERVICES, nodes, sources

COUNTED_IN = ROOT / "shared" / "database" / "columns.py"
AUTHORED = {"version", "updated_by"}
PERSISTENT = ("shared/database", "shared/events", "shared/http", "shared/values")
"""The packages below the services that could change rows; elsewhere a `version` is one of HTTP."""
EFFECTS = {
    name: endpoint for name, endpoint, access in operations(*SERVICES) if has_effect(endpoint) and access != ANYONE
}


def hands_over_its_caller(endpoint: Endpoint) -> bool:
    """Whether the one call of the method is given the caller: `context.caller.id`, or the `reader` made of it.

    A name that was prepared from the caller counts as the caller.
    """
    (method,) = ast.parse(textwrap.dedent(inspect.getsource(inspect.unwrap(endpoint.method)))).body
    assert isinstance(method, ast.FunctionDef)
    *prepared, call = method.body
    names = {
        target.id
        for each in prepared
        if isinstance(each, ast.Assign) and is_of_the_caller(each.value, set())
        for target in each.targets
        if isinstance(target, ast.Name)
    }
    return any(
        is_of_the_caller(argument, names)
        for node in ast.walk(call)
        if isinstance(node, ast.Call)
        for argument in [*node.args, *(keyword.value for keyword in node.keywords)]
    )


def is_of_the_caller(expression: ast.expr, names: set[str]) -> bool:
    """Whether it is the caller, a part of them, or what `reader` makes of them and their purpose."""
    while isinstance(expression, ast.Attribute):
        if ast.unparse(expression) == "context.caller":
            return True
        expression = expression.value
    if isinstance(expression, ast.Name):
        return expression.id in names
    return ast.unparse(expression) == "reader(context)"


@pytest.mark.parametrize("operation", EFFECTS)
def test_an_endpoint_with_an_effect_hands_its_caller_to_the_domain(operation: str) -> None:
    """Nobody can say later who did what was not written down; `tests/<service>/test_authors.py` sees that it is."""
    assert hands_over_its_caller(EFFECTS[operation])


def test_the_rule_finds_a_method_that_keeps_its_caller_to_itself() -> None:
    shown = next(endpoint for name, endpoint, _ in operations("therapist_service") if name.startswith("GET"))
    assert not hands_over_its_caller(shown)
    assert len(EFFECTS) > 20


def assignments(path: Path) -> Iterator[str]:
    """Where the file sets the version or the last editor of a row."""
    for node in nodes(path):
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) and node.attr in AUTHORED:
            yield f"{path.relative_to(ROOT)}:{node.lineno}"
        if isinstance(node, ast.Call):
            constant = {k.arg for k in node.keywords if isinstance(k.value, ast.Constant)}
            if "version" in constant or "updated_by" in {k.arg for k in node.keywords}:
                yield f"{path.relative_to(ROOT)}:{node.lineno}"


def rows_without_an_author(path: Path) -> Iterator[str]:
    """Where the file writes a row's version as a dictionary that does not name the author."""
    for node in nodes(path):
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
