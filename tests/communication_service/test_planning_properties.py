"""What is true of every plan, whatever practices, requests and inquiries there are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from communication_service.domain.contact_rule import Cooldown, PracticeFacts
from communication_service.domain.planning import (
    CallSlot,
    PatientFacts,
    PlannedInquiry,
    Unsent,
    UnsentInquiry,
    UnsentRequest,
    next_plan_at,
    plan,
    requests_to_take_out,
)
from communication_service.settings import ContactRules
from shared.values.datetimes import berlin_day
from tests.builders.communication import MONDAY_MORNINGS, RULES
from tests.builders.planning import a_request, hours, number
from tests.conftest import MONDAY


@pytest.fixture(autouse=True)
def _in_one_transaction() -> None:
    """No database: everything here is a value."""


INSTANTS = st.integers(-3 * 24 * 60, 0).map(lambda minutes: MONDAY + timedelta(minutes=minutes, seconds=1))
LATER = st.integers(-2 * 24 * 60, 5 * 24 * 60).map(lambda minutes: MONDAY + timedelta(minutes=minutes))
PATIENTS = st.builds(
    PatientFacts,
    status=st.sampled_from(["searching", "searching", "searching", "paused", "in_therapy", "open"]),
    search_started_on=st.none() | st.dates(date(2026, 9, 1), date(2026, 11, 20)),
    is_offered_a_place=st.sampled_from([False, False, False, True]),
)
PRACTICES = st.builds(
    PracticeFacts,
    status=st.sampled_from(["active", "active", "active", "blocked"]),
    contact_preference=st.sampled_from(["any", "any", "any", "phone_only", "email_only", "none"]),
    email_key=st.sampled_from([None, "a@example.org", "ä@example.org"]),
    is_suppressed=st.booleans(),
    has_phone=st.booleans(),
    call_times=st.sampled_from([None, hours(), hours(MONDAY_MORNINGS)]),
    cooldown=st.none()
    | st.builds(Cooldown, st.just("address_emailed_recently"), st.dates(date(2026, 11, 23), date(2026, 11, 29))),
)
SMALL = ContactRules(patients_together=3)


@st.composite
def worlds(draw: st.DrawFn) -> Unsent:
    """A practice with up to a dozen requests, some in up to three inquiries that have not gone out."""
    inquiries = [UnsentInquiry(number(100 + n), draw(st.none() | LATER)) for n in range(draw(st.integers(0, 3)))]
    called = draw(st.integers(0, 3))
    if called < len(inquiries):  # the database allows one planned call to a practice
        start = draw(LATER)
        inquiries[called] = replace(inquiries[called], call=CallSlot(start, start + timedelta(minutes=5)))
    free = {inquiry.id: 3 for inquiry in inquiries}
    requests = []
    for n in range(draw(st.integers(0, 12))):
        inquiry = draw(st.sampled_from([None, *(id for id, left in free.items() if left), number(99)]))
        if inquiry in free:
            free[inquiry] -= 1
        newest = inquiry or draw(st.sampled_from([None, number(98), number(100), number(101)]))
        requests.append(
            UnsentRequest(
                id=number(n + 1),
                patient=draw(st.none() | PATIENTS if n % 4 == 0 else PATIENTS),
                is_waiting=draw(st.sampled_from([True, True, True, inquiry is None])),
                hold=draw(st.sampled_from([None, None, None, None, "search_paused"])),
                priority=draw(st.sampled_from([0, 0, 5])),
                waiting_since=draw(INSTANTS),
                by_phone=draw(st.booleans()),
                attempts=draw(st.integers(0, 2)),
                inquiry_id=inquiry,
                newest_inquiry_id=newest,
            )
        )
    return Unsent(draw(PRACTICES), requests, inquiries)


def is_under_way(inquiry: PlannedInquiry) -> bool:
    return inquiry.keeps_call and inquiry.earliest is not None and inquiry.earliest <= MONDAY


def applied(unsent: Unsent, inquiries: Sequence[PlannedInquiry]) -> Unsent:
    """What there is when everything is as planned, and the practice has a free line."""
    requests = {each.id: each for each in unsent.requests}
    for each in requests_to_take_out(unsent):
        requests[each.id] = replace(each, inquiry_id=None)
    calls = {each.id: each.call for each in unsent.inquiries}
    stand = []
    for n, inquiry in enumerate(inquiries):
        id = inquiry.inquiry_id or number(200 + n)
        for request in inquiry.request_ids:
            requests[request] = replace(requests[request], inquiry_id=id, newest_inquiry_id=id)
        call = calls.get(id) if inquiry.keeps_call else None
        if inquiry.channel == "phone" and inquiry.waits_for is None and not inquiry.keeps_call:
            times = unsent.practice.call_times
            assert times is not None
            assert inquiry.earliest is not None
            start = times.next_free_slot(earliest=inquiry.earliest, rules=SMALL, taken=lambda *_: [])
            assert start is not None
            call = CallSlot(start.starts_at, start.starts_at + SMALL.call_length)
        stand.append(UnsentInquiry(id, inquiry.next_attempt_after, call))
    stand.sort(key=lambda each: each.id)
    return Unsent(unsent.practice, list(requests.values()), stand)


@given(worlds())
def test_everybody_who_is_asked_for_is_in_one_contact_and_nobody_else(unsent: Unsent) -> None:
    inquiries = plan(unsent, SMALL, MONDAY)
    asked = [request for inquiry in inquiries for request in inquiry.request_ids]
    elsewhere = {each.id for each in unsent.requests if each.inquiry_id == number(99)}  # it is being sent
    going = {each.id for each in unsent.requests if each.kept_back is None} - elsewhere
    assert len(asked) == len(set(asked))
    assert set(asked) <= going
    # a call that is due lets nobody go earlier who waits to gather
    due = {each.inquiry_id for each in inquiries if is_under_way(each)}
    free = [each for each in unsent.requests if each.id in going and each.inquiry_id not in due]
    assert set(asked) >= going - {each.id for each in free}
    assert set(asked) == going or not [each for each in free if not _waits_to_gather(each)]


def _waits_to_gather(request: UnsentRequest) -> bool:
    assert request.waiting_since is not None
    return request.inquiry_id is None and request.waiting_since + SMALL.gathering > MONDAY


@given(worlds())
def test_at_most_so_many_go_together(unsent: Unsent) -> None:
    assert all(0 < len(inquiry.request_ids) <= 3 for inquiry in plan(unsent, SMALL, MONDAY))


@given(worlds())
def test_at_most_one_email_and_one_call_go_and_no_email_within_the_cooldown(unsent: Unsent) -> None:
    ready = [inquiry.channel for inquiry in plan(unsent, SMALL, MONDAY) if inquiry.waits_for is None]
    assert len(ready) == len(set(ready))
    assert unsent.practice.cooldown is None or "email" not in ready


@given(worlds())
def test_whoever_waits_longest_is_asked_first(unsent: Unsent) -> None:
    by_id = {each.id: each for each in unsent.requests}
    for channel in ("email", "phone"):
        asked = [
            by_id[request]
            for inquiry in plan(unsent, SMALL, MONDAY)
            if inquiry.channel == channel and not is_under_way(inquiry)
            for request in inquiry.request_ids
        ]
        started = [each.patient.search_started_on or date.max for each in asked if each.patient]
        assert started == sorted(started)


@given(worlds())
def test_nobody_joins_an_older_contact_than_they_were_in(unsent: Unsent) -> None:
    by_id = {each.id: each for each in unsent.requests}
    for inquiry in plan(unsent, SMALL, MONDAY):
        for request in inquiry.request_ids:
            newest = by_id[request].newest_inquiry_id
            assert inquiry.inquiry_id is None or newest is None or newest <= inquiry.inquiry_id


@given(worlds())
def test_what_does_not_go_says_why_or_when(unsent: Unsent) -> None:
    inquiries = plan(unsent, SMALL, MONDAY)
    assert all(inquiry.earliest is not None or inquiry.waits_for is not None for inquiry in inquiries)
    assert all(inquiry.waits_for is not None for inquiry in inquiries if inquiry.waits_until is not None)
    assert MONDAY < next_plan_at(unsent, inquiries, SMALL, MONDAY) <= MONDAY + timedelta(hours=1)


def _with_a_call_due_now(wish: datetime | None, **facts: Any) -> Unsent:
    """Ten requests, the eighth and the tenth in an inquiry with a call that is due now."""
    usual = {"has_phone": True, "call_times": hours()}
    call = CallSlot(MONDAY, MONDAY + timedelta(minutes=5))
    inside = {"inquiry_id": number(100), "newest_inquiry_id": number(100)}
    requests = [a_request(n, **(inside if n in (8, 10) else {})) for n in range(1, 11)]
    return Unsent(PracticeFacts(**(usual | facts)), requests, [UnsentInquiry(number(100), wish, call)])


@given(worlds())
@example(_with_a_call_due_now(MONDAY + timedelta(minutes=1)))  # it was one until its inquiry had a later wish
@example(_with_a_call_due_now(None, call_times=hours(holidays=[{"from": "2026-11-23", "to": "2026-11-23"}])))
@example(_with_a_call_due_now(None, has_phone=False))
@example(_with_a_call_due_now(None))
def test_planning_what_is_planned_changes_nothing(unsent: Unsent) -> None:
    inquiries = plan(unsent, SMALL, MONDAY)
    again = plan(applied(unsent, inquiries), SMALL, MONDAY)
    assert {_said(inquiry) for inquiry in again} == {_said(inquiry) for inquiry in inquiries}
    assert all(inquiry.inquiry_id is not None for inquiry in again)
    third = plan(applied(applied(unsent, inquiries), again), SMALL, MONDAY)
    assert third == again


def _said(inquiry: PlannedInquiry) -> tuple[object, ...]:
    """What practices and staff can tell apart; a call that is due by now need not wait for another one's turn."""
    return (inquiry.channel, frozenset(inquiry.request_ids), inquiry.waits_until, inquiry.next_attempt_after)


@given(worlds(), st.data())
def test_without_a_request_there_are_no_more_contacts(unsent: Unsent, data: st.DataObject) -> None:
    if not unsent.requests:
        return
    gone = data.draw(st.sampled_from(list(unsent.requests)))
    without = replace(unsent, requests=[each for each in unsent.requests if each is not gone])
    assert len(plan(without, SMALL, MONDAY)) <= len(plan(unsent, SMALL, MONDAY))


@given(st.lists(st.tuples(st.integers(0, 3), st.sampled_from([0, 5, 3600, 86_400, 3 * 86_400])), max_size=40))
def test_no_address_and_no_therapist_gets_two_emails_within_the_cooldown(steps: list[tuple[int, int]]) -> None:
    """Four practices at two addresses; each step plans for one of them and sends what may go, as a claim does."""
    addresses = ["a@example.org", "a@example.org", "b@example.org", "b@example.org"]
    sent: list[tuple[int, str, date]] = []
    now, days = MONDAY, timedelta(days=RULES.days_between_emails)
    for n, (practice, seconds) in enumerate(steps):
        now += timedelta(seconds=seconds)
        mine = [day for who, where, day in sent if who == practice or where == addresses[practice]]
        last = max(mine, default=None)
        is_over = last is None or last + days <= berlin_day(now)
        cooldown = None if is_over or last is None else Cooldown("address_emailed_recently", last + days - timedelta(1))
        facts = PracticeFacts(email_key=addresses[practice], cooldown=cooldown)
        for inquiry in plan(Unsent(facts, [a_request(n + 1)]), RULES, now):
            assert (inquiry.waits_for is None) == is_over
            if inquiry.waits_for is None:
                sent.append((practice, addresses[practice], berlin_day(now)))
    for place, (who, where, day) in enumerate(sent):
        assert all(day - before >= days for other, at, before in sent[:place] if other == who or at == where)
