"""Two entries of one practice become one while a letter is with it, and a mistaken entry is removed."""

from __future__ import annotations

from typing import Any

import pytest

from testkit.api_client import ApiClient, RequestRefused
from testkit.private_platform import PrivatePlatform
from tests.end_to_end.operators import Tables
from tests.end_to_end.people import a_searching_patient, a_therapist, asked, known_to_matching, status_becomes

NOBODY: dict[str, Any] = {
    "matching_service.therapists": {"name": None, "city": None, "status": None},
    "communication_service.therapists": {"last_name": "", "email": None, "call_note": None, "status": "unknown"},
    "geocoding_service.located_addresses": {"city": None, "postal_code": None, "federal_state": None},
}
"""What the services keep of somebody who is no more."""


def test_requests_and_waits_follow_the_kept_one_and_nothing_is_left_of_who_is_no_more(
    platform: PrivatePlatform, api: ApiClient
) -> None:
    kept, double = a_therapist(api), a_therapist(api, call_note="Ask for Ms. Roth.")
    mistake = a_therapist(api)
    first, second = a_searching_patient(api), a_searching_patient(api)
    (sent,) = asked(api, first, double)
    status_becomes(api, sent, "contacted")
    known_to_matching(api, second, kept, mistake)

    api.post("therapist", f"/api/therapists/{kept['id']}/merge", {"duplicate_id": double["id"]})
    assert api.delete("therapist", f"/api/therapists/{mistake['id']}")["outcome"] == "removed"
    tables = Tables(platform)
    api.until(tables.all_have_handled, "everybody to know who is kept", seconds=150)
    _is_nothing_left(tables, double["id"], mistake["id"])
    with pytest.raises(RequestRefused, match=kept["id"]):
        api.get("therapist", f"/api/therapists/{double['id']}")
    found = api.get("therapist", "/api/therapists", q=double["last_name"])["items"]
    assert [each["id"] for each in found] == [kept["id"]]

    # the request is the kept one's, whose seven days without another letter have begun
    api.until(lambda: _request(api, sent)["therapist_id"] == kept["id"], "the request to follow", seconds=150)
    candidates = {each["therapist_id"] for each in api.candidates(second["id"], limit=200)["candidates"]}
    assert candidates & {kept["id"], double["id"], mistake["id"]} == {kept["id"]}
    (waits,) = asked(api, second, kept)
    api.until(lambda: _wait_of(api, waits) == "therapist_emailed_recently", "the next letter to wait", seconds=150)

    # the practice answers the letter that its other entry got
    (email,) = api.get("communication", "/api/emails", patient_id=first["id"])["items"]
    answer = {"responses": [{"placement_request_id": sent["id"], "outcome": "accepted"}]}
    api.post("communication", f"/api/emails/{email['id']}/response", answer)
    assert status_becomes(api, sent, "accepted")["therapist_id"] == kept["id"]
    assert len(platform.mailbox.wait_for(1, to=double["email"])) == 1


def _request(api: ApiClient, request: Any) -> Any:
    return api.get("matching", f"/api/placement-requests/{request['id']}")


def _wait_of(api: ApiClient, request: Any) -> Any:
    found = api.get("communication", "/api/waiting-requests", patient_id=request["patient_id"])["items"]
    return found[0]["waits_for"] if found else None


def _is_nothing_left(tables: Tables, *therapist_ids: str) -> None:
    for table, nothing in NOBODY.items():
        select = f"SELECT {', '.join(nothing)} FROM {table} WHERE id = ANY(%s::uuid[])"
        assert tables.run(select, [*therapist_ids]) == [tuple(nothing.values()) for _ in therapist_ids], table
