"""How tests are written: what several of them need is a helper, never part of another test module."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.architecture.sources import ROOT

FILES = sorted((ROOT / "tests").rglob("*.py"))
OUTSIDE = [
    file for folder in ("testkit", "chaos", "benchmarks", "operations") for file in (ROOT / folder).rglob("*.py")
]


def imported_modules(file: Path) -> set[str]:
    """The modules that a file names in its imports."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    found = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def is_test_module(name: str) -> bool:
    """Whether pytest collects tests from that module."""
    return name.startswith("tests.") and name.rpartition(".")[2].startswith("test_") and _is_a_file(name)


def _is_a_file(name: str) -> bool:
    return (ROOT / (name.replace(".", "/") + ".py")).exists()


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_no_module_imports_a_test_module(file: Path) -> None:
    """What several tests need belongs into `conftest.py`, `helpers.py`, `tests/builders` or `tests/fakes`."""
    assert [name for name in imported_modules(file) if is_test_module(name)] == []


def test_what_tests_share_knows_no_test() -> None:
    assert [file for file in OUTSIDE if any(name.split(".")[0] == "tests" for name in imported_modules(file))] == []
