"""The export: everything that is held anywhere about one patient, or a refusal that says who did not answer."""

from __future__ import annotations

import io
import json
import threading
import zipfile
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any
from uuid import UUID, uuid4

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from patient_service import jobs
from patient_service.store.tables import FileAccess
from shared.security.encryption import Keys
from shared.values.enums import Role
from shared.values.patient_data import PATH
from tests.accounts import signed_in
from tests.builders.merging import OTHER, merge
from tests.builders.patients import a_patient, a_patient_who_is, consent
from tests.fakes.other_service import Answer, raw, with_body, with_json
from tests.patient_service.conftest import HOLDS, Others

CODE = "A1B2-C3D4-E5F6"


@pytest.fixture
def patient(client: FlaskClient, session: Session, keys: Keys) -> UUID:
    """A patient with everything."""
    recorded = {"consultation": {"placement_code": CODE}, "anamnesis": {"complaints": "Herzrasen"}}
    patient = a_patient_who_is(session, keys, "searching", practice_summary="Zusammenfassung", **recorded)
    client.post(f"/api/patients/{patient.id}/consents", json=consent("practice_summary"))
    return patient.id


def exported(client: FlaskClient, patient: UUID, accept: str = "application/json") -> Any:
    headers = {"Accept": accept, "X-Purpose": "Auskunft nach Art. 15"}
    return client.get(f"/api/patients/{patient}/export", headers=headers)


def actions(session: Session, patient: UUID) -> list[str]:
    wanted = select(FileAccess.action).where(FileAccess.patient_id == patient).order_by(FileAccess.id)
    return list(session.scalars(wanted))


def test_the_export_has_what_every_service_holds(
    client: FlaskClient, session: Session, patient: UUID, others: Others
) -> None:
    others.hold(patient, matching_service={"placement_requests": [{"note": "Vermerk", "history": []}]})
    answer = exported(client, patient)
    assert answer.status_code == 200
    document = answer.json
    assert {"format": "patient-export/1", "patient_id": str(patient)}.items() <= document.items()
    own = document["patient_service"]
    assert own["file"]["anamnesis"]["complaints"] == "Herzrasen"
    assert own["file"]["practice_summary"] == "Zusammenfassung"
    assert own["placement_codes"] == [{"reference": document["reference"], "placement_code": CODE}]
    assert [each["to"] for each in own["history"]] == ["searching"]
    assert [each["postal_code"] for each in own["located_postal_codes"]] == ["52062"]
    assert "patient.registered" in own["events"][0]["content"]
    assert document["matching_service"]["placement_requests"] == [{"note": "Vermerk", "history": []}]
    assert document["communication_service"]["emails"] == []
    assert document["geocoding_service"]["located_addresses"] == []


def test_an_export_is_an_entry_of_the_access_log_and_is_in_the_export_itself(
    client: FlaskClient, session: Session, patient: UUID, others: Others
) -> None:
    log = exported(client, patient).json["patient_service"]["access_log"]
    assert (log[-1]["action"], log[-1]["purpose"]) == ("exported", "Auskunft nach Art. 15")
    assert actions(session, patient).count("exported") == 1
    exported(client, patient, "application/zip")
    assert actions(session, patient).count("exported") == 2


def test_only_who_may_read_whole_files_may_export(app: Flask, patient: UUID, others: Others) -> None:
    for role in (Role.CALLER, Role.IMPORTER, Role.AUDITOR, Role.SERVICE):
        assert exported(signed_in(app, role), patient).status_code == 403
    assert others.server.asked == []
    assert exported(signed_in(app, Role.COORDINATOR), patient).status_code == 200


# Services that do not answer as they should

BAD: dict[str, Answer] = {
    "500": with_json({"detail": "x"}, 500),
    "garbage": with_body(b"\xff\x00garbage"),
    "HTML": with_body(b"<html>", Content_Type="text/html"),
    "cut off": raw(b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 999\r\n\r\n{"service"'),
    "too large": with_body(b'{"service": "' + b"x" * 200_000 + b'"}'),
    "deep": with_body(b'{"a":' * 10_000),
    "slow": raw(until=threading.Event()),
    "of another service": with_json({"service": "user_service", "patient_id": str(uuid4()), "emails": []}),
    "without what is needed": with_json({"service": "x"}),
}


@pytest.mark.parametrize("kind", BAD)
@pytest.mark.parametrize("silent", HOLDS)
def test_a_service_that_does_not_answer_makes_it_503_and_is_named(
    client: FlaskClient, session: Session, patient: UUID, others: Others, silent: str, kind: str
) -> None:
    others.answer(silent, patient, BAD[kind])
    before = actions(session, patient)
    answer = exported(client, patient, "application/zip" if kind == "500" else "application/json")
    assert (answer.status_code, answer.json["code"]) == (503, "services.unreachable")
    assert answer.json["services"] == [silent]
    assert silent in answer.json["detail"]
    assert "Retry-After" in answer.headers
    assert "Herzrasen" not in answer.text
    assert actions(session, patient) == before, "nothing was shown"


def test_an_answer_about_somebody_else_is_none(client: FlaskClient, patient: UUID, others: Others) -> None:
    others.answer("matching_service", patient, with_json({"service": "matching_service", "patient_id": str(uuid4())}))
    assert exported(client, patient).json["services"] == ["matching_service"]


def test_all_that_do_not_answer_are_named_at_once(client: FlaskClient, patient: UUID, others: Others) -> None:
    others.server.stop()
    assert exported(client, patient).json["services"] == sorted(HOLDS)


def test_of_nobody_nothing_is_asked(client: FlaskClient, others: Others) -> None:
    answer = exported(client, uuid4())
    assert (answer.status_code, answer.json["code"]) == (404, "patient.not_found")
    assert others.server.asked == []


# Files that were merged into the patient's


@pytest.fixture
def other(client: FlaskClient, session: Session, keys: Keys, patient: UUID) -> UUID:
    """A file that was merged into the patient's."""
    other = a_patient(session, keys, email="erika@example.org", **OTHER)
    assert merge(client, patient, other.id).status_code == 200
    return other.id


def test_every_service_is_asked_of_every_file(client: FlaskClient, patient: UUID, other: UUID, others: Others) -> None:
    assert exported(client, patient).status_code == 200
    assert sorted(others.server.paths()) == [
        f"/{service}{PATH}/{patient}?merged_ids={other}" for service in sorted(HOLDS)
    ]


@pytest.mark.parametrize("merged_ids", [[], [str(uuid4())]])
def test_a_service_that_answers_of_some_files_only_does_not_answer(
    client: FlaskClient, patient: UUID, other: UUID, others: Others, merged_ids: list[str]
) -> None:
    held = {"service": "matching_service", "patient_id": str(patient), "merged_ids": merged_ids, "events": []}
    others.answer("matching_service", patient, with_json(held))
    assert exported(client, patient).json["services"] == ["matching_service"]


def test_a_file_that_is_merged_while_the_export_is_collected_makes_it_none(
    client: FlaskClient, session: Session, keys: Keys, patient: UUID, others: Others
) -> None:
    """Of it nobody was asked."""
    other = a_patient(session, keys, **OTHER)

    def answer_after_the_merge(handler: Any) -> None:
        assert merge(client, patient, other.id).status_code == 200
        with_json({"service": "geocoding_service", "patient_id": str(patient)})(handler)

    others.answer("geocoding_service", patient, answer_after_the_merge)
    before = actions(session, patient).count("exported")
    answer = exported(client, patient)
    assert (answer.status_code, answer.json["code"]) == (409, "export.merged_meanwhile")
    assert actions(session, patient).count("exported") == before
    del others.server.answers[f"/geocoding_service{PATH}/{patient}"]
    assert exported(client, patient).status_code == 200


# Erasure


def erase(session: Session, patient: UUID) -> None:
    """What an erasure leaves of a patient."""
    session.execute(text("DELETE FROM data_keys"))
    session.execute(text("UPDATE patients SET sealed = '', erased_at = now() WHERE id = :id"), {"id": patient})
    session.commit()
    session.expire_all()


def test_who_is_erased_has_no_export(client: FlaskClient, session: Session, patient: UUID, others: Others) -> None:
    erase(session, patient)
    answer = exported(client, patient)
    assert (answer.status_code, answer.json["code"]) == (404, "patient.not_found")
    assert others.server.asked == []


def test_who_is_erased_while_the_export_is_collected_has_none(
    client: FlaskClient, session: Session, patient: UUID, others: Others
) -> None:
    """What others said a moment ago must not be handed out any more."""

    def answer_after_the_erasure(handler: Any) -> None:
        erase(session, patient)
        with_json({"service": "geocoding_service", "patient_id": str(patient), "secret": "Rest"})(handler)

    others.answer("geocoding_service", patient, answer_after_the_erasure)
    answer = exported(client, patient)
    assert (answer.status_code, answer.json["code"]) == (404, "patient.not_found")
    assert len(others.server.asked) == len(HOLDS)
    assert "Rest" not in answer.text


# Files

HOSTILE = "../../etc/passwd\r\nBcc: x@example.org\x07\u202e<b>"


def an_email(**fields: Any) -> dict[str, Any]:
    return {
        "id": str(uuid4()),
        "recipient": "praxis@example.org",
        "message_id": "<1@example.org>",
        "created_at": "2026-11-23T09:00:00Z",
        "sent_at": "2026-11-23T23:30:00Z",
        "subject": "Anfrage: Therapieplatz (P-1)",
        "body_text": "Guten Tag,\n\nwir fragen für P-1.\n",
        **fields,
    }


def archive(client: FlaskClient, patient: UUID) -> zipfile.ZipFile:
    answer = exported(client, patient, "application/zip")
    assert (answer.status_code, answer.content_type) == (200, "application/zip")
    return zipfile.ZipFile(io.BytesIO(answer.data))


def message(archive: zipfile.ZipFile, name: str) -> EmailMessage:
    return message_from_bytes(archive.read(name), policy=default)


def test_the_archive_has_the_document_and_each_letter_as_a_file(
    client: FlaskClient, patient: UUID, others: Others
) -> None:
    sent, unsent = an_email(attempts=3), an_email(sent_at=None)
    others.hold(patient, communication_service={"emails": [sent, unsent]})
    files = archive(client, patient)
    names = files.namelist()
    assert names == ["export.json", f"emails/2026-11-24_{sent['id']}.eml", f"emails/2026-11-23_{unsent['id']}.eml"]
    assert json.loads(files.read("export.json"))["communication_service"]["emails"] == [sent, unsent]
    letter = message(files, names[1])
    assert (letter["Subject"], letter["To"]) == (sent["subject"], sent["recipient"])
    assert letter.get_content().replace("\r\n", "\n") == sent["body_text"]
    assert files.testzip() is None


def test_no_text_that_people_wrote_gets_into_a_name_or_makes_a_header(
    client: FlaskClient, session: Session, keys: Keys, others: Others
) -> None:
    hostile = a_patient_who_is(session, keys, "searching", last_name="../..-Böse", general_practitioner="C:\\con").id
    email = an_email(subject=HOSTILE, recipient=HOSTILE, message_id=HOSTILE, body_text=HOSTILE)
    others.hold(hostile, communication_service={"emails": [email]})
    answer = exported(client, hostile, "application/zip")
    assert answer.headers["Content-Disposition"].startswith(f'attachment; filename="patient-{hostile}-20')
    files = archive(client, hostile)
    for name in files.namelist():
        assert not name.startswith(("/", "\\"))
        assert set(name) <= set("abcdefghijklmnopqrstuvwxyz0123456789-_./")
        assert ".." not in name
    letter = message(files, files.namelist()[1])
    assert letter["Bcc"] is None
    assert letter.keys() == [
        "To",
        "Subject",
        "Message-ID",
        "Date",
        "Content-Type",
        "Content-Transfer-Encoding",
        "MIME-Version",
    ]


@pytest.mark.parametrize(
    "email",
    [
        {"id": "../../x"},
        {"sent_at": "gestern"},
        {"created_at": "../2026"},
        {"subject": 5},
        {"body_text": None},
    ],
)
def test_a_letter_that_is_none_makes_its_service_one_that_does_not_answer(
    client: FlaskClient, patient: UUID, others: Others, email: dict[str, Any]
) -> None:
    others.hold(patient, communication_service={"emails": [an_email(**email)]})
    answer = exported(client, patient, "application/zip")
    assert (answer.status_code, answer.json["services"]) == (503, ["communication_service"])


def test_only_a_few_are_made_at_once(app: Flask, patient: UUID, others: Others) -> None:
    """What is collected lies in memory."""
    while jobs.EXPORTS.acquire(blocking=False):
        pass
    answer = exported(app.test_client(), patient)
    assert (answer.status_code, answer.json["code"], answer.headers["Retry-After"]) == (429, "export.busy", "5")
    for _ in range(jobs.MOST_EXPORTS):
        jobs.EXPORTS.release()
    assert exported(app.test_client(), patient).status_code == 200
