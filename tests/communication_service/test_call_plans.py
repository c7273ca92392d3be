"""Plans of calls are carried out: what moves, what stays, what is left where it was, and what a plan says of itself."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from flask.testing import FlaskClient
from sqlalchemy import text

from communication_service.domain import call_changes, call_plan_solving, call_plans
from communication_service.domain.call_changes import PlannedBy
from communication_service.domain.call_plan_moves import Move, in_turns, rings
from communication_service.domain.call_plan_question import CallQuestion, CallSolution
from communication_service.domain.call_schemas import CallTime
from communication_service.domain.call_times import FreeSlot
from communication_service.domain.schemas import PhoneCallView
from communication_service.jobs.call_plans import LONGEST_WAIT, PlanningCalls
from communication_service.store.call_plan_tables import CallPlan
from communication_service.store.tables import Inquiry, PhoneCall
from shared.database import new_id, transaction
from shared.events import catalogue
from shared.values.schemas import read_patch
from tests.builders.communication import (
    FIVE,
    RULES,
    TEXTS,
    a_caller,
    a_patient,
    a_practice_to_phone,
    a_request,
    a_therapist,
    arrives,
    composed,
    rows,
    the,
)
from tests.communication_service.conftest import at_once
from tests.conftest import MONDAY

PLANNED_AT = MONDAY + timedelta(seconds=10)
ELEVEN = MONDAY + timedelta(hours=1)
"""Eleven o'clock in Berlin: calls that begin within half an hour are not planned anew."""


def hours(*windows: str, day: str = "monday") -> dict[str, Any]:
    """Weekly hours such as `11:00-11:10`."""
    return {day: [dict(zip(("start", "end"), each.split("-"), strict=True)) for each in windows]}


def planning(**changes: Any) -> PlanningCalls:
    """The job, which solves without another process."""
    return PlanningCalls(RULES.model_copy(update=changes), TEXTS, call_plan_solving.solve)


def plan_now(client: FlaskClient, now: datetime = PLANNED_AT, job: PlanningCalls | None = None) -> Any:
    """Staff have calls planned anew; returns what the plan says of itself."""
    asked = client.post("/api/call-plans")
    assert asked.status_code == 202, asked.json
    assert (job or planning()).run(now) == 1
    return client.get(asked.headers["Location"]).json


def call_to(practice: UUID) -> PhoneCall:
    (call,) = rows(PhoneCall, therapist_id=practice, status="planned")
    return call


def start_of(practice: UUID) -> datetime:
    return call_to(practice).starts_at


def called(**fields: Any) -> UUID:
    """A practice to phone with a request, whose call is planned."""
    practice = a_practice_to_phone(**fields)
    a_request(practice)
    composed()
    return practice


def test_practices_that_could_not_be_called_get_the_time_of_others_that_can_wait(client: FlaskClient) -> None:
    caller = a_caller(hours=hours("11:00-11:05") | hours("11:00-11:05", day="friday"))
    always = called(phone_hours=hours("11:00-11:05") | hours("11:00-11:05", day="friday"))
    mondays = called(phone_hours=hours("11:00-11:05"))
    closed = called(phone_hours=hours("11:00-11:05", day="sunday"))
    assert (start_of(always), start_of(mondays)) == (ELEVEN, ELEVEN + timedelta(days=7))
    (waiting,) = rows(Inquiry, therapist_id=closed)
    assert waiting.waits_for == "no_free_slot"
    shown = plan_now(client)
    assert (start_of(always), start_of(mondays)) == (ELEVEN + timedelta(days=4), ELEVEN)
    counts = {name: shown[name] for name in ("state", "wanted", "planned", "moved", "skipped", "gaps")}
    assert counts == {
        "state": "done", "wanted": 3, "planned": 2, "moved": 2, "skipped": 0, "gaps": {"no_caller_then": 1},
    }  # fmt: skip
    assert shown["callers"] == [{"caller_id": str(caller), "minutes_available": 10, "minutes_planned": 10}]
    left = {"therapist_id": str(closed), "inquiry_id": str(waiting.id), "reason": "no_caller_then"}
    assert (shown["unreachable"], shown["first_day"], shown["last_day"]) == ([left], "2026-11-23", "2026-11-29")
    listed = client.get("/api/call-plans?state=done").json
    assert [each["id"] for each in listed["items"]] == [shown["id"]]
    again = plan_now(client)
    assert (again["moved"], again["planned"]) == (0, 2)


def test_calls_change_places_all_at_once_and_a_ring_moves_as_one(client: FlaskClient) -> None:
    """Who has waited longest comes first: two calls swap, which the constraint would not let them do one by one."""
    a_caller(hours=hours("11:00-11:05") | hours("11:00-11:05", day="tuesday"))
    both = hours("11:00-11:05") | hours("11:00-11:05", day="tuesday")
    new = called(phone_hours=both)
    old = a_practice_to_phone(phone_hours=both)
    a_request(old, a_patient(search_started_on=MONDAY.date() - timedelta(days=300)))
    composed()
    tuesday = ELEVEN + timedelta(days=1)
    assert (start_of(new), start_of(old)) == (ELEVEN, tuesday)
    assert plan_now(client)["moved"] == 2
    assert (start_of(new), start_of(old)) == (tuesday, ELEVEN)
    with transaction() as session:
        assert session.scalar(text("SELECT count(*) FROM communication_service.phone_calls")) == 2


def test_what_changed_since_the_plan_was_computed_stays(client: FlaskClient) -> None:
    both = hours("11:00-11:05") | hours("11:00-11:05", day="tuesday")
    a_caller(hours=both)
    practices = [called(phone_hours=both)]
    practices.append(a_practice_to_phone(phone_hours=both, potentially_available=True))
    a_request(practices[1])
    composed()
    before = [start_of(each) for each in practices]

    def meanwhile(change: Any) -> PlanningCalls:
        def solve(question: CallQuestion) -> CallSolution:
            found = call_plan_solving.solve(question)
            change()
            return found

        return PlanningCalls(RULES, TEXTS, solve)

    def claim() -> None:
        with transaction() as session:
            call = session.get_one(PhoneCall, call_to(practices[0]).id)
            call.claimed_until, call.claimed_by = PLANNED_AT + timedelta(minutes=15), new_id()

    def let_go() -> None:
        with transaction() as session:
            call = session.get_one(PhoneCall, call_to(practices[0]).id)
            call.claimed_until = call.claimed_by = None

    def learn() -> None:
        state = catalogue.PublicTherapist(id=practices[1], last_name="Neu", phone="+49241123456", phone_hours=both)
        arrives(catalogue.TherapistUpdated(therapist=state), practices[1], sequence=2)

    shown = plan_now(client, job=meanwhile(claim))
    assert (shown["moved"], shown["skipped"]) == (0, 2)
    let_go()
    shown = plan_now(client, job=meanwhile(learn))
    assert (shown["moved"], shown["skipped"]) == (0, 2)
    assert [start_of(each) for each in practices] == before


def test_times_that_staff_chose_and_calls_about_to_begin_are_left_alone(client: FlaskClient) -> None:
    both = hours("11:00-11:05") | hours("11:00-11:05", day="tuesday")
    a_caller(hours=both)
    chosen = called(phone_hours=both)
    call = call_to(chosen)
    with transaction() as session:
        wanted = read_patch({"starts_at": (ELEVEN + timedelta(days=1)).isoformat()}, CallTime, PhoneCallView)
        staff = PlannedBy(RULES, None, PLANNED_AT)
        call_changes.move(session, TEXTS, call.id, wanted, expected_versions=None, staff=staff)
    assert plan_now(client)["moved"] == 0
    assert start_of(chosen) == ELEVEN + timedelta(days=1)
    soon = called(phone_hours=both, potentially_available=True)
    assert plan_now(client, ELEVEN - timedelta(minutes=29))["moved"] == 0
    assert start_of(soon) == ELEVEN


def test_a_practice_without_a_free_slot_gets_one_and_one_of_less_weight_is_called_after_the_week(
    client: FlaskClient,
) -> None:
    once = hours("11:00-11:05")
    a_caller(hours=once)
    first = called(phone_hours=once)
    rules = {"call_horizon_days": 14}
    urgent = a_practice_to_phone(phone_hours=once, potentially_available=True)
    a_request(urgent)
    composed(rules=RULES.model_copy(update={"call_horizon_days": 7}))
    (waiting,) = rows(Inquiry, therapist_id=urgent)
    assert waiting.waits_for == "no_free_slot"
    assert plan_now(client, job=planning(**rules))["moved"] == 2
    assert (start_of(first), start_of(urgent)) == (ELEVEN + timedelta(days=7), ELEVEN)
    (found,) = rows(Inquiry, therapist_id=urgent)
    assert found.waits_for is None


def test_no_call_comes_sooner_after_a_letter_than_the_rule_of_contact_says(
    client: FlaskClient, sent: Callable[..., None]
) -> None:
    daily = hours("11:00-12:00") | hours("11:00-12:00", day="tuesday") | hours("11:00-12:00", day="friday")
    practice = a_therapist(phone_hours=daily)
    a_request(practice)
    composed()
    sent()
    state = catalogue.PublicTherapist(id=practice, last_name="Neu", phone="+49241123456", phone_hours=daily)
    by_phone = state.model_copy(update={"contact_preference": "phone_only"})
    arrives(catalogue.TherapistUpdated(therapist=by_phone), practice, sequence=2)
    a_request(practice)
    composed()
    assert start_of(practice).date() > MONDAY.date()
    assert plan_now(client)["moved"] == 0


def test_calls_are_planned_anew_when_something_has_changed_and_is_quiet_again() -> None:
    a_caller(hours=hours("11:00-11:30"))
    called(phone_hours=hours("11:00-11:05"))
    job = planning()
    half_a_minute = timedelta(seconds=30)
    assert [job.run(PLANNED_AT + n * half_a_minute) for n in range(4)] == [0, 1, 0, 0]
    looks = []
    for number in range(13):
        called(phone_hours=hours("11:05-11:10"))
        looks.append(job.run(PLANNED_AT + (number + 4) * half_a_minute))
    assert looks.index(1) * half_a_minute == LONGEST_WAIT, "where something changes all the time, it is not put off"
    plans = rows(CallPlan)
    assert {each.state for each in plans} == {"done"}


def test_a_worker_that_dies_leaves_its_plan_to_others_and_three_times_is_enough(client: FlaskClient) -> None:
    called(phone_hours=hours("11:00-11:05"))
    asked = client.post("/api/call-plans").json
    assert client.post("/api/call-plans").json["id"] == asked["id"]

    def die(_: CallQuestion) -> CallSolution:
        raise RuntimeError("killed")

    now, half_a_minute = PLANNED_AT, timedelta(seconds=30)
    for _ in range(3):
        try:
            PlanningCalls(RULES, TEXTS, die).run(now)
        except RuntimeError:
            assert planning().run(now) == 0, "it is this worker's, as far as others know"
        now += call_plans.LEASE + half_a_minute
    assert planning().run(now) == 0
    assert client.get(f"/api/call-plans/{asked['id']}").json["state"] == "failed"
    assert the(PhoneCall).starts_at == ELEVEN


def test_two_workers_make_one_plan(real_commits: None) -> None:
    called(phone_hours=hours("11:00-11:05"))
    with transaction() as session:
        call_plans.have_planned(session, by=None, now=PLANNED_AT)
    at_once(*[lambda: planning().run(PLANNED_AT)] * 2)
    assert [each.state for each in rows(CallPlan)] == ["done"]


def test_moves_follow_those_who_stand_in_their_way() -> None:
    slots = [FreeSlot(MONDAY + n * FIVE, None) for n in range(6)]

    def move(before: int | None, after: int | None) -> Move:
        chosen = [None if each is None else slots[each] for each in (before, after)]
        return Move(new_id(), new_id(), new_id(), *chosen)

    first, second, third = move(0, 1), move(1, 2), move(2, None)
    one, other, new = move(3, 4), move(4, 3), move(None, 0)
    assert in_turns([first, second, third, one, other, new], FIVE) == [[third], [second], [first], [one, other], [new]]
    assert in_turns([move(5, 5)], FIVE)[0][0].before == slots[5]
    longer = [move(0, 1), move(2, 5)]
    assert in_turns(longer, 2 * FIVE) == [[longer[1]], [longer[0]]]
    assert rings([[1], [2], [0, 3], [], [4]]) == [[3], [0, 1, 2], [4]]
    assert len(rings([[n + 1] for n in range(5000)] + [[]])) == 5001
