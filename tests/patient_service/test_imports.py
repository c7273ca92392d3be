"""Files with patients: nobody is entered twice or by half, and nothing of a file stays where it can be read."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from flask.testing import FlaskClient
from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from patient_service import jobs
from patient_service.domain import import_files, imports, key_rings
from patient_service.domain.import_files import CSV
from patient_service.store.tables import DataKey, Patient, PatientImport, PatientImportBlock
from shared.security.encryption import Keys
from tests.builders.keys import NEW, OLD, with_masters
from tests.builders.patient_files import HEADER, MIXED, begun, number_of_patients, person, table
from tests.builders.patients import a_patient, new_patient
from tests.builders.secrets import SECRETS, TRACES, everything_stored
from tests.conftest import MONDAY
from tests.events import recorded

IMPORTS = "/api/patient-imports"


class Staff:
    """Somebody who sends files, and a worker."""

    def __init__(self, client: FlaskClient, keys: Keys) -> None:
        self.client, self._keys = client, keys

    def send(self, content: str | bytes, query: str = "", *, media_type: str = CSV, **headers: str) -> Any:
        return self.client.post(f"{IMPORTS}{query}", data=content, content_type=media_type, headers=headers)

    def work(self) -> None:
        while jobs.import_patients(self._keys, MONDAY):
            pass

    def done(self, content: str | bytes, query: str = "", *, media_type: str = CSV) -> dict[str, Any]:
        answer = self.send(content, query, media_type=media_type)
        assert answer.status_code == 202, answer.json
        self.work()
        shown: dict[str, Any] = self.client.get(answer.headers["Location"]).json or {}
        return shown

    def problems(self, import_id: str) -> dict[int, Any]:
        """By their lines."""
        shown = self.client.get(f"{IMPORTS}/{import_id}/rows?outcome=refused").json["items"]
        return {each["line"]: each["problem"] for each in shown}


@pytest.fixture
def staff(client: FlaskClient, keys: Keys) -> Staff:
    return Staff(client, keys)


def counts(shown: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(shown[name] for name in ("status", "total", "checked", "entered", "refused"))


def test_everybody_in_a_file_is_entered_as_if_one_by_one(staff: Staff, session: Session) -> None:
    shown = staff.done(table("Anna,Muster,1990-05-17,,female", "Bernd,Beispiel,,,"))
    assert counts(shown) == ("completed", 2, 2, 2, 0)
    assert shown["finished_at"] is not None
    for status, number in (("completed", 1), ("completed,refused", 1), ("checking", 0)):
        assert staff.client.get(f"{IMPORTS}?status={status}").json["total"] == number, status
    rows = staff.client.get(f"{IMPORTS}/{shown['id']}/rows").json["items"]
    assert [(row["number"], row["line"], row["outcome"]) for row in rows] == [(1, 2, "entered"), (2, 3, "entered")]
    anna = staff.client.get(f"/api/patients/{rows[0]['patient_id']}").json
    assert (anna["first_name"], anna["gender"], anna["status"]) == ("Anna", "female", "open")
    assert {event["type"] for event in recorded(session)} == {"patient.registered"}
    assert len(recorded(session)) == 2
    listed = staff.client.get(f"{IMPORTS}?count_by=status").json
    assert (listed["total"], listed["counts"]) == (1, {"completed": 1})


def test_a_list_of_documents_is_entered_like_a_table(staff: Staff, session: Session) -> None:
    bodies = [new_patient(), new_patient(last_name="Herbstwind", anamnesis={"complaints": "denkt an Suizid"})]
    assert counts(staff.done(json.dumps(bodies), media_type="application/json"))[3] == 2
    assert staff.client.get("/api/patients?crisis=unacknowledged").json["total"] == 1


def test_a_dry_run_names_every_problem_and_enters_nobody(staff: Staff, session: Session) -> None:
    shown = staff.done(MIXED, "?dry_run=true")
    assert counts(shown) == ("completed", 4, 4, 0, 2)
    problems = staff.problems(shown["id"])
    assert {line: {each["field"] for each in problem["errors"]} for line, problem in problems.items()} == {
        3: {"first_name", "date_of_birth", "gender"},
        4: {"date_of_birth"},
    }
    assert {problem["code"] for problem in problems.values()} == {"input.invalid"}
    assert "gestern" not in json.dumps(problems)
    assert number_of_patients(session) == 0
    assert recorded(session) == []


@pytest.mark.parametrize(("query", "status", "entered"), [("", "refused", 0), ("?on_problem=skip_row", "completed", 2)])
def test_a_problem_refuses_the_file_or_its_row(
    staff: Staff, session: Session, query: str, status: str, entered: int
) -> None:
    assert counts(staff.done(MIXED, query)) == (status, 4, 4, entered, 2)
    assert number_of_patients(session) == entered


def test_sentences_are_in_the_language_of_the_reader(staff: Staff) -> None:
    shown = staff.done(MIXED, "?dry_run=true")
    for language, said in (("de", "fehlt"), ("en", "is required")):
        rows = staff.client.get(f"{IMPORTS}/{shown['id']}/rows", headers={"Accept-Language": language}).json["items"]
        assert said in rows[1]["problem"]["errors"][0]["message"]
    file = staff.client.get(f"{IMPORTS}/{shown['id']}/rows", headers={"Accept": "text/csv"}).text
    assert file.count("refused") == 2


def test_who_is_known_here_is_named_with_what_is_alike_and_noted(staff: Staff, session: Session, keys: Keys) -> None:
    known = a_patient(session, keys, first_name="Änne", last_name="Meyer", insurance_number="A123456780")
    content = table("Anne,Maier,1990-05-17,,", "Otto,Anders,1990-05-17,A123456780,")
    shown = staff.done(content)
    problems = staff.problems(shown["id"])
    assert {line: problem["code"] for line, problem in problems.items()} == {
        2: "patient.suspected_duplicate",
        3: "patient.already_known",
    }
    (candidate,) = problems[2]["candidates"]
    assert candidate["id"] == str(known.id)
    assert candidate["reference"] == known.reference
    assert candidate["why"] == ["similar_name", "date_of_birth"]
    log = staff.client.get(f"/api/patients/{known.id}/access-log").json["items"]
    assert [each["action"] for each in log] == ["listed", "created"]
    forced = staff.done(content, "?force=true&on_problem=skip_row")
    assert counts(forced) == ("completed", 2, 2, 1, 1)


def test_who_stands_in_the_file_twice_is_named_by_the_line(staff: Staff) -> None:
    content = table(
        "Anna,Meyer,1990-05-17,A123456780,", "Ana,Maier,1990-05-17,,", "Otto,Anders,,A123456780,", "Eva,Neu,,,"
    )
    shown = staff.done(content, "?on_problem=skip_row")
    assert counts(shown) == ("completed", 4, 4, 2, 2)
    problems = staff.problems(shown["id"])
    assert {problem["code"] for problem in problems.values()} == {"patient_import.row_alike"}
    assert [(line, each["candidates"][0]["line"], each["candidates"][0]["why"]) for line, each in problems.items()] == [
        (3, 2, ["similar_name", "date_of_birth"]),
        (4, 2, ["insurance_number"]),
    ]


def test_in_a_file_of_one_line_the_earlier_row_is_named_by_its_number(staff: Staff) -> None:
    rows = [{"first_name": "Eva", "last_name": "Neu"}, *(new_patient(first_name=name) for name in ("Anna", "Ana"))]
    shown = staff.done(json.dumps(rows), "?on_problem=skip_row", media_type="application/json")
    (problem,) = staff.problems(shown["id"]).values()
    assert [(each["number"], each["line"]) for each in problem["candidates"]] == [(2, 1)]
    assert "row 2 of the file (line 1)" in problem["detail"]


def test_the_same_file_again_enters_nobody_again(staff: Staff, session: Session) -> None:
    """With a key it is the same request, without one everybody is known."""
    key = {"Idempotency-Key": "a-file"}
    first = staff.send(table(person(1), person(2)), **key)
    again = staff.send(table(person(1), person(2)), **key)
    assert again.json["id"] == first.json["id"]
    assert again.headers["Idempotency-Replayed"] == "true"
    assert staff.send(table(person(3)), **key).status_code == 422
    staff.work()
    assert counts(staff.done(table(person(1), person(2)))) == ("refused", 2, 2, 0, 2)
    assert number_of_patients(session) == 2


def test_another_number_of_rows_than_expected_is_refused(staff: Staff, session: Session) -> None:
    answer = staff.send(table(person(1), person(2)), "?expected_total=3")
    assert (answer.status_code, answer.json["code"]) == (409, "patient_import.other_total")
    assert staff.send(table(person(1)), "?expected_total=1").status_code == 202


@pytest.mark.parametrize(
    ("content", "media_type", "headers", "status"),
    [
        ("", CSV, {}, 422),
        (HEADER, CSV, {}, 422),
        (table("Anna,Müller,,,").encode("latin-1"), CSV, {}, 422),
        (table("Anna,Müller,,,").encode("latin-1"), f"{CSV}; charset=windows-1252", {}, 202),
        ("[]", "application/json", {}, 422),
        ("x", "text/plain", {}, 415),
        (table(person(1)), CSV, {"Content-Encoding": "gzip"}, 415),
        (b"x" * (import_files.LARGEST_FILE + 1), CSV, {}, 413),
        (b"", CSV, {"Content-Length": str(1 << 30)}, 413),
    ],
)
def test_what_is_no_file_with_patients_is_refused_and_nothing_stored(
    staff: Staff, session: Session, content: str | bytes, media_type: str, headers: dict[str, str], status: int
) -> None:
    said = {"CONTENT_LENGTH": headers["Content-Length"]} if "Content-Length" in headers else {}
    answer = staff.client.post(IMPORTS, data=content, content_type=media_type, headers=headers, environ_overrides=said)
    assert answer.status_code == status
    assert session.scalar(select(func.count()).select_from(PatientImport)) == (status == 202)


def test_other_bodies_are_as_small_as_before(client: FlaskClient) -> None:
    assert client.post("/api/patients", data=b" " * (1 << 20) + b"{}", content_type=CSV).status_code == 413


@pytest.mark.parametrize("query", ["", "?dry_run=true"])
def test_nothing_of_a_file_is_readable_in_rows_events_or_logs(
    staff: Staff, session: Session, query: str, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    wrong = {**SECRETS, "gender": "Geheimrat", "Xanthippe": "Geheimrat", "insurance_number": None}
    content = json.dumps([new_patient(**SECRETS), new_patient(**SECRETS), wrong])
    with caplog.at_level(logging.DEBUG):
        staff.send(content, f"{query or '?'}&on_problem=skip_row".replace("?&", "?"), media_type="application/json")
        waiting = everything_stored(session)
        staff.work()
        staff.send(table("Xanthippe"), "")
        staff.send(f"{HEADER}\nXanthippe,Geheimrat,=1,,\n".encode("utf-16"))
        staff.work()
    said = caplog.text.lower() + "".join(capfd.readouterr()).lower()
    for found in (waiting, everything_stored(session), said):
        assert [trace for trace in TRACES if trace in found] == []
    assert session.scalar(select(func.count()).select_from(PatientImportBlock)) == 0
    assert session.scalar(select(func.count()).select_from(DataKey)) == number_of_patients(session)


def test_a_file_that_waits_outlives_a_new_master_key(session: Session) -> None:
    begun(session, with_masters(OLD), [person(1)])
    session.flush()
    both = with_masters(f"{NEW},{OLD}")
    assert [each.number for each in key_rings.rings(both).wrapping.rewrap_all()] == [1]
    while jobs.import_patients(with_masters(NEW), MONDAY):
        pass
    assert number_of_patients(session) == 1


def test_a_row_that_becomes_a_duplicate_after_the_check_takes_all_back(session: Session, keys: Keys) -> None:
    for on_problem, entered in (("refuse_file", 0), ("skip_row", 2)):
        rows = [f"Otto{on_problem},Nachname,1970-01-0{n},," for n in (1, 2, 3)]
        known = begun(session, keys, rows, on_problem=on_problem)
        jobs.import_patients(keys, MONDAY)
        a_patient(session, keys, first_name=f"Otto{on_problem}", last_name="Nachname", date_of_birth="1970-01-02")
        before = number_of_patients(session)
        while jobs.import_patients(keys, MONDAY):
            pass
        session.expire_all()
        shown = imports.get(session, known.id)
        assert (shown.entered, shown.refused) == (entered, 1)
        assert number_of_patients(session) - before == entered


def test_a_file_that_nobody_can_open_any_more_ends_and_stops_no_other(session: Session, keys: Keys) -> None:
    lost, other = (begun(session, keys, [person(number)]) for number in (1, 2))
    session.execute(delete(DataKey).where(DataKey.owner_id == lost.id))
    while jobs.import_patients(keys, MONDAY):
        pass
    session.expire_all()
    assert [imports.get(session, each.id).status for each in (lost, other)] == ["refused", "completed"]


def test_somebody_alike_whose_file_is_damaged_costs_the_row_alone(session: Session, keys: Keys) -> None:
    known = a_patient(session, keys)
    session.execute(update(Patient).where(Patient.id == known.id).values(sealed=bytes(40)))
    session.expire_all()
    rows = ["Erika,Erfunden,1990-05-17,,", person(1)]
    shown = begun(session, keys, rows, on_problem="skip_row")
    while jobs.import_patients(keys, MONDAY):
        pass
    session.expire_all()
    done = imports.get(session, shown.id)
    assert (done.status, done.entered, done.refused) == ("completed", 1, 1)


class Killed(Exception):
    """The process ends here."""


def test_a_whole_file_that_was_broken_off_is_entered_from_the_beginning(session: Session, keys: Keys) -> None:
    known = begun(session, keys, [person(n) for n in range(450)])
    progress = _killed_at(entered=400)
    assert imports.work(session, keys, progress=lambda *_: None, clock=lambda: MONDAY) == 1
    with pytest.raises(Killed), session.begin_nested():
        imports.work(session, keys, progress=progress, clock=lambda: MONDAY)
    assert number_of_patients(session) == 0
    session.expire_all()
    while jobs.import_patients(keys, MONDAY):
        pass
    session.expire_all()
    assert imports.get(session, known.id).entered == number_of_patients(session) == 450


def _killed_at(**when: int) -> Callable[..., None]:
    def progress(_import_id: UUID, counts: dict[str, int]) -> None:
        if counts == when:
            raise Killed

    return progress


def test_rows_go_on_where_they_were_broken_off(session: Session, keys: Keys) -> None:
    known = begun(session, keys, [person(n) for n in range(450)], on_problem="skip_row")
    for step, entered in enumerate([0, 200, 400, 450]):
        assert jobs.import_patients(keys, MONDAY) == 1, step
        session.expire_all()
        assert imports.get(session, known.id).entered == number_of_patients(session) == entered
    assert jobs.import_patients(keys, MONDAY) == 0
