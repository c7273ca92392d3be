"""What staff change in a weekly contact plan before they approve it, and what it comes to then."""

from __future__ import annotations

from uuid import uuid4

from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from shared.events.catalogue import TherapistBlocked
from tests.builders.contact_plans import (
    URL,
    a_callable_therapist,
    a_proposed_plan,
    make_requests,
    patients_of,
    requests_of,
)
from tests.builders.events import happened
from tests.builders.matching import a_known_patient, a_known_therapist, handle, north_of_aachen, public_therapist


def test_staff_take_requests_out_and_add_others(client: FlaskClient, session: Session) -> None:
    patient, other = a_known_patient(session), a_known_patient(session, max_distance_km=1)
    one, two = a_callable_therapist(session), a_callable_therapist(session)
    added_by_staff = a_known_therapist(session, **north_of_aachen(0.5))
    private = a_known_therapist(session, accreditation="private")
    plan = a_proposed_plan(client)
    first = requests_of(client, plan)[0]
    at = f"{URL}/{plan['id']}"
    added = [{"patient_id": str(other), "therapist_id": str(added_by_staff)}]
    changed = client.patch(at, json={"removed_request_ids": [first["id"]], "added_requests": added})
    assert (changed.status_code, changed.json["version"]) == (200, 2)
    assert changed.json["removed_request_ids"] == [first["id"]]
    assert changed.json["added_requests"] == added
    assert client.patch(at, json={"added_requests": added}).json["version"] == 2
    stale = client.patch(at, json={"removed_request_ids": []}, headers={"If-Match": '"1"'})
    assert (stale.status_code, stale.json["code"]) == (412, "contact_plan.changed_meanwhile")
    twice = {"patient_id": first["patient_id"], "therapist_id": first["therapist_id"]}
    for wrong, field in (
        ({"removed_request_ids": [str(uuid4())]}, "removed_request_ids.0"),
        ({"added_requests": [*added, twice]}, "added_requests.1"),
        ({"added_requests": [{"patient_id": str(uuid4()), "therapist_id": str(one)}]}, "added_requests.0.patient_id"),
        ({"added_requests": [*added, *added]}, "added_requests"),
        ({"added_requests": [{**added[0], "therapist_id": str(uuid4())}]}, "added_requests.0.therapist_id"),
        ({"added_requests": [*added, {**added[0], "therapist_id": str(private)}]}, "added_requests.1.therapist_id"),
        ({"status": "approved"}, "status"),
    ):
        refused = client.patch(at, json=wrong)
        assert (refused.status_code, refused.json["errors"][0]["field"]) == (422, field), wrong
    (by_staff,) = (each for each in requests_of(client, plan) if each["added_by_staff"])
    assert (by_staff["distance_km"], by_staff["channel"]) == (0.5, None)
    assert 0.01 < by_staff["chance"] < 0.25
    before, edited = plan, client.get(at).json
    left_in = [each for each in requests_of(client, plan) if each["state"] == "proposed"]
    assert (before["requests"], edited["requests"], edited["contacts"], edited["calls"]) == (2, 2, 2, 1)
    assert edited["expected_acceptances"] == round(sum(each["chance"] for each in left_in), 1)
    planned = {each: row["planned"] for each, row in patients_of(client, plan).items()}
    assert planned == {patient: 1, other: 1}
    event = TherapistBlocked(therapist=public_therapist(id=added_by_staff, status="blocked"))
    handle(session, happened(event, added_by_staff, sequence=2))
    client.post(f"{at}/approve")
    make_requests()
    states = {(each["therapist_id"], each["state"]) for each in requests_of(client, plan)}
    left = two if first["therapist_id"] == str(one) else one
    assert states == {(first["therapist_id"], "removed"), (str(left), "made"), (str(added_by_staff), "refused")}
    (added_by_hand,) = requests_of(client, plan, state="refused")
    assert added_by_hand["added_by_staff"]
    assert any("blocked" in each["text"] for each in added_by_hand["why_refused"])
    late = client.patch(at, json={"removed_request_ids": []})
    assert (late.status_code, late.json["code"]) == (409, "contact_plan.not_proposed")
    assert client.get("/api/placement-requests", query_string={"patient_id": str(patient)}).json["total"] == 1
