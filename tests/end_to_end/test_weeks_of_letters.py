"""Six weeks of one practice, over Christmas: docs/domain.md#contact-rule-4 and the next four, as `--now` goes on."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from testkit.api_client import ApiClient, Document, RequestRefused
from testkit.private_platform import PrivatePlatform
from tests.end_to_end.people import a_therapist, asked, exactly_one_letter
from tests.end_to_end.weeks import Weeks, berlin, searching_patients, start_of

EARLY = {day: [{"start": "06:30", "end": "07:30"}] for day in ("monday", "tuesday", "wednesday", "thursday", "friday")}


def order_in(letter: Document, patients: list[Document]) -> list[Document]:
    """The patients whom the letter names, as they come in it."""
    text = letter["text"]
    named = [patient for patient in patients if patient["reference"] in text]
    return sorted(named, key=lambda patient: text.index(patient["reference"]))


def say(api: ApiClient, request: Document, outcome: str, **more: str) -> None:
    """The practice answers in writing: whoever it leaves without one is called about a week after the letter."""
    api.post("matching", f"/api/placement-requests/{request['id']}/response", {"outcome": outcome, **more})


def a_week_before_christmas_eve(after: date) -> date:
    """The next 17 December."""
    return next(day for year in (0, 1) if (day := date(after.year + year, 12, 17)) > after)


def first_day_for_calls(day: date) -> date:
    """From this day on; all the holidays of a Bavarian Christmas stand here once more."""
    free = {(12, 24), (12, 25), (12, 26), (12, 31), (1, 1), (1, 6)}
    while day.weekday() > 4 or (day.month, day.day) in free:
        day += timedelta(days=1)
    return day


def test_one_letter_a_week_then_a_call_and_after_a_refusal_four_weeks_of_silence(
    platform: PrivatePlatform, api: ApiClient, weeks: Weeks
) -> None:
    """However often jobs run, and workers run them each second: what counts is what is due."""
    begin = a_week_before_christmas_eve(weeks.today)
    weeks.go_to(berlin(begin))
    practice = a_therapist(api, phone_hours=EARLY)
    first, *early = searching_patients(api, 4)
    (request,) = asked(api, first, practice)
    exactly_one_letter(platform, api, practice, request)

    # seven others, four of whom search since the day after; who is approved first does not go first
    weeks.go_to(berlin(begin + timedelta(days=1)))
    others = [*early, *searching_patients(api, 4)]
    requests = {each["id"]: asked(api, each, practice)[0] for each in reversed(others)}
    for each in others:
        waits = weeks.waits_for(requests[each["id"]], "therapist_emailed_recently")
        assert waits["waits_until"] == (begin + timedelta(days=6)).isoformat()

    weeks.go_to(berlin(begin + timedelta(days=6), 23, 50))
    weeks.run("communication", "compose", "send", "follow-up")
    assert len(weeks.letters(practice, 1)) == 1
    assert weeks.calls(practice) == []

    # a week after the first letter: the six who have searched longest in a second one, and a call about the first
    weeks.go_to(berlin(begin + timedelta(days=7), 0, 5))
    weeks.run("communication", "follow-up")
    _, letter = weeks.letters(practice, 2)
    *_, last = six = order_in(letter, others)
    assert len(six) == 6
    assert {each["id"] for each in six[:3]} == {each["id"] for each in early}
    (seventh,) = [each for each in others if each not in six]
    assert last["search_started_on"] == seventh["search_started_on"]
    call = weeks.planned_call(practice, request)
    starts_at = start_of(call)
    assert starts_at.date() == first_day_for_calls(begin + timedelta(days=7))
    assert (starts_at.hour, starts_at.minute, starts_at.second) == (6, 30, 0)

    # the practice is reached: one refusal, and then "later" to one of the letter, and no to the others
    weeks.go_to(starts_at)
    answers = [{"placement_request_id": request["id"], "outcome": "declined_capacity"}]
    weeks.record(call, "reached", responses=answers)
    answered = starts_at.date()
    weeks.becomes(request, status="declined")
    later, named = requests[early[0]["id"]], answered + timedelta(days=50)
    say(api, later, "later", available_from=named.isoformat())
    five = [requests[each["id"]] for each in six if each is not early[0]]
    for each in five:
        say(api, each, "declined_unsuitable")
    again = answered + timedelta(days=22)
    assert weeks.becomes(later, status="deferred")["next_contact_after"] == again.isoformat()

    # the seventh has waited for the next letter, and nobody is called again about the first one
    weeks.go_to(berlin(begin + timedelta(days=14), 0, 5))
    weeks.run("communication", "follow-up")
    assert order_in(weeks.letters(practice, 3)[2], others) == [seventh]
    assert [each["id"] for each in weeks.calls(practice)] == [call["id"]]
    say(api, requests[seventh["id"]], "declined_unsuitable")

    weeks.go_to(berlin(again - timedelta(days=1), 23, 50))
    weeks.run("matching", "reopen-deferred")
    weeks.becomes(later, status="deferred")
    weeks.go_to(berlin(again, 0, 5))
    weeks.run("matching", "reopen-deferred")
    assert order_in(weeks.letters(practice, 4)[3], others) == [early[0]]
    say(api, later, "declined_unsuitable")

    # four weeks after the refusal, and not a day before
    weeks.go_to(berlin(answered + timedelta(days=27), 23, 50))
    with pytest.raises(RequestRefused, match="recent_refusal"):
        api.approve(first["id"], [practice["id"]])
    weeks.go_to(berlin(answered + timedelta(days=28), 0, 5))
    (anew,) = asked(api, first, practice)
    weeks.waits_for(anew, "therapist_emailed_recently")
    weeks.go_to(berlin(again + timedelta(days=7), 0, 5))
    assert order_in(weeks.letters(practice, 5)[4], [first]) == [first]
