"""What callers and auditors read of a request: no free text of the staff's, which may be about health."""

from __future__ import annotations

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from matching_service.store.tables import PlacementRequest
from shared.security.patient_texts import PatientText
from shared.values.enums import Role
from tests.accounts import ANNA, signed_in
from tests.builders.matching import TEXTS, an_open_request

SECRET = "braucht wegen F32.1 bald einen Platz"


def a_request_with_secrets(session: Session) -> str:
    """The address of a request with a note, and with a criterion that was set aside for a reason."""
    request = session.get_one(PlacementRequest, an_open_request(session).id)
    request.note = TEXTS.encrypt(session, request.patient_id, request.id, SECRET)
    reasons = PatientText(request.patient_id, request.id, [SECRET])
    request.overridden_rules, request.override_reasons = ["gender"], TEXTS.encrypt_all(session, [reasons])[0]
    session.flush()
    return f"/api/placement-requests/{request.id}"


def test_a_caller_who_records_an_answer_sees_no_note_also_when_it_is_repeated(
    app: Flask, client: FlaskClient, session: Session
) -> None:
    url = a_request_with_secrets(session)
    caller = signed_in(app, Role.CALLER)
    said, key = {"outcome": "declined_other", "note": SECRET}, {"Idempotency-Key": "k1"}
    for answer in (caller.post(f"{url}/response", json=said, headers=key) for _ in range(2)):
        assert (answer.status_code, answer.json["status"]) == (200, "declined")
        assert SECRET not in answer.text
        assert {"note", "overrides"} & answer.json.keys() == set()
    assert caller.get(url).status_code == 403
    assert signed_in(app, Role.COORDINATOR).get(url).json["note"] == SECRET


def test_an_auditor_reads_the_log_of_a_request_without_its_notes(
    app: Flask, client: FlaskClient, session: Session
) -> None:
    url = a_request_with_secrets(session)
    said = {"outcome": "declined_other", "note": SECRET}
    staff = signed_in(app, Role.COORDINATOR)
    assert staff.post(f"{url}/response", json=said).status_code == 200
    assert staff.get(f"{url}/history").json["items"][-1]["note"] == SECRET
    answer = signed_in(app, Role.AUDITOR).get(f"{url}/history")
    assert SECRET not in answer.text
    entry = answer.json["items"][-1]
    assert (entry["what"], entry["outcome"], entry["recorded_by"]) == ("answered", "declined_other", str(ANNA))
