"""Which inquiries there should be (docs/domain.md#contact-rule-4 and the next two): values in, values out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from communication_service.domain.call_times import CallTimes
from communication_service.domain.contact_rule import Cooldown, PracticeFacts
from communication_service.domain.planning import (
    CallSlot,
    PatientFacts,
    PlannedInquiry,
    Unsent,
    UnsentInquiry,
    UnsentRequest,
    kept_back,
    next_plan_at,
    plan,
    requests_to_take_out,
)
from communication_service.settings import ContactRules
from tests.builders.communication import MONDAY_MORNINGS, RULES
from tests.builders.planning import LONG_AGO, SEARCHES, a_request, hours, number
from tests.conftest import MONDAY


@pytest.fixture(autouse=True)
def _in_one_transaction() -> None:
    """No database: everything here is a value."""


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
        ({"contact_preference": "email_only"}, True, "phone", "emails_only"),
        ({"contact_preference": "email_only", "email_key": None}, False, "phone", "email_address_missing"),
        ({"contact_preference": "email_only", "is_suppressed": True}, False, "phone", "email_suppressed"),
        ({"contact_preference": "none"}, False, "phone", "no_contact_wanted"),
        ({"status": "blocked"}, False, "email", "therapist_not_active"),
        ({"status": "inactive", "email_key": None}, False, "phone", "therapist_not_active"),
        ({"is_suppressed": True}, False, "phone", None),
        ({"email_key": None}, False, "phone", None),
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
    ("wish", "facts"),
    [
        (MONDAY + timedelta(minutes=1), {}),  # the practice wants it later
        (None, {"call_times": hours({"tuesday": MONDAY_MORNINGS["monday"]})}),
        (None, {"call_times": hours(holidays=[{"from": "2026-11-23", "to": "2026-11-23"}])}),
        (None, {"call_times": None}),
        (None, {"has_phone": False}),
        (None, {"contact_preference": "none"}),
        (None, {"status": "blocked"}),
    ],
)
def test_others_join_at_once_where_a_call_that_is_due_today_is_moved_or_cancelled(
    wish: datetime | None, facts: dict[str, Any]
) -> None:
    slot = CallSlot(MONDAY - timedelta(minutes=2), MONDAY + timedelta(minutes=3))
    inside = a_request(1, inquiry_id=number(90), newest_inquiry_id=number(90))
    practice = replace(PHONED, **facts)
    (inquiry,) = planned(practice, [inside, a_request(2)], [UnsentInquiry(number(90), wish, slot)])
    assert (inquiry.inquiry_id, numbers(inquiry), inquiry.keeps_call) == (number(90), [1, 2], False)


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
        (None, replace(SEARCHES, status="open"), "search_not_started"),
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
