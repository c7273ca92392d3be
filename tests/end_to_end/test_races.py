"""Many people at the real web processes at once: nobody is entered, changed or asked twice."""

from __future__ import annotations

from collections import Counter
from typing import Any
from uuid import uuid4

import requests

from testkit.api_client import ApiClient
from tests.concurrency import at_once
from tests.end_to_end.people import a_searching_patient, a_therapist, known_to_matching

PEOPLE = 6


def somebody(**fields: Any) -> dict[str, Any]:
    return {"first_name": "Gleich", "last_name": f"Zeitig {uuid4().hex[:12]}", "date_of_birth": "1990-05-05", **fields}


def post(api: ApiClient, service: str, path: str, body: object, **query: str) -> requests.Response:
    # a connection of its own: with a shared one the requests would follow each other
    url, headers = api.url(service, path), api.tokens.headers()
    return requests.post(url, json=body, params=query, headers=headers, timeout=30)


def patch(api: ApiClient, service: str, path: str, body: object) -> requests.Response:
    return requests.patch(api.url(service, path), json=body, headers=api.tokens.headers(), timeout=30)


def statuses(answers: list[requests.Response]) -> Counter[int]:
    return Counter(answer.status_code for answer in answers)


def test_of_six_who_enter_the_same_person_one_succeeds(api: ApiClient) -> None:
    for _ in range(10):
        body = somebody()
        assert statuses(at_once([lambda body=body: post(api, "patient", "/api/patients", body)] * PEOPLE)) == {  # type: ignore[misc]
            201: 1,
            409: PEOPLE - 1,
        }


def test_of_six_who_turn_somebody_into_the_same_person_one_succeeds(api: ApiClient) -> None:
    one_name = somebody()
    known = [api.post("patient", "/api/patients", somebody())["id"] for _ in range(PEOPLE)]
    answers = at_once([lambda each=each: patch(api, "patient", f"/api/patients/{each}", one_name) for each in known])  # type: ignore[misc]
    assert statuses(answers) == {200: 1, 409: PEOPLE - 1}
    assert {a.json()["code"] for a in answers if a.status_code == 409} == {"patient.suspected_duplicate"}


def test_of_six_who_ask_a_practice_for_a_patient_one_succeeds(api: ApiClient) -> None:
    practice, patient = a_therapist(api), a_searching_patient(api)
    known_to_matching(api, patient, practice)
    body = {"patient_id": patient["id"], "therapist_ids": [practice["id"]]}

    def somebody_asked() -> bool:
        found = statuses(at_once([lambda: post(api, "matching", "/api/placement-requests", body)] * PEOPLE))
        assert set(found) <= {201, 409}
        return found[201] > 0

    api.until(somebody_asked, "matching to handle the start of the search")
    assert len(api.requests_of(patient["id"])) == 1
