"""What reports of imports say of people: nothing that stood in a file, of nobody who was erased, and not for ever."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from patient_service import jobs
from patient_service.clients.other_services import OtherServices
from patient_service.dependencies import Dependencies
from patient_service.domain.schemas import NewPatient
from patient_service.store.tables import FileAccess, PatientImport, PatientImportRow
from shared.security.encryption import Keys
from tests.builders.patient_files import begun, person, table
from tests.builders.patients import a_patient, new_patient
from tests.builders.secrets import everything_stored
from tests.conftest import MONDAY

IMPORTS = "/api/patient-imports"
Work = Callable[[], None]


@pytest.fixture
def work(keys: Keys) -> Work:
    """A worker that enters what waits."""

    def until_done() -> None:
        while jobs.import_patients(keys, MONDAY):
            pass

    return until_done


def send(client: FlaskClient, work: Work, content: Any, query: str = "", **headers: str) -> str:
    """The address of the import of this file, when it is over."""
    is_table = isinstance(content, str)
    data, media_type = (content, "text/csv") if is_table else (json.dumps(content), "application/json")
    answer = client.post(f"{IMPORTS}{query}", data=data, content_type=media_type, headers=headers)
    assert answer.status_code == 202, answer.json
    work()
    return str(answer.headers["Location"])


def rows_of(client: FlaskClient, at: str) -> list[Any]:
    found: list[Any] = client.get(f"{at}/rows").json["items"]
    return found


def stored(session: Session) -> str:
    """All reports, as the database has them."""
    return "\n".join(session.scalars(text("SELECT r::text FROM patient_import_rows r")))


def erase(client: FlaskClient, patient: Any) -> None:
    assert client.delete(f"/api/patients/{patient['id']}?confirm={patient['reference']}").status_code == 202


# What they say


def test_no_report_repeats_what_stood_in_a_field(client: FlaskClient, session: Session, work: Work) -> None:
    secret = "Geheimrat"
    hostile = [secret, [secret], {secret: secret}, {"name": secret}, [{secret: 1}], -1]
    content = [
        {**new_patient(first_name=f"A{number}", date_of_birth=None, street=None), name: value}
        for number, (name, value) in enumerate((name, value) for name in NewPatient.model_fields for value in hostile)
    ]
    content.append({"first_name": "Anna", "last_name": "Muster", secret: 1, f"x.{secret}": secret})
    at = send(client, work, content, "?dry_run=true")
    assert client.get(at).json["refused"] > len(NewPatient.model_fields) * 3
    assert secret.lower() not in stored(session).lower()


# Of whom they speak


def test_who_was_erased_is_in_no_report(client: FlaskClient, session: Session, keys: Keys, work: Work) -> None:
    entered = send(client, work, table("Anne,Meyer,1990-05-17,,", "Otto,Anders,1980-01-01,,"))
    ids = [each["patient_id"] for each in rows_of(client, entered)]
    anne = client.get(f"/api/patients/{ids[0]}").json
    other = a_patient(session, keys, first_name="Änne", last_name="Maier", date_of_birth="1990-05-17")
    again = "Anne,Meyer,1990-05-17,,"
    alike = send(client, work, table(again, again), "?dry_run=true")
    forced = send(client, work, table(again, again), "?on_problem=skip_row&force=true")
    candidates = rows_of(client, alike)[0]["problem"]["candidates"]
    assert {each["id"] for each in candidates} == {anne["id"], str(other.id)}
    assert other.reference not in stored(session), "ids alone: who reads is told the rest"
    erase(client, anne)
    for trace in (anne["id"], anne["reference"]):
        assert trace not in stored(session)
    report = rows_of(client, entered)
    assert [(each["outcome"], each["patient_id"]) for each in report] == [("entered", None), ("entered", ids[1])]
    (left,) = rows_of(client, alike)[0]["problem"]["candidates"]
    assert left["id"] == str(other.id), "of everybody else the reports say what they said"
    assert client.get(entered).json["entered"] == 2
    assert len(rows_of(client, forced)) == 2


def test_who_was_erased_while_a_row_was_written_is_not_shown(
    client: FlaskClient, session: Session, keys: Keys, work: Work
) -> None:
    patient = a_patient(session, keys, first_name="Anne", last_name="Meyer")
    at = send(client, work, table("Anne,Meyer,1990-05-17,,"), "?dry_run=true")
    written = session.scalars(select(PatientImportRow.problem)).one()
    erase(client, patient.to_json())
    row = session.scalars(select(PatientImportRow)).one()
    row.problem = written
    session.commit()
    shown = rows_of(client, at)[0]["problem"]
    assert (shown["code"], shown["candidates"]) == ("patient.suspected_duplicate", [])
    assert patient.reference not in client.get(f"{at}/rows", headers={"Accept": "text/csv"}).text


def test_lines_of_the_file_stay_where_somebody_is_erased(
    client: FlaskClient, session: Session, keys: Keys, work: Work
) -> None:
    at = send(client, work, table("Anne,Meyer,1990-05-17,,", "Anna,Maier,1990-05-17,,"), "?dry_run=true")
    erase(client, a_patient(session, keys).to_json())
    assert [each["line"] for each in rows_of(client, at)[1]["problem"]["candidates"]] == [2]


# For how long


def remove(keys: Keys, after: timedelta, **settings: int) -> int:
    dependencies = Dependencies(keys, OtherServices(()), **settings)
    (job,) = [each for each in jobs.jobs(dependencies) if each.name == "patient-import-rows"]
    return job.run(MONDAY + after)


def test_what_became_of_each_row_is_kept_for_a_time_that_is_set(
    client: FlaskClient, session: Session, keys: Keys, work: Work
) -> None:
    at = send(client, work, table(person(1), person(1), "Anne,,,,"), "?on_problem=skip_row")
    before = client.get(at).json
    assert before["rows_removed_at"] is None
    assert remove(keys, timedelta(days=30)) == 0
    assert remove(keys, timedelta(days=30, seconds=1), import_rows_kept_days=31) == 0
    assert len(rows_of(client, at)) == 3
    assert remove(keys, timedelta(days=30, seconds=1)) == 1
    assert (rows_of(client, at), stored(session)) == ([], "")
    after = client.get(at).json
    kept = ("status", "total", "checked", "entered", "refused", "finished_at", "created_at", "started_by")
    assert {name: after[name] for name in kept} == {name: before[name] for name in kept}
    assert datetime.fromisoformat(after["rows_removed_at"]) == MONDAY + timedelta(days=30, seconds=1)
    assert remove(keys, timedelta(days=400)) == 0, "once is enough"


def test_an_import_that_is_not_over_keeps_its_rows(session: Session, keys: Keys) -> None:
    waiting = begun(session, keys, [person(1)])
    session.flush()
    assert jobs.import_patients(keys, MONDAY) == 1
    assert remove(keys, timedelta(days=400)) == 0
    assert jobs.import_patients(keys, MONDAY) == 1
    assert session.scalars(select(PatientImport.entered).where(PatientImport.id == waiting.id)).one() == 1


# Why the file was sent


@pytest.mark.parametrize("query", ["", "?on_problem=skip_row", "?on_problem=skip_row&force=true"])
def test_the_access_log_of_everybody_entered_says_why(
    client: FlaskClient, session: Session, work: Work, query: str
) -> None:
    content = table(person(1), person(2), *([person(2)] if "skip" in query else []))
    at = send(client, work, content, query, **{"X-Purpose": "Umzug der Praxis Xanthippe"})
    ids = [UUID(each["patient_id"]) for each in rows_of(client, at) if each["patient_id"]]
    assert len(ids) == 2 + ("force" in query)
    for each in ids:
        log = client.get(f"/api/patients/{each}/access-log").json["items"]
        assert [(entry["action"], entry["purpose"]) for entry in log][-1] == ("created", "Umzug der Praxis Xanthippe")
    assert len(set(session.scalars(select(FileAccess.purpose)))) >= len(ids), "each is sealed with a key of its own"
    assert "xanthippe" not in everything_stored(session)
    assert session.scalars(select(PatientImport.purpose)).all() == [None], "gone when the import is over"


def test_why_a_file_was_sent_waits_sealed(client: FlaskClient, session: Session) -> None:
    headers = {"X-Purpose": "Umzug der Praxis Xanthippe"}
    client.post(IMPORTS, data=table(person(1)), content_type="text/csv", headers=headers)
    assert session.scalars(select(PatientImport.purpose)).one() is not None
    assert "xanthippe" not in everything_stored(session)


def test_without_a_purpose_none_is_noted(client: FlaskClient, session: Session, work: Work) -> None:
    send(client, work, table(person(1)))
    assert session.scalars(select(FileAccess.purpose).where(FileAccess.action == "created")).all() == [None]
