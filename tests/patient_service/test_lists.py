"""Lists of patients: views, orders, files, and the one entry of the access log that names everybody shown."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import event, func, select, update
from sqlalchemy.orm import Session

from patient_service.domain import patients
from patient_service.domain.accesses import Reader
from patient_service.domain.lists import PATIENTS
from patient_service.store import lists
from patient_service.store.tables import IS_THERE, FileAccess, ListAccess, Patient, StatusChange
from shared.runtime import clock
from shared.security.encryption import Keys
from shared.values.datetimes import berlin_day
from shared.values.enums import Role
from shared.values.lists import View
from tests.accounts import ANNA, signed_in
from tests.builders.lists import asked_for, sorted_without_index
from tests.builders.patients import a_patient, a_patient_who_is
from tests.conftest import MONDAY

URL = "/api/patients"
CSV = {"Accept": "text/csv"}
SECRET = {
    "insurance_number": "A123456780",
    "phone": "+4924112345",
    "reason_without_guardian": "geheim",
    "practice_summary": "geheim",
    "general_practitioner": "geheim",
}


@pytest.fixture
def five(session: Session, keys: Keys) -> list[UUID]:
    """Five patients; two of them search."""
    waiting = [a_patient(session, keys, last_name=f"Erfunden {name}").id for name in "ABC"]
    return waiting + [a_patient_who_is(session, keys, "searching", last_name=f"Erfunden {name}").id for name in "DE"]


def ids(answer: Any) -> list[UUID]:
    assert answer.status_code == 200, answer.json
    return [UUID(item["id"]) for item in answer.json["items"]]


def lists_noted(session: Session) -> list[ListAccess]:
    return list(session.scalars(select(ListAccess).order_by(ListAccess.id)))


# Views


def test_a_row_has_no_diagnosis_no_number_and_no_free_text(client: FlaskClient, session: Session, keys: Keys) -> None:
    a_patient(session, keys, **SECRET)
    (row,) = client.get(f"{URL}?view=row").json["items"]
    assert {"reference", "first_name", "last_name", "status", "postal_code", "version"} <= row.keys()
    clinical = {"diagnoses", "consents", "anamnesis", "consultation", "crisis", "contact_persons", *SECRET}
    assert not clinical & row.keys()
    assert "geheim" not in str(row)


def test_a_label_names_a_patient(client: FlaskClient, session: Session, keys: Keys) -> None:
    known = a_patient(session, keys, date_of_birth=f"{berlin_day(clock.now()).year - 40}-01-01")
    nameless = a_patient(session, keys, date_of_birth=None)
    without, (label) = client.get(f"{URL}?view=label").json["items"]
    assert label == {
        "id": str(known.id),
        "reference": known.reference,
        "name": "Erika Erfunden",
        "age": 40,
        "unreadable": False,
        "status": "open",
    }
    assert (without["id"], without["age"]) == (str(nameless.id), None)


def test_full_is_what_a_patient_s_own_address_shows(client: FlaskClient, session: Session, keys: Keys) -> None:
    url = f"{URL}/{a_patient(session, keys, **SECRET).id}"
    assert client.get(f"{URL}?view=full").json["items"] == client.get(URL).json["items"] == [client.get(url).json]


# Orders, filters, counts


def test_patients_are_listed_by_the_start_of_their_search(
    client: FlaskClient, session: Session, five: list[UUID]
) -> None:
    for place, patient in enumerate(five[3:]):
        day = date(2026, 3, 1) - timedelta(days=place)
        session.execute(update(Patient).where(Patient.id == patient).values(search_started_on=day))
    longest_first = [five[4], five[3], *five[:3]]
    assert ids(client.get(f"{URL}?sort=search_started_on")) == longest_first
    assert ids(client.get(f"{URL}?sort=-search_started_on")) == longest_first[::-1]
    assert list(walk(client, "sort=search_started_on")) == longest_first
    assert list(walk(client, "sort=-last_contact_on")) == five[::-1]


def walk(client: FlaskClient, query: str) -> Iterator[UUID]:
    page = client.get(f"{URL}?limit=2&{query}")
    while True:
        yield from ids(page)
        if page.json["next"] is None:
            return
        page = client.get(f"{URL}?limit=2&{query}&after={page.json['next']}")


def test_a_list_is_filtered_and_counted(client: FlaskClient, five: list[UUID]) -> None:
    assert client.get(f"{URL}?count_by=status&limit=1").json["counts"] == {"open": 3, "searching": 2}
    assert len(ids(client.get(f"{URL}?status=open,searching&postal_code=52062,50667"))) == 5
    assert ids(client.get(f"{URL}?status=paused,searching")) == five[:2:-1]
    assert ids(client.get(f"{URL}?ids={five[0]},{uuid4()},{five[4]}&status=open")) == [five[0]]
    assert client.get(f"{URL}?postal_code=50667").json["total"] == 0


def test_every_order_has_an_index(session: Session) -> None:
    shown = select(Patient.id).where(IS_THERE)
    for rows, listing in ((shown, lists.PATIENTS), (select(StatusChange.id), lists.STATUS_CHANGES)):
        assert sorted_without_index(session, rows, listing) == []


@pytest.mark.parametrize("view", ["row", "label"])
def test_a_page_is_read_and_counted_in_one_statement_which_reads_no_more_than_the_view_shows(
    session: Session, keys: Keys, five: list[UUID], view: View
) -> None:
    statements: list[str] = []
    event.listen(session.connection(), "before_cursor_execute", lambda *given: statements.append(given[2]))
    reader, wanted = Reader(id=ANNA, purpose="Anruf"), asked_for(PATIENTS, view=view, q="Erfunden", limit=2)
    listed = patients.list_part(session, keys, wanted, reader=reader, now=MONDAY)
    assert (listed.total, [each.id for each in listed.items]) == (5, five[:-3:-1])
    read, noted = statements
    assert "count(*)" in read
    assert noted.strip().startswith("INSERT INTO list_accesses")
    shown = read.partition("FROM patients")[0]
    assert not [name for name in ("search_index", "person_index", "missing", "merged_into") if name in shown]


def test_a_row_says_of_every_field_what_the_whole_patient_says(
    client: FlaskClient, session: Session, keys: Keys
) -> None:
    for fields in ({"health_insurer": "Musterkasse"}, {"date_of_birth": None, "city": None, "insurance_type": None}):
        known = a_patient(session, keys, **fields)
        (row,), (whole,) = (client.get(f"{URL}?ids={known.id}&view={view}").json["items"] for view in ("row", "full"))
        assert row == {name: whole[name] for name in row}
        assert row.keys() == PATIENTS.views["row"].model_fields.keys()


# The access log


@pytest.mark.parametrize("view", ["row", "label"])
def test_a_list_is_one_entry_and_a_refresh_adds_none(
    client: FlaskClient, session: Session, five: list[UUID], view: str
) -> None:
    before = session.scalar(select(func.count()).select_from(FileAccess))
    for _ in range(3):
        client.get(f"{URL}?view={view}&limit=3", headers={"X-Purpose": "Anruf"})
    (entry,) = lists_noted(session)
    assert (set(entry.patient_ids), entry.action, entry.view) == (set(five[2:]), "listed", view)
    assert session.scalar(select(func.count()).select_from(FileAccess)) == before
    for patient in five[2:]:
        (noted,) = [e for e in client.get(f"{URL}/{patient}/access-log").json["items"] if e["action"] == "listed"]
        assert (noted["id"], noted["purpose"], noted["view"]) == (str(entry.id), "Anruf", view)
    log = client.get(f"{URL}/{five[0]}/access-log").json["items"]
    assert [e for e in log if e["action"] == "listed"] == []


def test_other_patients_another_view_purpose_or_reader_are_another_entry(
    app: Flask, session: Session, five: list[UUID]
) -> None:
    anna = signed_in(app, Role.COORDINATOR)
    anna.get(f"{URL}?view=row")
    anna.get(f"{URL}?view=row&limit=4")
    anna.get(f"{URL}?view=label")
    anna.get(f"{URL}?view=row", headers={"X-Purpose": "Anruf"})
    anna.get(f"{URL}?view=row&sort=created_at")  # the same people
    assert [entry.accessed_by for entry in lists_noted(session)] == [ANNA] * 4
    other = UUID(int=7)
    signed_in(app, Role.COORDINATOR, id=other).get(f"{URL}?view=row")
    assert lists_noted(session)[-1].accessed_by == other


def test_after_a_quarter_of_an_hour_a_refresh_is_noted_again(session: Session, keys: Keys, five: list[UUID]) -> None:
    reader = Reader(id=ANNA, purpose=None)
    wanted = asked_for(PATIENTS, view="row")
    for minutes, expected in ((0, 1), (1, 1), (14, 1), (16, 2), (30, 2), (32, 3)):
        patients.list_part(session, keys, wanted, reader=reader, now=MONDAY + timedelta(minutes=minutes))
        session.flush()
        assert len(lists_noted(session)) == expected, minutes


def test_whole_files_are_noted_each_time(client: FlaskClient, session: Session, five: list[UUID]) -> None:
    client.get(URL)
    client.get(URL)
    assert [(e.view, len(e.patient_ids)) for e in lists_noted(session)] == [("full", 5), ("full", 5)]


def test_nobody_shown_is_nothing_noted(client: FlaskClient, session: Session, five: list[UUID]) -> None:
    client.get(f"{URL}?status=therapy_completed")
    client.get(f"{URL}?ids={uuid4()}")
    client.get(f"{URL}?after=x")
    client.get(f"{URL}?view=all")
    assert lists_noted(session) == []


# Files


def rows(answer: Any) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(answer.get_data(as_text=True), newline="")))


@pytest.mark.parametrize("view", ["full", "row", "label"])
def test_a_file_is_noted_as_an_export_each_time(
    client: FlaskClient, session: Session, five: list[UUID], view: View
) -> None:
    for _ in range(2):
        answer = client.get(f"{URL}?view={view}", headers=CSV | {"X-Purpose": "Statistik"})
        assert [row["id"] for row in rows(answer)] == [str(each) for each in five[::-1]]
    assert [(e.action, e.view, len(e.patient_ids)) for e in lists_noted(session)] == [("exported", view, 5)] * 2
    (noted, _) = [e for e in client.get(f"{URL}/{five[0]}/access-log").json["items"] if e["action"] == "exported"]
    assert noted["purpose"] == "Statistik"


def test_a_name_that_is_a_formula_is_text(client: FlaskClient, session: Session, keys: Keys) -> None:
    a_patient(session, keys, referred_by="=HYPERLINK(1);@SUM(1)", city="Köln, Süd")
    (row,) = rows(client.get(URL, headers=CSV))
    assert (row["referred_by"], row["city"]) == ("'=HYPERLINK(1);'@SUM(1)", "Köln, Süd")


def test_a_file_of_one_patient_s_history_is_noted(client: FlaskClient, session: Session, keys: Keys) -> None:
    url = f"{URL}/{a_patient_who_is(session, keys, 'searching').id}"
    assert [row["to"] for row in rows(client.get(f"{url}/history", headers=CSV))] == ["searching"]
    assert rows(client.get(f"{url}/access-log", headers=CSV))[0]["action"] == "exported"
    assert client.get(f"{url}/history?count_by=to").json["counts"] == {"searching": 1}
