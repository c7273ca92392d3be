"""Approving contact lists: who is asked, who is refused, what can be overridden."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from flask.testing import FlaskClient
from sqlalchemy import insert, select, update
from sqlalchemy.exc import IntegrityError, ProgrammingError
from sqlalchemy.orm import Session

from matching_service.store.tables import AuditLogEntry, PlacementRequest
from shared import database
from shared.database import new_id
from shared.database.tables import idempotency
from shared.events.catalogue import AttemptsUsedUp
from shared.runtime import clock
from shared.values.enums import RequestStatus
from tests.builders.events import happened
from tests.builders.matching import (
    a_known_patient,
    a_known_therapist,
    a_request,
    an_open_request,
    handle,
    north_of_aachen,
    patient_becomes,
    types,
)
from tests.conftest import MONDAY
from tests.events import recorded

URL = "/api/placement-requests"


def approve(client: FlaskClient, patient: UUID, *therapists: UUID, key: str | None = None, **more: Any) -> Any:
    body = {"patient_id": str(patient), "therapist_ids": [str(each) for each in therapists], **more}
    return client.post(URL, json=body, headers={"Idempotency-Key": key} if key else {})


def override(therapist: UUID, rule: str, reason: str = "agreed on the phone") -> dict[str, str]:
    return {"therapist_id": str(therapist), "rule": rule, "reason": reason}


def test_an_approved_list_becomes_open_requests_and_events(client: FlaskClient, session: Session) -> None:
    patient, one, other = a_known_patient(session), a_known_therapist(session), a_known_therapist(session)
    answer = approve(client, patient, one, other, one)
    assert answer.status_code == 201
    assert answer.json["refused"] == []
    items = answer.json["items"]
    assert [(item["therapist_id"], item["status"], item["hold"]) for item in items] == [
        (str(one), "open", None),
        (str(other), "open", None),
    ]
    assert (items[0]["approved_by"], items[0]["version"], items[0]["priority"]) == (None, 1, 0)
    (event,) = recorded(session, items[0]["id"])
    assert event["type"] == "matching.request_approved"
    assert event["data"]["therapist_id"] == str(one)
    assert event["data"]["approved_at"] == items[0]["approved_at"]
    named = (items[0]["patient_reference"], items[0]["therapist_name"], items[0]["therapist_city"])
    assert named == ("P-7K3M-2Q", "Anna Erfunden", "Aachen")


def test_who_does_not_fit_is_refused_with_every_reason(client: FlaskClient, session: Session) -> None:
    patient, fits = a_known_patient(session), a_known_therapist(session)
    misfit = a_known_therapist(session, accreditation="private", **north_of_aachen(80))
    answer = approve(client, patient, misfit, fits)
    assert answer.status_code == 201
    assert [item["therapist_id"] for item in answer.json["items"]] == [str(fits)]
    assert [(r["therapist_id"], r["rule"]) for r in answer.json["refused"]] == [
        (str(misfit), "accreditation"),
        (str(misfit), "distance"),
    ]
    assert all(refusal["detail"] for refusal in answer.json["refused"])


def test_when_all_are_refused_nothing_is_made(client: FlaskClient, session: Session) -> None:
    patient, private = a_known_patient(session), a_known_therapist(session, accreditation="private")
    answer = approve(client, patient, private)
    assert (answer.status_code, answer.json["code"]) == (409, "placement_request.all_refused")
    (problem,) = answer.json["errors"]
    assert problem["field"] == "therapist_ids.0"
    assert problem["message"].startswith("accreditation: Private practice")
    (why,) = answer.json["refused"]
    assert (why["therapist_id"], why["rule"], why["values"]["therapist"]) == (
        str(private),
        "accreditation",
        {"accreditation": "private"},
    )
    assert why["detail"].startswith("Private practice")
    assert client.get(URL).json["total"] == 0


def test_an_override_that_was_not_needed_is_not_kept(client: FlaskClient, session: Session) -> None:
    patient, therapist = a_known_patient(session), a_known_therapist(session)
    answer = approve(client, patient, therapist, overrides=[override(therapist, "gender")])
    assert answer.json["items"][0]["overrides"] == []


def test_an_override_counts_for_its_therapist_only(client: FlaskClient, session: Session) -> None:
    patient = a_known_patient(session)
    one, other = (a_known_therapist(session, accreditation="private") for _ in range(2))
    answer = approve(client, patient, one, other, overrides=[override(one, "accreditation")])
    assert [refusal["therapist_id"] for refusal in answer.json["refused"]] == [str(other)]


def test_what_is_unknown_hinders_nobody(client: FlaskClient, session: Session) -> None:
    vague = a_known_therapist(session, accreditation="unknown", procedures=[], age_groups=[], working_hours=None)
    assert approve(client, a_known_patient(session), vague).status_code == 201


@pytest.mark.parametrize("status", ["open", "paused", "in_therapy", "search_aborted", "therapy_completed"])
def test_only_for_a_patient_who_searches_may_practices_be_asked(
    client: FlaskClient, session: Session, status: str
) -> None:
    answer = approve(client, a_known_patient(session, status=status), a_known_therapist(session))
    assert (answer.status_code, answer.json["code"]) == (409, "patient.not_searching")


def test_copies_that_have_not_arrived_are_named(client: FlaskClient, session: Session) -> None:
    assert approve(client, uuid4(), a_known_therapist(session)).status_code == 404
    answer = approve(client, a_known_patient(session), uuid4())
    assert answer.status_code == 409
    assert "moment" in answer.json["errors"][0]["message"]


@pytest.mark.parametrize(
    "change",
    [
        {"therapist_ids": []},
        {"therapist_ids": ["x"]},
        {"therapist_ids": None},
        {"patient_id": None},
        {"overrides": [{"therapist_id": str(uuid4()), "rule": "gender", "reason": "not on the list"}]},
        {"overrides": [{"therapist_id": str(uuid4()), "rule": "colour", "reason": "x"}]},
        {"overrides": [{"rule": "gender"}]},
        {"colour": "red"},
    ],
)
def test_a_list_that_makes_no_sense_is_refused(client: FlaskClient, session: Session, change: dict[str, Any]) -> None:
    body = {"patient_id": str(a_known_patient(session)), "therapist_ids": [str(a_known_therapist(session))]}
    assert client.post(URL, json=body | change).status_code == 422


def test_the_same_key_approves_a_list_once(client: FlaskClient, session: Session) -> None:
    patient, fits = a_known_patient(session), a_known_therapist(session)
    misfit = a_known_therapist(session, accreditation="private")
    first = approve(client, patient, fits, misfit, key="k1")
    again = approve(client, patient, fits, misfit, key="k1")
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.json == first.json
    assert again.headers["Idempotency-Replayed"] == "true"
    # nothing of the patient is kept for the repetition: what was compared is read again, and may be gone
    stored = session.scalars(select(idempotency.c.response_reference)).one()
    assert stored["refused"] == [{"therapist_id": str(misfit), "rule": "accreditation"}]
    a_known_patient(session, id=patient, sequence=2, reimbursement_case=True)
    (refused,) = approve(client, patient, fits, misfit, key="k1").json["refused"]
    assert (refused["rule"], refused["values"]) == ("accreditation", None)
    assert refused["detail"] == "This did not fit when the list was approved."
    assert approve(client, patient, misfit, key="k1").status_code == 422
    assert approve(client, patient, fits, fits).status_code == 409


def test_a_new_request_waits_while_another_practice_offers_a_place(client: FlaskClient, session: Session) -> None:
    patient = a_request(session, RequestStatus.ACCEPTED).patient_id
    (item,) = approve(client, patient, a_known_therapist(session)).json["items"]
    assert item["hold"] == "accepted_elsewhere"
    types = [event["type"] for event in recorded(session, item["id"])]
    assert types == ["matching.request_approved", "matching.request_held"]


def test_after_a_pause_a_list_can_be_approved_again(client: FlaskClient, session: Session) -> None:
    patient, therapist = a_known_patient(session), a_known_therapist(session)
    patient_becomes(session, patient, "paused", sequence=2)
    assert approve(client, patient, therapist).status_code == 409
    patient_becomes(session, patient, "searching", sequence=3)
    assert approve(client, patient, therapist).status_code == 201


def _row(patient: UUID, therapist: UUID, status: str) -> dict[str, Any]:
    return {
        "id": new_id(),
        "patient_id": patient,
        "therapist_id": therapist,
        "status": status,
        "approved_at": MONDAY,
        "withdrawn_reason": "other" if status == "withdrawn" else None,
        "next_contact_after": MONDAY.date() if status in ("deferred", "no_answer") else None,
        "failed_on": MONDAY.date() if status == "failed" else None,
    }


@pytest.mark.parametrize("first", list(RequestStatus))
@pytest.mark.parametrize("second", ["open", "placed"])
def test_the_database_itself_refuses_a_second_live_request(session: Session, first: str, second: str) -> None:
    patient, therapist = new_id(), new_id()
    session.execute(insert(PlacementRequest), [_row(patient, therapist, first)])
    if first in ("declined", "failed", "withdrawn"):
        session.execute(insert(PlacementRequest), [_row(patient, therapist, second)])
    else:
        with pytest.raises(IntegrityError, match="uq_placement_requests_live"):
            session.execute(insert(PlacementRequest), [_row(patient, therapist, second)])


def test_two_approvals_at_once_make_one_request(real_commits: None, settings: Any) -> None:
    """The second connection waits for the first one's commit, and is then refused by the index."""
    patient, therapist = new_id(), new_id()
    engine = database.engine_for(settings.database_url, pool_size=2)
    with engine.connect() as one, engine.connect() as other:
        one.execute(insert(PlacementRequest), [_row(patient, therapist, "open")])
        other.exec_driver_sql("SET LOCAL lock_timeout = '200ms'")
        with pytest.raises(Exception, match="lock timeout"):
            other.execute(insert(PlacementRequest), [_row(patient, therapist, "open")])
        other.rollback()
        one.commit()
        with pytest.raises(IntegrityError, match="uq_placement_requests_live"):
            other.execute(insert(PlacementRequest), [_row(patient, therapist, "open")])
        other.rollback()
    engine.dispose()


def test_requests_are_listed_newest_first_and_filtered(client: FlaskClient, session: Session) -> None:
    patient = a_known_patient(session)
    first = an_open_request(session, patient_id=patient)
    second = an_open_request(session, patient_id=patient)
    other = a_request(session, RequestStatus.DECLINED)
    page = client.get(f"{URL}?patient_id={patient}&limit=1").json
    assert (page["total"], [item["id"] for item in page["items"]]) == (2, [str(second.id)])
    assert [i["id"] for i in client.get(f"{URL}?patient_id={patient}&offset=1").json["items"]] == [str(first.id)]
    assert [i["id"] for i in client.get(f"{URL}?status=declined").json["items"]] == [str(other.id)]
    assert client.get(f"{URL}?therapist_id={first.therapist_id}").json["total"] == 1
    assert client.get(f"{URL}?status=none").status_code == 422
    assert client.get(f"{URL}?limit=201").status_code == 422


def test_priority_and_note_can_be_changed_and_nothing_else(client: FlaskClient, session: Session) -> None:
    url = f"{URL}/{an_open_request(session).id}"
    changed = client.patch(url, json={"priority": 5, "note": "asked for mornings"}, headers={"If-Match": '"1"'})
    assert (changed.status_code, changed.json["priority"], changed.json["version"]) == (200, 5, 2)
    assert client.patch(url, json={"note": None}).json["note"] is None
    assert client.patch(url, json={"status": "open"}).json["version"] == 3
    assert client.patch(url, json={"status": "placed"}).status_code == 422
    assert client.patch(url, json={"priority": 101}).status_code == 422
    assert client.patch(url, json={"note": "x"}, headers={"If-Match": '"1"'}).status_code == 412


def test_an_unknown_request_is_not_found(client: FlaskClient) -> None:
    url = f"{URL}/{uuid4()}"
    assert client.get(url).status_code == 404
    assert client.patch(url, json={"priority": 1}).status_code == 404
    assert client.get(f"{url}/history").status_code == 404
    assert client.post(f"{url}/response", json={"outcome": "accepted"}).status_code == 404
    assert client.post(f"{url}/place").status_code == 404
    assert client.post(f"{url}/withdraw", json={"reason": "other"}).status_code == 404


def test_the_history_can_be_added_to_and_never_changed(client: FlaskClient, session: Session) -> None:
    request = a_request(session, RequestStatus.DECLINED)
    page = client.get(f"{URL}/{request.id}/history").json
    assert [entry["what"] for entry in page["items"]] == ["approved", "queued", "emailed", "answered"]
    assert [entry["status"] for entry in page["items"]] == ["open", "queued", "contacted", "declined"]
    assert page["items"][3]["outcome"] == "declined_capacity"
    for change in ("UPDATE placement_request_audit_log SET what = 'x'", "DELETE FROM placement_request_audit_log"):
        with pytest.raises(ProgrammingError, match="permission denied"), session.begin_nested():
            session.connection().exec_driver_sql(change)
    assert session.query(AuditLogEntry).count() == 4


LANGUAGES = {
    "de": "Privatpraxis: gesetzlich versichert, und keine Kostenerstattung.",
    "en": "Private practice: the patient is insured by statute and no reimbursement case.",
}


def test_a_repeated_key_does_not_fix_the_language_of_refusals(client: FlaskClient, session: Session) -> None:
    patient, fits = a_known_patient(session), a_known_therapist(session)
    private = a_known_therapist(session, accreditation="private")
    for language in ("de", "en", "de"):
        client.environ_base["HTTP_ACCEPT_LANGUAGE"] = language
        answer = approve(client, patient, private, fits, key="once")
        assert (answer.status_code, answer.headers["Content-Language"]) == (201, language)
        assert [each["detail"] for each in answer.json["refused"]] == [LANGUAGES[language]]
    assert client.get(URL).json["total"] == 1


@pytest.mark.parametrize("language", LANGUAGES)
def test_when_all_are_refused_every_reason_is_said_in_the_language_of_staff(
    client: FlaskClient, session: Session, language: str
) -> None:
    client.environ_base["HTTP_ACCEPT_LANGUAGE"] = language
    answer = approve(client, a_known_patient(session), a_known_therapist(session, accreditation="private"), uuid4())
    private, unknown = (each["message"] for each in answer.json["errors"])
    rule = {"de": "Zulassung", "en": "accreditation"}[language]
    assert private == f"{rule}: {LANGUAGES[language]}"
    assert ("gibt es hier nicht" in unknown) == (language == "de")


def test_who_was_not_reached_is_asked_again_after_four_weeks_with_the_same_request(
    client: FlaskClient, session: Session
) -> None:
    patient, therapist = a_known_patient(session), a_known_therapist(session, accreditation="private")
    reason = override(therapist, "accreditation")
    (made,) = approve(client, patient, therapist, overrides=[reason]).json["items"]
    attempts = {"inquiry_id": new_id(), "therapist_id": therapist, "placement_request_ids": [made["id"]]}

    def used_up(days_ago: int) -> None:
        then = clock.now() - timedelta(days=days_ago)
        handle(session, happened(AttemptsUsedUp(**attempts), new_id(), time=then))
        session.flush()

    used_up(27)
    refused = approve(client, patient, therapist, overrides=[reason])
    assert refused.json["errors"][0]["message"].startswith("open request: ")
    shown = client.get(f"{URL}/{made['id']}").json
    assert (shown["waits_for"], shown["waits_until"]) == ("decision", clock.today().isoformat())
    waited = clock.today() - timedelta(days=1)
    session.execute(update(PlacementRequest).values(next_contact_after=waited))
    again = approve(client, patient, therapist, overrides=[override(therapist, "accreditation", "asked anew")])
    (item,) = again.json["items"]
    assert (item["id"], item["status"], item["version"]) == (made["id"], "open", 2)
    assert [each["reason"] for each in item["overrides"]] == ["asked anew"]
    assert item["approved_at"] > made["approved_at"]
    assert types(session, made["id"]) == ["approved", "reopened"]
    logged = [each["what"] for each in client.get(f"{URL}/{made['id']}/history").json["items"]]
    assert logged == ["approved", "no_answer", "approved"]
