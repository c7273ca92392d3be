"""Weekly contact plans through the API: made by a job, explained, changed, approved, and carried out."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from matching_service import jobs
from matching_service.domain import plan_making, plan_solving
from matching_service.domain.plan_question import Question, Solution
from matching_service.store.tables import ContactPlan
from shared.database import transaction
from shared.events.catalogue import PatientErased, PatientUpdated, TherapistBlocked, TherapistMerged
from shared.values.enums import RequestStatus
from tests.builders.contact_plans import (
    MONDAY_OF_WEEK,
    URL,
    WEDNESDAY,
    WEEK,
    a_callable_therapist,
    a_mailable_therapist,
    a_proposed_plan,
    a_stored_plan,
    compute,
    make_requests,
    patients_of,
    requests_of,
)
from tests.builders.events import happened
from tests.builders.matching import (
    RULES,
    a_known_patient,
    a_known_therapist,
    a_request,
    an_open_request,
    handle,
    north_of_aachen,
    public_patient,
    public_therapist,
)


def _days_before(days: int) -> date:
    return WEDNESDAY.date() - timedelta(days=days)


def test_a_plan_asks_for_everybody_and_says_why_and_what_was_missing(client: FlaskClient, session: Session) -> None:
    """The one practice goes to who has only that one; a process of its own solves it."""
    near = a_callable_therapist(session, potentially_available=True)
    far = a_callable_therapist(session, working_hours=None, **north_of_aachen(20))
    unreachable = a_known_therapist(session)
    long = a_known_patient(session, search_started_on=_days_before(364))
    bound = a_known_patient(session, search_started_on=_days_before(63), max_distance_km=8)
    late = a_known_patient(session, search_started_on=_days_before(49), max_distance_km=8)
    nowhere = a_known_patient(session, placed=False)
    begun = client.post(URL, json={"week": WEEK, "max_patients_per_therapist": 1})
    assert (begun.status_code, begun.json["status"], begun.json["week"]) == (202, "waiting", WEEK)
    again = client.post(URL, json={"week": WEEK})
    assert (again.status_code, again.json["code"]) == (409, "contact_plan.being_made")
    assert again.headers["Location"].endswith(begun.json["id"])
    while_solved: list[Any] = []

    def solve(question: Question) -> Solution:
        while_solved.append(client.get(begun.headers["Location"]).json)
        return jobs.solve_apart(question)

    assert jobs.make_contact_plan(RULES, WEDNESDAY, solve=solve) == 1
    assert [(each["patients_done"], each["patients"]) for each in while_solved] == [(4, 4)]
    plan = client.get(begun.headers["Location"]).json
    assert (plan["status"], plan["patients"], plan["requests"], plan["contacts"], plan["calls"]) == (
        "proposed", 4, 2, 2, 2,
    )  # fmt: skip
    one, two = requests_of(client, plan)
    assert (UUID(one["patient_id"]), UUID(one["therapist_id"])) == (long, far)
    assert (UUID(two["patient_id"]), UUID(two["therapist_id"])) == (bound, near)
    assert one["unknown"] == ["availability"]
    assert (one["channel"], one["distance_km"], two["distance_km"]) == ("phone", 20.0, 5.0)
    assert one["chance"] < two["chance"] < 0.25
    assert one["reasons"][0] == {
        "code": "plan_reason.distance",
        "params": {"distance_km": 20.0},
        "text": "20.0 km in a straight line",
    }
    assert (one["reasons"][-1]["code"], one["reasons"][-1]["params"]) == ("reason.unknown", {"rules": ["availability"]})
    assert two["reasons"][0]["code"] == "reason.potentially_available"
    of = patients_of(client, plan)
    assert [each["position"] for each in of.values()] == [1, 2, 3, 4]
    assert (of[late]["planned"], of[late]["candidates"], of[late]["gap"]) == (0, 2, None)
    assert of[late]["lacks"] == {"practice_full": 1, "no_channel": 1}
    assert [(each["code"], each["params"]) for each in of[late]["explanation"]] == [
        ("plan_result.planned", {"planned": 0, "candidates": 2}),
        ("plan_lack.practice_full", {"number": 1}),
        ("plan_lack.no_channel", {"number": 1}),
    ]
    assert (one["therapist_name"], one["therapist_city"], one["patient_reference"]) == (
        "Anna Erfunden",
        "Aachen",
        of[long]["patient_reference"],
    )
    without_channel = [each for each, patient in of.items() if "no_channel" in patient["lacks"]]
    assert late in without_channel
    for query, found in (
        ("lacks=no_channel,no_call_left", without_channel),
        ("lacks=no_call_left", []),
        ("gap=place_unknown", [nowhere]),
    ):
        items = client.get(f"{URL}/{plan['id']}/patients?{query}").json["items"]
        assert [UUID(each["patient_id"]) for each in items] == found, query
    assert [client.get(f"{URL}/{plan['id']}/requests?channel={each}").json["total"] for each in ("phone", "email")] == [
        2,
        0,
    ]
    german = client.get(f"{URL}/{plan['id']}/requests", headers={"Accept-Language": "de"}).json["items"][0]
    assert german["reasons"][0]["text"] == "20,0 km Luftlinie"
    assert (of[long]["days_waited"], of[long]["planned"]) == (364, 1)
    assert of[nowhere]["gap"] == "place_unknown"
    assert compute() == 0
    assert str(unreachable) not in str(requests_of(client, plan))


def test_whom_no_practice_fits_is_told_what_would_help(client: FlaskClient, session: Session) -> None:
    wishes, far_off = (
        a_known_patient(session, preferred_therapist_gender="male"),
        a_known_patient(session, max_distance_km=1),
    )
    a_callable_therapist(session, gender="female", **north_of_aachen(5))
    of = patients_of(client, a_proposed_plan(client))
    explained = {id: [(each["code"], each["text"]) for each in row["explanation"]] for id, row in of.items()}
    assert [code for code, _ in explained[wishes]] == ["plan_gap.nobody_fits", "plan_help.concession"]
    assert explained[wishes][1][1] == "Accept any gender (wished for: male). Practices that fit then: 1"
    assert [code for code, _ in explained[far_off]] == ["plan_gap.nobody_fits", "plan_help.nearest"]
    assert explained[far_off][1][1].startswith("The nearest practice that fits otherwise is 5.0 km away")


def test_a_week_is_bounded_by_what_was_asked_already_and_by_e_mails(client: FlaskClient, session: Session) -> None:
    asked, offered = a_known_patient(session), a_known_patient(session)
    busy = a_mailable_therapist(session, "praxis@example.org")
    a_request(session, RequestStatus.CONTACTED, patient_id=asked, therapist_id=busy, now=WEDNESDAY)
    a_request(session, RequestStatus.ACCEPTED, patient_id=offered, therapist_id=busy, now=WEDNESDAY)
    shared = {
        a_mailable_therapist(session, "Gemeinsam@example.org"),
        a_mailable_therapist(session, "gemeinsam@example.org"),
    }
    by_phone = a_mailable_therapist(session, "x@example.org", contact_preference="phone_only")
    fresh = a_known_patient(session)
    plan = a_proposed_plan(client, max_requests_per_patient=2)
    pairs = {(UUID(each["patient_id"]), UUID(each["therapist_id"])) for each in requests_of(client, plan)}
    assert {patient for patient, _ in pairs} == {asked, fresh}
    assert len({therapist for _, therapist in pairs}) == 1
    assert {therapist for _, therapist in pairs} < shared
    of = patients_of(client, plan)
    assert of[fresh]["lacks"] == {"mailed_recently": 1, "mailbox_shared": 1, "no_channel": 1}
    assert of[asked]["asked_already"] == 1
    assert of[offered]["gap"] == "place_offered"
    assert str(by_phone) not in str(pairs)


def test_an_approval_makes_requests_once_and_refuses_by_name(client: FlaskClient, session: Session) -> None:
    """Approved twice, after a therapist was blocked and somebody asked another by hand, while other plans are there."""
    patient = a_known_patient(session)
    fine, blocked, added_by_staff = (a_callable_therapist(session) for _ in range(3))
    older, plan = a_proposed_plan(client), a_proposed_plan(client)
    being_made = client.post(URL, json={"week": WEEK}).json["id"]
    with transaction() as inner:
        claimed = plan_making.claim(inner, now=WEDNESDAY)
    assert claimed is not None
    event = TherapistBlocked(therapist=public_therapist(id=blocked, status="blocked"))
    handle(session, happened(event, blocked, sequence=2))
    an_open_request(session, patient_id=patient, therapist_id=added_by_staff)
    first, second = (client.post(f"{URL}/{plan['id']}/approve") for _ in range(2))
    assert (first.status_code, first.json["status"]) == (202, "approving")
    assert (second.status_code, second.json["approved_at"]) == (202, first.json["approved_at"])
    with transaction() as inner:
        assert not plan_making.save_progress(inner, claimed, 1, of=1, now=WEDNESDAY)
        assert plan_making.claim(inner, now=WEDNESDAY) is None, "it waits until the requests are made"
    make_requests()
    done = client.get(f"{URL}/{plan['id']}").json
    assert (done["status"], done["made"], done["refused"], done["patients_done"]) == ("approved", 1, 2, 1)
    requests = {UUID(each["therapist_id"]): each for each in requests_of(client, plan)}
    made = client.get(f"/api/placement-requests/{requests[fine]['placement_request_id']}").json
    assert (made["therapist_id"], made["status"]) == (str(fine), "open")
    assert "blocked" in requests[blocked]["why_refused"][0]["text"]
    assert requests[added_by_staff]["state"] == "refused"
    assert client.post(f"{URL}/{plan['id']}/approve").json["status"] == "approved"
    assert client.get("/api/placement-requests").json["total"] == 2
    refused = client.post(f"{URL}/{older['id']}/approve")
    assert (refused.status_code, refused.json["code"]) == (409, "contact_plan.not_proposed")
    assert compute() == 1
    assert client.get(f"{URL}/{being_made}").json["status"] == "proposed"
    listed = client.get(URL, query_string={"status": "superseded"}).json
    assert [each["id"] for each in listed["items"]] == [older["id"]]


def test_a_plan_that_cannot_be_computed_fails_after_some_attempts(client: FlaskClient, session: Session) -> None:
    plan = client.post(URL, json={"week": WEEK}).json["id"]
    now = WEDNESDAY

    def breaks(_: Any) -> Any:
        raise RuntimeError

    for _ in range(plan_making.MOST_ATTEMPTS):
        with pytest.raises(RuntimeError):
            jobs.make_contact_plan(RULES, now, solve=breaks)
        assert jobs.make_contact_plan(RULES, now) == 0, "nobody else takes it at once"
        now += plan_making.LEASE + timedelta(minutes=1)
    assert jobs.make_contact_plan(RULES, now) == 0
    assert client.get(f"{URL}/{plan}").json["status"] == "failed"
    assert client.post(URL, json={"week": WEEK}).status_code == 202


def test_a_plan_that_nobody_approved_can_be_cancelled_and_another_one_made_at_once(
    client: FlaskClient, session: Session
) -> None:
    waiting = client.post(URL, json={"week": WEEK}).json["id"]
    with transaction() as inner:
        claimed = plan_making.claim(inner, now=WEDNESDAY)
    assert claimed is not None
    first, again = (client.post(f"{URL}/{waiting}/cancel") for _ in range(2))
    assert (first.status_code, first.json["status"], first.json["version"]) == (200, "cancelled", 2)
    assert again.json == first.json
    with transaction() as inner:
        assert not plan_making.save_progress(inner, claimed, 1, of=1, now=WEDNESDAY), "it is not this worker's any more"
    assert client.post(URL, json={"week": WEEK}).status_code == 202
    assert compute() == 1
    proposed, _ = a_stored_plan(session, a_known_patient(session), a_callable_therapist(session))
    assert client.post(f"{URL}/{proposed}/cancel").json["status"] == "cancelled"
    refused = client.post(f"{URL}/{proposed}/approve")
    assert (refused.status_code, refused.json["code"]) == (409, "contact_plan.not_proposed")
    approved, _ = a_stored_plan(session, a_known_patient(session), a_callable_therapist(session))
    assert client.post(f"{URL}/{approved}/approve").status_code == 202
    refused = client.post(f"{URL}/{approved}/cancel")
    assert (refused.status_code, refused.json["code"]) == (409, "contact_plan.not_cancellable")


def test_a_plan_is_approved_before_its_week_is_over(client: FlaskClient, session: Session) -> None:
    plan, _ = a_stored_plan(session, a_known_patient(session), a_callable_therapist(session))
    session.get_one(ContactPlan, plan).week = MONDAY_OF_WEEK - timedelta(days=14)
    session.commit()
    refused = client.post(f"{URL}/{plan}/approve")
    assert (refused.status_code, refused.json["code"]) == (409, "contact_plan.too_late")


def test_acceptances_are_expected_of_the_first_of_several_patients_of_a_practice(
    client: FlaskClient, session: Session
) -> None:
    a_callable_therapist(session, potentially_available=True)
    for _ in range(3):
        a_known_patient(session)
    plan = a_proposed_plan(client)
    chances = sorted((each["chance"] for each in requests_of(client, plan)), reverse=True)
    expected = chances[0] + chances[1] / 2 + chances[2] / 4
    assert plan["expected_acceptances"] == pytest.approx(expected, abs=0.051)


def test_the_days_between_e_mails_are_those_of_the_communication_service(client: FlaskClient, session: Session) -> None:
    asked, other = a_known_patient(session), a_known_patient(session)
    mailed = a_mailable_therapist(session, "praxis@example.org")
    before = WEDNESDAY - timedelta(days=14)
    a_request(session, RequestStatus.DECLINED, patient_id=asked, therapist_id=mailed, now=before)
    lacks = []
    for days in (7, 30):
        plan = client.post(URL, json={"week": WEEK}).json
        jobs.make_contact_plan(RULES, WEDNESDAY, days_between_emails=days, solve=plan_solving.solve)
        lacks.append(patients_of(client, plan)[other]["lacks"])
    assert lacks == [{}, {"mailed_recently": 1}]


def test_no_plan_says_a_diagnosis_that_is_not_published_any_more(client: FlaskClient, session: Session) -> None:
    """Also not one that was computed meanwhile: the reason is gone, and the chance is that of anybody."""
    a_callable_therapist(session, preferences={"diagnoses": ["F30-F39"]})
    of_block = {"diagnosis_block": "F30-F39"}
    first, second, other = (a_known_patient(session, **fields) for fields in (of_block, of_block, {}))

    def withdraw_consent(patient: UUID) -> None:
        handle(session, happened(PatientUpdated(patient=public_patient(id=patient)), patient, sequence=2))

    def likelier(plan: dict[str, Any]) -> set[UUID]:
        found = {UUID(each["patient_id"]): each for each in requests_of(client, plan)}
        preferred = {who for who, each in found.items() if "plan_reason.preferred" in str(each["reasons"])}
        assert preferred == {who for who, each in found.items() if each["chance"] != found[other]["chance"]}
        return preferred

    plan = a_proposed_plan(client)
    assert likelier(plan) == {first, second}
    withdraw_consent(first)
    assert likelier(plan) == {second}
    newer = client.post(URL, json={"week": WEEK}).json

    def withdrawn_meanwhile(question: Any) -> Any:
        withdraw_consent(second)
        return plan_solving.solve(question)

    jobs.make_contact_plan(RULES, WEDNESDAY, solve=withdrawn_meanwhile)
    assert not likelier(plan)
    assert not likelier(newer)


def test_who_was_merged_is_asked_as_the_kept_one_and_once(client: FlaskClient, session: Session) -> None:
    patient = a_known_patient(session)
    merged, other, kept = (a_callable_therapist(session) for _ in range(3))
    third = a_callable_therapist(session)
    plan = a_proposed_plan(client)
    for one, into in ((merged, kept), (other, third)):
        handle(session, happened(TherapistMerged(therapist_id=one, merged_into=into), one, sequence=3))
    # of these two the merged one is left alone in the plan
    (taken_out,) = (each["id"] for each in requests_of(client, plan, therapist_id=str(third)))
    path, patch = f"{URL}/{plan['id']}", {"removed_request_ids": [taken_out]}
    assert client.patch(path, json=patch).status_code == 200
    client.post(f"{path}/approve")
    make_requests()
    found = requests_of(client, plan)
    states = {(each["therapist_id"], each["state"]) for each in found}
    assert states == {(str(kept), "made"), (str(kept), "refused"), (str(third), "made"), (str(third), "removed")}
    (double,) = (each for each in found if each["state"] == "refused")
    assert [each["code"] for each in double["why_refused"]] == ["plan_refusal.merged_therapist"]
    asked = client.get("/api/placement-requests", query_string={"patient_id": str(patient)}).json["items"]
    assert {each["therapist_id"] for each in asked} == {str(kept), str(third)}
    assert len(asked) == 2


def test_nobody_who_was_erased_is_in_a_plan(client: FlaskClient, session: Session) -> None:
    """Also not in one that was computed meanwhile."""
    a_callable_therapist(session)
    gone, stays = a_known_patient(session), a_known_patient(session)
    plan = a_proposed_plan(client)
    assert patients_of(client, plan).keys() == {gone, stays}
    client.post(URL, json={"week": WEEK})

    def erased_meanwhile(question: Any) -> Any:
        handle(session, happened(PatientErased(patient_id=gone), gone, sequence=2))
        return plan_solving.solve(question)

    jobs.make_contact_plan(RULES, WEDNESDAY, solve=erased_meanwhile)
    newer = client.get(URL).json["items"][0]
    assert patients_of(client, plan).keys() == patients_of(client, newer).keys() == {stays}
    assert {each["patient_id"] for each in requests_of(client, newer)} == {str(stays)}
    assert session.get_one(ContactPlan, UUID(newer["id"])).patients == 1


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"week": "2026-11-24"}, "week"),
        ({"week": "2026-11-02"}, "week"),
        ({"week": (MONDAY_OF_WEEK + timedelta(days=21)).isoformat()}, "week"),
        ({"max_requests_per_patient": 0}, "max_requests_per_patient"),
        ({"max_patients_per_therapist": 7}, "max_patients_per_therapist"),
        ({"max_calls": -1}, "max_calls"),
    ],
)
def test_what_is_no_plan_is_refused(client: FlaskClient, body: dict[str, Any], field: str) -> None:
    answer = client.post(URL, json=body)
    assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, field)
