"""Every error of the domain has a status."""

from __future__ import annotations

import ast

from shared.errors import PlatformError
from shared.http.problems import STATUS
from tests.architecture.sources import SERVICES, nodes, sources


def bases_by_class() -> dict[str, set[str]]:
    """The names of the base classes of every class of the services and of shared."""
    classes = (node for path in sources("shared", *SERVICES) for node in nodes(path) if isinstance(node, ast.ClassDef))
    # a class with the name of the library's class that it extends (`Resource`) is not its own ancestor
    return {each.name: {ast.unparse(base).rpartition(".")[2] for base in each.bases} - {each.name} for each in classes}


def ancestors(name: str, bases: dict[str, set[str]]) -> set[str]:
    """The class itself, and every class of ours that it inherits from."""
    return {name}.union(*(ancestors(base, bases) for base in bases.get(name, ())))


def test_every_error_has_a_status() -> None:
    """`PlatformError` itself has none; a kind that `STATUS` does not name would be answered with 500."""
    bases = bases_by_class()
    errors = {name for name in bases if PlatformError.__name__ in ancestors(name, bases)} - {PlatformError.__name__}
    named = {kind.__name__ for kind in STATUS}
    assert named <= errors
    assert {name for name in errors if not ancestors(name, bases) & named} == set()
