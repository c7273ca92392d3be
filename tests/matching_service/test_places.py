"""What becomes of a place: it works, or it fails; two people at once, and days that cannot be."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from shared.runtime import clock
from shared.values.enums import RequestStatus
from tests.builders.matching import a_request, an_open_request, stored
from tests.events import recorded

DAY = timedelta(days=1)


def a_place(session: Session, *, days_ago: int = 10) -> Any:
    """The id of the request of a place that was taken so many days ago."""
    return a_request(session, RequestStatus.PLACED, now=clock.now() - days_ago * DAY).id


def post(client: FlaskClient, request: Any, verb: str, **body: Any) -> Any:
    return client.post(f"/api/placement-requests/{request}/{verb}", json=body)


def on(days_ago: int) -> str:
    return (clock.today() - days_ago * DAY).isoformat()


def test_a_place_that_works_is_shown_logged_and_published(client: FlaskClient, session: Session) -> None:
    place = a_place(session)
    shown = post(client, place, "confirm", confirmed_on=on(3))
    assert (shown.status_code, shown.json["status"], shown.json["confirmed_on"]) == (200, "placed", on(3))
    event = recorded(session, place)[-1]
    assert (event["type"], event["data"]["confirmed_on"]) == ("matching.place_confirmed", on(3))
    assert client.get(f"/api/placement-requests/{place}/history").json["items"][-1]["what"] == "confirmed"
    again = post(client, place, "confirm", confirmed_on=on(2))
    assert (again.status_code, again.json["code"]) == (409, "placement_request.confirmed_already")


def test_a_place_fails_after_it_is_known_to_work(client: FlaskClient, session: Session) -> None:
    place = a_place(session)
    post(client, place, "confirm", confirmed_on=on(3))
    refused = post(client, place, "fail", reason="other", failed_on=on(4))
    assert (refused.status_code, refused.json["errors"][0]["field"]) == (422, "failed_on")
    assert post(client, place, "fail", reason="other", failed_on=on(3)).status_code == 200


def test_a_place_that_failed_is_over_and_its_therapist_left_out(client: FlaskClient, session: Session) -> None:
    place = a_place(session)
    post(client, place, "confirm", confirmed_on=on(8))
    held = an_open_request(session, patient_id=stored(session, place).patient_id)
    assert held.hold == "accepted_elsewhere"
    shown = post(client, place, "fail", reason="no_show", failed_on=on(5), sessions_held=0)
    assert shown.status_code == 200
    said = {name: shown.json[name] for name in ("status", "failed_on", "failure_reason", "sessions_held")}
    assert said == {"status": "failed", "failed_on": on(5), "failure_reason": "no_show", "sessions_held": 0}
    event = recorded(session, place)[-1]
    assert (event["type"], event["data"]["failed_on"]) == ("matching.place_failed", on(5))
    assert "no_show" not in str(event)
    last = client.get(f"/api/placement-requests/{place}/history").json["items"][-1]
    assert (last["what"], last["reason"]) == ("failed", "no_show")
    assert stored(session, held.id).hold is None
    again = {"patient_id": shown.json["patient_id"], "therapist_ids": [shown.json["therapist_id"]]}
    refused = client.post("/api/placement-requests", json=again)
    assert refused.json["errors"][0]["message"].startswith("patient exclusion: ")


DAYS: list[tuple[str, str, dict[str, Any]]] = [
    ("confirm", "confirmed_on", {}),
    ("fail", "failed_on", {"reason": "other"}),
]


@pytest.mark.parametrize(("verb", "field", "body"), DAYS)
def test_a_day_before_the_place_or_in_the_future_is_refused_by_name(
    client: FlaskClient, session: Session, verb: str, field: str, body: dict[str, Any]
) -> None:
    place = a_place(session)
    before = len(recorded(session))
    for days_ago in (11, -1):
        refused = post(client, place, verb, **body, **{field: on(days_ago)})
        assert (refused.status_code, refused.json["errors"][0]["field"]) == (422, field)
    assert (stored(session, place).status, len(recorded(session))) == ("placed", before)
    assert post(client, place, verb, **body, **{field: on(10)}).status_code == 200


@pytest.mark.parametrize(("verb", "field", "body"), DAYS)
def test_only_a_place_that_goes_on_is_confirmed_or_fails(
    client: FlaskClient, session: Session, verb: str, field: str, body: dict[str, Any]
) -> None:
    requests = {status: a_request(session, status) for status in RequestStatus if status != RequestStatus.PLACED}
    for status, request in requests.items():
        refused = post(client, request.id, verb, **body, **{field: on(0)})
        assert (refused.status_code, refused.json["code"]) == (409, "placement_request.not_placed"), status
    ended = a_place(session)
    stored(session, ended).place_ended_at = clock.now()
    session.flush()
    assert post(client, ended, verb, **body, **{field: on(0)}).json["code"] == "placement_request.place_over"


def test_no_answer_and_no_place_is_dated_before_the_practice_was_asked(client: FlaskClient, session: Session) -> None:
    """Neither would a place be free before the answer, or a patient take it then; a day that can be is kept."""
    asked_at = clock.now() - 10 * DAY
    waiting, deferred, accepted = (
        a_request(session, status, now=asked_at).id
        for status in (RequestStatus.CONTACTED, RequestStatus.DEFERRED, RequestStatus.ACCEPTED)
    )
    long_ago, before = {"occurred_at": "2001-01-01T10:00:00Z"}, {"available_from": on(11)}
    cases: list[tuple[Any, str, dict[str, Any], str]] = [
        (waiting, "response", {"outcome": "accepted", **long_ago}, "occurred_at"),
        (waiting, "response", {"outcome": "accepted", "available_from": on(1)}, "available_from"),
        (deferred, "correct", {"outcome": "accepted", "reason": "verlesen", **before}, "available_from"),
        (deferred, "correct", {"outcome": "later", "reason": "verlesen", **before}, "available_from"),
        (accepted, "place", {"first_session_on": on(11)}, "first_session_on"),
        (accepted, "place", {"placed_on": on(11)}, "placed_on"),
        (accepted, "place", {"placed_on": on(-1)}, "placed_on"),
    ]
    for request, verb, body, field in cases:
        refused = post(client, request, verb, **body)
        assert (refused.status_code, [each["field"] for each in refused.json["errors"]]) == (422, [field]), body
    placed = post(client, accepted, "place", placed_on=on(4), first_session_on=on(6))
    assert (placed.status_code, placed.json["placed_on"], placed.json["first_session_on"]) == (200, on(4), on(6))
    assert recorded(session, accepted)[-1]["data"]["placed_on"] == on(4)
    assert post(client, accepted, "confirm", confirmed_on=on(3)).status_code == 200
