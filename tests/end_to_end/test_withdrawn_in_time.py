"""What was withdrawn, and answered 200, before an e-mail went out counts for it, also where its event is not handled
yet: the communication service, its way to Kafka, or the relay that should have published the event was dead."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
import requests

from testkit.api_client import ApiClient, Document
from testkit.private_platform import PrivatePlatform
from tests.end_to_end.people import a_searching_patient, a_therapist, known_to_matching

GATHERING = 8
DIAGNOSIS = "F30"
SUMMARY = "Panikattacken beim Busfahren"


@pytest.fixture(scope="module")
def patient_platform(platform: PrivatePlatform) -> Iterator[PrivatePlatform]:
    """The platform, while requests gather on it for long enough to kill somebody meanwhile."""
    usual = platform.settings["CONTACT_GATHERING_SECONDS"]
    let_gather(platform, str(GATHERING))
    yield platform
    let_gather(platform, usual)


def let_gather(platform: PrivatePlatform, seconds: str) -> None:
    """Restart the communication service with this setting."""
    platform.settings["CONTACT_GATHERING_SECONDS"] = seconds
    del platform.process_specs  # made anew, from the settings
    for role in ("web", "worker"):
        platform.process(f"communication_service.{role}").restart()


@dataclass(frozen=True)
class Asked:
    """A practice that is about to be asked for a patient."""

    patient: Document
    practice: Document
    request: Document


def consent_of(api: ApiClient, patient: Document, purpose: str) -> Document:
    """A consent of the patient's, given now where there was none."""
    path = f"/api/patients/{patient['id']}"
    known = [each for each in api.get("patient", path)["consents"] if each["purpose"] == purpose]
    given = {"purpose": purpose, "given_on": patient["registered_on"], "text_version": "2026-01"}
    consent: Document = known[0] if known else api.post("patient", f"{path}/consents", given)
    return consent


def withdraw_request(api: ApiClient, asked: Asked) -> None:
    path = f"/api/placement-requests/{asked.request['id']}/withdraw"
    api.post("matching", path, {"reason": "patient_declined"})


def withdraw_consent(purpose: str) -> Callable[[ApiClient, Asked], None]:
    def withdraw(api: ApiClient, asked: Asked) -> None:
        consent = consent_of(api, asked.patient, purpose)
        api.post("patient", f"/api/patients/{asked.patient['id']}/consents/{consent['id']}/withdraw", {})

    return withdraw


def block_therapist(api: ApiClient, asked: Asked) -> None:
    api.post("therapist", f"/api/therapists/{asked.practice['id']}/block", {"reason": "Klinik"})


WITHDRAWALS: dict[str, Callable[[ApiClient, Asked], None]] = {
    "request": withdraw_request,
    "health_data": withdraw_consent("health_data"),
    "practice_summary": withdraw_consent("practice_summary"),
    "mandate": withdraw_consent("mandate"),
    "therapist": block_therapist,
    "nothing": lambda _api, _asked: None,
}


def about_to_be_asked(api: ApiClient) -> dict[str, Asked]:
    """A patient and a practice for each withdrawal, whose requests the communication service knows."""
    pairs = {name: (a_searching_patient(api, practice_summary=SUMMARY), a_therapist(api)) for name in WITHDRAWALS}
    for patient, practice in pairs.values():
        consent_of(api, patient, "mandate")
        consent_of(api, patient, "practice_summary")
        known_to_matching(api, patient, practice)
    asked = {
        name: Asked(patient, practice, api.approve(patient["id"], [practice["id"]])["items"][0])
        for name, (patient, practice) in pairs.items()
    }
    for each in asked.values():
        known_to_communication(api, each)
    return asked


def known_to_communication(api: ApiClient, asked: Asked) -> None:
    """Wait until the communication service lets the request gather."""
    api.until(
        lambda: api.get("communication", "/api/waiting-requests", patient_id=asked.patient["id"])["items"],
        "the communication service to know the request",
    )


@contextmanager
def killed(platform: PrivatePlatform, *names: str) -> Iterator[None]:
    """These processes are killed, and started again after the block."""
    for name in names:
        platform.process(name).kill()
    yield
    for name in reversed(names):
        platform.process(name).start()


def current_events(platform: PrivatePlatform) -> dict[str, Any]:
    """What the communication service's worker says of its copies."""
    address = platform.process("communication_service.worker").spec.address
    check: dict[str, Any] = requests.get(f"{address}/health/ready", timeout=5).json()["checks"]["current_events"]
    return check


@pytest.mark.slow
@pytest.mark.parametrize(
    "dead",
    [
        ("communication_service.worker",),
        ("kafka",),
        ("patient_service.worker", "matching_service.worker", "therapist_service.worker"),
        ("matching_service.worker",),
    ],
    ids=["own worker", "Kafka", "relays", "the service between"],
)
def test_a_withdrawal_counts_before_its_event_is_handled(
    patient_platform: PrivatePlatform, api: ApiClient, dead: tuple[str, ...]
) -> None:
    asked = about_to_be_asked(api)
    with killed(patient_platform, *dead):
        for name, withdraw in WITHDRAWALS.items():
            withdraw(api, asked[name])
        time.sleep(GATHERING + 2)
        if "communication_service.worker" not in dead:
            check = current_events(patient_platform)
            assert (check["ok"], check["decisive"]) == (False, False)
            assert "jobs wait" in check["problem"]
        assert not any(mails_to(patient_platform, each) for each in asked.values())
    assert len(patient_platform.mailbox.wait_for(1, to=asked["nothing"].practice["email"])) == 1
    (nothing,) = mails_to(patient_platform, asked["nothing"])
    assert (DIAGNOSIS in str(nothing), SUMMARY in str(nothing)) == (True, True)
    (allowed,) = patient_platform.mailbox.wait_for(1, to=asked["health_data"].practice["email"])
    assert (DIAGNOSIS in str(allowed), SUMMARY in str(allowed)) == (False, True)
    (allowed,) = patient_platform.mailbox.wait_for(1, to=asked["practice_summary"].practice["email"])
    assert (DIAGNOSIS in str(allowed), SUMMARY in str(allowed)) == (True, False)
    time.sleep(3)
    went = {name for name, each in asked.items() if mails_to(patient_platform, each)}
    assert went == {"health_data", "practice_summary", "nothing"}
    api.until(lambda: current_events(patient_platform)["ok"], "the events to be current")


def mails_to(platform: PrivatePlatform, asked: Asked) -> list[dict[str, Any]]:
    """The mails that the practice got."""
    mailbox = platform.mailbox
    return [mailbox.mail(each["id"]) for each in mailbox.mails() if asked.practice["email"] in each["envelope_to"]]
