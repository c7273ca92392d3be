"""Those of us who phone practices: whose calls are planned when, and what moves when hours and absences change."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from flask.testing import FlaskClient

from communication_service.domain import callers
from communication_service.domain.call_times import CallerTimes, is_closed
from communication_service.domain.caller_schemas import CallerFields, CallerView
from communication_service.settings import ContactRules
from communication_service.store.tables import Inquiry, PhoneCall, PhoneCaller
from shared.database import new_id, transaction
from shared.values.datetimes import BERLIN
from shared.values.schemas import read_patch
from shared.values.weekly import Weekly
from tests.builders.communication import FIVE, RULES, TEN, a_caller, a_practice_to_phone, a_request, composed, rows, the
from tests.conftest import MONDAY

MORNING = {"monday": [{"start": "10:00", "end": "10:30"}]}
LATER = MONDAY + timedelta(minutes=1)


def entered(client: FlaskClient, **fields: Any) -> Any:
    """Somebody who phones on Monday mornings, entered over HTTP."""
    answer = client.post("/api/callers", json={"name": "Maria", "hours": MORNING, **fields})
    assert answer.status_code == 201, answer.json
    return answer.json


def change(caller: UUID, **fields: Any) -> None:
    with transaction() as session:
        callers.change(session, caller, read_patch(fields, CallerFields, CallerView), by=None, now=LATER)


def dismiss(caller: UUID) -> None:
    with transaction() as session:
        callers.remove(session, caller, by=None, now=LATER)


def at(clock: str, day: int = 23) -> datetime:
    hour, minute = map(int, clock.split(":"))
    return datetime(2026, 11, day, hour, minute, tzinfo=BERLIN)


def planned() -> list[tuple[UUID | None, datetime]]:
    return sorted(((call.caller_id, call.starts_at) for call in rows(PhoneCall, status="planned")), key=lambda c: c[1])


def test_calls_are_planned_in_the_common_hours_of_callers_and_practices(client: FlaskClient) -> None:
    """Two callers are in two calls at once, each of them in one; who is absent is in none."""
    first, second = entered(client), entered(client, name="Ali")
    absent = [{"from": at("10:08").isoformat(), "to": at("10:20").isoformat()}]
    entered(client, name="Nobody", hours=None)
    changed = client.patch(f"/api/callers/{second['id']}", json={"absences": absent})
    assert (changed.status_code, changed.json["version"]) == (200, 2)
    for _ in range(8):
        a_request(a_practice_to_phone())
    composed()
    one, two = UUID(first["id"]), UUID(second["id"])
    # the second one would still be in a call at 10:08, so none begins at 10:05
    starts = [(one, TEN + FIVE * n) for n in range(5)] + [(two, TEN + FIVE * n) for n in (3, 4)]
    assert {each for each in planned() if each[1].date() == date(2026, 11, 23)} == set(starts)
    assert planned()[-1][1] == at("10:00", 30)


def test_calls_move_only_where_they_must_when_callers_change() -> None:
    a_request(a_practice_to_phone())
    a_request(a_practice_to_phone())
    composed()
    assert planned() == [(None, TEN), (None, TEN + FIVE)]
    first = a_caller(hours=MORNING)
    composed(LATER)
    assert planned() == [(first, TEN), (first, TEN + FIVE)]
    second = a_caller(hours=MORNING, name="Ali")
    composed(LATER)
    assert {who for who, _ in planned()} == {first}, "nobody moves because somebody could"
    in_the_middle = {"from": at("10:07").isoformat(), "to": at("10:11").isoformat()}
    change(first, absences=[in_the_middle])
    composed(LATER)
    assert planned() == [(second, TEN), (second, TEN + FIVE)]
    dismiss(first)
    dismiss(second)
    composed(LATER)
    assert planned() == [(None, TEN), (None, TEN + FIVE)]


def test_a_request_without_a_slot_gets_one_when_somebody_has_time() -> None:
    caller = a_caller(hours={"friday": [{"start": "10:00", "end": "11:00"}]})
    a_request(a_practice_to_phone())
    composed()
    assert the(Inquiry).waits_for == "no_free_slot"
    change(caller, hours=MORNING)
    composed(LATER)
    assert (the(Inquiry).waits_for, planned()) == (None, [(caller, TEN)])


def test_a_list_knows_whose_calls_they_are(client: FlaskClient) -> None:
    caller = entered(client)
    a_request(a_practice_to_phone())
    composed()

    def found(**query: str) -> int:
        total: int = client.get("/api/phone-calls", query_string=query).json["total"]
        return total

    assert (found(caller_id=caller["id"]), found(caller_id=str(new_id()))) == (1, 0)
    assert (found(caller_id="me"), found(caller_id=f"me,{caller['id']}")) == (0, 1)
    assert (found(direction="outbound"), found(direction="inbound")) == (1, 0)
    assert client.get("/api/phone-calls?caller_id=you").status_code == 422


def test_an_account_is_one_callers(client: FlaskClient) -> None:
    account = str(new_id())
    made = entered(client, user_id=account)
    again = client.post("/api/callers", json={"name": "Ali", "user_id": account})
    assert (again.status_code, again.json["code"]) == (409, "caller.known")
    assert again.headers["Location"].endswith(made["id"])
    other = entered(client, name="Ali")
    assert client.patch(f"/api/callers/{other['id']}", json={"user_id": account}).status_code == 409
    url = f"/api/callers/{made['id']}"
    assert client.patch(url, json={"user_id": account}).json["version"] == 1
    assert client.delete(url, headers={"If-Match": '"7"'}).status_code == 412
    assert client.delete(url).status_code == 204
    assert [client.get(url).status_code, client.get("/api/callers").json["total"]] == [404, 1]
    assert entered(client, user_id=account)["id"] != made["id"]
    with transaction() as session:
        assert session.get_one(PhoneCaller, UUID(made["id"])).absences == []


def test_a_caller_phones_only_in_a_time_that_holds_the_whole_call() -> None:
    hours = Weekly.from_json({"monday": [{"start": "09:00", "end": "10:00"}, {"start": "10:30", "end": "12:00"}]})
    times = CallerTimes(new_id(), hours, [(at("09:10"), at("09:20")), (at("11:58"), at("12:30"))])
    shown = times.within(at("09:05"), at("12:00"))
    assert shown == [
        (at("09:05"), at("09:10")),
        (at("09:20"), at("10:00")),
        (at("10:30"), at("11:58")),
    ]
    assert times.allow(at("11:50"), at("11:58"))
    assert not times.allow(at("11:55"), at("12:00"))


@pytest.mark.parametrize(("written", "closed"), [("", False), ("2026-11-23", True), ("2026-11-20/2026-11-24", True)])
def test_nobody_is_called_on_closing_days_of_the_agency(written: str, closed: bool) -> None:
    days = ContactRules(closing_days=f"2027-01-04, {written}").closed_days
    day = date(2026, 11, 23)
    assert is_closed(day, states={"NW"}, practice_holidays=[], closing_days=days) is closed
    a_request(a_practice_to_phone())
    composed(rules=RULES.model_copy(update={"closing_days": written}))
    assert (the(PhoneCall).starts_at == TEN) is not closed


@pytest.mark.parametrize("written", ["tomorrow", "2026-11-24/2026-11-20", "2026-11-24;2026-11-25"])
def test_closing_days_that_cannot_be_read_stop_the_service(written: str) -> None:
    with pytest.raises(ValueError, match="closing_days"):
        ContactRules(closing_days=written)
