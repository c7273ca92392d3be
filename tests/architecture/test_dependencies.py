"""What tests and checks need is declared in pyproject.toml and used; deptry looks at the platform's own code."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterable
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

from tests.architecture.sources import ROOT, nodes

DECLARED: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())
MODULES = packages_distributions()
ONLY_FOR_TYPES = {"_typeshed"}

TOOLS = {"ruff", "mypy", "import-linter", "deptry", "pip-audit", "pytest-xdist", "pytest-timeout", "flask-cors"}
"""Packages of which we use commands or settings, or that the server of moto imports without saying so; of `types-…`
only mypy reads anything."""


def _names(requirements: Iterable[str]) -> set[str]:
    return {_normal(re.split(r"[<>=!~\[; ]", each)[0]) for each in requirements}


def _normal(package: str) -> str:
    """One spelling of a package's name (PEP 503)."""
    return re.sub(r"[-_.]+", "-", package).lower()


RUNTIME = _names(DECLARED["project"]["dependencies"])
TRACING = _names(DECLARED["project"]["optional-dependencies"]["tracing"])
DEVELOPMENT = _names(DECLARED["dependency-groups"]["dev"])


def _imported(path: Path) -> set[str]:
    """The top modules that a file imports."""
    found = set()
    for node in nodes(path):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.partition(".")[0])
    return found


@cache
def _packages_of_tests() -> set[str]:
    """The packages that the tests import, and the scraper, which only they load; without Python's own and ours."""
    ours = {folder.name for folder in (*ROOT.iterdir(), *(ROOT / "scraper").iterdir()) if folder.is_dir()}
    files = [file for folder in ("tests", "scraper") for file in (ROOT / folder).rglob("*.py")]
    modules = set().union(*map(_imported, files))
    foreign = modules - ours - set(sys.stdlib_module_names) - ONLY_FOR_TYPES
    return {
        "opentelemetry-sdk" if each == "opentelemetry" else _normal(MODULES.get(each, [each])[0]) for each in foreign
    }


def test_what_the_tests_import_is_declared() -> None:
    assert _packages_of_tests() <= RUNTIME | TRACING | DEVELOPMENT


def test_what_is_declared_for_tests_and_checks_is_used() -> None:
    unused = DEVELOPMENT - _packages_of_tests() - TOOLS
    assert {each for each in unused if not each.startswith("types-")} == set()
    assert TOOLS <= DEVELOPMENT
