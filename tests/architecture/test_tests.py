"""How tests are written: what several of them need is a helper, never part of another test module."""

from __future__ import annotations

import ast
import subprocess
from pathlib import Path

import pytest

from tests.__main__ import FOUND_NOTHING, GROUPS, LONGEST_LINE, Run, arguments_of_groups, exit_code, run_side_by_side
from tests.architecture.sources import ROOT, nodes
from tests.infrastructure import STATE_OF_THE_PLATFORM

FILES = sorted((ROOT / "tests").rglob("*.py"))
OUTSIDE = [
    file
    for folder in ("testkit", "simulation", "chaos", "benchmarks", "operations")
    for file in (ROOT / folder).rglob("*.py")
]


def imported_modules(file: Path) -> set[str]:
    """The modules that a file names in its imports."""
    found = {alias.name for node in nodes(file) if isinstance(node, ast.Import) for alias in node.names}
    for node in nodes(file):
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
    """What several tests need is in `conftest.py`, a named module beside them, `tests/builders` or `tests/fakes`."""
    assert [name for name in imported_modules(file) if is_test_module(name)] == []


def test_what_tests_share_knows_no_test() -> None:
    assert [file for file in OUTSIDE if any(name.split(".")[0] == "tests" for name in imported_modules(file))] == []


def test_every_folder_of_tests_is_in_one_group() -> None:
    paths = [path for group in GROUPS.values() for path in group]
    assert all((ROOT / path).exists() for path in paths)
    assert len(paths) == len(set(paths))
    assert arguments_of_groups()["rules"] == [f"--ignore={path}" for path in paths]


@pytest.mark.parametrize(
    ("codes", "whole"),
    [
        ((0, 0, 0), 0),
        ((0, 1, 0), 1),
        ((1, 0, FOUND_NOTHING), 1),
        ((0, 0, 2), 2),
        ((-9, 0, 0), -9),
        ((FOUND_NOTHING, 0, FOUND_NOTHING), 0),
        ((FOUND_NOTHING, FOUND_NOTHING, FOUND_NOTHING), FOUND_NOTHING),
    ],
)
def test_the_whole_fails_where_any_group_does(codes: tuple[int, int, int], whole: int) -> None:
    assert exit_code(dict(zip("abc", codes, strict=True))) == whole


@pytest.mark.slow
def test_groups_that_run_side_by_side_end_with_codes_of_their_own(capfd: pytest.CaptureFixture[str]) -> None:
    """The output of the second is printed whole, after that of the first."""
    codes = run_side_by_side({"one": ["--version"], "two": ["--no-such-option"]})
    assert codes == {"one": 0, "two": 4}
    assert "unrecognized arguments: --no-such-option" in capfd.readouterr().out


def test_what_failed_is_said_once_more(tmp_path: Path) -> None:
    file = tmp_path / "output"
    file.write_text(
        "tests/x.py F\n"
        f"------ {STATE_OF_THE_PLATFORM} ------\nnot handled: a\ndead letter b\n------ Captured log ------\nother\n"
        f"------ {STATE_OF_THE_PLATFORM} ------\nnot handled: c\n====== short test summary info ======\n"
        f"FAILED tests/x.py::test_x - {'long' * 200}\nERROR tests/y.py\n== 1 failed in 1 s ==\n"
    )
    ended = subprocess.Popen(["false"])
    ended.wait()
    with file.open("rb") as output:
        failed, *others = Run(ended, output).failures()
    assert (failed[:27], len(failed)) == ("FAILED tests/x.py::test_x -", LONGEST_LINE)
    assert others == ["ERROR tests/y.py", "not handled: a", "dead letter b"]
