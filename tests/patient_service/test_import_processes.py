"""Several processes work on files with patients, one is killed, one refuses, and one is at a terminal."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import func, select, text

from migrations.connections import as_owner
from migrations.settings import MigrationSettings
from patient_service.domain import import_files, imports
from patient_service.domain.import_files import CSV
from patient_service.domain.import_schemas import PatientImportOptions
from patient_service.store.tables import PatientImport, StatusChange
from shared.database import transaction
from shared.security.encryption import Keys
from tests.architecture.sources import ROOT
from tests.builders.patient_files import MIXED, begun, number_of_patients, person, table, work_until_done
from tests.builders.patients import NOBODY
from tests.commands import ended
from tests.concurrency import at_once
from tests.conftest import MONDAY


@pytest.mark.usefixtures("real_commits")
def test_two_files_at_once_with_the_same_people_enter_each_of_them_once(keys: Keys) -> None:
    for options in ({}, {"on_problem": "skip_row"}):
        with transaction() as session:
            known = [begun(session, keys, [person(n) for n in range(30)], **options).id for _ in range(2)]
        at_once([partial(work_until_done, keys)] * 3)
        with transaction() as session:
            shown = [imports.get(session, each) for each in known]
            assert sorted(each.entered for each in shown)[0] == 0
            assert number_of_patients(session) == 30
            assert all(each.finished_at for each in shown)


@pytest.mark.usefixtures("real_commits")
def test_a_process_that_is_killed_enters_nobody_twice_and_nobody_by_half(keys: Keys, tmp_path: Path) -> None:
    file = tmp_path / "patients.csv"
    file.write_text(table(*(person(n) for n in range(600))))
    process = subprocess.Popen(
        [sys.executable, "-m", "patient_service", "import", str(file), "--skip-rows"],
        cwd=ROOT,
        env=dict(os.environ),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        with transaction() as session:
            if number_of_patients(session):
                break
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait(10)
    with transaction() as session:
        assert 0 < number_of_patients(session) < 600
    work_until_done(keys)
    with transaction() as session:
        (known,) = session.scalars(select(PatientImport))
        assert (known.status, known.entered, number_of_patients(session)) == ("completed", 600, 600)


@pytest.fixture
def stricter(real_commits: None) -> Iterator[None]:
    """The table refuses a value that no check foresees."""
    constraint = "ALTER TABLE patients {} CONSTRAINT for_a_test"
    with as_owner(MigrationSettings(), "patient_service") as owner:
        owner.execute(text(constraint.format("ADD") + " CHECK (registered_on <> '2026-01-02')"))
        owner.commit()
    yield
    with as_owner(MigrationSettings(), "patient_service") as owner:
        owner.execute(text(constraint.format("DROP")))
        owner.commit()


@pytest.mark.usefixtures("stricter")
@pytest.mark.parametrize(("on_problem", "entered"), [("refuse_file", 0), ("skip_row", 2)])
def test_a_value_that_only_the_database_refuses_costs_its_row_or_the_file(
    keys: Keys, on_problem: str, entered: int
) -> None:
    content = b"first_name,last_name,registered_on\nA,B,2026-01-01\nC,D,2026-01-02\nE,F,2026-01-03\n"
    read = import_files.read(content, media_type=CSV, charset=None)
    options = PatientImportOptions.from_json({"on_problem": on_problem})
    with transaction() as session:
        known = imports.begin(session, keys, read, options, is_csv=True, reader=NOBODY, now=MONDAY)
    work_until_done(keys)
    with transaction() as session:
        shown = imports.get(session, known.id)
        assert (shown.entered, shown.refused, number_of_patients(session)) == (entered, 1, entered)


# At the terminal


def import_file(file: Path, *options: str) -> tuple[int, str]:
    """The exit code and what was said."""
    done = ended("patient_service", "import", str(file), *options)
    return done.returncode, done.stdout + done.stderr


@pytest.mark.usefixtures("real_commits")
def test_a_file_is_entered_at_the_terminal_with_every_problem_by_its_line(tmp_path: Path) -> None:
    file = tmp_path / "patients.csv"
    file.write_text(MIXED)
    code, checked = import_file(file, "--dry-run")
    assert code == 1
    assert "row 2, line 3: date_of_birth must be" in checked
    assert "gestern" not in checked
    assert "completed: 4 rows, 0 entered, 2 refused" in checked
    assert import_file(file)[0] == 1
    assert "completed: 4 rows, 2 entered, 2 refused" in import_file(file, "--skip-rows")[1]
    file.write_text(table(person(1)))
    assert "expected: 2" in import_file(file, "--expected-total", "2")[1].replace("2 were expected", "expected: 2")
    assert import_file(file, "--expected-total", "1")[0] == 0
    file.write_bytes(b"\xff")
    code, unreadable = import_file(file)
    assert (code, "Line 1 is not UTF-8" in unreadable) == (1, True)
    assert "--charset windows-1252" in unreadable
    with transaction() as session:
        assert number_of_patients(session) == 3
        assert session.scalar(select(func.count()).select_from(StatusChange)) == 0
