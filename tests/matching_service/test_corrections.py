"""The way back from an answer that was recorded wrong: what followed from it is taken back, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from matching_service.domain import audit_log
from matching_service.jobs import reopen_deferred
from shared.database import new_id
from shared.events.catalogue import (
    AttemptsUsedUp,
    EmailSent,
    PatientErased,
    PatientStatusChanged,
    PatientTherapistsExcluded,
    PatientUpdated,
    TherapistBlocked,
)
from shared.runtime import clock
from shared.values.datetimes import berlin_day
from shared.values.enums import RequestStatus, Role
from tests.accounts import signed_in
from tests.builders.events import happened
from tests.builders.matching import (
    a_known_patient,
    a_request,
    an_open_request,
    handle,
    public_patient,
    public_therapist,
    stored,
    types,
)
from tests.conftest import MONDAY
from tests.events import recorded

S = RequestStatus
DAY = timedelta(days=1)


def post(client: FlaskClient, request: Any, verb: str, **body: Any) -> Any:
    return client.post(f"/api/placement-requests/{request}/{verb}", json=body)


def corrected(client: FlaskClient, request: Any, outcome: str | None, **more: Any) -> Any:
    answer = post(client, request, "correct", outcome=outcome, reason="typed into the wrong line", **more)
    assert answer.status_code == 200, answer.text
    return answer.json


def log(client: FlaskClient, request: Any) -> list[dict[str, Any]]:
    return list(client.get(f"/api/placement-requests/{request}/history").json["items"])


def yesterday() -> Any:
    return clock.now() - DAY


TAKEN_BACK = {"place_taken_back": True}
BEFORE = [S.OPEN, S.QUEUED, S.CONTACTED, S.DEFERRED, S.NO_ANSWER]
AS_BEFORE = {S.QUEUED: S.OPEN}
"""The inquiry may have been dissolved since: the request waits for one again."""


def test_the_log_is_in_the_order_of_what_happened_whatever_the_clocks_of_machines_say(
    client: FlaskClient, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ids begin with the time of the machine that made them: here each machine is behind the one before."""
    request = a_request(session, S.CONTACTED)
    ids = (UUID(int=number) for number in range(9, 0, -1))
    monkeypatch.setattr(audit_log, "new_id", lambda: next(ids))
    assert post(client, request.id, "response", outcome="declined_other").status_code == 200
    assert corrected(client, request.id, None)["status"] == "contacted"
    entries = log(client, request.id)
    assert [each["what"] for each in entries[-2:]] == ["answered", "corrected"]
    contacts = client.get(f"/api/patients/{request.patient_id}/contact-log").json["items"]
    assert [each["result"] for each in contacts] == ["sent", "declined_other", "taken_back"]


@pytest.mark.parametrize("outcome", ["accepted", "declined_capacity", "later"])
def test_an_answer_taken_back_leaves_the_request_as_before_it(
    client: FlaskClient, session: Session, outcome: str
) -> None:
    for before in BEFORE:
        request = a_request(session, before, now=yesterday())
        earlier = {name: getattr(request, name) for name in ("outcome", "responded_at", "next_contact_after")}
        given = post(client, request.id, "response", outcome=outcome, available_from="2099-01-04").json
        shown = corrected(client, request.id, None)
        now = stored(session, request.id)
        assert (now.status, shown["available_from"]) == (AS_BEFORE.get(before, before), None)
        assert {name: getattr(now, name) for name in earlier} == earlier
        assert shown["version"] == given["version"] + 1
        entries = log(client, request.id)
        assert (entries[-1]["what"], entries[-1]["outcome"], entries[-1]["note"]) == (
            "corrected",
            None,
            "typed into the wrong line",
        )
        assert entries[-1]["caused_by"] == entries[-2]["id"]
        published = types(session, request.id)
        last = {S.OPEN: "reopened", S.DEFERRED: "answered"}.get(S(now.status), "updated")
        assert published[published.index("corrected") :] == ["corrected", last]
        again = post(client, request.id, "response", outcome="accepted").json
        assert again["status"] == "accepted"


@pytest.mark.parametrize("outcome", ["accepted", "declined_other", "later"])
def test_another_answer_counts_at_the_time_of_the_wrong_one(
    client: FlaskClient, session: Session, outcome: str
) -> None:
    status = {"accepted": "accepted", "later": "deferred"}.get(outcome, "declined")
    for wrong in (S.ACCEPTED, S.DECLINED, S.DEFERRED):
        request = a_request(session, wrong, now=clock.now() - 5 * DAY)
        if (wrong, status) == (request.status, request.status):
            continue
        answered_at, held = request.responded_at, an_open_request(session, patient_id=request.patient_id)
        shown = corrected(client, request.id, outcome)
        now = stored(session, request.id)
        assert (now.status, now.outcome, now.responded_at) == (status, outcome, answered_at)
        assert (shown["restored"], shown["not_restored"]) == ([], [])
        assert stored(session, held.id).hold == ("accepted_elsewhere" if status == "accepted" else None)
        published = types(session, request.id)[-2 - (status == "accepted") :]
        assert published == ["corrected", "answered", *["accepted"] * (status == "accepted")]
        assert answered_at is not None
        again = berlin_day(answered_at) + 28 * DAY
        assert now.next_contact_after == (again if status == "deferred" else None)


def test_a_refusal_that_was_none_closes_the_practice_no_longer(client: FlaskClient, session: Session) -> None:
    request = a_request(session, S.DECLINED, now=yesterday())
    other = a_request(session, S.DECLINED, patient_id=request.patient_id)
    wanted = {"patient_id": str(request.patient_id), "therapist_ids": [str(request.therapist_id)]}
    assert client.post("/api/placement-requests", json=wanted).json["errors"][0]["message"].startswith("recent refusal")
    assert corrected(client, request.id, None)["status"] == "contacted"
    assert stored(session, other.id).status == "declined"


def test_what_went_out_meanwhile_is_not_asked_twice(client: FlaskClient, session: Session) -> None:
    request = an_open_request(session)
    post(client, request.id, "response", outcome="declined_other")
    sent = EmailSent(
        email_id=new_id(), inquiry_id=new_id(), kind="inquiry", placement_request_ids=[request.id], sent_at=clock.now()
    )
    handle(session, happened(sent, time=clock.now()), now=clock.now())
    session.flush()
    assert corrected(client, request.id, None)["status"] == "contacted"


def test_later_that_has_come_back_by_itself_is_not_closed_by_its_correction(
    client: FlaskClient, session: Session
) -> None:
    request = a_request(session, S.DEFERRED)
    assert reopen_deferred(clock.now() + 400 * DAY) == 1
    assert corrected(client, request.id, None)["outcome"] is None
    assert stored(session, request.id).status == "open"


def test_only_another_day_changes_nothing_else(client: FlaskClient, session: Session) -> None:
    place, others = a_placed_request(client, session)
    shown = corrected(client, place, "accepted", available_from="2099-02-01")
    assert (shown["status"], shown["available_from"]) == ("placed", "2099-02-01")
    assert {stored(session, each).status for each in others.values()} == {"withdrawn"}
    # sent once more, and without a day: the place stays as it is
    for body in ({"available_from": "2099-02-01"}, {}):
        again = post(client, place, "correct", outcome="accepted", reason="sent again", **body)
        assert (again.status_code, again.json["code"]) == (409, "placement_request.nothing_to_correct")
    assert corrected(client, place, "accepted", available_from=None)["status"] == "placed"
    assert {stored(session, each).status for each in others.values()} == {"withdrawn"}
    deferred = a_request(session, S.DEFERRED)
    assert corrected(client, deferred.id, "later", available_from="2099-03-29")["next_contact_after"] == "2099-03-01"


def a_placed_request(client: FlaskClient, session: Session) -> tuple[UUID, dict[RequestStatus, UUID]]:
    """A place, and the requests in each status that it withdrew."""
    patient = a_known_patient(session)
    others = {status: a_request(session, status, patient_id=patient).id for status in (*BEFORE, S.ACCEPTED)}
    withdrawn_before = an_open_request(session, patient_id=patient)
    post(client, withdrawn_before.id, "withdraw", reason="patient_declined")
    place = a_request(session, S.ACCEPTED, patient_id=patient).id
    assert post(client, place, "place", first_session_on="2099-01-01").status_code == 200
    assert {stored(session, each).status for each in others.values()} == {"withdrawn"}
    return place, others


def follow(session: Session, place: UUID, patient: UUID, state: str, status: str, *, sequence: int) -> None:
    """The patient service has handled what was recorded of the place."""
    published = public_patient(id=patient, status=status, placement_request_id=place, placement_state=state)
    handle(session, happened(PatientUpdated(patient=published), patient, sequence=sequence))


@pytest.mark.parametrize("outcome", ["accepted", "declined_other", None])
@pytest.mark.parametrize("more", [(), ("confirm",), ("confirm", "fail")])
def test_a_place_that_was_a_mistake_is_taken_back_with_what_it_withdrew(
    client: FlaskClient, session: Session, outcome: str | None, more: tuple[str, ...]
) -> None:
    place, others = a_placed_request(client, session)
    patient = stored(session, place).patient_id
    today = clock.today().isoformat()
    if "confirm" in more:
        assert post(client, place, "confirm", confirmed_on=today).status_code == 200
    if "fail" in more:
        assert post(client, place, "fail", failed_on=today, reason="no_show").status_code == 200
        follow(session, place, patient, "failed", "searching", sequence=2)
    shown = corrected(client, place, outcome, **TAKEN_BACK if outcome == "accepted" else {})
    expected = {"accepted": "accepted", None: "contacted"}.get(outcome, "declined")
    gone = [
        *("placed_on", "first_session_on", "confirmed_on", "failed_on", "failure_reason", "sessions_held"),
        "withdrawn_reason",
    ]
    assert (shown["status"], {shown[name] for name in gone}) == (expected, {None})
    assert set(shown["restored"]) == {str(each) for each in others.values()}
    assert shown["not_restored"] == []
    now = {status: stored(session, each) for status, each in others.items()}
    assert {status: each.status for status, each in now.items()} == {s: AS_BEFORE.get(s, s) for s in others}
    assert {each.withdrawn_reason for each in now.values()} == {None}
    assert now[S.DEFERRED].next_contact_after is not None
    # the acceptance that was restored holds what has not gone out
    assert now[S.OPEN].hold == "accepted_elsewhere"
    assert "matching.place_taken_back" in [event["type"] for event in recorded(session, place)]
    entries = log(client, others[S.OPEN])
    whats = {entry["id"]: entry["what"] for entry in [*entries, *log(client, place)]}
    restored = next(entry for entry in entries if entry["what"] == "restored")
    assert whats[restored["caused_by"]] == "corrected"
    assert types(session, others[S.OPEN])[-2:] == ["reopened", "held"]
    assert types(session, others[S.ACCEPTED])[-1] == "updated"


def test_what_has_changed_since_stays_and_is_named(client: FlaskClient, session: Session) -> None:
    place, others = a_placed_request(client, session)
    patient = stored(session, place).patient_id
    follow(session, place, patient, "taken_up", "in_therapy", sequence=2)
    # a practice answers, two are not to be asked any more; what has gone out to such a one may still be answered
    post(client, others[S.CONTACTED], "response", outcome="declined_capacity")
    for status in (S.OPEN, S.NO_ANSWER):
        blocked = public_therapist(id=stored(session, others[status]).therapist_id, status="blocked")
        handle(session, happened(TherapistBlocked(therapist=blocked), blocked.id, sequence=5))
    excluded = [stored(session, others[S.DEFERRED]).therapist_id]
    states = {"placement_request_id": place, "placement_state": "taken_up", "status": "in_therapy"}
    changed = public_patient(id=patient, excluded_therapist_ids=excluded, **states)
    handle(session, happened(PatientTherapistsExcluded(patient=changed), patient, sequence=3))
    shown = corrected(client, place, "declined_other")
    kept = {each["id"]: each["reason"] for each in shown["not_restored"]}
    assert kept == {
        str(others[S.CONTACTED]): "changed_meanwhile",
        str(others[S.OPEN]): "therapist_unavailable",
        str(others[S.DEFERRED]): "patient_exclusion",
    }
    assert set(shown["restored"]) == {str(others[s]) for s in (S.QUEUED, S.NO_ANSWER, S.ACCEPTED)}
    assert {stored(session, UUID(each)).status for each in kept} == {"withdrawn"}
    last = log(client, others[S.OPEN])[-1]
    assert (last["what"], last["reason"]) == ("not_restored", "therapist_unavailable")


@pytest.mark.parametrize(
    ("ended", "reason"),
    [
        (
            lambda session, place, patient: follow(session, place, patient, "failed", "search_aborted", sequence=4),
            "search_ended",
        ),
        (lambda session, _, patient: a_request(session, S.PLACED, patient_id=patient), "placed_elsewhere"),
    ],
)
def test_what_belongs_to_a_search_that_has_ended_otherwise_does_not_go_on(
    client: FlaskClient, session: Session, ended: Callable[[Session, UUID, UUID], Any], reason: str
) -> None:
    place, others = a_placed_request(client, session)
    patient = stored(session, place).patient_id
    post(client, place, "fail", failed_on=clock.today().isoformat(), reason="other")
    follow(session, place, patient, "failed", "searching", sequence=2)
    ended(session, place, patient)
    shown = corrected(client, place, "accepted", **TAKEN_BACK)
    assert (shown["status"], shown["withdrawn_reason"], shown["restored"]) == ("withdrawn", reason, [])
    assert {each["reason"] for each in shown["not_restored"]} == {reason}
    assert len(shown["not_restored"]) == len(others)


def test_a_therapy_that_the_patient_service_has_yet_to_take_back_ends_nothing(
    client: FlaskClient, session: Session
) -> None:
    """Place and correction come before the patient service has followed the place."""
    place, others = a_placed_request(client, session)
    corrected(client, place, "declined_other")
    patient = stored(session, place).patient_id
    for status, state, more in (
        ("in_therapy", "taken_up", {"placement_request_id": place}),
        ("searching", None, {}),
    ):
        published = public_patient(id=patient, status=status, placement_state=state, **more)
        before = "searching" if status == "in_therapy" else "in_therapy"
        step = PatientStatusChanged(patient=published, previous_status=before, caused_by_place=place)
        sequence = 2 if status == "in_therapy" else 3
        handle(session, happened(step, patient, sequence=sequence, time=clock.now()))
        assert stored(session, others[S.CONTACTED]).status == "contacted", status


def test_a_correction_can_be_corrected(client: FlaskClient, session: Session) -> None:
    request = a_request(session, S.CONTACTED)
    post(client, request.id, "response", outcome="declined_other")
    for outcome, status in (("accepted", "accepted"), ("later", "deferred"), (None, "contacted")):
        assert corrected(client, request.id, outcome)["status"] == status
    refused = post(client, request.id, "correct", outcome=None, reason="once more")
    assert (refused.status_code, refused.json["code"]) == (409, "placement_request.not_answered")
    entries = log(client, request.id)
    assert [entry["what"] for entry in entries[-4:]] == ["answered", "corrected", "corrected", "corrected"]
    assert [entry["caused_by"] for entry in entries[-3:]] == [entry["id"] for entry in entries[-4:-1]]


def test_an_answer_to_what_was_withdrawn_since_is_corrected_and_stays_withdrawn(
    client: FlaskClient, session: Session
) -> None:
    request = a_request(session, S.ACCEPTED)
    post(client, request.id, "withdraw", reason="patient_declined")
    shown = corrected(client, request.id, "declined_other")
    assert (shown["status"], shown["outcome"], shown["withdrawn_reason"]) == (
        "withdrawn",
        "declined_other",
        "patient_declined",
    )


def erased(session: Session, request: Any) -> None:
    handle(session, happened(PatientErased(patient_id=request.patient_id), request.patient_id, sequence=9))


def asked_again(session: Session, request: Any) -> None:
    stored(session, request.id).responded_at = MONDAY - 60 * DAY
    an_open_request(session, patient_id=request.patient_id, therapist_id=request.therapist_id)


@pytest.mark.parametrize(
    ("before", "meanwhile", "body", "status", "said"),
    [
        (S.CONTACTED, None, {"outcome": None}, 409, "placement_request.not_answered"),
        (S.DECLINED, None, {"outcome": "declined_capacity"}, 409, "placement_request.nothing_to_correct"),
        (S.DECLINED, erased, {"outcome": None}, 409, "placement_request.patient_erased"),
        (S.DECLINED, asked_again, {"outcome": None}, 409, "placement_request.asked_again"),
        (S.DECLINED, None, {"outcome": None, "reason": " "}, 422, "reason"),
        (S.DECLINED, None, {"outcome": "perhaps"}, 422, "outcome"),
        (S.DECLINED, None, {}, 422, "outcome"),
        (S.DECLINED, None, {"outcome": "later", "available_from": "1999-01-01"}, 422, "available_from"),
        (S.DECLINED, None, {"outcome": "later", "occurred_at": "2099-01-01T09:00:00Z"}, 422, "occurred_at"),
    ],
)
def test_what_cannot_be_corrected_is_refused_by_name(
    client: FlaskClient,
    session: Session,
    before: RequestStatus,
    meanwhile: Callable[[Session, Any], None] | None,
    body: dict[str, Any],
    status: int,
    said: str,
) -> None:
    request = a_request(session, before)
    if meanwhile is not None:
        meanwhile(session, request)
    count = len(recorded(session))
    refused = post(client, request.id, "correct", **{"reason": "a mistake", **body})
    assert refused.status_code == status, refused.text
    assert said == (refused.json["code"] if status == 409 else refused.json["errors"][0]["field"])
    assert (stored(session, request.id).status, len(recorded(session))) == (before, count)


def test_what_the_patient_service_has_yet_to_follow_is_asked_for_again_in_a_moment(
    client: FlaskClient, session: Session
) -> None:
    """What it will say of the former place would otherwise be taken for news of the next one."""
    place, _ = a_placed_request(client, session)
    patient = stored(session, place).patient_id
    follow(session, place, patient, "taken_up", "in_therapy", sequence=2)
    post(client, place, "fail", failed_on=clock.today().isoformat(), reason="other")
    refused = post(client, place, "correct", outcome="accepted", reason="it did not", **TAKEN_BACK)
    assert (refused.status_code, refused.json["code"]) == (409, "patient.place_not_followed")
    assert refused.headers["Retry-After"]
    follow(session, place, patient, "failed", "searching", sequence=3)
    corrected(client, place, "accepted", available_from="2099-03-01", **TAKEN_BACK)
    once_more = post(client, place, "correct", outcome="accepted", reason="sent again", **TAKEN_BACK)
    assert (once_more.status_code, once_more.json["code"]) == (409, "placement_request.nothing_to_correct")
    assert stored(session, place).available_from == date(2099, 3, 1)
    again = post(client, place, "place")
    assert (again.status_code, again.json["code"]) == (409, "patient.place_not_followed")
    handle(session, happened(PatientUpdated(patient=public_patient(id=patient)), patient, sequence=4))
    assert post(client, place, "place").json["status"] == "placed"


def test_a_repeated_correction_is_answered_as_the_first(app: Flask, client: FlaskClient, session: Session) -> None:
    place, _ = a_placed_request(client, session)
    staff = signed_in(app, Role.COORDINATOR)
    body, headers = {"outcome": "declined_other", "reason": "a mistake"}, {"Idempotency-Key": "k"}
    url = f"/api/placement-requests/{place}/correct"
    first, again = (staff.post(url, json=body, headers=headers) for _ in range(2))
    assert (first.status_code, again.status_code, again.json) == (200, 200, first.json)
    assert len(first.json["restored"]) == len(BEFORE) + 1
    assert types(session, place).count("corrected") == 1


def test_attempts_that_ended_late_do_not_close_what_a_correction_opened(client: FlaskClient, session: Session) -> None:
    request = a_request(session, S.DECLINED, now=yesterday())
    corrected(client, request.id, None)
    attempts = AttemptsUsedUp(inquiry_id=new_id(), therapist_id=new_id(), placement_request_ids=[request.id])
    handle(session, happened(attempts, time=yesterday() - DAY))
    assert stored(session, request.id).status == "contacted"
