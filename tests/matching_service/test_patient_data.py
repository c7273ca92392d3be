"""What this service holds about one patient, for the export."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import text
from sqlalchemy.orm import Session

from shared.database import new_id
from shared.values.account_enums import Scope
from shared.values.enums import RequestStatus
from shared.values.patient_data import PATH
from tests.accounts import signed_in
from tests.builders.matching import TEXTS, a_known_patient, a_request


def test_requests_come_with_all_that_happened_to_them(app: Flask, session: Session) -> None:
    request = a_request(session, RequestStatus.DECLINED)
    request.note = TEXTS.encrypt(session, request.patient_id, request.id, "Vermerk")
    a_request(session, RequestStatus.OPEN)
    session.flush()
    found = signed_in(app, Scope.PATIENT_DATA_EXPORT).get(f"{PATH}/{request.patient_id}").json
    (shown,) = found["placement_requests"]
    assert (shown["id"], shown["note"], shown["status"]) == (str(request.id), "Vermerk", "declined")
    assert shown["history"][0]["what"] == "approved"
    (copy,) = found["copies_of_patient"]
    assert copy["reference"] == "P-7K3M-2Q"
    assert copy["place"].keys() == {"latitude", "longitude"}
    assert any("matching.request_approved" in each["content"] for each in found["events"])


def test_what_is_held_of_merged_files_is_held_of_the_patient(app: Flask, session: Session) -> None:
    """A request that was not given the kept one's id yet, and what named the merged one before."""
    mine, of_merged, of_another = (a_request(session, RequestStatus.OPEN) for _ in range(3))
    session.flush()
    path = f"{PATH}/{mine.patient_id}?merged_ids={of_merged.patient_id}"
    found = signed_in(app, Scope.PATIENT_DATA_EXPORT).get(path).json
    files = {str(mine.patient_id), str(of_merged.patient_id)}
    assert {each["id"] for each in found["placement_requests"]} == {str(mine.id), str(of_merged.id)}
    assert {each["id"] for each in found["copies_of_patient"]} == files
    assert {json.loads(each["content"])["data"]["patient_id"] for each in found["events"]} == files
    assert str(of_another.patient_id) not in str(found)


def test_a_dead_letter_that_names_the_patient_is_held(app: Flask, session: Session) -> None:
    """Its bytes need not be text, and those of others stay where they are."""
    patient = a_known_patient(session)
    for name, content in (("mine", f"\xff\x00 {patient} Rest".encode("latin-1")), ("other", str(new_id()).encode())):
        session.execute(
            text(
                'INSERT INTO dead_letters (id, topic, partition, "offset", value, reason, traceback)'
                " VALUES (:id, 'patient.events', 0, :offset, :value, :name, '')"
            ),
            {"id": new_id(), "offset": len(name), "value": content, "name": name},
        )
    found = _held(app, patient)
    (letter,) = (each for each in found["events"] if each["held_in"] == "dead_letters")
    assert letter["content"] == f"\ufffd\ufffd {patient} Rest"


@pytest.mark.usefixtures("connection")
def test_of_somebody_unknown_nothing_is_held(app: Flask) -> None:
    found = _held(app, new_id())
    assert (found["copies_of_patient"], found["placement_requests"], found["events"]) == ([], [], [])


def _held(app: Flask, patient: UUID) -> Any:
    return signed_in(app, Scope.PATIENT_DATA_EXPORT).get(f"{PATH}/{patient}").json
