"""What this service holds about one patient, for the export."""

from __future__ import annotations

from flask import Flask
from sqlalchemy.orm import Session

from geocoding_service.listeners import listeners
from shared.database import new_id
from shared.values.account_enums import Scope
from shared.values.patient_data import PATH
from tests.accounts import signed_in
from tests.builders.addresses import a_patient_changed, a_therapist_changed
from tests.conftest import MONDAY


def test_the_address_of_a_patient_is_held_and_that_of_a_therapist_is_none(app: Flask, session: Session) -> None:
    patient, therapist = new_id(), new_id()
    listeners.apply(session, [a_patient_changed(patient), a_therapist_changed(therapist)], now=MONDAY)
    session.flush()
    client = signed_in(app, Scope.PATIENT_DATA_EXPORT)
    found = client.get(f"{PATH}/{patient}").json
    assert found["located_address"]["postal_code"] == "52062"
    assert [each["held_in"] for each in found["events"]] == ["outbox"]
    assert client.get(f"{PATH}/{therapist}").json["located_address"] is None
    assert client.get(f"{PATH}/{new_id()}").json["events"] == []
