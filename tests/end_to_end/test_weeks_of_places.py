"""Weeks in which practices offer places: docs/domain.md#contact-rule-9 and #place-rule-10 on the running platform."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from testkit.api_client import ApiClient, Document, RequestRefused
from testkit.private_platform import PrivatePlatform
from tests.end_to_end.people import a_therapist, asked, exactly_one_letter
from tests.end_to_end.weeks import Weeks, berlin, every_day, searching_patients


def by_practice(requests: list[Document], practices: list[Document]) -> list[Document]:
    """The requests in the order of these practices."""
    found = {each["therapist_id"]: each for each in requests}
    return [found[each["id"]] for each in practices]


def status_of(api: ApiClient, patient: Document, status: str) -> Document:
    """The patient, once they have that status."""

    def there() -> Any:
        found = api.get("patient", f"/api/patients/{patient['id']}")
        return found if found["status"] == status else None

    return api.until(there, f"the patient to be {status}")


def test_an_offer_holds_the_rest_a_place_ends_it_a_pause_ends_by_itself_and_a_failed_place_begins_anew(
    platform: PrivatePlatform, api: ApiClient, weeks: Weeks
) -> None:
    weeks.go_to(berlin(weeks.next_workday()))
    hours = every_day("05:30", "06:00")
    offering, written, busy, other = (a_therapist(api, phone_hours=None) for _ in range(4))
    alone, shared = (a_therapist(api, email=None, phone_hours=hours) for _ in range(2))
    before, patient, reader, pausing = searching_patients(api, 4)
    (earlier,) = asked(api, before, busy)
    exactly_one_letter(platform, api, busy, earlier)

    practices = [offering, written, busy, alone, shared]
    offer, sent, unsent, call_alone, call_shared = by_practice(asked(api, patient, *practices), practices)
    of_reader = by_practice(asked(api, reader, busy, shared), [busy, shared])
    of_pausing, gone_out = by_practice(asked(api, pausing, busy, other), [busy, other])
    for request in (offer, sent, gone_out):
        weeks.becomes(request, status="contacted")
    for request in (unsent, of_reader[0], of_pausing):
        weeks.waits_for(request, "therapist_emailed_recently")
    weeks.planned_call(alone, call_alone)
    weeks.planned_call(shared, call_shared, of_reader[1])

    # the first acceptance holds what has not gone out; what has stays
    api.post("matching", f"/api/placement-requests/{offer['id']}/response", {"outcome": "accepted"})
    for request in (unsent, call_alone, call_shared):
        weeks.becomes(request, hold="accepted_elsewhere")
    assert weeks.becomes(sent, status="contacted")["hold"] is None
    weeks.planned_call(shared, of_reader[1])
    api.until(lambda: weeks.calls(alone, "planned") == [], "the call about nobody to be cancelled")
    # a pause holds as well, and ends by itself
    last_day = weeks.today + timedelta(days=10)
    pause = {"status": "paused", "paused_until": last_day.isoformat()}
    api.post("patient", f"/api/patients/{pausing['id']}/status", pause)
    weeks.becomes(of_pausing, hold="search_paused")
    assert weeks.waits_for(of_pausing, "search_paused")["waits_until"] == last_day.isoformat()

    begin, first_session = weeks.today, weeks.today + timedelta(days=5)
    placed = {"first_session_on": first_session.isoformat()}
    api.post("matching", f"/api/placement-requests/{offer['id']}/place", placed)
    for request in (sent, unsent, call_alone, call_shared):
        weeks.becomes(request, status="withdrawn", withdrawn_reason="placed_elsewhere")
    (notice,) = [each for each in weeks.letters(written, 2) if "erledigt" in each["subject"]]
    assert patient["reference"] in notice["subject"]
    assert weeks.becomes(gone_out, status="contacted")["hold"] is None

    # a week later the letter to the busy practice speaks of who still waits for it
    weeks.go_to(berlin(begin + timedelta(days=7), 0, 5))
    letter = weeks.letters(busy, 2)[1]["text"]
    assert [each for each in (before, patient, reader, pausing) if each["reference"] in letter] == [reader]
    weeks.go_to(berlin(last_day, 23, 50))
    weeks.run("patient", "pauses")
    weeks.becomes(of_pausing, hold="search_paused")
    weeks.go_to(berlin(last_day + timedelta(days=1), 0, 5))
    weeks.run("patient", "pauses")
    weeks.becomes(of_pausing, hold=None)
    weeks.go_to(berlin(begin + timedelta(days=14), 0, 5))
    assert pausing["reference"] in weeks.letters(busy, 3)[2]["text"]

    # the reader's place begins, the patient's works
    api.post("matching", f"/api/placement-requests/{of_reader[0]['id']}/response", {"outcome": "accepted"})
    api.post("matching", f"/api/placement-requests/{of_reader[0]['id']}/place", {})
    status_of(api, reader, "in_therapy")
    weeks.go_to(berlin(begin + timedelta(days=35)))
    assert status_of(api, patient, "in_therapy")["working_place_on"] is None
    path = f"/api/placement-requests/{offer['id']}/confirm"
    with pytest.raises(RequestRefused, match="confirmed_on"):
        api.post("matching", path, {"confirmed_on": (weeks.today + timedelta(days=1)).isoformat()})
    api.post("matching", path, {"confirmed_on": weeks.today.isoformat()})
    api.until(
        lambda: api.get("patient", f"/api/patients/{patient['id']}")["working_place_on"] == weeks.today.isoformat(),
        "the place to be known to work",
    )

    # that of the reader fails: the search goes on as if it had never stopped, without that practice
    failed = {"reason": "not_suitable", "failed_on": weeks.today.isoformat(), "sessions_held": 3}
    api.post("matching", f"/api/placement-requests/{of_reader[0]['id']}/fail", failed)
    assert status_of(api, reader, "searching")["search_started_on"] == begin.isoformat()
    new = a_therapist(api)
    (anew,) = asked(api, reader, new)
    exactly_one_letter(platform, api, new, anew)
    with pytest.raises(RequestRefused, match="patient_exclusion"):
        api.approve(reader["id"], [busy["id"]])
