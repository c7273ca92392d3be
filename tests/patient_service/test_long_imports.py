"""A long import takes little of the database's room for locks, and keeps nobody waiting for longer than it must."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import timedelta
from itertools import count
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import event, select, text
from sqlalchemy.orm import Session

from patient_service.domain import imports, patients
from patient_service.domain.schemas import NewPatient
from patient_service.store.tables import Patient
from shared.database import transaction
from shared.errors import Conflict
from shared.security.encryption import Keys
from tests.builders.keys import NEW, OLD, with_indexes
from tests.builders.patient_files import begun, number_of_patients, person
from tests.builders.patients import a_patient, new_patient
from tests.concurrency import in_turn
from tests.conftest import MONDAY

RINGS = {"one key": NEW, "two keys": f"{NEW},{OLD}"}
ADVISORY_LOCKS = text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()")


def work(session: Session, keys: Keys) -> None:
    while imports.work(session, keys, progress=lambda *_: None, clock=lambda: MONDAY):
        session.expire_all()


def check(session: Session, keys: Keys, rows: list[str], **options: Any) -> None:
    """Begin an import, and check its rows."""
    begun(session, keys, rows, **options)
    session.flush()
    assert imports.work(session, keys, progress=lambda *_: None, clock=lambda: MONDAY) == 1
    session.expire_all()


@pytest.mark.parametrize("ring", RINGS.values(), ids=RINGS)
@pytest.mark.parametrize("on_problem", ["refuse_file", "skip_row"])
def test_an_import_holds_a_few_locks_however_many_rows_it_has(session: Session, ring: str, on_problem: str) -> None:
    keys = with_indexes(ring)
    begun(session, keys, [person(n) for n in range(300)], on_problem=on_problem)
    session.flush()
    work(session, keys)
    assert number_of_patients(session) == 300
    assert (session.scalar(ADVISORY_LOCKS) or 0) <= 3


def test_many_patients_of_one_transaction_hold_no_more_locks_than_there_are(session: Session) -> None:
    keys = with_indexes(RINGS["two keys"])
    for day in range(1, 29):
        a_patient(session, keys, date_of_birth=f"1990-05-{day:02}", house_number=str(day))
    assert 2 < (session.scalar(ADVISORY_LOCKS) or 0) <= 65


@pytest.mark.usefixtures("real_commits")
@pytest.mark.parametrize("first", ["file", "person"])
def test_nobody_is_entered_twice_by_a_file_and_at_a_desk_while_keys_are_replaced(first: str) -> None:
    """Each writes with another key, so that no unique index sees that both mean the same person."""
    of_file, of_desk = with_indexes(f"{NEW},{OLD}"), with_indexes(f"{OLD},{NEW}")
    anna = {"first_name": "Anna", "last_name": "Muster", "date_of_birth": "1990-05-17"}

    def file(session: Session) -> int:
        work(session, of_file)
        return number_of_patients(session)

    def desk(session: Session) -> None:
        new = NewPatient.from_json(new_patient(**anna))
        patients.register(session, of_desk, new, force=False, by=None, now=MONDAY)

    with transaction() as session:
        check(session, of_file, ["Anna,Muster,1990-05-17,,"])
    outcome = in_turn(file, desk) if first == "file" else in_turn(desk, file)
    assert isinstance(outcome, Conflict) if first == "file" else outcome == 1
    with transaction() as session:
        assert number_of_patients(session) == 1


def test_all_is_prepared_before_the_first_row_is_inserted(session: Session, keys: Keys) -> None:
    check(session, keys, [person(n) for n in range(450)])
    statements: list[str] = []
    event.listen(session.connection(), "before_cursor_execute", lambda *given: statements.append(given[2]))
    work(session, keys)
    inserts = [n for n, each in enumerate(statements) if "INSERT INTO patients" in each]
    reads = [n for n, each in enumerate(statements) if "FROM patient_import_blocks" in each and "SELECT" in each]
    assert number_of_patients(session) == 450
    assert len(reads) == 3
    assert max(reads) < min(inserts)


@pytest.mark.parametrize(("options", "steps"), [({}, 2), ({"on_problem": "skip_row"}, 3), ({"dry_run": True}, 1)])
def test_it_is_said_when_an_import_ended_and_not_when_its_last_step_began(
    session: Session, keys: Keys, options: dict[str, Any], steps: int
) -> None:
    known = begun(session, keys, [person(n) for n in range(300)], **options)
    session.flush()
    ticks = count()
    for step in range(steps):
        began = MONDAY + timedelta(seconds=next(ticks))
        assert imports.work(
            session, keys, progress=lambda *_: None, clock=lambda: MONDAY + timedelta(seconds=next(ticks))
        ), step
        session.expire_all()
        shown = imports.get(session, known.id)
        assert shown.updated_at > began
    assert shown.finished_at is not None
    assert shown.finished_at == shown.updated_at > began + timedelta(seconds=1)


def test_progress_says_when_it_was_made(session: Session, keys: Keys) -> None:
    known = begun(session, keys, [person(1)])
    session.flush()
    imports.record_progress(session, known.id, {"checked": 1}, now=MONDAY + timedelta(seconds=5))
    session.expire_all()
    assert imports.get(session, known.id).updated_at == MONDAY + timedelta(seconds=5)


# Whoever waits for what somebody else holds


@pytest.fixture
def held(keys: Keys, real_commits: None) -> Iterator[Any]:
    """A patient whose row another transaction holds."""
    with transaction() as session:
        known = a_patient(session, keys)
    with transaction() as session:
        session.execute(select(Patient.id).where(Patient.id == known.id).with_for_update())
        yield known


def test_a_request_does_not_wait_for_ever_for_what_another_transaction_holds(held: Any, app: Flask) -> None:
    before = time.monotonic()
    answer = app.test_client().patch(f"/api/patients/{held.id}", json={"city": "Köln"})
    assert (answer.status_code, answer.json["code"]) == (503, "database.locked"), answer.json
    assert int(answer.headers["Retry-After"]) > 0
    assert time.monotonic() - before < 6


def test_a_request_does_not_wait_for_ever_for_somebody_who_is_being_entered(
    keys: Keys, app: Flask, real_commits: None
) -> None:
    client, new = app.test_client(), new_patient(insurance_number="A123456780")
    with transaction() as session:
        session.execute(text("SELECT 1"))
        patients.register(session, keys, NewPatient.from_json(new), force=False, by=None, now=MONDAY)
        answer = client.post("/api/patients", json=new)
        assert (answer.status_code, answer.json["code"]) == (503, "database.locked"), answer.json
    assert client.post("/api/patients", json=new).status_code == 409
