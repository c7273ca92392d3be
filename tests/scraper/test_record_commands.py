"""`validate` and `diff` on the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tests.scraper.entries import EVERYWHERE, SAMPLES, SOURCE, an_entry
from therapist_scraper import state
from therapist_scraper.cli import commands
from therapist_scraper.differences import compare
from therapist_scraper.normalisation import normalise
from therapist_scraper.state import State


def run(*arguments: object) -> Result:
    return CliRunner().invoke(commands, list(map(str, arguments)))


def a_state(folder: Path, name: str, count: int) -> Path:
    entries = [an_entry(f"p-{number}") for number in range(count)]
    state.save(str(folder / name), compare(State(SOURCE), normalise(entries), EVERYWHERE).state)
    return folder / name


def test_validate_ends_with_1_where_something_is_wrong(tmp_path: Path) -> None:
    sample = SAMPLES / "therapists_20261127_040000.json"
    assert run("validate", sample).exit_code == 0
    broken = tmp_path / sample.name
    broken.write_text(sample.read_text().replace('"version": "1.0"', '"version": "7"'))
    done = run("validate", broken)
    assert (done.exit_code, done.stdout) == (1, "metadata.version: does not fit the schema (pattern)\n")
    assert run("validate", tmp_path / "nothing.json").exit_code == 1


def test_diff_leads_from_one_state_to_another(tmp_path: Path) -> None:
    before, after, out = a_state(tmp_path, "before", 20), a_state(tmp_path, "after", 15), tmp_path / "out"
    printed = run("diff", before, after, "--out", out, "--dry-run")
    assert (len(json.loads(printed.stdout)["changes"]["deletions"]), out.exists()) == (5, False)
    assert "a dry run: nothing was written" in printed.stderr
    assert "5 gone, 15 as before" in printed.stderr
    assert run("diff", before, after, "--out", out).exit_code == 0
    (written,) = out.iterdir()
    assert run("validate", written).exit_code == 0
    everybody = run("diff", tmp_path / "none", after, "--out", out, "--dry-run")
    assert len(json.loads(everybody.stdout)["changes"]["additions"]) == 15


@pytest.mark.parametrize(("options", "code"), [((), 6), (("--allow",), 0)])
def test_an_unusual_difference_must_be_allowed(tmp_path: Path, options: tuple[str, ...], code: int) -> None:
    before, after = a_state(tmp_path, "before", 40), a_state(tmp_path, "after", 15)
    assert run("diff", before, after, "--out", tmp_path / "out", *options).exit_code == code
    assert (tmp_path / "out").exists() == (code == 0)
