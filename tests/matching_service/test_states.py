"""The state machine: every status with every verb, and what follows from each."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import update
from sqlalchemy.orm import Session

from matching_service.domain import copies
from matching_service.jobs import reopen_deferred
from matching_service.store.tables import PlacementRequest
from shared.events.catalogue import PatientStatusChanged, PatientUpdated
from shared.runtime import clock
from shared.values.datetimes import berlin_day
from shared.values.enums import RequestStatus, WithdrawalReason
from tests.builders.events import happened
from tests.builders.matching import (
    a_known_patient,
    a_request,
    an_open_request,
    listeners,
    patient_becomes,
    public_patient,
    stored,
    types,
)
from tests.events import recorded

ANSWERABLE = {"open", "queued", "contacted", "deferred", "no_answer"}


def post(client: FlaskClient, request_id: Any, verb: str, **body: Any) -> Any:
    return client.post(f"/api/placement-requests/{request_id}/{verb}", json=body)


@pytest.mark.slow
@pytest.mark.parametrize("status", list(RequestStatus))
@pytest.mark.parametrize(
    ("verb", "body", "from_", "to"),
    [
        ("response", {"outcome": "accepted"}, ANSWERABLE, "accepted"),
        ("response", {"outcome": "declined_capacity"}, ANSWERABLE, "declined"),
        ("response", {"outcome": "declined_unsuitable"}, ANSWERABLE, "declined"),
        ("response", {"outcome": "declined_other"}, ANSWERABLE, "declined"),
        ("response", {"outcome": "later"}, ANSWERABLE, "deferred"),
        ("place", {}, {"accepted"}, "placed"),
        ("withdraw", {"reason": "patient_declined"}, ANSWERABLE | {"accepted"}, "withdrawn"),
    ],
)
def test_every_status_with_every_verb(
    client: FlaskClient,
    session: Session,
    status: RequestStatus,
    verb: str,
    body: dict[str, Any],
    from_: set[str],
    to: str,
) -> None:
    request = a_request(session, status, now=clock.now() - timedelta(days=1))
    before = len(recorded(session, request.id))
    answer = post(client, request.id, verb, **body)
    if status in from_:
        assert (answer.status_code, answer.json["status"]) == (200, to)
        assert answer.json["version"] == request.version + 1
        assert len(recorded(session, request.id)) > before
    elif verb == "response" and status == "withdrawn":
        assert (answer.status_code, answer.json["status"]) == (200, "withdrawn")
        assert len(recorded(session, request.id)) == before
        history = client.get(f"/api/placement-requests/{request.id}/history").json["items"]
        assert (history[-1]["what"], history[-1]["outcome"]) == ("answered", body["outcome"])
    else:
        assert answer.status_code == 409
        assert (stored(session, request.id).status, len(recorded(session, request.id))) == (status, before)


def test_an_acceptance_is_published_and_holds_what_has_not_gone_out(client: FlaskClient, session: Session) -> None:
    patient = a_known_patient(session)
    waiting = {
        status: a_request(session, status, patient_id=patient)
        for status in (RequestStatus.OPEN, RequestStatus.QUEUED, RequestStatus.CONTACTED, RequestStatus.DEFERRED)
    }
    accepted = a_request(session, RequestStatus.CONTACTED, patient_id=patient)
    answer = post(client, accepted.id, "response", outcome="accepted", available_from="2027-01-04", note="Mondays")
    assert (answer.json["outcome"], answer.json["available_from"]) == ("accepted", "2027-01-04")
    assert answer.json["hold"] is None
    assert types(session, accepted.id)[-2:] == ["answered", "accepted"]
    event = recorded(session, accepted.id)[-1]["data"]
    assert event["accepted_on"] == clock.today().isoformat()
    holds = {status: stored(session, request.id).hold for status, request in waiting.items()}
    assert holds == {
        "open": "accepted_elsewhere",
        "queued": "accepted_elsewhere",
        "contacted": None,
        "deferred": "accepted_elsewhere",
    }
    assert types(session, waiting[RequestStatus.OPEN].id) == ["approved", "held"]
    assert recorded(session, waiting[RequestStatus.QUEUED].id)[-1]["data"]["hold"] == "accepted_elsewhere"
    assert "held" not in types(session, waiting[RequestStatus.DEFERRED].id)


def test_other_patients_requests_are_left_alone(client: FlaskClient, session: Session) -> None:
    other = an_open_request(session)
    post(client, a_request(session, RequestStatus.CONTACTED).id, "response", outcome="accepted")
    assert stored(session, other.id).hold is None


def test_what_an_acceptance_held_goes_on_when_the_last_one_is_withdrawn(client: FlaskClient, session: Session) -> None:
    patient = a_known_patient(session)
    one = a_request(session, RequestStatus.ACCEPTED, patient_id=patient)
    other = a_request(session, RequestStatus.ACCEPTED, patient_id=patient)
    held = an_open_request(session, patient_id=patient)
    post(client, one.id, "withdraw", reason="patient_declined")
    assert stored(session, held.id).hold == "accepted_elsewhere"
    post(client, other.id, "withdraw", reason="patient_declined")
    assert stored(session, held.id).hold is None
    assert types(session, held.id) == ["approved", "held", "released"]


def test_a_place_ends_the_search_and_withdraws_all_the_rest(client: FlaskClient, session: Session) -> None:
    patient = a_known_patient(session)
    live = ("open", "queued", "contacted", "deferred", "no_answer", "accepted")
    rest = [a_request(session, RequestStatus(status), patient_id=patient) for status in live]
    declined = a_request(session, RequestStatus.DECLINED, patient_id=patient)
    other_patients = an_open_request(session)
    accepted = a_request(session, RequestStatus.ACCEPTED, patient_id=patient)
    answer = post(client, accepted.id, "place", first_session_on="2027-01-11")
    assert answer.status_code == 200
    assert (answer.json["status"], answer.json["first_session_on"]) == ("placed", "2027-01-11")
    assert answer.json["placed_on"] == clock.today().isoformat()
    event = recorded(session, accepted.id)[-1]
    assert event["type"] == "matching.patient_placed"
    assert event["data"]["patient_id"] == str(patient)
    for request in rest:
        now = stored(session, request.id)
        assert (now.status, now.withdrawn_reason, now.hold) == ("withdrawn", "placed_elsewhere", None)
        last = recorded(session, request.id)[-1]
        assert (last["type"], last["data"]["reason"]) == ("matching.request_withdrawn", "placed_elsewhere")
    assert stored(session, declined.id).status == "declined"
    assert stored(session, other_patients.id).status == "open"


def test_a_placement_ends_a_pause_as_it_does_in_the_patient_service(client: FlaskClient, session: Session) -> None:
    accepted = a_request(session, RequestStatus.ACCEPTED)
    patient_becomes(session, accepted.patient_id, "paused")
    assert post(client, accepted.id, "place").json["status"] == "placed"


def test_nobody_is_placed_whose_search_has_ended(client: FlaskClient, session: Session) -> None:
    accepted = a_request(session, RequestStatus.ACCEPTED)
    aborted = public_patient(id=accepted.patient_id, status="search_aborted")
    event = happened(PatientUpdated(patient=aborted), aborted.id, sequence=2)
    copies.keep_patients(session, [(aborted, event.envelope)])  # its effect has not come yet
    answer = post(client, accepted.id, "place")
    assert (answer.status_code, answer.json["code"]) == (409, "patient.not_searching")


def test_a_patient_takes_up_one_place_at_a_time(client: FlaskClient, session: Session) -> None:
    """The patient service is behind: the copy still says searching after the first place."""
    one = a_request(session, RequestStatus.PLACED)
    other = a_request(session, RequestStatus.ACCEPTED, patient_id=one.patient_id)
    answer = post(client, other.id, "place")
    assert (answer.status_code, answer.json["code"]) == (409, "patient.placed_already")
    assert stored(session, other.id).status == "accepted"
    for number, state in enumerate(("taken_up", "failed"), start=2):
        the_patient_service_says(session, one.patient_id, one.id, state, sequence=number)
    again = a_request(session, RequestStatus.ACCEPTED, patient_id=one.patient_id)
    assert post(client, again.id, "place").json["status"] == "placed"


def test_a_place_ends_when_the_patient_service_names_another_one(client: FlaskClient, session: Session) -> None:
    """However two came to stand: nothing is held for ever by the one that nobody speaks of any more."""
    older = a_request(session, RequestStatus.PLACED)
    newer = a_request(session, RequestStatus.ACCEPTED, patient_id=older.patient_id)
    session.execute(update(PlacementRequest).where(PlacementRequest.id == newer.id).values(status="placed"))
    the_patient_service_says(session, older.patient_id, newer.id, "failed", sequence=2)
    assert stored(session, older.id).place_ended_at is not None
    assert stored(session, newer.id).status == "failed"
    assert an_open_request(session, patient_id=older.patient_id).hold is None


def test_a_place_unknown_to_the_patient_service_goes_on(client: FlaskClient, session: Session) -> None:
    first = a_request(session, RequestStatus.PLACED)
    the_patient_service_says(session, first.patient_id, first.id, "failed", sequence=2)
    second = a_request(session, RequestStatus.PLACED, patient_id=first.patient_id)
    the_patient_service_says(session, first.patient_id, first.id, "failed", sequence=3)
    assert (stored(session, second.id).status, stored(session, second.id).place_ended_at) == ("placed", None)


def the_patient_service_says(session: Session, patient: Any, request: Any, state: str, *, sequence: int) -> None:
    published = public_patient(id=patient, placement_request_id=request, placement_state=state)
    event = happened(PatientStatusChanged(patient=published, previous_status="searching"), patient, sequence=sequence)
    listeners.apply(session, [event], now=clock.now())


def test_later_comes_back_by_itself_when_its_day_has_come(client: FlaskClient, session: Session) -> None:
    request = a_request(session, RequestStatus.CONTACTED)
    day = clock.today() + timedelta(days=100)
    answer = post(client, request.id, "response", outcome="later", available_from=day.isoformat())
    again = day - timedelta(days=28)
    assert answer.json["next_contact_after"] == again.isoformat()
    assert types(session, request.id)[-1] == "answered"
    now = clock.now()
    assert reopen_deferred(now + (again - berlin_day(now)) - timedelta(days=1)) == 0
    assert reopen_deferred(now + (again - berlin_day(now))) == 1
    assert reopen_deferred(now + timedelta(days=365)) == 0
    reopened = stored(session, request.id)
    assert (reopened.status, reopened.next_contact_after, reopened.outcome) == ("open", None, "later")
    event = recorded(session, request.id)[-1]
    assert event["type"] == "matching.request_reopened"
    assert event["data"]["placement_request_id"] == str(request.id)


def test_a_held_later_waits_until_it_is_released(client: FlaskClient, session: Session) -> None:
    deferred = a_request(session, RequestStatus.DEFERRED)
    accepted = a_request(session, RequestStatus.ACCEPTED, patient_id=deferred.patient_id)
    next_year = clock.now() + timedelta(days=365)
    assert reopen_deferred(next_year) == 0
    post(client, accepted.id, "withdraw", reason="patient_declined")
    assert reopen_deferred(next_year) == 1


def test_a_second_answer_is_refused_over_http_also_the_same_one(client: FlaskClient, session: Session) -> None:
    request = a_request(session, RequestStatus.DECLINED)
    assert post(client, request.id, "response", outcome="declined_capacity").status_code == 409
    accepted = a_request(session, RequestStatus.ACCEPTED)
    assert post(client, accepted.id, "response", outcome="accepted").status_code == 409


def test_an_answer_cannot_come_from_the_future_or_before_the_last_one(client: FlaskClient, session: Session) -> None:
    tomorrow = (clock.now() + timedelta(days=1)).isoformat()
    request = a_request(session, RequestStatus.CONTACTED)
    answer = post(client, request.id, "response", outcome="accepted", occurred_at=tomorrow)
    assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, "occurred_at")
    deferred = a_request(session, RequestStatus.DEFERRED, now=clock.now() - timedelta(hours=1))
    earlier = (clock.now() - timedelta(days=1)).isoformat()
    assert post(client, deferred.id, "response", outcome="accepted", occurred_at=earlier).status_code == 422


@pytest.mark.parametrize(
    ("verb", "body"),
    [
        ("response", {}),
        ("response", {"outcome": "perhaps"}),
        ("response", {"outcome": "not_discussed"}),
        ("response", {"outcome": "later", "available_from": "soon"}),
        ("response", {"outcome": "later", "colour": "red"}),
        ("place", {"first_session_on": "2026-02-30"}),
        ("withdraw", {}),
        ("withdraw", {"reason": "no idea"}),
    ],
)
def test_garbage_changes_nothing(client: FlaskClient, session: Session, verb: str, body: dict[str, Any]) -> None:
    request = a_request(session, RequestStatus.ACCEPTED if verb == "place" else RequestStatus.CONTACTED)
    assert post(client, request.id, verb, **body).status_code == 422
    assert stored(session, request.id).status == request.status


OF_THE_PLATFORM = {"patient_erased", "patient_merged", "therapist_merged"}
"""What happens to files and practices; staff cannot say so of a request."""


@pytest.mark.parametrize("reason", list(WithdrawalReason))
def test_a_withdrawal_keeps_its_reason(client: FlaskClient, session: Session, reason: str) -> None:
    request = an_open_request(session)
    if reason in OF_THE_PLATFORM:
        many = {"ids": [str(request.id)], "expected_total": 1, "action": "withdraw", "reason": reason}
        assert client.post("/api/placement-requests/bulk", json=many).status_code == 422
        assert post(client, request.id, "withdraw", reason=reason).json["errors"][0]["field"] == "reason"
        assert stored(session, request.id).status == "open"
        return
    assert post(client, request.id, "withdraw", reason=reason).json["withdrawn_reason"] == reason
    assert recorded(session, request.id)[-1]["data"]["reason"] == reason


def test_the_same_key_answers_once(client: FlaskClient, session: Session) -> None:
    request = a_request(session, RequestStatus.CONTACTED)
    url, headers = f"/api/placement-requests/{request.id}/response", {"Idempotency-Key": "k"}
    first = client.post(url, json={"outcome": "accepted"}, headers=headers)
    again = client.post(url, json={"outcome": "accepted"}, headers=headers)
    assert (first.status_code, again.status_code, again.json) == (200, 200, first.json)
    assert types(session, request.id).count("accepted") == 1
