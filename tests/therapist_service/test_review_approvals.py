"""What an approval of a review does, and what needs none."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from shared.http.web import web_app
from tests.builders.imports import EVERYTHING, FIRST, SECOND, Folder, a_file, a_record
from tests.events import recorded
from therapist_service.service import SERVICE
from therapist_service.store.tables import Therapist


@pytest.fixture
def app(folder: Folder) -> Flask:
    folder.passes = frozenset()
    return web_app(SERVICE, folder.settings)


def mira(external_id: str, **fields: Any) -> dict[str, Any]:
    whole = {"first_name": "Mira", "last_name": "Heide", "street": "Musterweg", "phone": "+492414710123", **fields}
    return a_record(external_id, **whole)


def approve(client: FlaskClient, review: dict[str, Any], **body: Any) -> Any:
    return client.post(f"/api/import-reviews/{review['id']}/approve", json=body or None)


def test_an_approval_does_not_make_a_second_therapist_of_one_who_became_known_meanwhile(
    client: FlaskClient, folder: Folder, session: Session
) -> None:
    folder.bring(FIRST, a_file([mira("a-1"), mira("a-2", first_name="Jan")]))
    folder.bring(SECOND, a_file([mira("b-1")]))
    waiting = client.get("/api/import-reviews", query_string={"state": "pending"}).json["items"]
    first, jan, again = sorted(waiting, key=lambda each: str(each["external_id"]))
    for each in (first, jan):
        assert approve(client, each).status_code == 200, "two entries of one file are two people"
    refused = approve(client, again)
    known_one = session.scalars(select(Therapist).order_by(Therapist.id)).first()
    assert known_one is not None
    assert (refused.status_code, refused.json["code"]) == (409, "import_review.resembles")
    assert str(known_one.id) in refused.json["detail"]
    assert approve(client, again, is_new=True).status_code == 200
    names = session.scalars(select(Therapist.first_name).order_by(Therapist.id))
    assert list(names) == ["Mira", "Jan", "Mira"]


def test_whom_a_file_deletes_by_one_id_and_adds_by_another_stays_active(
    client: FlaskClient, folder: Folder, session: Session
) -> None:
    folder.passes = EVERYTHING
    folder.bring(FIRST, a_file([mira("a-1")]))
    folder.passes = frozenset()
    before = session.scalars(select(Therapist)).one().id
    folder.bring(SECOND, a_file([mira("a-2", languages=["de", "tr"])], deletions=["a-1"]))
    therapist = session.scalars(select(Therapist)).one()
    assert (therapist.id, therapist.status, therapist.languages) == (before, "active", ["de", "tr"])
    assert client.get("/api/import-reviews").json["items"] == []
    assert [each["type"] for each in recorded(session, before)] == ["therapist.registered", "therapist.updated"]
