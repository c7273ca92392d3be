"""Which inquiries there should be (docs/domain.md#contact-rule-4 and the next two): values in, values out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from communication_service.domain.call_times import CallTimes
from communication_service.domain.planning import (
    CallSlot,
    Cooldown,
    PatientFacts,
    PlannedInquiry,
    PracticeFacts,
    Unsent,
    UnsentInquiry,
    UnsentRequest,
    kept_back,
    next_plan_at,
    plan,
    requests_to_take_out,
)
from communication_service.settings import ContactRules
from shared.values.datetimes import berlin_day
from shared.values.weekly import Weekly
from tests.builders.communication import EVERY_DAY, MONDAY_MORNINGS, RULES
from tests.conftest import MONDAY

LONG_AGO = MONDAY - timedelta(days=3)
SEARCHES = PatientFacts("searching", date(2026, 11, 1), is_offered_a_place=False)


@pytest.fixture(autouse=True)
def _in_one_transaction() -> None:
    """No database: everything here is a value."""


def hours(week: object = EVERY_DAY, *, holidays: Sequence[dict[str, str]] = ()) -> CallTimes:
    read = Weekly.from_json(week)
    assert read is not None
    return CallTimes(read, "NW", holidays)


def number(n: int) -> UUID:
    """Ids in the order in which they were made, as ours are."""
    return UUID(int=n)


def a_request(n: int, **facts: object) -> UnsentRequest:
    usual: dict[str, object] = {"patient": SEARCHES, "is_waiting": True, "waiting_since": LONG_AGO}
    return UnsentRequest(id=number(n), **(usual | facts))


def of_search(n: int, day: int, **facts: object) -> UnsentRequest:
    return a_request(n, patient=replace(SEARCHES, search_started_on=date(2026, 10, day)), **facts)


MAILED = PracticeFacts(email_key="praxis@example.org", has_phone=True, call_times=hours())
PHONED = PracticeFacts(has_phone=True, call_times=hours())


def planned(
    practice: PracticeFacts,
    requests: Sequence[UnsentRequest],
    inquiries: Sequence[UnsentInquiry] = (),
    *,
    now: datetime = MONDAY,
    rules: ContactRules = RULES,
) -> list[PlannedInquiry]:
    return plan(Unsent(practice, requests, inquiries), rules, now)


def numbers(inquiry: PlannedInquiry) -> list[int]:
    return [each.int for each in inquiry.request_ids]


# docs/domain.md#contact-rule-4


@pytest.mark.parametrize(
    ("facts", "by_phone", "channel", "waits_for"),
    [
        ({}, False, "email", None),
        ({}, True, "phone", None),
        ({"contact_preference": "phone_only"}, False, "phone", None),
        ({"contact_preference": "email_only"}, False, "email", None),
        ({"contact_preference": "email_only"}, True, "phone", "email_address_missing"),
        ({"contact_preference": "email_only", "email_key": None}, False, "phone", "email_address_missing"),
        ({"contact_preference": "email_only", "is_suppressed": True}, False, "phone", "email_suppressed"),
        ({"contact_preference": "none"}, False, "phone", "no_contact_wanted"),
        ({"status": "blocked"}, False, "email", "therapist_not_active"),
        ({"status": "inactive", "email_key": None}, False, "phone", "therapist_not_active"),
        ({"is_suppressed": True}, False, "phone", None),
        ({"email_key": None}, False, "phone", None),
        ({"email_key": "präxis@example.org"}, False, "phone", None),
        ({"email_key": None, "has_phone": False}, False, "phone", "phone_number_missing"),
        ({"email_key": None, "call_times": None}, False, "phone", "phone_hours_unknown"),
    ],
)
def test_an_email_comes_first_and_a_call_where_there_can_be_none(
    facts: dict[str, object], by_phone: bool, channel: str, waits_for: str | None
) -> None:
    (inquiry,) = planned(replace(MAILED, **facts), [a_request(1, by_phone=by_phone)])
    assert (inquiry.channel, inquiry.waits_for) == (channel, waits_for)


# docs/domain.md#contact-rule-5


@pytest.mark.parametrize("reason", ["therapist_emailed_recently", "address_emailed_recently"])
def test_an_email_waits_for_the_cooldown_and_says_until_when(reason: str) -> None:
    practice = replace(MAILED, cooldown=Cooldown(reason, date(2026, 11, 29)))
    (inquiry,) = planned(practice, [a_request(1)])
    assert (inquiry.waits_for, inquiry.waits_until) == (reason, date(2026, 11, 29))
    assert inquiry.earliest == datetime(2026, 11, 29, 23, 0, tzinfo=UTC), "Monday, 00:00 in Berlin"


def test_a_call_waits_for_no_cooldown() -> None:
    practice = replace(MAILED, cooldown=Cooldown("therapist_emailed_recently", date(2026, 11, 29)))
    (inquiry,) = planned(practice, [a_request(1, by_phone=True)])
    assert (inquiry.channel, inquiry.waits_for, inquiry.earliest) == ("phone", None, MONDAY)


def test_the_longest_search_goes_first_then_the_higher_priority_then_who_waits_longer_here() -> None:
    requests = [
        of_search(1, 9),
        of_search(2, 3, waiting_since=LONG_AGO + timedelta(hours=1)),
        of_search(3, 3),
        of_search(4, 3, priority=5),
        a_request(5, patient=replace(SEARCHES, search_started_on=None)),
    ]
    (inquiry,) = planned(MAILED, requests)
    assert numbers(inquiry) == [4, 3, 2, 1, 5]


# docs/domain.md#contact-rule-6


@pytest.mark.parametrize(("count", "sizes"), [(0, []), (1, [1]), (6, [6]), (7, [6, 1]), (13, [6, 6, 1])])
def test_six_at_most_go_together_and_the_others_wait_for_their_turn(count: int, sizes: list[int]) -> None:
    inquiries = planned(MAILED, [of_search(n, n) for n in range(1, count + 1)])
    assert [len(inquiry.request_ids) for inquiry in inquiries] == sizes
    assert [inquiry.waits_for for inquiry in inquiries] == [None, "earlier_inquiry", "earlier_inquiry"][: len(sizes)]
    assert [n for inquiry in inquiries for n in numbers(inquiry)] == list(range(1, count + 1))


@pytest.mark.parametrize(("seconds", "count"), [(4, 0), (5, 1)])
def test_requests_gather_before_the_first_of_them_is_asked(seconds: int, count: int) -> None:
    now = MONDAY + timedelta(seconds=seconds)
    requests = [a_request(1, waiting_since=MONDAY), a_request(2, waiting_since=now)]
    inquiries = planned(MAILED, requests, now=now)
    assert [numbers(inquiry) for inquiry in inquiries] == [[1, 2]][:count]
    assert next_plan_at(Unsent(MAILED, requests), inquiries, RULES, now) == (
        MONDAY + timedelta(seconds=5) if not count else now + timedelta(hours=1)
    )


def test_who_comes_later_joins_the_contact_that_has_not_gone_out() -> None:
    inside = a_request(1, inquiry_id=number(90), newest_inquiry_id=number(90))
    (inquiry,) = planned(MAILED, [inside, a_request(2, waiting_since=MONDAY)], [UnsentInquiry(number(90))])
    assert (inquiry.inquiry_id, numbers(inquiry)) == (number(90), [1, 2])


def test_nobody_goes_back_to_a_contact_they_left() -> None:
    was_in_a_newer_one = a_request(2, newest_inquiry_id=number(91))
    inside = a_request(1, inquiry_id=number(90), newest_inquiry_id=number(90))
    (inquiry,) = planned(MAILED, [inside, was_in_a_newer_one], [UnsentInquiry(number(90))])
    assert (inquiry.inquiry_id, numbers(inquiry)) == (None, [1, 2])


# docs/domain.md#contact-rule-7


def test_a_call_that_is_due_today_stays_as_it_is_and_nobody_joins_it() -> None:
    slot = CallSlot(MONDAY - timedelta(minutes=2), MONDAY + timedelta(minutes=3))
    inside = a_request(1, inquiry_id=number(90), newest_inquiry_id=number(90))
    first, second = planned(PHONED, [inside, a_request(2)], [UnsentInquiry(number(90), call=slot)])
    assert (first.inquiry_id, numbers(first), first.keeps_call) == (number(90), [1], True)
    assert (second.inquiry_id, numbers(second), second.waits_for) == (None, [2], "earlier_inquiry")


@pytest.mark.parametrize(
    ("now", "wish", "times", "keeps"),
    [
        (MONDAY, None, hours(), True),
        (MONDAY, MONDAY + timedelta(minutes=60), hours(), True),
        (MONDAY, MONDAY + timedelta(minutes=61), hours(), False),  # the practice wants it later
        (MONDAY, None, hours({"tuesday": MONDAY_MORNINGS["monday"]}), False),
        (MONDAY, None, hours(holidays=[{"from": "2026-11-23", "to": "2026-11-23"}]), False),
        (MONDAY + timedelta(days=1), None, hours(), False),  # nobody made it on its day
    ],
)
def test_a_planned_call_moves_only_where_it_no_longer_fits(
    now: datetime, wish: datetime | None, times: CallTimes, keeps: bool
) -> None:
    slot = CallSlot(MONDAY + timedelta(minutes=60), MONDAY + timedelta(minutes=65))
    inside = a_request(1, inquiry_id=number(90), newest_inquiry_id=number(90))
    (inquiry,) = planned(replace(PHONED, call_times=times), [inside], [UnsentInquiry(number(90), wish, slot)], now=now)
    assert inquiry.keeps_call == keeps
    assert inquiry.earliest == (slot.starts_at if keeps else max(now, wish or now))


def test_a_practice_is_not_called_sooner_than_it_wished_because_others_go_with_it() -> None:
    wish = MONDAY + timedelta(days=2)
    old = [UnsentInquiry(number(90), wish), UnsentInquiry(number(91))]
    inside = [a_request(n, inquiry_id=number(89 + n), newest_inquiry_id=number(89 + n)) for n in (1, 2)]
    (inquiry,) = planned(PHONED, inside, old)
    assert (inquiry.next_attempt_after, inquiry.earliest) == (wish, wish)


def test_a_call_has_the_number_of_the_request_that_was_called_about_most() -> None:
    (inquiry,) = planned(PHONED, [a_request(1, attempts=2), a_request(2)])
    assert inquiry.attempt == 3


# docs/domain.md#contact-rule-9


@pytest.mark.parametrize(
    ("hold", "patient", "reason"),
    [
        (None, SEARCHES, None),
        ("search_paused", SEARCHES, "search_paused"),
        ("accepted_elsewhere", None, "accepted_elsewhere"),
        (None, None, "patient_not_known"),
        (None, replace(SEARCHES, is_offered_a_place=True), "accepted_elsewhere"),
        (None, replace(SEARCHES, status="open"), None),  # news of the search may come after the approval
        (None, replace(SEARCHES, status="paused"), "search_paused"),
        (None, replace(SEARCHES, status="in_therapy"), "search_ended"),
        (None, replace(SEARCHES, status="therapy_aborted"), "search_ended"),
    ],
)
def test_who_is_held_or_no_longer_searches_is_not_asked_for(
    hold: str | None, patient: PatientFacts | None, reason: str | None
) -> None:
    assert kept_back(hold, patient) == reason
    inside = a_request(1, hold=hold, patient=patient, inquiry_id=number(90), newest_inquiry_id=number(90))
    unsent = Unsent(MAILED, [inside], [UnsentInquiry(number(90))])
    assert [numbers(inquiry) for inquiry in plan(unsent, RULES, MONDAY)] == ([] if reason else [[1]])
    assert requests_to_take_out(unsent) == ([inside] if reason else [])


# Whatever there is


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


def is_due_today(inquiry: PlannedInquiry, unsent: Unsent) -> bool:
    calls = {each.id: each.call for each in unsent.inquiries}
    call = calls.get(inquiry.inquiry_id) if inquiry.inquiry_id else None
    return call is not None and call.starts_at <= MONDAY and berlin_day(call.starts_at) == berlin_day(MONDAY)


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
            call = CallSlot(start, start + SMALL.call_length)
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
    gathered = [each for each in unsent.requests if each.id in going and not _waits_to_gather(each)]
    assert set(asked) == going or not gathered


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
            if inquiry.channel == channel and not is_due_today(inquiry, unsent)
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


@given(worlds())
def test_planning_what_is_planned_changes_nothing(unsent: Unsent) -> None:
    inquiries = plan(unsent, SMALL, MONDAY)
    # a call of today that cannot be made is cancelled first; only the next plan lets others join its inquiry
    assume(not any(is_due_today(inquiry, unsent) and inquiry.waits_for for inquiry in inquiries))
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
