"""What staff write about a patient's request lies encrypted, is read by who may, and is gone with the patient."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import text, update
from sqlalchemy.orm import Session

from matching_service.store.tables import AuditLogEntry, PlacementRequest
from shared.database import patient_keys
from tests.builders.matching import a_known_patient, a_known_therapist

NOTE, REASON, SAID = "Notizmarke: will nicht zu Dr. X", "Grundmarke: kennt die Praxis", "Gesagtes: wegen F32.1 nicht"
GERMAN = {"Accept-Language": "de"}


@pytest.fixture
def url(client: FlaskClient, session: Session) -> str:
    """A request with a note, with a criterion that was set aside for a reason, and with an answer in its history."""
    patient, therapist = a_known_patient(session), a_known_therapist(session, accreditation="private")
    override = {"therapist_id": str(therapist), "rule": "accreditation", "reason": REASON}
    approved = client.post(
        "/api/placement-requests",
        json={"patient_id": str(patient), "therapist_ids": [str(therapist)], "overrides": [override]},
        headers={"Idempotency-Key": "once"},
    )
    assert approved.json["items"][0]["overrides"] == [{"rule": "accreditation", "reason": REASON}]
    url = f"/api/placement-requests/{approved.json['items'][0]['id']}"
    assert client.patch(url, json={"note": NOTE}).json["note"] == NOTE
    said = {"outcome": "declined_other", "note": SAID}
    assert client.post(f"{url}/response", json=said).status_code == 200
    return url


def in_the_tables(session: Session) -> str:
    names = session.scalars(text("SELECT tablename FROM pg_tables WHERE schemaname = current_schema")).all()
    rows = [row for name in names for row in session.scalars(text(f'SELECT t::text FROM "{name}" t'))]
    return "\n".join(rows)


def test_nothing_of_it_stands_in_the_tables(session: Session, url: str) -> None:
    dumped = in_the_tables(session)
    assert url.rpartition("/")[2] in dumped, "the looking itself finds the request"
    for each in (NOTE, REASON, SAID):
        assert each not in dumped
        assert each.partition(":")[0].encode().hex() not in dumped


def test_who_may_reads_it_everywhere(client: FlaskClient, url: str) -> None:
    shown = client.get(url).json
    assert (shown["note"], shown["overrides"][0]["reason"]) == (NOTE, REASON)
    assert client.get("/api/placement-requests").json["items"][0] == shown
    assert client.get(f"{url}/history").json["items"][-1]["note"] == SAID


def erased(session: Session) -> None:
    patient_keys.destroy(session, session.query(PlacementRequest).one().patient_id)
    session.flush()


def test_of_who_was_erased_everything_shows_as_erased(client: FlaskClient, session: Session, url: str) -> None:
    erased(session)
    shown = client.get(url)
    assert shown.json["note"] == "[erased]"
    assert shown.json["overrides"] == [{"rule": "accreditation", "reason": "[erased]"}]
    german = client.get(url, headers=GERMAN)
    assert (german.json["note"], german.headers["Content-Language"]) == ("[gelöscht]", "de")
    assert client.get("/api/placement-requests").json["items"][0] == shown.json
    (row,) = _csv(client.get("/api/placement-requests", headers={"Accept": "text/csv", **GERMAN}))
    assert row["note"] == "[gelöscht]"
    assert client.get(f"{url}/history").json["items"][-1]["note"] == "[erased]"


def _csv(answer: Any) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(answer.get_data(as_text=True), newline="")))


def test_what_is_written_about_who_was_erased_is_not_kept(client: FlaskClient, session: Session, url: str) -> None:
    """A whole object that was read may come back, and a note may come late; neither is a failure."""
    erased(session)
    shown: Any = client.get(url).json
    assert client.patch(url, json={**shown, "priority": 7}).json["priority"] == 7
    assert client.patch(url, json={"note": "später: " + SAID}).json["note"] == "[erased]"
    assert SAID.encode().hex() not in in_the_tables(session)
    assert client.patch(url, json={"note": None}).json["note"] is None


def test_an_answer_that_is_repeated_shows_what_can_be_read_now(client: FlaskClient, session: Session, url: str) -> None:
    erased(session)
    request = session.query(PlacementRequest).one()
    override = {"therapist_id": str(request.therapist_id), "rule": "accreditation", "reason": REASON}
    ids = {"patient_id": str(request.patient_id), "therapist_ids": [str(request.therapist_id)]}
    again = client.post(
        "/api/placement-requests", json=ids | {"overrides": [override]}, headers={"Idempotency-Key": "once"}
    )
    assert again.json["items"][0]["overrides"] == [{"rule": "accreditation", "reason": "[erased]"}]


def test_a_damaged_text_hides_nothing_else(client: FlaskClient, session: Session, url: str) -> None:
    request = session.query(PlacementRequest).one()
    damaged = bytes([*request.note[:-1], request.note[-1] ^ 1])
    session.execute(update(PlacementRequest).values(note=damaged))
    shown = client.get(url).json
    assert (shown["note"], shown["overrides"][0]["reason"]) == ("[damaged, unreadable]", REASON)
    assert client.patch(url, json={"priority": 7}).status_code == 200
    assert session.query(AuditLogEntry).count() == 2
