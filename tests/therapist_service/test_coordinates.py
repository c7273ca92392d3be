"""Coordinates that contradict the postal code: refused from staff, set aside from files, dropped after a move."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from tests.builders.imports import FIRST, SECOND, THIRD, Folder, a_file, a_record
from tests.builders.therapists import a_therapist, new_therapist
from tests.events import recorded
from therapist_service.store.tables import Therapist, TherapistSource

AACHEN = {"latitude": 50.7753, "longitude": 6.0839}
COLOGNE = {"latitude": 50.9413, "longitude": 6.9583}
NOWHERE = {"latitude": None, "longitude": None}
WRONG = [
    {"latitude": 6.0839, "longitude": 50.7753},
    {"latitude": 0.0, "longitude": 0.0},
    {"latitude": 90.0, "longitude": 0.0},
    {"latitude": -90.0, "longitude": 180.0},
    {"latitude": 48.8566, "longitude": 2.3522},
    {"latitude": 48.1374, "longitude": 11.5755},
]
OUTSIDE = WRONG[:5]
IMPOSSIBLE: list[dict[str, Any]] = [
    {"latitude": 50.7753},
    {"longitude": 6.0839},
    {"latitude": 50.7753, "longitude": None},
    {"latitude": 91.0, "longitude": 6.0839},
    {"latitude": 1e308, "longitude": 6.0839},
    {"latitude": "50.7753", "longitude": "6.0839"},
]


def coordinates(session: Session) -> dict[str, float | None]:
    session.expire_all()
    known = session.scalars(select(Therapist)).one()
    return {"latitude": known.latitude, "longitude": known.longitude}


@pytest.mark.parametrize("sent", [*WRONG, *IMPOSSIBLE])
def test_staff_are_told_that_coordinates_cannot_be_right(client: FlaskClient, sent: dict[str, Any]) -> None:
    answer = client.post("/api/therapists", json=new_therapist(**sent))
    assert answer.status_code == 422
    assert answer.json["errors"]


@pytest.mark.parametrize("postal_code", [None, "05001"])
@pytest.mark.parametrize("sent", OUTSIDE)
def test_without_a_known_postal_code_they_must_lie_in_germany(
    client: FlaskClient, sent: dict[str, float], postal_code: str | None
) -> None:
    assert client.post("/api/therapists", json=new_therapist(postal_code=postal_code, **sent)).status_code == 422
    munich = new_therapist(postal_code=postal_code, **WRONG[5])
    assert client.post("/api/therapists", json=munich).status_code == 201


def test_with_a_post_boxs_code_they_must_lie_in_its_region(client: FlaskClient) -> None:
    for sent, status in ((AACHEN, 201), (WRONG[5], 422)):
        assert client.post("/api/therapists", json=new_therapist(postal_code="52056", **sent)).status_code == status


@pytest.mark.parametrize("sent", [*WRONG, {"latitude": 95.0}, {"longitude": 50.0}])
def test_a_change_to_coordinates_that_cannot_be_right_is_refused(
    client: FlaskClient, session: Session, sent: dict[str, float]
) -> None:
    known = a_therapist(session, **AACHEN)
    assert client.patch(f"/api/therapists/{known.id}", json=sent).status_code == 422
    assert coordinates(session) == AACHEN


def test_a_move_to_another_postal_code_drops_the_coordinates_of_the_old_one(
    client: FlaskClient, session: Session
) -> None:
    known = a_therapist(session, **AACHEN)
    url = f"/api/therapists/{known.id}"
    moved = client.patch(url, json={"postal_code": "50667", "city": "Köln"})
    assert moved.status_code == 200
    assert (moved.json["latitude"], moved.json["longitude"]) == (None, None)
    assert recorded(session, known.id)[-1]["data"]["therapist"]["latitude"] is None
    assert client.patch(url, json=COLOGNE).status_code == 200
    assert client.patch(url, json={"postal_code": "50668"}).json["latitude"] == COLOGNE["latitude"]


def test_what_is_stored_is_shown_whatever_the_table_of_postal_codes_says(client: FlaskClient, session: Session) -> None:
    """A newer table, or an import beside protected coordinates, may contradict what is there."""
    known = a_therapist(session, **AACHEN)
    session.get_one(Therapist, known.id).postal_code = "80331"
    session.flush()
    url = f"/api/therapists/{known.id}"
    assert client.get(url).json["latitude"] == AACHEN["latitude"]
    changed = client.patch(url, json={"title": "Dr."})
    assert (changed.status_code, changed.json["latitude"]) == (200, None)


@pytest.mark.parametrize("sent", [*WRONG, *IMPOSSIBLE])
def test_an_import_sets_them_aside_and_applies_the_record(
    folder: Folder, session: Session, sent: dict[str, Any]
) -> None:
    done = folder.bring(FIRST, a_file([a_record(postal_code="52062", title="Dr.", **sent)]))
    (record,) = folder.records(done)
    assert (record.outcome, done.counts.additions) == ("applied", 1)
    assert "latitude" in (record.reason or "") or "longitude" in (record.reason or "")
    known = session.scalars(select(Therapist)).one()
    assert (known.title, known.latitude, known.longitude) == ("Dr.", None, None)
    assert session.scalars(select(TherapistSource.set_aside)).one()


def test_coordinates_that_were_set_aside_leave_those_that_fit(folder: Folder, session: Session) -> None:
    folder.bring(FIRST, a_file([a_record(postal_code="52062", **AACHEN)]))
    folder.bring(SECOND, a_file(modifications=[a_record(postal_code="52062", title="Dr.", **WRONG[0])]))
    assert coordinates(session) == AACHEN


def test_a_move_in_the_source_with_wrong_coordinates_drops_the_old_ones(folder: Folder, session: Session) -> None:
    folder.bring(FIRST, a_file([a_record(postal_code="52062", **AACHEN)]))
    done = folder.bring(SECOND, a_file(modifications=[a_record(postal_code="50667", **AACHEN)]))
    (record,) = folder.records(done)
    assert coordinates(session) == NOWHERE
    assert "latitude not taken: the coordinates must lie within 30 km of the postal code" in (record.reason or "")
    folder.bring(THIRD, a_file(modifications=[a_record(postal_code="50667", **COLOGNE)]))
    assert coordinates(session) == COLOGNE


def test_coordinates_of_the_source_do_not_follow_a_postal_code_that_staff_set(
    folder: Folder, session: Session, client: FlaskClient
) -> None:
    folder.bring(FIRST, a_file([a_record(postal_code="52062", **AACHEN)]))
    known = session.scalars(select(Therapist)).one()
    client.patch(f"/api/therapists/{known.id}", json={"postal_code": "50667"})
    assert coordinates(session) == NOWHERE
    for name in (SECOND, THIRD):
        done = folder.bring(name, a_file(modifications=[a_record(postal_code="52062", **AACHEN)]))
        (record,) = folder.records(done)
        assert coordinates(session) == NOWHERE
        assert record.outcome == "unchanged"
        assert "must lie within 30 km of the postal code" in (record.reason or "")
