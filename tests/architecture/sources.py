"""The source files the rules are about."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

from shared.runtime import registry

ROOT = Path(__file__).parent.parent.parent
SERVICES = registry.names()


def sources(*folders: str) -> Iterator[Path]:
    """Every Python file of these top-level folders."""
    for folder in folders:
        yield from sorted((ROOT / folder).rglob("*.py"))


@cache
def tree(path: Path) -> ast.Module:
    """The parsed file."""
    return ast.parse(path.read_text(), str(path))


@cache
def nodes(path: Path) -> Sequence[ast.AST]:
    """Every node of the parsed file; walking it once for all rules halves their time."""
    return tuple(ast.walk(tree(path)))


def names_in(path: Path) -> set[str]:
    """Every name and attribute that the file mentions."""
    return {n.id for n in nodes(path) if isinstance(n, ast.Name)} | {
        n.attr for n in nodes(path) if isinstance(n, ast.Attribute)
    }


def calls_in(path: Path) -> Iterator[tuple[int, str]]:
    """Every call as (line, dotted name)."""
    for node in nodes(path):
        if isinstance(node, ast.Call):
            yield node.lineno, ast.unparse(node.func)
