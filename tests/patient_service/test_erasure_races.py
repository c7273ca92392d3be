"""A patient is erased by several at once, or while somebody changes the file."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select, update

from patient_service.domain.schemas import PatientView
from patient_service.store.tables import Erasure, Patient
from shared.database import transaction
from shared.events.catalogue import PatientErased
from shared.security.encryption import Keys
from tests.builders.patients import a_patient
from tests.concurrency import at_once
from tests.conftest import MONDAY
from tests.events import recorded

pytestmark = pytest.mark.usefixtures("real_commits")

URL = "/api/patients"


@pytest.fixture
def patient(keys: Keys, real_commits: None) -> PatientView:
    with transaction() as session:
        return a_patient(session, keys)


def erase(app: Flask, patient: PatientView) -> Any:
    return app.test_client().delete(f"{URL}/{patient.id}?confirm={patient.reference}")


def test_several_who_erase_at_once_get_one_erasure(app: Flask, patient: PatientView) -> None:
    answers = at_once([lambda: erase(app, patient)] * 4)
    assert {each.status_code for each in answers} == {202}
    assert len({str(each.json) for each in answers}) == 1
    with transaction() as session:
        assert [event["type"] for event in recorded(session, patient.id)] == ["patient.erased"]
        assert session.scalar(select(func.count()).select_from(Erasure)) == 1


def test_a_change_at_the_same_time_comes_before_or_is_refused(app: Flask, patient: PatientView) -> None:
    def change() -> Any:
        return app.test_client().patch(f"{URL}/{patient.id}", json={"first_name": "Neu"})

    changed, erased = at_once([change, lambda: erase(app, patient)])
    assert (changed.status_code in (200, 404), erased.status_code) == (True, 202)
    with transaction() as session:
        row = session.get_one(Patient, patient.id)
        assert (row.sealed, row.search_index, row.data_key) == (b"", [], None)
        assert PatientErased.name == recorded(session, patient.id)[-1]["type"]


def test_many_and_one_of_them_at_the_same_time_are_erased_once(app: Flask, keys: Keys, patient: PatientView) -> None:
    """Who comes second finds fewer than it names, and erases nobody; or the one is erased already."""
    with transaction() as session:
        other = a_patient(session, keys, last_name="Andere")
        session.execute(update(Patient).values(erasure_proposed_on=MONDAY.date(), status="search_aborted"))
    ids = [str(patient.id), str(other.id)]
    body = {"ids": ids, "expected_total": 2, "action": "approve_erasure"}

    def approve() -> Any:
        return app.test_client().post(f"{URL}/bulk", json=body)

    *many, one = at_once([approve, approve, lambda: erase(app, patient)])
    assert one.status_code == 202
    assert sorted(each.status_code for each in many) in ([200, 409], [409, 409])
    if 200 in {each.status_code for each in many}:
        assert published_erasures() == sorted(ids)
    else:
        assert published_erasures() == [str(patient.id)]
        assert app.test_client().get(f"{URL}/{other.id}").json["erasure_proposed_on"] is not None


def published_erasures() -> list[str]:
    """Of whom an erasure was published, each as often as it was."""
    with transaction() as session:
        return sorted(event["subject"] for event in recorded(session) if event["type"] == PatientErased.name)
