"""Which contacts there should be (docs/domain.md#contact-rule-4 and the next two): values in, values out."""

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
    PlannedContact,
    PracticeFacts,
    Unsent,
    UnsentContact,
    UnsentRequest,
    kept_back,
    leaving,
    next_plan_at,
    plan,
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
    contacts: Sequence[UnsentContact] = (),
    *,
    now: datetime = MONDAY,
    rules: ContactRules = RULES,
) -> list[PlannedContact]:
    return plan(Unsent(practice, requests, contacts), rules, now)


def numbers(contact: PlannedContact) -> list[int]:
    return [each.int for each in contact.request_ids]


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
    (contact,) = planned(replace(MAILED, **facts), [a_request(1, by_phone=by_phone)])
    assert (contact.channel, contact.waits_for) == (channel, waits_for)


# docs/domain.md#contact-rule-5


@pytest.mark.parametrize("reason", ["therapist_emailed_recently", "address_emailed_recently"])
def test_an_email_waits_for_the_cooldown_and_says_until_when(reason: str) -> None:
    practice = replace(MAILED, cooldown=Cooldown(reason, date(2026, 11, 29)))
    (contact,) = planned(practice, [a_request(1)])
    assert (contact.waits_for, contact.waits_until) == (reason, date(2026, 11, 29))
    assert contact.earliest == datetime(2026, 11, 29, 23, 0, tzinfo=UTC), "Monday, 00:00 in Berlin"


def test_a_call_waits_for_no_cooldown() -> None:
    practice = replace(MAILED, cooldown=Cooldown("therapist_emailed_recently", date(2026, 11, 29)))
    (contact,) = planned(practice, [a_request(1, by_phone=True)])
    assert (contact.channel, contact.waits_for, contact.earliest) == ("phone", None, MONDAY)


def test_the_longest_search_goes_first_then_the_higher_priority_then_who_waits_longer_here() -> None:
    requests = [
        of_search(1, 9),
        of_search(2, 3, waiting_since=LONG_AGO + timedelta(hours=1)),
        of_search(3, 3),
        of_search(4, 3, priority=5),
        a_request(5, patient=replace(SEARCHES, search_started_on=None)),
    ]
    (contact,) = planned(MAILED, requests)
    assert numbers(contact) == [4, 3, 2, 1, 5]


# docs/domain.md#contact-rule-6


@pytest.mark.parametrize(("count", "sizes"), [(0, []), (1, [1]), (6, [6]), (7, [6, 1]), (13, [6, 6, 1])])
def test_six_at_most_go_together_and_the_others_wait_for_their_turn(count: int, sizes: list[int]) -> None:
    contacts = planned(MAILED, [of_search(n, n) for n in range(1, count + 1)])
    assert [len(contact.request_ids) for contact in contacts] == sizes
    assert [contact.waits_for for contact in contacts] == [None, "earlier_inquiry", "earlier_inquiry"][: len(sizes)]
    assert [n for contact in contacts for n in numbers(contact)] == list(range(1, count + 1))


@pytest.mark.parametrize(("seconds", "count"), [(4, 0), (5, 1)])
def test_requests_gather_before_the_first_of_them_is_asked(seconds: int, count: int) -> None:
    now = MONDAY + timedelta(seconds=seconds)
    requests = [a_request(1, waiting_since=MONDAY), a_request(2, waiting_since=now)]
    contacts = planned(MAILED, requests, now=now)
    assert [numbers(contact) for contact in contacts] == [[1, 2]][:count]
    assert next_plan_at(Unsent(MAILED, requests), contacts, RULES, now) == (
        MONDAY + timedelta(seconds=5) if not count else now + timedelta(hours=1)
    )


def test_who_comes_later_joins_the_contact_that_has_not_gone_out() -> None:
    inside = a_request(1, contact_id=number(90), newest_contact_id=number(90))
    (contact,) = planned(MAILED, [inside, a_request(2, waiting_since=MONDAY)], [UnsentContact(number(90))])
    assert (contact.contact_id, numbers(contact)) == (number(90), [1, 2])


def test_nobody_goes_back_to_a_contact_they_left() -> None:
    was_in_a_newer_one = a_request(2, newest_contact_id=number(91))
    inside = a_request(1, contact_id=number(90), newest_contact_id=number(90))
    (contact,) = planned(MAILED, [inside, was_in_a_newer_one], [UnsentContact(number(90))])
    assert (contact.contact_id, numbers(contact)) == (None, [1, 2])


# docs/domain.md#contact-rule-7


def test_a_call_that_is_due_today_stays_as_it_is_and_nobody_joins_it() -> None:
    slot = CallSlot(MONDAY - timedelta(minutes=2), MONDAY + timedelta(minutes=3))
    inside = a_request(1, contact_id=number(90), newest_contact_id=number(90))
    first, second = planned(PHONED, [inside, a_request(2)], [UnsentContact(number(90), call=slot)])
    assert (first.contact_id, numbers(first), first.keeps_call) == (number(90), [1], True)
    assert (second.contact_id, numbers(second), second.waits_for) == (None, [2], "earlier_inquiry")


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
    inside = a_request(1, contact_id=number(90), newest_contact_id=number(90))
    (contact,) = planned(replace(PHONED, call_times=times), [inside], [UnsentContact(number(90), wish, slot)], now=now)
    assert contact.keeps_call == keeps
    assert contact.earliest == (slot.starts_at if keeps else max(now, wish or now))


def test_a_practice_is_not_called_sooner_than_it_wished_because_others_go_with_it() -> None:
    wish = MONDAY + timedelta(days=2)
    old = [UnsentContact(number(90), wish), UnsentContact(number(91))]
    inside = [a_request(n, contact_id=number(89 + n), newest_contact_id=number(89 + n)) for n in (1, 2)]
    (contact,) = planned(PHONED, inside, old)
    assert (contact.next_attempt_after, contact.earliest) == (wish, wish)


def test_a_call_has_the_number_of_the_request_that_was_called_about_most() -> None:
    (contact,) = planned(PHONED, [a_request(1, attempts=2), a_request(2)])
    assert contact.attempt == 3


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
    inside = a_request(1, hold=hold, patient=patient, contact_id=number(90), newest_contact_id=number(90))
    unsent = Unsent(MAILED, [inside], [UnsentContact(number(90))])
    assert [numbers(contact) for contact in plan(unsent, RULES, MONDAY)] == ([] if reason else [[1]])
    assert leaving(unsent) == ([inside] if reason else [])


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
    """A practice with up to a dozen requests, some in up to three contacts that have not gone out."""
    contacts = [UnsentContact(number(100 + n), draw(st.none() | LATER)) for n in range(draw(st.integers(0, 3)))]
    called = draw(st.integers(0, 3))
    if called < len(contacts):  # the database allows one planned call to a practice
        start = draw(LATER)
        contacts[called] = replace(contacts[called], call=CallSlot(start, start + timedelta(minutes=5)))
    free = {contact.id: 3 for contact in contacts}
    requests = []
    for n in range(draw(st.integers(0, 12))):
        contact = draw(st.sampled_from([None, *(id for id, left in free.items() if left), number(99)]))
        if contact in free:
            free[contact] -= 1
        newest = contact or draw(st.sampled_from([None, number(98), number(100), number(101)]))
        requests.append(
            UnsentRequest(
                id=number(n + 1),
                patient=draw(st.none() | PATIENTS if n % 4 == 0 else PATIENTS),
                is_waiting=draw(st.sampled_from([True, True, True, contact is None])),
                hold=draw(st.sampled_from([None, None, None, None, "search_paused"])),
                priority=draw(st.sampled_from([0, 0, 5])),
                waiting_since=draw(INSTANTS),
                by_phone=draw(st.booleans()),
                attempts=draw(st.integers(0, 2)),
                contact_id=contact,
                newest_contact_id=newest,
            )
        )
    return Unsent(draw(PRACTICES), requests, contacts)


def is_due_today(contact: PlannedContact, unsent: Unsent) -> bool:
    calls = {each.id: each.call for each in unsent.contacts}
    call = calls.get(contact.contact_id) if contact.contact_id else None
    return call is not None and call.starts_at <= MONDAY and berlin_day(call.starts_at) == berlin_day(MONDAY)


def applied(unsent: Unsent, contacts: Sequence[PlannedContact]) -> Unsent:
    """What there is when everything is as planned, and the practice has a free line."""
    requests = {each.id: each for each in unsent.requests}
    for each in leaving(unsent):
        requests[each.id] = replace(each, contact_id=None)
    calls = {each.id: each.call for each in unsent.contacts}
    stand = []
    for n, contact in enumerate(contacts):
        id = contact.contact_id or number(200 + n)
        for request in contact.request_ids:
            requests[request] = replace(requests[request], contact_id=id, newest_contact_id=id)
        call = calls.get(id) if contact.keeps_call else None
        if contact.channel == "phone" and contact.waits_for is None and not contact.keeps_call:
            times = unsent.practice.call_times
            assert times is not None
            assert contact.earliest is not None
            start = times.next_free_slot(earliest=contact.earliest, rules=SMALL, taken=lambda *_: [])
            assert start is not None
            call = CallSlot(start, start + SMALL.call_length)
        stand.append(UnsentContact(id, contact.next_attempt_after, call))
    stand.sort(key=lambda each: each.id)
    return Unsent(unsent.practice, list(requests.values()), stand)


@given(worlds())
def test_everybody_who_is_asked_for_is_in_one_contact_and_nobody_else(unsent: Unsent) -> None:
    contacts = plan(unsent, SMALL, MONDAY)
    asked = [request for contact in contacts for request in contact.request_ids]
    elsewhere = {each.id for each in unsent.requests if each.contact_id == number(99)}  # it is being sent
    going = {each.id for each in unsent.requests if each.kept_back is None} - elsewhere
    assert len(asked) == len(set(asked))
    assert set(asked) <= going
    gathered = [each for each in unsent.requests if each.id in going and not _waits_to_gather(each)]
    assert set(asked) == going or not gathered


def _waits_to_gather(request: UnsentRequest) -> bool:
    assert request.waiting_since is not None
    return request.contact_id is None and request.waiting_since + SMALL.gathering > MONDAY


@given(worlds())
def test_at_most_so_many_go_together(unsent: Unsent) -> None:
    assert all(0 < len(contact.request_ids) <= 3 for contact in plan(unsent, SMALL, MONDAY))


@given(worlds())
def test_at_most_one_email_and_one_call_go_and_no_email_within_the_cooldown(unsent: Unsent) -> None:
    ready = [contact.channel for contact in plan(unsent, SMALL, MONDAY) if contact.waits_for is None]
    assert len(ready) == len(set(ready))
    assert unsent.practice.cooldown is None or "email" not in ready


@given(worlds())
def test_whoever_waits_longest_is_asked_first(unsent: Unsent) -> None:
    by_id = {each.id: each for each in unsent.requests}
    for channel in ("email", "phone"):
        asked = [
            by_id[request]
            for contact in plan(unsent, SMALL, MONDAY)
            if contact.channel == channel and not is_due_today(contact, unsent)
            for request in contact.request_ids
        ]
        started = [each.patient.search_started_on or date.max for each in asked if each.patient]
        assert started == sorted(started)


@given(worlds())
def test_nobody_joins_an_older_contact_than_they_were_in(unsent: Unsent) -> None:
    by_id = {each.id: each for each in unsent.requests}
    for contact in plan(unsent, SMALL, MONDAY):
        for request in contact.request_ids:
            newest = by_id[request].newest_contact_id
            assert contact.contact_id is None or newest is None or newest <= contact.contact_id


@given(worlds())
def test_what_does_not_go_says_why_or_when(unsent: Unsent) -> None:
    contacts = plan(unsent, SMALL, MONDAY)
    assert all(contact.earliest is not None or contact.waits_for is not None for contact in contacts)
    assert all(contact.waits_for is not None for contact in contacts if contact.waits_until is not None)
    assert MONDAY < next_plan_at(unsent, contacts, SMALL, MONDAY) <= MONDAY + timedelta(hours=1)


@given(worlds())
def test_planning_what_is_planned_changes_nothing(unsent: Unsent) -> None:
    contacts = plan(unsent, SMALL, MONDAY)
    # a call of today that cannot be made is cancelled first; only the next plan lets others join its contact
    assume(not any(is_due_today(contact, unsent) and contact.waits_for for contact in contacts))
    again = plan(applied(unsent, contacts), SMALL, MONDAY)
    assert {_said(contact) for contact in again} == {_said(contact) for contact in contacts}
    assert all(contact.contact_id is not None for contact in again)
    third = plan(applied(applied(unsent, contacts), again), SMALL, MONDAY)
    assert third == again


def _said(contact: PlannedContact) -> tuple[object, ...]:
    """What practices and staff can tell apart; a call that is due by now need not wait for another one's turn."""
    return (contact.channel, frozenset(contact.request_ids), contact.waits_until, contact.next_attempt_after)


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
        for contact in plan(Unsent(facts, [a_request(n + 1)]), RULES, now):
            assert (contact.waits_for is None) == is_over
            if contact.waits_for is None:
                sent.append((practice, addresses[practice], berlin_day(now)))
    for place, (who, where, day) in enumerate(sent):
        assert all(day - before >= days for other, at, before in sent[:place] if other == who or at == where)
