"""Imports and reviews at the terminal."""

from __future__ import annotations

import json
from typing import Any

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import select
from sqlalchemy.orm import Session

from shared import database
from shared.runtime import cli, logs
from tests.accounts import ANNA
from tests.builders.imports import FIRST, SECOND, THIRD, Folder, a_file, a_record
from therapist_service.store.tables import TherapistSource


@pytest.fixture
def terminal(folder: Folder, session: Session, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Runs a command of the service, in the transaction of this test."""
    monkeypatch.setenv("IMPORT_URL", folder.settings.import_url)
    monkeypatch.setenv("IMPORT_PASSES", "new,identity,contact,reactivation")
    monkeypatch.setattr(database, "connect", lambda *_, **__: None)
    monkeypatch.setattr(logs, "configure", lambda *_: None)

    def run(*arguments: str, group: str = "imports") -> Result:
        return CliRunner().invoke(cli.commands, [group, *arguments], obj="therapist_service")

    return run


def test_imports_are_run_rejected_shown_and_undone(terminal: Any, folder: Folder) -> None:
    folder.drop(FIRST, a_file([*(a_record(f"a-{n}") for n in range(30)), a_record("a-30", last_name=None)]))
    done = terminal("run", FIRST)
    assert (done.exit_code, "completed  30 additions, 1 rejected" in done.output) == (0, True), done.output
    assert done.output.strip().endswith("a-30  None: last_name: is required")
    assert terminal("run").exit_code == 1
    folder.drop(SECOND, a_file(deletions=[f"a-{n}" for n in range(30)]))
    held = terminal("run")
    assert (held.exit_code, "It would deactivate 30 and change 0 of 30" in held.output) == (1, True), held.output
    folder.drop(THIRD, a_file([a_record("a-1", city="Bonn")]))
    behind = terminal("run")
    assert (behind.exit_code, f"It waits: {SECOND} is held" in behind.output) == (1, True), behind.output
    waits, newest, oldest, total = terminal("list").output.strip().splitlines()
    assert (total, FIRST in oldest, f"behind {SECOND}" in waits) == ("3 imports", True, True)
    id = newest.split()[0]
    rejected = terminal("reject", id, "--reason", "The source was down.", "--by", str(ANNA))
    assert rejected.output.count("Rejected: The source") == 1
    assert json.loads(terminal("show", id).output)["hold"]["decided_by"] == str(ANNA)
    again = terminal("approve", id)
    assert (again.exit_code, again.exception and str(again.exception)) == (
        1,
        "This import does not wait for approval.",
    )
    undone = terminal("undo", oldest.split()[0])
    assert (undone.exit_code, "undone  30 additions" in undone.output) == (0, True), undone.output
    shown = terminal("show", oldest.split()[0], "--records", "rejected").output
    assert json.loads(shown[: shown.rindex("}") + 1])["file"] == FIRST
    assert shown.strip().endswith("a-30  None: last_name: is required")


def test_reviews_are_decided_at_the_terminal(terminal: Any, folder: Folder, session: Session) -> None:
    folder.passes = frozenset()
    folder.bring(FIRST, a_file([a_record("a-1"), a_record("a-2")]))

    def reviews(*arguments: str) -> str:
        done = terminal(*arguments, group="reviews")
        assert done.exit_code == 0, done.output
        return str(done.output)

    second, first, total = reviews("list").strip().splitlines()
    assert (total, "new  pending  116117.de a-1  Sonnentau Aachen  " in first) == ("2 reviews", True)
    assert json.loads(reviews("show", first.split()[0]))["external_id"] == "a-1"
    approved = reviews("approve", first.split()[0], "--field", "last_name")
    assert "new  approved  116117.de a-1  Sonnentau  took over last_name\n" in approved
    assert "new  rejected" in reviews("reject", second.split()[0], "--reason", "Somebody else.")
    assert reviews("list", "--state", "approved", "--kind", "new").endswith("1 reviews\n")
    assert "new  pending" in reviews("reopen", second.split()[0])
    assert session.scalars(select(TherapistSource.external_id)).all() == ["a-1"]
