"""Lists of e-mails, inquiries, calls, waiting requests, contacts and suppressions."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import event, select
from sqlalchemy.orm import Session

from communication_service.store import lists
from communication_service.store.tables import Email, Inquiry, PhoneCall
from shared.values.enums import Role
from tests.accounts import signed_in
from tests.builders.communication import a_patient, a_practice_to_phone, a_request, a_therapist, composed
from tests.builders.lists import sorted_without_index
from tests.conftest import MONDAY

LISTS = ("emails", "inquiries", "phone-calls", "waiting-requests", "email-suppressions")
CSV = {"Accept": "text/csv"}
LETTER = {"subject", "body_text", "body_html"}


@pytest.fixture
def contacts() -> list[UUID]:
    """Three therapists who get an e-mail and two who are called, each about one request; returns the requests."""
    requests = [a_request(a_therapist(email=f"praxis{number}@example.org"), a_patient()) for number in range(3)]
    requests += [a_request(a_practice_to_phone(), a_patient()) for _ in range(2)]
    composed()
    return requests


def walked(client: FlaskClient, url: str) -> list[Any]:
    page, shown = client.get(f"{url}&limit=2").json, list[Any]()
    while page["next"]:
        shown += page["items"]
        page = client.get(f"{url}&limit=2&after={page['next']}").json
    return [*shown, *page["items"]]


def rows(answer: Any) -> list[dict[str, str]]:
    assert answer.content_type == "text/csv; charset=utf-8; header=present"
    return list(csv.DictReader(io.StringIO(answer.get_data(as_text=True), newline="")))


@pytest.mark.parametrize("name", LISTS)
def test_a_list_is_walked_as_it_is_paged_and_as_a_file(client: FlaskClient, contacts: list[UUID], name: str) -> None:
    for number in range(3):
        client.post("/api/email-suppressions", json={"email": f"p{number}@example.org", "reason": "=Anruf"})
    url = f"/api/{name}?view=row"
    paged = client.get(url).json
    assert paged["total"] == len(paged["items"]) > 1
    assert walked(client, url) == paged["items"]
    identity = "placement_request_id" if name == "waiting-requests" else "id"
    assert [row[identity] for row in rows(client.get(url, headers=CSV))] == [item[identity] for item in paged["items"]]
    some = [item[identity] for item in paged["items"][1:]]
    assert client.get(f"{url}&ids={','.join(some)},{uuid4()}").json["items"] == paged["items"][1:]


def test_a_row_of_an_email_shows_nothing_of_the_letter_and_does_not_read_it(
    client: FlaskClient, session: Session, contacts: list[UUID]
) -> None:
    statements: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        statements.append(statement)

    session.expunge_all()
    event.listen(session.connection(), "before_cursor_execute", note)
    row = client.get("/api/emails?view=row").json["items"][0]
    event.remove(session.connection(), "before_cursor_execute", note)
    assert not (LETTER | {"error"}) & row.keys()
    assert statements
    assert not [each for each in statements if "emails.parts" in each or "emails.frame" in each]
    full = client.get("/api/emails").json["items"][0]
    assert full.keys() >= LETTER
    assert row.items() <= full.items()
    assert all(full[each] for each in LETTER)


def test_rows_have_no_free_text(client: FlaskClient, contacts: list[UUID]) -> None:
    client.post("/api/email-suppressions", json={"email": "p@example.org", "reason": "Anruf"})
    assert "reason" not in client.get("/api/email-suppressions?view=row").json["items"][0]
    assert "note" not in client.get("/api/phone-calls?view=row").json["items"][0]
    therapist = client.get("/api/phone-calls").json["items"][0]["therapist_id"]
    assert "responses" not in client.get(f"/api/therapists/{therapist}/contact-history?view=row").json["items"][0]
    assert client.get("/api/emails?view=label").status_code == 422


def test_lists_are_counted_and_filtered_by_several_values(client: FlaskClient, contacts: list[UUID]) -> None:
    assert client.get("/api/emails?count_by=kind&limit=1").json["counts"] == {"inquiry": 3}
    assert client.get("/api/inquiries?count_by=channel").json["counts"] == {"email": 3, "phone": 2}
    assert client.get("/api/phone-calls?count_by=status").json["counts"] == {"planned": 2}
    waiting = client.get("/api/waiting-requests").json["items"]
    two = waiting[:2]
    patients, therapists = (",".join(each[name] for each in two) for name in ("patient_id", "therapist_id"))
    for name in ("inquiries", "waiting-requests"):
        assert client.get(f"/api/{name}?patient_id={patients}&therapist_id={therapists}").json["total"] == 2
    assert client.get("/api/inquiries?status=open,gone_out&channel=email,phone").json["total"] == 5
    assert client.get(f"/api/emails?patient_id={patients},{uuid4()}").json["total"] == 2


def test_contacts_are_walked_newest_first(client: FlaskClient, sent: Callable[..., None]) -> None:
    therapist = a_therapist(email="praxis@example.org")
    for days in (0, 30, 60):
        a_request(therapist, time=MONDAY + timedelta(days=days))
        composed(MONDAY + timedelta(days=days, minutes=1))
        sent(MONDAY + timedelta(days=days, minutes=2))
    url = f"/api/therapists/{therapist}/contact-history"
    paged = client.get(f"{url}?count_by=channel").json
    assert (paged["total"], paged["counts"]) == (3, {"email": 3})
    assert walked(client, f"{url}?sort=-at") == paged["items"] == walked(client, f"{url}?sort=at")[::-1]
    assert len(rows(client.get(url, headers=CSV))) == 3


def test_a_caller_gets_calls_as_a_file_and_no_letter(app: Flask, contacts: list[UUID]) -> None:
    caller = signed_in(app, Role.CALLER)
    assert len(rows(caller.get("/api/phone-calls?view=row", headers=CSV))) == 2
    assert caller.get("/api/emails", headers=CSV).status_code == 403


def test_every_order_of_what_may_be_long_has_an_index(session: Session) -> None:
    for table, listing in ((Email, lists.EMAILS), (Inquiry, lists.INQUIRIES), (PhoneCall, lists.PHONE_CALLS)):
        assert sorted_without_index(session, select(table.id), listing) == []
