"""Every reading of a patient's file is noted."""

from __future__ import annotations

from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from shared.security.encryption import Keys
from tests.builders.patients import a_patient, a_ready_patient


def test_who_read_when_and_why_is_noted(client: FlaskClient, session: Session, keys: Keys) -> None:
    url = f"/api/patients/{a_patient(session, keys).id}"
    client.get(url, headers={"X-Purpose": "Rückruf".encode().decode("latin-1")})  # UTF-8 on the wire
    client.get(url)
    page = client.get(f"{url}/access-log").json
    assert page["total"] == 3
    without, with_purpose, created = page["items"]
    assert (created["action"], created["purpose"], created["by"]) == ("created", None, None)
    assert (with_purpose["action"], with_purpose["purpose"], with_purpose["by"]) == ("read", "Rückruf", None)
    assert without["purpose"] is None
    assert without["at"] >= with_purpose["at"]
    again = client.get(f"{url}/access-log?limit=1&offset=2").json
    assert (again["total"], again["items"]) == (4, [with_purpose])


def test_who_reads_the_log_stands_in_it(client: FlaskClient, session: Session, keys: Keys) -> None:
    url = f"/api/patients/{a_patient(session, keys).id}/access-log"
    client.get(url, headers={"X-Purpose": "data protection officer"})
    entry, _ = client.get(url).json["items"]
    assert (entry["action"], entry["purpose"]) == ("audited", "data protection officer")


def test_who_only_counts_whom_a_search_finds_has_learned_of_them(
    client: FlaskClient, session: Session, keys: Keys
) -> None:
    url = f"/api/patients/{a_patient(session, keys).id}"
    page = client.get("/api/patients?q=erfunden&status=open&offset=1").json
    assert (page["total"], page["items"]) == (1, [])
    assert [entry["action"] for entry in client.get(f"{url}/access-log").json["items"]] == ["listed", "created"]


def test_lists_and_changes_show_the_file_too(client: FlaskClient, session: Session, keys: Keys) -> None:
    known, other = a_ready_patient(session, keys), a_patient(session, keys, last_name="Andere")
    url = f"/api/patients/{known.id}"
    client.get("/api/patients?q=erfunden", headers={"X-Purpose": "search"})
    client.patch(url, json={})
    client.post(f"{url}/status", json={"status": "searching"})
    actions = [entry["action"] for entry in client.get(f"{url}/access-log").json["items"]]
    assert actions == ["changed", "changed", "listed", "created"]
    assert client.get(f"/api/patients/{other.id}/access-log").json["total"] == 1


def test_a_file_begins_with_its_creation_and_a_repeated_registration_is_a_reading(client: FlaskClient) -> None:
    body, headers = {"first_name": "A", "last_name": "B"}, {"Idempotency-Key": "k", "X-Purpose": "Anmeldung"}
    known = client.post("/api/patients", json=body, headers=headers).json
    client.post("/api/patients", json=body, headers=headers)
    entries = client.get(f"/api/patients/{known['id']}/access-log").json["items"]
    assert [(each["action"], each["purpose"]) for each in entries] == [("read", "Anmeldung"), ("created", "Anmeldung")]


def test_a_refused_request_is_no_reading(client: FlaskClient, session: Session, keys: Keys) -> None:
    url = f"/api/patients/{a_patient(session, keys).id}"
    assert client.get(url, headers={"X-Purpose": "x" * 501}).status_code == 422
    assert client.patch(url, json={"last_name": None}).status_code == 422
    assert client.get(f"{url}/access-log").json["total"] == 1


def test_a_lost_update_shows_the_file_and_is_a_reading(client: FlaskClient, session: Session, keys: Keys) -> None:
    url = f"/api/patients/{a_patient(session, keys).id}"
    headers = {"If-Match": '"7"', "X-Purpose": "move"}
    lost = client.patch(url, json={"city": "Bonn"}, headers=headers)
    entry, _ = client.get(f"{url}/access-log").json["items"]
    assert (entry["action"], entry["purpose"]) == ("read", "move")
    assert (lost.status_code, lost.json["current"]) == (412, client.get(url).json)
