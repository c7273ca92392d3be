"""Two weeks of calls: what came of one says when the next is (docs/domain.md#contact-rule-7, docs/decisions/0050)."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from operations.role_accounts import tokens_of
from testkit.api_client import ApiClient, RequestRefused
from testkit.private_platform import PrivatePlatform
from tests.end_to_end.people import a_searching_patient, a_therapist, asked
from tests.end_to_end.weeks import Weeks, berlin, every_day, searching_patients, start_of

TWO_WINDOWS = {"monday": [{"start": "04:00", "end": "05:00"}], "wednesday": [{"start": "21:00", "end": "22:00"}]}
MINUTE = timedelta(minutes=1)


def test_a_call_that_reaches_nobody_is_made_again_at_another_time_until_the_attempts_are_used_up(
    platform: PrivatePlatform, api: ApiClient, weeks: Weeks
) -> None:
    monday = weeks.next_workday(0, days=10)
    weeks.go_to(berlin(monday - timedelta(days=1)))
    first, second = searching_patients(api, 2)
    practice = a_therapist(api, email=None, phone_hours=TWO_WINDOWS)
    answering = a_therapist(api, email=None, phone_hours=every_day("03:00", "03:30"))
    (request,) = asked(api, first, practice)
    (other,) = asked(api, second, answering)
    call = weeks.planned_call(practice, request)
    assert start_of(call) == berlin(monday, 4)
    message = weeks.planned_call(answering, other)
    assert start_of(message) == berlin(monday, 3)

    # somebody claims the call and goes home: nobody else has it until the lease ends, then anybody
    weeks.go_to(start_of(message))
    assert weeks.record(message, "voicemail", occurred_at=message["starts_at"])["status"] == "failed"
    assert start_of(weeks.planned_call(answering, other)) == berlin(monday + timedelta(days=1), 3)
    weeks.go_to(start_of(call))
    abandoning = ApiClient(platform.settings, tokens_of(platform.settings, "caller"))
    claimed = abandoning.post("communication", f"/api/phone-calls/{call['id']}/claim")
    for path, body in (("claim", None), ("outcome", {"result": "no_answer"})):
        with pytest.raises(RequestRefused, match=r"phone_call\.claimed"):
            api.post("communication", f"/api/phone-calls/{call['id']}/{path}", body)
    weeks.go_to(datetime.fromisoformat(claimed["claimed_until"]))
    mine = api.post("communication", f"/api/phone-calls/{call['id']}/claim")
    assert mine["claimed_by"] != claimed["claimed_by"]

    # nobody answers: another window; the line is busy: soon; the third attempt is the last
    weeks.record(call, "no_answer")
    call = weeks.planned_call(practice, request)
    assert (start_of(call), call["attempt"]) == (berlin(monday + timedelta(days=2), 21), 2)
    weeks.go_to(berlin(monday + timedelta(days=1), 3))
    weeks.record(weeks.planned_call(answering, other), "wrong_number")
    weeks.waits_for(other, "phone_number_missing")
    assert weeks.calls(answering, "planned") == []
    weeks.go_to(start_of(call) + MINUTE)
    weeks.record(call, "busy", occurred_at=call["starts_at"])
    call = weeks.planned_call(practice, request)
    assert (start_of(call), call["attempt"]) == (berlin(monday + timedelta(days=2), 21, 15), 3)
    weeks.go_to(start_of(call))
    weeks.record(call, "voicemail")
    weeks.becomes(request, status="no_answer")
    assert [each["status"] for each in weeks.calls(practice)] == ["failed"] * 3

    # a number is entered for the one that was wrong: no attempt was lost, and a call follows at once
    api.patch("therapist", f"/api/therapists/{answering['id']}", {"phone": "+49 30 23125 124"})
    call = weeks.planned_call(answering, other)
    assert (start_of(call), call["attempt"]) == (berlin(monday + timedelta(days=3), 3), 2)

    # a week later nobody has called: the call is made on another day, and never twice a day for several patients
    third = a_searching_patient(api)
    (joins,) = asked(api, third, answering)
    call = weeks.planned_call(answering, other, joins)
    weeks.go_to(berlin(monday + timedelta(days=7), 2))
    weeks.run("communication", "compose")
    late = weeks.planned_call(answering, other, joins)
    assert start_of(late) >= weeks.clock.now()
    weeks.go_to(start_of(late))
    said = [{"placement_request_id": other["id"], "outcome": "accepted"}]
    weeks.record(late, "reached", responses=said)
    weeks.becomes(other, status="accepted")
    # who was not spoken of is asked again
    weeks.planned_call(answering, joins)
