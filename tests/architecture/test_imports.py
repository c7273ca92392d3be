"""The arrows of docs/architecture.md are checked by import-linter; here, that it checks all of them."""

from __future__ import annotations

import configparser
import subprocess
import sys

from tests.architecture.sources import ROOT, SERVICES

LAYERS = {"api": "api", "domain": "domain", "store": "store", "clients": "clients"}
FILES = {"listeners": "listeners", "jobs": "jobs"}


def test_every_room_that_exists_has_its_contract() -> None:
    """import-linter checks only what is named; a new service or layer must not slip past it."""
    contracts = configparser.ConfigParser()
    contracts.read(ROOT / ".importlinter")
    for service in SERVICES:
        assert service in contracts["importlinter"]["root_packages"].split()
        layers = {layer: contract for layer, contract in LAYERS.items() if (ROOT / service / layer).is_dir()}
        files = {file: contract for file, contract in FILES.items() if (ROOT / service / f"{file}.py").is_file()}
        for layer, contract in (layers | files).items():
            named = contracts[f"importlinter:contract:{contract}"]["source_modules"].split()
            assert f"{service}.{layer}" in named, f"{service}.{layer} is missing in .importlinter"


def test_the_arrows_hold() -> None:
    """An import against the arrows makes the tenth change larger than the first."""
    done = subprocess.run(
        [sys.executable, "-c", "from importlinter.cli import lint_imports_command; lint_imports_command()"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-3000:]
