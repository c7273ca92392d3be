"""What is declared in pyproject.toml is used, and what is used is declared."""

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

IMPORTED_BY_NOBODY = {
    "beautifulsoup4": "the scraper reads pages with it",
    "geopy": "geocoding asks Nominatim with it",
    "tzdata": "zoneinfo reads it where the system has no time zones",
}
"""Packages that the platform runs with, and why although no module of ours imports them."""

COME_WITH = {"werkzeug": "flask", "pydantic_core": "pydantic", "opentelemetry": "opentelemetry-sdk"}
"""Modules of packages that another package brings for sure, being made of them."""
ONLY_FOR_TYPES = {"_typeshed"}

MODULES = packages_distributions()


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
def _packages(*, tests: bool) -> set[str]:
    """The packages that our code imports, without Python's own and ours; the tests', or all others'."""
    folders = [folder for folder in ROOT.iterdir() if folder.is_dir() and not folder.name.startswith((".", "build"))]
    ours = {folder.name for folder in folders}
    files = [path for folder in folders for path in folder.rglob("*.py") if (folder.name == "tests") == tests]
    modules = set().union(*map(_imported, files)) - ours - set(sys.stdlib_module_names) - ONLY_FOR_TYPES
    return {_normal(COME_WITH.get(module) or MODULES.get(module, [module])[0]) for module in modules}


def test_a_package_that_the_platform_runs_with_is_imported_or_says_why_not() -> None:
    assert RUNTIME - _packages(tests=False) == set(IMPORTED_BY_NOBODY)


def test_what_the_platform_imports_is_declared() -> None:
    assert _packages(tests=False) <= RUNTIME | TRACING


def test_what_the_tests_import_is_declared() -> None:
    assert _packages(tests=True) <= RUNTIME | TRACING | DEVELOPMENT
