"""One name means one thing: no two classes of one name, no module named like a library."""

from __future__ import annotations

import ast
import sys
from collections import defaultdict
from importlib.metadata import packages_distributions
from pathlib import Path

from tests.architecture.sources import ROOT, nodes, sources

PACKAGES = sorted(path.parent.name for path in ROOT.glob("*/__init__.py") if path.parent.name != "tests")
PER_PACKAGE = {"Settings", "Tables", "Dependencies"}
"""Classes of which every package that needs one declares its own, with the same purpose, under the same name."""

LIBRARY_NAMES = {
    "shared/http": "the package of our HTTP layer; nothing imports it as `http`",
    "shared/http/responses.py": "the library is one of moto's, which runs in tests alone; nothing of ours imports it",
    "user_service/api/responses.py": "as above",
}
"""Modules that are named like a library, with the reason."""


def modules() -> list[Path]:
    """Every module that is ours, without tests and the revisions of migrations."""
    return [path for path in sources(*PACKAGES) if not path.name[0].isdigit()]


def duplicate_classes() -> dict[str, list[str]]:
    """The names of classes that are declared in several modules, with these modules."""
    declared: dict[str, set[str]] = defaultdict(set)
    for path in modules():
        for node in nodes(path):
            if isinstance(node, ast.ClassDef):
                declared[node.name].add(str(path.relative_to(ROOT)))
    return {name: sorted(where) for name, where in declared.items() if len(where) > 1 and name not in PER_PACKAGE}


def modules_named_like_a_library() -> set[str]:
    """Modules and packages with the name of a standard or installed library."""
    ours = {path.name for path in ROOT.iterdir()}
    libraries = (set(sys.stdlib_module_names) | set(packages_distributions())) - ours
    paths = {path if path.name != "__init__.py" else path.parent for path in modules()}
    return {str(path.relative_to(ROOT)) for path in paths if path.stem in libraries and not path.stem.startswith("_")}


def test_no_two_classes_have_one_name() -> None:
    """A reader who searches for a class finds one, and an error message names one."""
    assert duplicate_classes() == {}


def test_no_module_is_named_like_a_library() -> None:
    """`from … import requests` must never leave open which `requests` is meant."""
    assert modules_named_like_a_library() - set(LIBRARY_NAMES) == set()


def test_the_list_of_library_names_has_no_entry_too_many() -> None:
    """The list only becomes shorter: an entry that is not needed any more must be removed."""
    assert set(LIBRARY_NAMES) - modules_named_like_a_library() == set()
