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
    assert [each["postal_code"] for each in found["located_addresses"]] == ["52062"]
    assert [each["held_in"] for each in found["events"]] == ["outbox"]
    assert client.get(f"{PATH}/{therapist}").json["located_addresses"] == []
    assert client.get(f"{PATH}/{new_id()}").json["events"] == []


def test_what_is_held_of_merged_files_is_held_of_the_patient(app: Flask, session: Session) -> None:
    kept, merged, other = new_id(), new_id(), new_id()
    listeners.apply(session, [a_patient_changed(each) for each in (kept, merged, other)], now=MONDAY)
    session.flush()
    found = signed_in(app, Scope.PATIENT_DATA_EXPORT).get(f"{PATH}/{kept}?merged_ids={merged},{new_id()}").json
    assert (found["patient_id"], found["merged_ids"][0]) == (str(kept), str(merged))
    assert {each["id"] for each in found["located_addresses"]} == {str(kept), str(merged)}
    assert len(found["events"]) == 2
    assert str(other) not in str(found)
