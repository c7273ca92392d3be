"""Calls that staff plan, move and cancel, and calls that practices make."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy.orm import Session

from communication_service.domain import call_changes, callers
from communication_service.domain.call_changes import PlannedBy
from communication_service.domain.call_schemas import MovedCall, NewPhoneCall
from communication_service.domain.schemas import PhoneCallView
from communication_service.store.tables import ContactRequest, Email, Inquiry, PhoneCall, RecordedAnswer
from shared.database import new_id, transaction
from shared.errors import Conflict, RuleBroken
from shared.values.datetimes import BERLIN
from shared.values.schemas import read_patch
from tests.builders.communication import (
    FIVE,
    MONDAY_MORNINGS,
    RULES,
    TEN,
    TEXTS,
    a_caller,
    a_patient,
    a_practice_to_phone,
    a_request,
    a_therapist,
    composed,
    outcome,
    rows,
    the,
    withdraw,
)
from tests.conftest import MONDAY
from tests.events import recorded_data

ANNA = new_id()


def at(clock: str, day: int = 23) -> datetime:
    hour, minute = map(int, clock.split(":"))
    return datetime(2026, 11, day, hour, minute, tzinfo=BERLIN)


def staff(*, force: bool = False, now: datetime = MONDAY + timedelta(minutes=1)) -> PlannedBy:
    return PlannedBy(RULES, ANNA, now, force)


def move(call: UUID, *, force: bool = False, **changes: Any) -> PhoneCallView:
    written = {name: value.isoformat() if isinstance(value, datetime) else value for name, value in changes.items()}
    with transaction() as session:
        patch = read_patch(written, MovedCall, PhoneCallView)
        return call_changes.move(session, TEXTS, call, patch, expected_versions=None, staff=staff(force=force))


def add(therapist: UUID, *, force: bool = False, **fields: Any) -> PhoneCallView:
    written = {name: value.isoformat() if isinstance(value, datetime) else value for name, value in fields.items()}
    new = NewPhoneCall.from_json({"therapist_id": str(therapist), **written})
    with transaction() as session:
        return call_changes.add(session, TEXTS, new, staff=staff(force=force))


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"starts_at": at("09:55")}, "starts_at"),
        ({"starts_at": at("10:57")}, "ends_at"),
        ({"starts_at": at("10:00", 24)}, "starts_at"),
        ({"caller_id": str(new_id())}, "caller_id"),
        ({"starts_at": at("10:00", 20)}, "starts_at"),
    ],
)
def test_a_time_that_does_not_fit_is_refused_with_the_field(changes: dict[str, Any], field: str) -> None:
    a_request(a_practice_to_phone())
    composed()
    with pytest.raises(RuleBroken) as refused:
        move(the(PhoneCall).id, **changes)
    assert [each.field for each in refused.value.errors] == [field]


def test_staff_move_a_call_and_insist_where_they_know_better() -> None:
    therapist = a_practice_to_phone()
    a_request(therapist)
    composed()
    call = the(PhoneCall)
    assert move(call.id, starts_at=at("10:30")).ends_at == at("10:35")
    composed(MONDAY + timedelta(hours=2))
    assert the(PhoneCall).starts_at == at("10:30"), "a time that fits stays"
    moved = move(call.id, starts_at=at("13:00", 24), ends_at=at("13:20", 24), force=True)
    assert (moved.insisted, moved.updated_by) == (True, ANNA)
    a_practice_to_phone(id=therapist, sequence=2, phone_hours=None)
    composed(MONDAY + timedelta(hours=3))
    assert (the(PhoneCall).starts_at, the(Inquiry).waits_for) == (at("13:00", 24), None)
    composed(at("08:00", 25))
    assert (the(PhoneCall).status, the(Inquiry).waits_for) == ("cancelled", "phone_hours_unknown")


def test_an_outcome_counts_for_a_call_that_was_moved_meanwhile_but_not_for_one_that_is_cancelled() -> None:
    """Somebody phones at the time that stands on their printed list."""
    request = a_request(a_practice_to_phone())
    composed()
    call = the(PhoneCall)
    move(call.id, starts_at=at("10:30"))
    outcome(call.id, "busy", now=TEN + timedelta(minutes=2))
    made, again = rows(PhoneCall)
    assert (made.status, made.occurred_at, again.starts_at) == ("failed", TEN + timedelta(minutes=2), at("10:25"))
    move(again.id, starts_at=at("10:50"))
    withdraw(request, time=at("10:30"))
    composed(at("10:31"))
    with pytest.raises(Conflict, match="made or cancelled already"):
        outcome(again.id, "no_answer", now=at("10:50"))
    assert [(each.status, each.result) for each in rows(PhoneCall)] == [("failed", "busy"), ("cancelled", None)]


def test_a_caller_is_in_one_call_at_a_time_also_by_hand() -> None:
    caller = str(a_caller())
    for _ in range(2):
        a_request(a_practice_to_phone())
    composed()
    first, second = sorted(rows(PhoneCall), key=lambda call: call.starts_at)
    with pytest.raises(Conflict, match="Another call"):
        move(second.id, starts_at=first.starts_at, force=True)
    assert move(second.id, starts_at=at("11:30"), caller_id=caller, force=True).insisted
    with transaction() as session:
        callers.remove(session, UUID(caller), by=None, now=MONDAY)
    composed(MONDAY + timedelta(minutes=2))
    assert {call.caller_id for call in rows(PhoneCall)} == {None}, "nobody is left who insisted to make it"


def test_a_call_planned_by_hand_takes_what_waits_also_a_letter_that_has_not_gone() -> None:
    therapist = a_therapist(phone_hours=MONDAY_MORNINGS)
    waiting = [a_request(therapist)]
    composed()
    waiting.append(a_request(therapist, time=MONDAY + timedelta(minutes=1)))
    made = add(therapist, starts_at=at("10:40"))
    assert (made.starts_at, made.placement_request_ids, made.attempt) == (at("10:40"), waiting, 1)
    assert the(Email).status == "cancelled"
    with pytest.raises(Conflict, match="planned already") as known:
        add(therapist, starts_at=at("10:50"))
    assert known.value.existing_id == made.id
    with pytest.raises(Conflict, match="nothing to ask"):
        add(a_practice_to_phone(), starts_at=at("10:50"))
    with pytest.raises(RuleBroken, match="not known"):
        add(new_id(), starts_at=at("10:50"))
    outcome(made.id, "busy", now=at("10:41"))
    assert the(PhoneCall, status="planned").starts_at == at("10:00", 30)


def test_a_call_to_a_practice_whose_hours_nobody_knows_is_planned_by_hand() -> None:
    therapist = a_practice_to_phone(phone_hours=None)
    a_request(therapist)
    composed()
    assert the(Inquiry).waits_for == "phone_hours_unknown"
    with pytest.raises(RuleBroken):
        add(therapist, starts_at=at("15:00"))
    assert add(therapist, starts_at=at("15:00"), force=True).insisted
    assert the(Inquiry).waits_for is None


def test_a_cancelled_call_is_planned_on_another_day() -> None:
    a_request(
        a_practice_to_phone(phone_hours={"monday": MONDAY_MORNINGS["monday"], "friday": MONDAY_MORNINGS["monday"]})
    )
    composed()
    with transaction() as session:
        call_changes.cancel(session, the(PhoneCall).id, expected_versions=None, staff=staff())
    assert the(PhoneCall).updated_by == ANNA
    composed(MONDAY + timedelta(minutes=2))
    assert the(PhoneCall, status="planned").starts_at == at("10:00", 27)


def test_a_practice_that_calls_answers_what_it_likes_at_any_time(session: Session) -> None:
    """One request was written about, one waits for a call: both are open, and only one is talked about."""
    therapist, other = a_practice_to_phone(), a_practice_to_phone()
    patient = a_patient(reference="P-7K3M-2Q")
    spoken_of, silent, elsewhere = a_request(therapist, patient), a_request(therapist), a_request(other)
    composed()
    with transaction() as session:
        shown = call_changes.open_requests(session, therapist)
    assert [each.placement_request_id for each in shown.patients] == [spoken_of, silent]
    with pytest.raises(RuleBroken) as refused:
        add(therapist, direction="inbound", placement_request_ids=[str(elsewhere)])
    assert [each.field for each in refused.value.errors] == ["placement_request_ids.0"]
    made = add(therapist, direction="inbound")
    assert (made.inquiry_id, made.claimed_by, made.placement_request_ids) == (None, ANNA, [spoken_of, silent])
    said = [{"placement_request_id": str(spoken_of), "outcome": "accepted"}]
    with pytest.raises(RuleBroken):
        outcome(made.id, "busy", by=ANNA)
    outcome(made.id, "reached", by=ANNA, responses=said, note="freundlich")
    composed(TEN)
    assert (the(PhoneCall, id=made.id).status, the(RecordedAnswer).outcome) == ("completed", "accepted")
    assert the(PhoneCall, status="planned", therapist_id=therapist).placement_request_ids == [silent]
    assert [the(ContactRequest, id=each).status for each in (spoken_of, silent)] == ["over", "waiting"]
    (published,) = recorded_data(session, "communication.call_recorded")
    assert (published["direction"], published["inquiry_id"]) == ("inbound", None)
    assert published["placement_request_ids"] == [str(spoken_of)]
    nobody = add(a_practice_to_phone(), direction="inbound")
    with pytest.raises(RuleBroken, match="about nobody"):
        outcome(nobody.id, "reached", by=ANNA, note="freundlich")
    outcome(nobody.id, "reached", by=ANNA)
    assert recorded_data(session, "communication.call_recorded")[-1]["placement_request_ids"] == []


def test_an_inbound_call_keeps_no_time_of_anybody_free() -> None:
    therapist = a_practice_to_phone()
    a_request(therapist)
    composed()
    for _ in range(2):
        add(therapist, direction="inbound", starts_at=MONDAY)
    a_request(a_practice_to_phone())
    composed()
    planned = [call.starts_at for call in rows(PhoneCall, status="planned", direction="outbound")]
    assert sorted(planned) == [TEN, TEN + FIVE]
