"""What happens to people's requests when parts of the platform die: every event has its effect exactly once."""

from __future__ import annotations

import time
from datetime import timedelta

import pytest
import requests

from operations.sign_in import AccessTokens, NoSignIn
from shared.runtime import clock, registry
from shared.security.tokens import LEEWAY
from testkit.api_client import ApiClient, Document, RequestRefused
from testkit.private_platform import PrivatePlatform
from tests.end_to_end.operators import at_the_terminal, ended_well, reissued
from tests.end_to_end.people import (
    a_searching_patient,
    a_therapist,
    asked,
    exactly_one_letter,
    known_to_matching,
)

WORKERS = [f"{name}.worker" for name in registry.names()]


def a_practice_about_to_be_asked(api: ApiClient) -> tuple[Document, Document]:
    """A practice and a patient, whose running search matching knows: an approval needs no further event."""
    other, practice, patient = a_therapist(api), a_therapist(api), a_searching_patient(api)
    asked(api, patient, other)
    known_to_matching(api, patient, practice)
    return practice, patient


def test_workers_killed_between_commit_and_publish_lose_and_double_nothing(
    platform: PrivatePlatform, api: ApiClient
) -> None:
    practice, patient = a_practice_about_to_be_asked(api)
    for worker in WORKERS:
        platform.process(worker).kill()
    # committed while nobody publishes
    (request,) = api.approve(patient["id"], [practice["id"]])["items"]
    for worker in WORKERS:
        platform.process(worker).launch()
    # and again in the middle of whatever they do now
    for worker in WORKERS:
        platform.process(worker).kill()
        platform.process(worker).launch()
    for worker in WORKERS:
        platform.process(worker).wait_until_ready()
    exactly_one_letter(platform, api, practice, request)


def test_kafka_stopped_and_started_delays_and_loses_nothing(platform: PrivatePlatform, api: ApiClient) -> None:
    practice, patient = a_practice_about_to_be_asked(api)
    platform.process("kafka").stop()
    (request,) = api.approve(patient["id"], [practice["id"]])["items"]
    other = api.enter_patient(first_name="Auch", last_name="Ohne Kafka")
    platform.process("kafka").start()
    exactly_one_letter(platform, api, practice, request)
    api.until(lambda: _known_to_matching(api, other), "the patient entered meanwhile to be known")


def _known_to_matching(api: ApiClient, patient: Document) -> bool:
    try:
        api.post("matching", "/api/matches", {"patient_id": patient["id"]})
    except RequestRefused as refused:
        return refused.status != 404
    return True


def test_postgresql_restarted_is_survived_by_every_process(platform: PrivatePlatform, api: ApiClient) -> None:
    practice, patient = a_therapist(api), a_searching_patient(api)
    (request,) = asked(api, patient, practice)
    platform.process("postgresql").restart()
    api.until(lambda: _answers(api), "the database to be back")
    exactly_one_letter(platform, api, practice, request)
    for worker in WORKERS:
        platform.process(worker).wait_until_ready()


def test_pgbouncer_killed_and_started_is_survived_too(platform: PrivatePlatform, api: ApiClient) -> None:
    practice, patient = a_therapist(api), a_searching_patient(api)
    (request,) = asked(api, patient, practice)
    platform.process("pgbouncer").kill()
    platform.process("pgbouncer").start()
    api.until(lambda: _answers(api), "the database to be back")
    exactly_one_letter(platform, api, practice, request)


def _answers(api: ApiClient) -> bool:
    try:
        for service in ("patient", "therapist", "matching", "communication"):
            path = {"patient": "/api/patients", "therapist": "/api/therapists", "matching": "/api/placement-requests",
                    "communication": "/api/emails"}[service]  # fmt: skip
            api.get(service, path, limit=1)
    except RequestRefused:
        return False
    return True


def test_a_mail_server_that_refuses_for_a_while_gets_the_email_later(platform: PrivatePlatform, api: ApiClient) -> None:
    platform.mailbox.refuse(451, seconds=3)
    practice, patient = a_therapist(api), a_searching_patient(api)
    (request,) = asked(api, patient, practice)
    exactly_one_letter(platform, api, practice, request)


def test_a_mail_whose_fate_is_unknown_is_never_sent_again_by_itself(platform: PrivatePlatform, api: ApiClient) -> None:
    practice, patient = a_therapist(api), a_searching_patient(api)
    platform.mailbox.refuse(451, seconds=60, at="answer")
    (request,) = asked(api, patient, practice)
    doubtful = api.until(
        lambda: next(
            (m for m in api.get("communication", "/api/emails", therapist_id=practice["id"])["items"]
             if m["status"] == "in_doubt"), None),
        "the mail to be in doubt",
    )  # fmt: skip
    platform.mailbox.accept()
    assert len(platform.mailbox.wait_for(1, to=practice["email"])) == 1
    api.post("communication", f"/api/emails/{doubtful['id']}/resolve", {"outcome": "sent"})
    exactly_one_letter(platform, api, practice, request)


def test_while_the_user_service_is_away_people_continue_and_nobody_new_signs_in(
    platform: PrivatePlatform, api: ApiClient
) -> None:
    """Whose token runs out meanwhile cannot fetch another one; whose had run out before is not let in again."""
    user_service, token = platform.process("user_service.web"), api.tokens.current()
    user_service.kill()
    end = clock.now() + timedelta(seconds=3)
    runs_out = reissued(platform, token, expires_at=end - LEEWAY)
    ran_out_before = reissued(platform, token, expires_at=end - timedelta(minutes=10))
    time.sleep((end - clock.now()).total_seconds() + 0.5)
    assert _code_of_answer(api, runs_out) == "in"
    assert _code_of_answer(api, ran_out_before) == "token.expired"
    with pytest.raises(NoSignIn):
        AccessTokens(platform.settings).current()
    user_service.start()
    api.until(lambda: _code_of_answer(api, runs_out) == "token.expired", "the token to be refused")
    assert _code_of_answer(api, AccessTokens(platform.settings).current()) == "in"


def _code_of_answer(api: ApiClient, token: str) -> str:
    """`in`, or the code of the refusal."""
    url, headers = api.url("therapist", "/api/therapists"), {"Authorization": f"Bearer {token}"}
    answer = requests.get(url, headers=headers, timeout=30)
    return "in" if answer.ok else str(answer.json()["code"])


def test_a_key_that_replaced_all_others_at_once_is_known_in_the_first_request(
    platform: PrivatePlatform, api: ApiClient
) -> None:
    ended_well(at_the_terminal(platform, "user_service", "rotate-keys", "--at-once"))
    newly_signed_in = ApiClient(platform.settings)
    for service, path in (("therapist", "/api/therapists"), ("patient", "/api/patients"), ("user", "/api/users")):
        assert newly_signed_in.get(service, path, limit=1)["limit"] == 1
    api.tokens.forget()
