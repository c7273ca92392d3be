"""The arrows of docs/architecture.md are checked by import-linter; here, that it checks all of them."""

from __future__ import annotations

import ast
import configparser
import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.architecture.sources import ROOT, SERVICES, nodes

CONTRACTS = configparser.ConfigParser()
CONTRACTS.read(ROOT / ".importlinter")
PACKAGES = CONTRACTS["importlinter"]["root_packages"].split()
FOLDERS = {"therapist_scraper": ROOT / "scraper"}
"""Where a package lies that is not at the top."""

AGAINST: dict[str, tuple[str, str]] = {
    "packages": ("patient_service/settings.py", "import matching_service.settings"),
    "operations": ("operations/ports.py", "import patient_service.settings"),
    "operations-routes": ("operations/gateway.py", "import gateway.paths"),
    "scraper": ("therapist_scraper/raw.py", "import shared.values.text"),
    "scraper-unknown": ("therapist_service/clients/inbox.py", "import therapist_scraper.raw"),
    "layers": ("patient_service/domain/rules.py", "import patient_service.jobs"),
    "edges": ("patient_service/api/routes.py", "import sqlalchemy"),
    "listeners": ("matching_service/listeners.py", "import matching_service.jobs"),
    "jobs-and-clients": ("therapist_service/jobs/__init__.py", "import therapist_service.store.queries"),
    "domain": ("communication_service/domain/schemas.py", "import shared.runtime.clock"),
    "store": ("matching_service/store/tables.py", "import shared.events.outbox"),
    "shared": ("shared/database/locks.py", "import shared.security.encryption"),
    "database-loads": ("shared/values/text.py", "import flask"),
    "domain-loads": ("geocoding_service/store/tables.py", "import confluent_kafka"),
    "worker-loads": ("shared/runtime/jobs.py", "import gunicorn"),
}
"""An import against each contract: the file in which it would be written, and the line."""


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    """What import-linter says of the packages in this folder."""
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command; lint_imports_command()"]
    given = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, [folder, ROOT, *FOLDERS.values()])), "COLUMNS": "200"}
    return subprocess.run([*command, "--no-cache"], cwd=folder, env=given, capture_output=True, text=True)


def test_every_service_is_checked() -> None:
    """import-linter looks only at what is named; a new service must not slip past it."""
    assert sorted(name for name in PACKAGES if name.endswith("_service")) == SERVICES


def test_every_module_of_runtime_has_its_layer() -> None:
    """Some stand above events and http and some below: import-linter cannot tell where a new one belongs."""
    layers = set(CONTRACTS["importlinter:contract:shared"]["layers"].replace("|", " ").replace(":", " ").split())
    files = {file.stem for file in (ROOT / "shared/runtime").iterdir() if not file.name.startswith("__")}
    assert {f"runtime.{name}" for name in files} == {name for name in layers if name.startswith("runtime.")}


def test_the_arrows_hold() -> None:
    """An import against the arrows makes the tenth change larger than the first."""
    done = lint(ROOT)
    assert done.returncode == 0, done.stdout[-3000:]


def test_the_tests_of_the_scraper_stand_alone_too() -> None:
    """What it is tested with could otherwise be what it must not need."""
    files = [*(ROOT / "tests/scraper").rglob("*.py")]
    files += [ROOT / "tests/fakes/directory_site.py", ROOT / "tests/hostile.py"]
    own = ("tests.scraper", "tests.fakes.directory_site", "tests.hostile")
    platform = {*PACKAGES, "tests"} - set(FOLDERS)
    found = {
        name
        for file in files
        for node in nodes(file)
        if isinstance(node, ast.ImportFrom | ast.Import)
        for name in ([node.module or ""] if isinstance(node, ast.ImportFrom) else [each.name for each in node.names])
        if name.partition(".")[0] in platform and not name.startswith(own)
    }
    assert found == set()


def test_an_import_against_an_arrow_breaks_its_contract(tmp_path: Path) -> None:
    """A contract that nothing can break says nothing."""
    names = {name.rpartition(":")[2]: CONTRACTS[name]["name"] for name in CONTRACTS.sections()[1:]}
    assert AGAINST.keys() == names.keys()
    shutil.copy(ROOT / ".importlinter", tmp_path)
    for package in PACKAGES:
        folder = FOLDERS.get(package, ROOT)
        shutil.copytree(folder / package, tmp_path / package, ignore=shutil.ignore_patterns("*.csv", "__pycache__"))
    for file, line in AGAINST.values():
        with (tmp_path / file).open("a") as against:
            against.write(f"\n{line}\n")
    said = lint(tmp_path).stdout
    assert [name for name in names.values() if f"{name} BROKEN" not in said] == []
