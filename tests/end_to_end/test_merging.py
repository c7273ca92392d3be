"""Two files of one person become one while letters about both are with practices; nothing of either is lost."""

from __future__ import annotations

from typing import Any

import pytest

from testkit.api_client import ApiClient, RequestRefused
from testkit.private_platform import PrivatePlatform
from tests.end_to_end.operators import Tables, at_the_terminal, ended_well
from tests.end_to_end.people import a_searching_patient, a_therapist, asked, status_becomes


def test_what_was_asked_for_either_file_goes_on_for_the_person(platform: PrivatePlatform, api: ApiClient) -> None:
    both, only_other = a_therapist(api), a_therapist(api)
    kept, other = a_searching_patient(api), a_searching_patient(api)
    sent, unanswered = asked(api, other, both, only_other)
    for each in (sent, unanswered):
        status_becomes(api, each, "contacted")
    (letter,) = platform.mailbox.wait_for(1, to=both["email"])
    assert other["reference"] in letter["text"]
    (waits,) = asked(api, kept, both)  # the practice was written to a moment ago

    merged = api.post("patient", f"/api/patients/{kept['id']}/merge", {"duplicate_id": other["id"]})
    assert merged["other_references"] == [other["reference"]]
    ended = status_becomes(api, waits, "withdrawn")
    assert (ended["withdrawn_reason"], ended["merged_into"]) == ("patient_merged", sent["id"])

    def ids_of(service: str, path: str, patient: Any) -> set[str]:
        return {each["id"] for each in api.get(service, path, patient_id=patient["id"])["items"]}

    requests = {sent["id"], unanswered["id"], waits["id"]}
    api.until(lambda: ids_of("matching", "/api/placement-requests", kept) == requests, "the requests to follow")
    api.until(lambda: len(ids_of("communication", "/api/emails", kept)) == 2, "the letters to follow")

    # the practice answers the letter it has, which names the reference that is no more
    (found,) = api.get("patient", "/api/patients", q=other["reference"])["items"]
    assert found["id"] == kept["id"]
    (email,) = api.get("communication", "/api/emails", patient_id=kept["id"], therapist_id=both["id"])["items"]
    answer = {"responses": [{"placement_request_id": sent["id"], "outcome": "accepted"}]}
    api.post("communication", f"/api/emails/{email['id']}/response", answer)
    assert status_becomes(api, sent, "accepted")["patient_id"] == kept["id"]
    api.until(
        lambda: api.get("patient", f"/api/patients/{kept['id']}")["first_place_on"] is not None,
        "the patient service to know the offer",
    )
    with pytest.raises(RequestRefused, match=kept["id"]) as refused:
        api.get("patient", f"/api/patients/{other['id']}")
    assert refused.value.status == 404

    _stays_so_when_it_is_read_again(platform, api, kept, other)


def _stays_so_when_it_is_read_again(platform: PrivatePlatform, api: ApiClient, kept: Any, other: Any) -> None:
    """Copies rebuilt from Kafka, and states published once more, say the same of the one who is no more."""
    tables = Tables(platform)
    api.until(tables.all_have_handled, "everybody to know who is kept")
    ended_well(at_the_terminal(platform, "patient_service", "republish"))
    api.until(tables.all_have_handled, "everybody to know that once more")
    for service, name in (("matching_service", None), ("communication_service", "")):
        ended_well(at_the_terminal(platform, service, "rebuild"))
        select = f"SELECT merged_into::text, reference, search_started_on FROM {service}.patients WHERE id = %s"
        assert tables.run(select, other["id"]) == [(kept["id"], name, None)]
        assert tables.run(select, kept["id"])[0][:2] == (None, kept["reference"])
    _is_erased_with_both_files(api, tables, kept, other)


def _is_erased_with_both_files(api: ApiClient, tables: Tables, kept: Any, other: Any) -> None:
    """An erasure of the person reaches what is held under either id, and is complete when both are gone."""
    asked = api.delete("patient", f"/api/patients/{kept['id']}", confirm=kept["reference"])
    erasure = f"/api/erasures/{asked['id']}"
    api.until(lambda: api.get("patient", erasure)["state"] == "completed", "every service to confirm")
    for service in ("matching_service", "communication_service"):
        for each in (kept, other):
            select = f"SELECT erased, merged_into, status FROM {service}.patients WHERE id = %s"
            assert tables.run(select, each["id"]) in ([(True, None, None)], [(True, None, "unknown")])
    assert tables.run("SELECT count(*) FROM patient_service.data_keys WHERE owner_id = ANY(%s::uuid[])",
                      [kept["id"], other["id"]]) == [(0,)]  # fmt: skip
