"""By which names and references somebody is found whose files were merged."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from patient_service.domain import key_rings
from patient_service.store.tables import Patient
from shared.security.encryption import Keys
from tests.builders.merging import OTHER, merged
from tests.builders.patients import a_patient, new_patient
from tests.events import recorded


def test_both_references_and_the_names_find_the_person_once(client: FlaskClient, session: Session, keys: Keys) -> None:
    kept, other = a_patient(session, keys), a_patient(session, keys, first_name="Gudrun")
    assert merged(client, kept, other)["other_references"] == [other.reference]
    for q, number in ((kept.reference, 1), (other.reference, 1), ("Erika", 1), ("Gudrun", 1), ("gutrun", 1)):
        found = client.get("/api/patients", query_string={"q": q}).json
        assert (found["total"], [each["id"] for each in found["items"]]) == (number, [str(kept.id)] * number), q
    assert client.get("/api/patients").json["total"] == 1
    # also after every later change, and after the indexes were written with another key
    client.patch(f"/api/patients/{kept.id}", json={"city": "Bonn"})
    client.post(f"/api/patients/{kept.id}/crisis/flag", json={"reason": "Am Telefon gesagt."})
    for q in (other.reference, "Gudrun"):
        assert client.get("/api/patients", query_string={"q": q}).json["total"] == 1


def test_names_of_all_files_find_the_person_who_is_left(client: FlaskClient, session: Session, keys: Keys) -> None:
    """Who phones says the name that the practice or the family knows, also of a file that was merged twice."""
    first, second = (a_patient(session, keys, first_name="Gudrun", last_name=last) for last in ("Alt", "Neu"))
    kept = a_patient(session, keys)
    merged(client, second, first)
    assert merged(client, kept, second)["other_names"] == ["Gudrun Neu", "Gudrun Alt"]
    merged(client, kept, a_patient(session, keys, last_name="Erfunden", email="erika@example.org"))
    for q in ("alt", "Neu", "Gudrun Alt"):
        assert client.get("/api/patients", query_string={"q": q}).json["total"] == 1, q
    shown: Any = client.get(f"/api/patients/{kept.id}").json
    assert shown["other_names"] == ["Gudrun Neu", "Gudrun Alt"]
    assert "Gudrun" not in str(recorded(session, kept.id))
    assert client.patch(f"/api/patients/{kept.id}", json=shown | {"city": "Bonn"}).status_code == 200
    assert client.patch(f"/api/patients/{kept.id}", json={"other_names": []}).status_code == 422


@pytest.mark.parametrize("is_reindexed", [False, True])
def test_who_is_entered_again_under_a_merged_files_name_is_suspected(
    client: FlaskClient, session: Session, keys: Keys, is_reindexed: bool
) -> None:
    """A practice that sends the patient again writes the name that it knows."""
    first, second = (a_patient(session, keys, first_name=name, house_number=name) for name in ("Gudrun", "Otto"))
    kept = a_patient(session, keys)
    merged(client, second, first)
    merged(client, kept, second)
    if is_reindexed:
        for patient in session.query(Patient):
            patient.index_key = b"another"
        session.flush()
        assert key_rings.reindex(session, keys) == 3
    for name in ("Gudrun", "Otto", "Erika"):
        again = client.post("/api/patients", json=new_patient(first_name=name, house_number="99"))
        assert (again.status_code, again.json["code"]) == (409, "patient.suspected_duplicate"), name
        (candidate,) = again.json["candidates"]
        assert (candidate["id"], candidate["reference"]) == (str(kept.id), kept.reference)
        assert candidate["why"] == ["name", "date_of_birth"]
    # nobody is like themselves: the kept one may get the name of either file, and another day of birth and back
    url = f"/api/patients/{kept.id}"
    for changed in ({"first_name": "Gudrun"}, {"date_of_birth": "1990-05-18"}, {"date_of_birth": "1990-05-17"}):
        assert client.patch(url, json=changed).status_code == 200, changed
    other = a_patient(session, keys, first_name="Kunigunde")
    assert client.patch(f"/api/patients/{other.id}", json={"first_name": "Otto"}).status_code == 409
    assert client.post("/api/patients?force=true", json=new_patient(first_name="Otto")).status_code == 201


def test_indexes_that_are_written_anew_find_the_kept_one_only(
    client: FlaskClient, session: Session, keys: Keys
) -> None:
    kept, other = a_patient(session, keys), a_patient(session, keys, first_name="Gudrun")
    merged(client, kept, other)
    for patient in session.query(Patient):
        patient.index_key = b"another"
    session.flush()
    assert key_rings.reindex(session, keys) == 2
    session.expire_all()
    for q in (kept.reference, other.reference, "Erfunden", "Gudrun"):
        assert [each["id"] for each in client.get("/api/patients", query_string={"q": q}).json["items"]] == [
            str(kept.id)
        ]


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "", None),
        ("PATCH", "", {"city": "Bonn"}),
        ("POST", "/status", {"status": "searching"}),
        ("GET", "/readiness", None),
        ("GET", "/history", None),
        ("GET", "/access-log", None),
        ("POST", "/consents", {"purpose": "mandate", "given_on": "2026-01-15", "text_version": "1"}),
        ("POST", "/crisis/flag", {"reason": "Am Telefon gesagt."}),
        ("POST", "/placement-code/reveal", None),
    ],
)
def test_whatever_is_asked_of_the_merged_one_names_the_kept_one(
    client: FlaskClient, session: Session, keys: Keys, method: str, path: str, body: Any
) -> None:
    kept, other = a_patient(session, keys), a_patient(session, keys, **OTHER)
    merged(client, kept, other)
    answer = client.open(f"/api/patients/{other.id}{path}", method=method, json=body)
    assert (answer.status_code, answer.json["code"]) == (404, "patient.not_found")
    assert answer.json["merged_into"] == {"id": str(kept.id), "reference": kept.reference}
    assert kept.reference in answer.json["detail"]
