"""The contact log of a patient: what proves the search, and what staff add to it by hand."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from matching_service.store.tables import PatientContact
from shared.database import new_id
from shared.events.catalogue import PatientErased, PatientMerged, TherapistRemoved
from shared.runtime import clock
from shared.values.enums import RequestStatus, Role
from tests.accounts import signed_in
from tests.builders.contact_log import add, called, emailed, log_of
from tests.builders.events import happened
from tests.builders.matching import (
    a_known_patient,
    a_known_therapist,
    a_request,
    an_open_request,
    handle,
    public_therapist,
)
from tests.conftest import MONDAY
from tests.events import recorded


def test_every_contact_is_one_entry_with_its_result(session: Session, client: FlaskClient) -> None:
    request = an_open_request(session)
    handle(
        session,
        emailed(request, "inquiry", hours=1),
        called(request, "busy", hours=2),
        called(request, "voicemail", hours=3),
        called(request, "reached", hours=4),
        called(request, "reached", "accepted", hours=5, direction="inbound"),
        emailed(request, "confirmation", hours=6),
    )
    session.commit()
    entries = log_of(client, request.patient_id)
    assert [(each["channel"], each["direction"], each["result"]) for each in entries] == [
        ("email", "outbound", "sent"),
        ("phone", "outbound", "busy"),
        ("phone", "outbound", "voicemail"),
        ("phone", "outbound", "reached"),
        ("phone", "inbound", "accepted"),
        ("email", "outbound", "confirmation_sent"),
    ]
    assert {each["placement_request_id"] for each in entries} == {str(request.id)}
    assert log_of(client, request.patient_id, f"?from={MONDAY.date()}&to={MONDAY.date()}") == entries
    assert log_of(client, request.patient_id, "?to=2000-01-01") == []
    assert log_of(client, request.patient_id, "?channel=email") == [entries[0], entries[-1]]
    assert log_of(client, request.patient_id, "?result=busy,voicemail") == entries[1:3]
    assert log_of(client, request.patient_id, f"?therapist_id={request.therapist_id}") == entries
    assert log_of(client, request.patient_id, f"?therapist_id={new_id()}") == []
    history = client.get(f"/api/placement-requests/{request.id}/history").json["items"]
    assert {each["id"] for each in entries} <= {each["id"] for each in history}
    assert [each["what"] for each in history if each["what"] == "called"] == ["called"] * 2


def test_the_practice_is_shown_as_it_was_then(session: Session, client: FlaskClient) -> None:
    therapist = public_therapist(title="Dr.")
    known = a_known_therapist(session, **therapist.model_dump())
    request = an_open_request(session, therapist_id=known)
    handle(session, emailed(request, "inquiry", hours=1))
    moved = therapist.model_dump() | {"street": "Neue Straße", "accreditation": "private", "last_name": "Anders"}
    a_known_therapist(session, sequence=2, **moved)
    handle(session, called(request, "busy", hours=2))
    session.commit()
    before, after = (each["practice"] for each in log_of(client, request.patient_id))
    assert before == {
        "name": "Dr. Anna Erfunden",
        "address": "Musterweg 1, 52062 Aachen",
        "accreditation": "statutory",
    }
    assert (after["name"], after["address"]) == ("Dr. Anna Anders", "Neue Straße 1, 52062 Aachen")
    assert after["accreditation"] == "private"


def test_an_answer_says_how_it_came_and_its_correction_counts_instead(session: Session, client: FlaskClient) -> None:
    request = a_request(session, RequestStatus.CONTACTED)
    session.commit()
    path = f"/api/placement-requests/{request.id}"
    said = {"outcome": "declined_capacity", "channel": "fax", "note": "Fax von gestern"}
    assert client.post(f"{path}/response", json=said).status_code == 200
    for outcome in ("accepted", None):
        assert client.post(f"{path}/correct", json={"outcome": outcome, "reason": "verlesen"}).status_code == 200
    _, answer, corrected, taken_back = log_of(client, request.patient_id)
    assert (answer["channel"], answer["direction"], answer["note"]) == ("fax", "inbound", "Fax von gestern")
    assert [each["result"] for each in (answer, corrected, taken_back)] == [
        "declined_capacity",
        "accepted",
        "taken_back",
    ]
    assert (answer["corrected_by"], corrected["corrects"]) == (corrected["id"], answer["id"])
    assert (corrected["corrected_by"], taken_back["corrected_by"]) == (taken_back["id"], None)
    assert {each["occurred_at"] for each in (corrected, taken_back)} == {answer["occurred_at"]}
    assert {(each["channel"], each["direction"]) for each in (corrected, taken_back)} == {("fax", "inbound")}


def test_staff_add_letters_and_visits_and_correct_them(session: Session, app: Flask) -> None:
    patient, therapist = a_known_patient(session), a_known_therapist(session)
    session.commit()
    client = signed_in(app, Role.COORDINATOR)
    made = add(client, patient, therapist, note="Einschreiben")
    assert made.status_code == 201, made.text
    assert client.get(made.headers["Location"]).json == made.json
    first = made.json["id"]
    second = add(client, patient, therapist, channel="fax", corrects=first, note="Es war ein Fax").json["id"]
    assert add(client, patient, therapist, result="taken_back", corrects=second, note="Nie gesendet").status_code == 201
    assert add(client, patient, therapist, channel="in_person", result="declined_other").status_code == 201
    entries = log_of(client, patient)
    assert [(each["channel"], each["result"], each["corrects"]) for each in entries] == [
        ("letter", "sent", None),
        ("fax", "sent", first),
        ("letter", "taken_back", second),
        ("in_person", "declined_other", None),
    ]
    assert entries[0]["note"] == "Einschreiben"
    stored_note = session.get_one(PatientContact, UUID(first)).note
    assert stored_note is not None
    assert b"Einschreiben" not in stored_note
    assert "note" not in log_of(signed_in(app, Role.AUDITOR), patient)[0]


def test_what_cannot_be_is_refused_by_name_and_adds_nothing(session: Session, client: FlaskClient) -> None:
    request = a_request(session, RequestStatus.CONTACTED)
    patient, therapist = request.patient_id, request.therapist_id
    other, erased = a_known_patient(session), a_known_patient(session)
    session.commit()
    foreign = add(client, other, therapist).json["id"]
    mine = add(client, patient, therapist).json["id"]
    corrected = {"corrects": mine, "note": "verlesen"}
    assert add(client, patient, therapist, **corrected).status_code == 201
    client.post(f"/api/placement-requests/{request.id}/response", json={"outcome": "declined_other"})
    handle(session, called(request, "busy", hours=1))
    session.commit()
    entries = log_of(client, patient)
    by_result = {each["result"]: each["id"] for each in entries if each["placement_request_id"]}
    sent, answer, call = (by_result[each] for each in ("sent", "declined_other", "busy"))
    voicemail = {"corrects": call, "channel": "phone", "result": "voicemail", "note": "Es war der Anrufbeantworter"}
    in_other_words = add(client, patient, therapist, **voicemail).json["id"]
    elsewhere = a_known_therapist(session)
    waiting = a_request(session, RequestStatus.CONTACTED, patient_id=other)
    handle(session, happened(PatientErased(patient_id=erased), sequence=9))
    session.commit()
    counted = session.scalar(select(func.count()).select_from(PatientContact))
    accepted = {"result": "accepted", "direction": "inbound"}
    otherwise = corrected | {"corrects": in_other_words} | accepted
    next_year = {"occurred_at": (clock.now() + timedelta(days=365)).isoformat()}
    cases: list[tuple[Any, Any, dict[str, Any], int, str, str | None]] = [
        (patient, therapist, next_year, 422, "contact_log.invalid", "occurred_at"),
        (patient, new_id(), {}, 422, "contact_log.invalid", "therapist_id"),
        (patient, therapist, {"occurred_at": "2001-01-01T10:00:00Z"}, 422, "contact_log.invalid", "occurred_at"),
        (patient, therapist, {"available_from": "2001-01-01"}, 422, "input.invalid", "available_from"),
        (patient, therapist, corrected | {"corrects": str(foreign)}, 422, "contact_log.invalid", "corrects"),
        (patient, therapist, corrected | {"corrects": str(new_id())}, 422, "contact_log.invalid", "corrects"),
        (patient, therapist, {"corrects": mine}, 422, "input.invalid", "note"),
        (other, elsewhere, corrected | {"corrects": str(foreign)}, 422, "contact_log.invalid", "therapist_id"),
        (patient, therapist, {"result": "taken_back"}, 422, "input.invalid", "result"),
        (patient, therapist, {"result": "busy"}, 422, "input.invalid", "channel"),
        (patient, therapist, {"direction": "inbound"}, 422, "input.invalid", "direction"),
        (patient, therapist, corrected, 409, "contact_log.corrected_already", None),
        (patient, therapist, corrected | {"corrects": answer}, 409, "contact_log.answer_of_request", None),
        (patient, therapist, corrected | {"corrects": sent}, 409, "contact_log.sent_by_platform", None),
        (patient, therapist, otherwise, 409, "contact_log.contact_of_request", None),
        (other, waiting.therapist_id, accepted, 409, "contact_log.request_waits", None),
        (erased, therapist, {}, 409, "contact_log.patient_erased", None),
        (new_id(), therapist, {}, 404, "patient.not_found", None),
    ]  # fmt: skip
    for whose, whom, fields, status, code, field in cases:
        refused = add(client, whose, whom, **fields)
        assert (refused.status_code, refused.json["code"]) == (status, code), (fields, refused.text)
        assert [each["field"] for each in refused.json.get("errors", [])] == ([field] if field else []), fields
    assert session.scalar(select(func.count()).select_from(PatientContact)) == counted
    assert client.get(f"/api/patients/{erased}/contact-log").status_code == 404


def test_an_answer_without_effect_is_corrected_in_the_log(session: Session, client: FlaskClient) -> None:
    """Of what was withdrawn, and a second one that came by an event; each in the log, and once."""
    request = a_request(session, RequestStatus.CONTACTED)
    patient, path = request.patient_id, f"/api/placement-requests/{request.id}"
    handle(session, called(request, "reached", "later", hours=1))
    session.commit()
    assert client.post(f"{path}/withdraw", json={"reason": "patient_declined"}).status_code == 200
    said = {"outcome": "accepted", "channel": "phone", "direction": "inbound"}
    assert client.post(f"{path}/response", json=said).status_code == 200
    again = client.post(f"{path}/response", json=said)
    assert (again.status_code, again.json["code"]) == (409, "placement_request.answered_already")
    counts, mistaken = (each["id"] for each in log_of(client, patient)[-2:])
    by_phone = {"channel": "phone", "direction": "inbound", "note": "verlesen"}
    refused = add(client, patient, request.therapist_id, corrects=counts, result="accepted", **by_phone)
    assert (refused.status_code, refused.json["code"]) == (409, "contact_log.answer_of_request")
    made = add(client, patient, request.therapist_id, corrects=mistaken, result="declined_other", **by_phone)
    assert made.status_code == 201, made.text
    assert client.post(f"{path}/response", json=said).status_code == 409
    more = {"corrects": made.json["id"], "result": "taken_back"} | by_phone
    assert add(client, patient, request.therapist_id, **more).status_code == 201
    assert client.get(path).json["outcome"] == "later"
    accepted = a_request(session, RequestStatus.ACCEPTED)
    handle(session, called(accepted, "reached", "accepted", hours=3))
    session.commit()
    second = log_of(client, accepted.patient_id)[-1]["id"]
    assert client.get(f"/api/placement-requests/{accepted.id}").json["status"] == "accepted"
    took_back = {"corrects": second, "result": "taken_back"} | by_phone
    assert add(client, accepted.patient_id, accepted.therapist_id, **took_back).status_code == 201


def test_an_entry_by_hand_keeps_its_practice_which_others_learn_of(session: Session, client: FlaskClient) -> None:
    patient, therapist = a_known_patient(session), a_known_therapist(session)
    session.commit()
    made = add(client, patient, therapist).json
    (event,) = [each for each in recorded(session) if each["type"] == "matching.contact_entered"]
    assert (event["subject"], event["data"]["therapist_id"]) == (made["id"], str(therapist))
    handle(session, happened(TherapistRemoved(therapist_id=therapist), therapist, sequence=9))
    session.commit()
    back = add(client, patient, therapist, corrects=made["id"], result="taken_back", note="verlesen")
    assert (back.status_code, back.json["practice"]) == (201, made["practice"])
    assert len([each for each in recorded(session) if each["type"] == "matching.contact_entered"]) == 1
    assert add(client, patient, therapist).json["errors"][0]["field"] == "therapist_id"


def test_the_log_of_a_merged_patient_is_the_kept_ones_and_is_erased_with_it(
    session: Session, client: FlaskClient
) -> None:
    request = a_request(session, RequestStatus.DECLINED)
    merged, kept, therapist = request.patient_id, a_known_patient(session), a_known_therapist(session)
    session.commit()
    assert add(client, merged, therapist, note="vor dem Zusammenführen").status_code == 201
    before = log_of(client, merged)
    event = PatientMerged(patient_id=merged, merged_into=kept, kept_sequence=1, status="searching")
    handle(session, happened(event, merged, sequence=5))
    session.commit()
    assert log_of(client, kept) == before
    assert before[-1]["note"] == "vor dem Zusammenführen"
    refused = add(client, merged, therapist)
    assert (refused.status_code, refused.json["merged_into"]["id"]) == (404, str(kept))
    assert add(client, kept, therapist, corrects=before[-1]["id"], note="doppelt").status_code == 201


@pytest.mark.parametrize("result", ["nonsense", ""])
def test_a_call_whose_result_nobody_knows_becomes_a_dead_letter(session: Session, result: str) -> None:
    with pytest.raises(ValueError):
        handle(session, called(an_open_request(session), result, hours=1))
