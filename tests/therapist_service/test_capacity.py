"""Whether a practice has places: who said so, and what days do to it; tests/architecture has what follows from it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from tests.builders.therapists import a_therapist
from tests.conftest import MONDAY
from tests.events import recorded
from therapist_service import jobs
from therapist_service.domain import capacity
from therapist_service.domain.capacity_schemas import NewCapacity

TODAY = MONDAY.date()
TOMORROW = str(TODAY + timedelta(days=1))


def shown(answer: Any) -> tuple[Any, ...]:
    names = ("free_individual_from", "free_group_from", "potentially_available", "version")
    return tuple(answer.json[name] for name in names)


def test_a_statement_says_who_made_it_and_everything_follows(client: FlaskClient, session: Session) -> None:
    known = a_therapist(session)
    url = f"/api/therapists/{known.id}"
    nothing = {"state": "unknown", "from": None, "stated_on": None, "source": None, "expires_on": None}
    assert client.get(url).json["capacity"] == {"individual": nothing, "group": nothing}
    said = client.put(f"{url}/capacity", json={"individual": {"state": "free"}, "group": {"state": "full"}})
    today = said.json["capacity"]["group"]["stated_on"]
    assert shown(said) == (today, None, True, 2)
    individual = {**nothing, "state": "free", "stated_on": today, "source": "staff"}
    assert said.json["capacity"]["individual"] == individual
    # the same said again is no change, and who said it first stays
    assert shown(client.put(f"{url}/capacity", json=said.json["capacity"])) == shown(said)
    told = {"state": "waiting_list", "from": "2098-03-01", "source": "practice", "expires_on": "2098-12-31"}
    by_practice = client.put(f"{url}/capacity", json={"individual": told, "group": said.json["capacity"]["group"]})
    assert shown(by_practice) == ("2098-03-01", None, False, 3)
    assert by_practice.json["capacity"]["group"]["source"] == "staff"
    assert client.put(f"{url}/capacity", json={}, headers={"If-Match": '"2"'}).status_code == 412
    assert client.get(url).json["capacity"] == by_practice.json["capacity"]
    published = recorded(session, known.id)[-1]["data"]["therapist"]
    assert published["capacity"]["individual"] == {**told, "stated_on": today}
    assert (published["free_individual_from"], published["potentially_available"]) == ("2098-03-01", False)


@pytest.mark.parametrize(
    ("statement", "field"),
    [
        ({"state": "unknown", "from": "2098-01-01"}, "individual.from"),
        ({"state": "free", "stated_on": "2098-01-01"}, "individual.stated_on"),
        ({"state": "free", "expires_on": "2020-01-01"}, "individual.expires_on"),
        ({"state": "free", "source": "import"}, "individual.source"),
        ({"state": "soon"}, "individual.state"),
        ({"from": "2098-01-01"}, "individual.state"),
    ],
)
def test_what_cannot_be_said_is_refused_by_its_field(
    client: FlaskClient, session: Session, statement: dict[str, Any], field: str
) -> None:
    answer = client.put(f"/api/therapists/{a_therapist(session).id}/capacity", json={"individual": statement})
    assert (answer.status_code, [each["field"] for each in answer.json["errors"]]) == (422, [field])


def test_what_follows_from_the_capacity_is_changed_with_it_only(client: FlaskClient, session: Session) -> None:
    url = f"/api/therapists/{a_therapist(session).id}"
    answer = client.patch(url, json={"potentially_available": True, "free_group_from": TOMORROW})
    assert answer.status_code == 422
    assert all("/capacity" in error["message"] for error in answer.json["errors"])
    assert client.patch(url, json={"potentially_available": False, "free_group_from": None}).status_code == 200


def test_statements_run_out_and_days_come_as_events(session: Session) -> None:
    known, expired, unaffected = (a_therapist(session) for _ in range(3))
    for therapist, statement in (
        (known, {"state": "full", "from": TOMORROW}),
        (expired, {"state": "free", "source": "practice", "expires_on": str(TODAY)}),
        (unaffected, {"state": "free", "source": "practice"}),
    ):
        new = NewCapacity.from_json({"individual": statement, "group": {"state": "full"}})
        capacity.state(session, therapist.id, new, expected_versions=None, by=None, today=TODAY, now=MONDAY)
    assert jobs.update_capacities(MONDAY) == 0
    assert jobs.update_capacities(MONDAY + timedelta(days=1)) == 2
    assert jobs.update_capacities(MONDAY + timedelta(days=1)) == 0
    published = {each.id: recorded(session, each.id) for each in (known, expired, unaffected)}
    assert [len(events) for events in published.values()] == [3, 3, 2]
    reached, over = (published[each.id][-1]["data"]["therapist"] for each in (known, expired))
    assert (reached["potentially_available"], reached["free_individual_from"]) == (True, TOMORROW)
    assert (over["potentially_available"], over["free_individual_from"]) == (False, None)
    # who says the same another day says nothing new: it was the practice that said so, and before
    again = NewCapacity.from_json({"individual": {"state": "free"}, "group": {"state": "full"}})
    asked = {"expected_versions": None, "by": None, "today": TODAY + timedelta(days=1), "now": MONDAY}
    assert capacity.state(session, unaffected.id, again, **asked).version == 2
    # who said what has run out is still there to be read
    assert over["capacity"]["individual"] == {
        "state": "unknown", "from": None, "stated_on": str(TODAY), "source": "practice", "expires_on": str(TODAY),
    }  # fmt: skip
