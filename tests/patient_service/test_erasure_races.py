"""A patient is erased by several at once, or while somebody changes the file."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from patient_service.domain.schemas import PatientView
from patient_service.store.tables import Erasure, Patient
from shared.database import transaction
from shared.events.catalogue import PatientErased
from shared.security.encryption import Keys
from tests.builders.patients import a_patient
from tests.concurrency import at_once
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
