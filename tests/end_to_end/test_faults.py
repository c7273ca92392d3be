"""What happens to people's requests when parts of the platform die: every event has its effect exactly once."""

from __future__ import annotations

from operations.agency import Agency, Document, Refused
from operations.platform import Platform
from shared.runtime import registry
from tests.end_to_end.people import a_searching_patient, a_therapist, asked, known_to_matching, status_becomes

WORKERS = [f"{name}.worker" for name in registry.names()]


def exactly_one_letter(platform: Platform, agency: Agency, practice: Document, request: Document) -> None:
    """The request was put to the practice in one letter, and everybody knows it."""
    status_becomes(agency, request, "contacted")
    assert len(platform.mailbox.wait_for(1, to=practice["email"])) == 1
    inquiries = agency.get("communication", "/api/inquiries", therapist_id=practice["id"])["items"]
    assert [inquiry["placement_request_ids"] for inquiry in inquiries] == [[request["id"]]]


def a_practice_about_to_be_asked(agency: Agency) -> tuple[Document, Document]:
    """A practice and a patient, of whose running search matching has heard: an approval needs no further event."""
    other, practice, patient = a_therapist(agency), a_therapist(agency), a_searching_patient(agency)
    asked(agency, patient, other)
    known_to_matching(agency, patient, practice)
    return practice, patient


def test_workers_killed_between_commit_and_publish_lose_and_double_nothing(platform: Platform, agency: Agency) -> None:
    practice, patient = a_practice_about_to_be_asked(agency)
    for worker in WORKERS:
        platform.part(worker).kill()
    # committed while nobody publishes
    (request,) = agency.approve(patient["id"], [practice["id"]])["items"]
    for worker in WORKERS:
        platform.part(worker).launch()
    # and again in the middle of whatever they do now
    for worker in WORKERS:
        platform.part(worker).kill()
        platform.part(worker).launch()
    for worker in WORKERS:
        platform.part(worker).wait_until_ready()
    exactly_one_letter(platform, agency, practice, request)


def test_kafka_stopped_and_started_delays_and_loses_nothing(platform: Platform, agency: Agency) -> None:
    practice, patient = a_practice_about_to_be_asked(agency)
    platform.part("kafka").stop()
    (request,) = agency.approve(patient["id"], [practice["id"]])["items"]
    other = agency.enter_patient(first_name="Auch", last_name="Ohne Kafka")
    platform.part("kafka").start()
    exactly_one_letter(platform, agency, practice, request)
    agency.until(lambda: _known_to_matching(agency, other), "the patient entered meanwhile to be known")


def _known_to_matching(agency: Agency, patient: Document) -> bool:
    try:
        agency.post("matching", "/api/matches", {"patient_id": patient["id"]})
    except Refused as refused:
        return refused.status != 404
    return True


def test_postgresql_restarted_is_survived_by_every_process(platform: Platform, agency: Agency) -> None:
    practice, patient = a_therapist(agency), a_searching_patient(agency)
    (request,) = asked(agency, patient, practice)
    platform.part("postgresql").restart()
    agency.until(lambda: _answers(agency), "the database to be back")
    exactly_one_letter(platform, agency, practice, request)
    for worker in WORKERS:
        platform.part(worker).wait_until_ready()


def test_pgbouncer_killed_and_started_is_survived_too(platform: Platform, agency: Agency) -> None:
    practice, patient = a_therapist(agency), a_searching_patient(agency)
    (request,) = asked(agency, patient, practice)
    platform.part("pgbouncer").kill()
    platform.part("pgbouncer").start()
    agency.until(lambda: _answers(agency), "the database to be back")
    exactly_one_letter(platform, agency, practice, request)


def _answers(agency: Agency) -> bool:
    try:
        for service in ("patient", "therapist", "matching", "communication"):
            path = {"patient": "/api/patients", "therapist": "/api/therapists", "matching": "/api/placement-requests",
                    "communication": "/api/emails"}[service]  # fmt: skip
            agency.get(service, path, limit=1)
    except Refused:
        return False
    return True


def test_a_mail_server_that_refuses_for_a_while_gets_the_letter_later(platform: Platform, agency: Agency) -> None:
    platform.mailbox.refuse(451, seconds=3)
    practice, patient = a_therapist(agency), a_searching_patient(agency)
    (request,) = asked(agency, patient, practice)
    exactly_one_letter(platform, agency, practice, request)


def test_a_mail_whose_fate_is_unknown_is_never_sent_again_by_itself(platform: Platform, agency: Agency) -> None:
    practice, patient = a_therapist(agency), a_searching_patient(agency)
    platform.mailbox.refuse(451, seconds=60, at="answer")
    (request,) = asked(agency, patient, practice)
    doubtful = agency.until(
        lambda: next(
            (m for m in agency.get("communication", "/api/emails", therapist_id=practice["id"])["items"]
             if m["status"] == "in_doubt"), None),
        "the mail to be in doubt",
    )  # fmt: skip
    platform.mailbox.accept()
    assert len(platform.mailbox.wait_for(1, to=practice["email"])) == 1
    agency.post("communication", f"/api/emails/{doubtful['id']}/resolve", {"outcome": "sent"})
    exactly_one_letter(platform, agency, practice, request)
