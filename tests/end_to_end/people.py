"""Invented people for end-to-end tests: each has a name and an address of its own, so that tests never meet."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from testkit.api_client import ApiClient, Document
from testkit.private_platform import PrivatePlatform

OFFICE_HOURS = {day: [{"start": "08:00", "end": "20:00"}] for day in ("monday", "tuesday", "wednesday", "thursday")}


def a_therapist(api: ApiClient, **fields: Any) -> Document:
    """A therapist in Hof, whom nobody else in these tests is near, with an e-mail address of their own."""
    mark = uuid4().hex[:12]
    therapist: Document = api.post(
        "therapist",
        "/api/therapists",
        {
            "last_name": f"Probe {mark}",
            "postal_code": "95028",
            "city": "Hof",
            "email": f"praxis-{mark}@example.org",
            "phone": "+49 30 23125 123",
            "phone_hours": OFFICE_HOURS,
            "accreditation": "statutory",
            "procedures": ["VT"],
            "age_groups": ["adult"],
            "settings": ["individual"],
            "gender": "female",
            "languages": ["de"],
            **fields,
        },
    )
    return therapist


def a_searching_patient(api: ApiClient, **fields: Any) -> Document:
    """A patient in Hof whose search has begun."""
    patient = api.enter_patient(
        **{
            "first_name": "Probe",
            "last_name": f"Geheim {uuid4().hex[:12]}",
            "date_of_birth": "1990-05-05",
            "gender": "female",
            "postal_code": "95028",
            "insurance_type": "statutory",
            "diagnoses": ["F32.1G"],
            "max_distance_km": 30,
            **fields,
        }
    )
    return api.start_search(patient["id"])


def known_to_matching(api: ApiClient, patient: Document, *practices: Document, **instead: Any) -> None:
    """Wait until matching would propose these therapists, with these criteria instead of the patient's."""
    wanted = {each["id"] for each in practices}

    def all_known() -> bool:
        found = api.candidates(patient["id"], limit=200, overrides=instead)["candidates"]
        return wanted <= {candidate["therapist_id"] for candidate in found}

    api.until(all_known, "matching to know the therapists")


def asked(api: ApiClient, patient: Document, *practices: Document) -> list[Document]:
    """The placement requests of an approved contact list, once matching knows these therapists."""
    known_to_matching(api, patient, *practices)
    items: list[Document] = api.approve(patient["id"], [each["id"] for each in practices])["items"]
    return items


def status_becomes(api: ApiClient, request: Document, status: str) -> Document:
    """The placement request, once it has that status."""

    def there() -> Document | None:
        found: Document = api.get("matching", f"/api/placement-requests/{request['id']}")
        return found if found["status"] == status else None

    return api.until(there, f"the request to become {status}")


def exactly_one_letter(platform: PrivatePlatform, api: ApiClient, practice: Document, request: Document) -> None:
    """The request was put to the practice in one letter, and everybody knows it."""
    status_becomes(api, request, "contacted")
    assert len(platform.mailbox.wait_for(1, to=practice["email"])) == 1
    inquiries = api.get("communication", "/api/inquiries", therapist_id=practice["id"])["items"]
    assert [inquiry["placement_request_ids"] for inquiry in inquiries] == [[request["id"]]]
