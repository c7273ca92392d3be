"""After an acceptance: who the patient is, to the practice; which practice it is, to the patient; and nothing twice."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from communication_service import jobs
from communication_service.clients.patient_service import PatientService
from communication_service.dependencies import Dependencies
from communication_service.jobs import Sending
from communication_service.store.tables import ContactRequest, Email, PhoneCall
from shared.database import patient_keys, transaction
from shared.events import catalogue
from shared.runtime import clock
from shared.runtime.smtp import Delivery, MailServer, Report
from shared.values.datetimes import berlin_day
from tests.builders.communication import (
    LINKS,
    RULES,
    TEXTS,
    a_patient,
    a_practice_to_phone,
    a_request,
    a_therapist,
    arrives,
    composed,
    outcome,
    publish,
    read,
    rows,
    the,
    withdraw,
)
from tests.communication_service.asked_patients import (
    HEALTH,
    LATER,
    WHO,
    Patients,
    accepted,
    by_recipient,
    sending_that_asks,
    whole,
    written,
)
from tests.communication_service.conftest import NOW
from tests.events import recorded_data
from tests.fakes.other_service import other_service, with_json
from tests.fakes.smtp import FakeMailServer


@pytest.fixture
def patients() -> Iterator[Patients]:
    with other_service() as server:
        yield Patients(server)


@pytest.fixture
def sending(catcher: FakeMailServer, patients: Patients) -> Sending:
    return sending_that_asks(catcher, patients.server)


def an_acceptance(**practice: object) -> UUID:
    """A practice was asked, and offers a place."""
    request = a_request(a_therapist(**practice), a_patient(reference="P-OURS", diagnosis_block="F30-F39"))
    composed()
    accepted(request)
    return request


def statuses() -> dict[str, str]:
    return {each.kind: each.status for each in rows(Email) if each.kind != "inquiry"}


def test_the_practice_learns_who_it_is_and_the_patient_which_practice_it_is(
    session: Session, catcher: FakeMailServer, sending: Sending, patients: Patients
) -> None:
    an_acceptance(email="praxis@example.org", last_name="Praxisfrau", street="Praxisweg", postal_code="52062")
    before = written()
    assert {each.status for each in before} == {"approved"}
    assert not any(who in str(read(each)) for each in before for who in WHO), "until they go they name nobody"
    assert "[wird beim Versand eingesetzt]" in read(the(Email, kind="confirmation")).text
    while sending.run(LATER):
        pass
    mails = by_recipient(catcher)
    assert set(mails) == {"praxis@example.org", "erika@xn--mnchen-3ya.example.org"}
    to_practice, to_patient = whole(mails["praxis@example.org"]), whole(mails["erika@xn--mnchen-3ya.example.org"])
    assert all(to_practice.count(who) >= 2 for who in WHO)
    assert "Max Muster (sorgeberechtigt), 0241 654321" in to_practice
    assert "P-OURS" in mails["praxis@example.org"]["Subject"]
    assert not any(said in to_practice + to_patient for said in HEALTH)
    assert to_patient.count("Praxisfrau") == to_patient.count("Praxisweg, 52062") == 2
    assert "Guten Tag Dr. Erika Musterfrau" in to_patient
    assert "Keine Nachrichten mehr" in to_patient
    assert mails["erika@xn--mnchen-3ya.example.org"]["List-Unsubscribe"].startswith("<mailto:")
    notice = the(Email, kind="patient_notice")
    assert (notice.recipient, notice.recipient_key, notice.allowed_at) == ("", "", LATER)
    assert "Erika" in read(notice).text, "what went is kept as the proof, encrypted with the patient's key"
    with transaction() as opened:
        patient_keys.destroy(opened, the(ContactRequest).patient_id)
    assert "Erika" not in str([read(each) for each in rows(Email)])
    assert sorted(patients.purposes) == sorted(
        [
            f"letter {notice.id}, to the patient",
            f"letter {the(Email, kind='confirmation').id}, to therapist {the(ContactRequest).therapist_id}, "
            "who offers a place",
        ]
    )
    events = recorded_data(session, "communication.email_sent")
    assert {each["kind"] for each in events} == {"confirmation", "patient_notice"}
    assert not any(who in str(events) for who in WHO)
    publish(catalogue.PatientPlaced, the(ContactRequest).id, sequence=3, time=LATER, placed_on=berlin_day(NOW))
    assert len(written(LATER + timedelta(minutes=1))) == 2, "nobody is written to twice"


@pytest.mark.parametrize(
    ("what", "expected"),
    [
        ("no_consent", "cancelled"),
        ("no_address", "cancelled"),
        ("not_known", "cancelled"),
        ("no_offer", "waiting"),
        ("corrected", "cancelled"),
        ("withdrawn", "cancelled"),
        ("erased", "cancelled"),
        ("declined", "cancelled"),
    ],
)
def test_who_must_not_be_named_is_not(
    what: str, expected: str, catcher: FakeMailServer, sending: Sending, patients: Patients
) -> None:
    request = an_acceptance()
    written()
    patient = the(ContactRequest).patient_id
    if what == "corrected":
        publish(catalogue.RequestCorrected, request, sequence=3, time=LATER)
    elif what == "withdrawn":
        withdraw(request, sequence=3, time=LATER)
    elif what == "declined":
        publish(catalogue.RequestAnswered, request, sequence=3, time=LATER, outcome="declined_other")
    elif what == "erased":
        arrives(catalogue.PatientErased(patient_id=patient), patient, sequence=2, time=LATER)
        composed(LATER)
        assert jobs.confirm_erasures(LATER) == 1
    else:
        patients.refusal = what
    while sending.run(LATER):
        pass
    assert catcher.messages == []
    assert statuses() == {"confirmation": expected, "patient_notice": expected}
    assert not any(who in str(read(each)) for each in rows(Email) for who in WHO)


def test_without_an_answer_both_wait_and_say_so(
    client: FlaskClient, catcher: FakeMailServer, sending: Sending, patients: Patients
) -> None:
    an_acceptance()
    written()
    well, patients.server.otherwise = patients.server.otherwise, with_json({}, 500)
    while sending.run(LATER):
        pass
    assert statuses() == {"confirmation": "waiting", "patient_notice": "waiting"}
    shown = client.get("/api/emails", query_string={"status": "waiting"}).json["items"]
    assert [each["waits_for"] for each in shown] == ["patient_service", "patient_service"]
    patients.server.otherwise = well
    soon = LATER + timedelta(seconds=5)
    written(soon)
    assert sending.run(soon) == 0, "it is not asked again at once"
    later = LATER + timedelta(seconds=20)
    written(later)
    while sending.run(later):
        pass
    assert statuses() == {"confirmation": "sent", "patient_notice": "sent"}


def test_a_practice_without_an_address_gets_its_letter_once_it_has_one(
    catcher: FakeMailServer, sending: Sending
) -> None:
    request = a_request(a_therapist(email=None))
    accepted(request)
    written()
    confirmation = the(Email, kind="confirmation")
    assert (confirmation.status, confirmation.waits_for) == ("waiting", "email_address_missing")
    a_therapist(id=the(ContactRequest).therapist_id, sequence=2, email="neu@example.org")
    written(LATER + timedelta(minutes=1))
    while sending.run(LATER + timedelta(minutes=1)):
        pass
    assert "neu@example.org" in by_recipient(catcher)
    other = a_request(a_therapist(email=None))
    publish(catalogue.RequestAccepted, other, sequence=2, time=NOW, accepted_on=berlin_day(NOW))
    written(LATER + timedelta(minutes=2))
    publish(catalogue.PatientPlaced, other, sequence=3, time=LATER, placed_on=berlin_day(LATER))
    written(LATER + timedelta(minutes=3))
    assert the(Email, kind="confirmation", status="cancelled").placement_request_ids == [other], "they have met"


def test_the_sheet_of_a_call_names_who_was_accepted_where_the_practice_cannot_be_written_to(
    app: Flask, client: FlaskClient, patients: Patients
) -> None:
    dependencies: Dependencies = app.extensions["dependencies"]
    service = PatientService(patients.server.client("patient_service", seconds=0.5, rest_seconds=0.01))
    app.extensions["dependencies"] = replace(dependencies, patients=service)
    practice = a_practice_to_phone()
    request, other = a_request(practice), a_request(practice)
    composed()
    call = the(PhoneCall)
    said = [{"placement_request_id": str(request), "outcome": "accepted"}]
    said.append({"placement_request_id": str(other), "outcome": "declined_capacity"})

    def sheet() -> Any:
        return client.get(f"/api/phone-calls/{call.id}").json

    assert (sheet()["identities"], sheet()["last_contacts"]) == ([], [])
    outcome(call.id, "reached", responses=said)
    assert sheet()["identities"] == [], "not before matching says that it counts"
    accepted(request)
    written()
    assert patients.server.asked == []
    (shown,) = sheet()["identities"]
    assert (shown["placement_request_id"], shown["name"]) == (str(request), "Dr. Erika Musterfrau")
    assert shown["contact_persons"] == ["Max Muster (sorgeberechtigt), 0241 654321"]
    purpose = f"call {call.id} to therapist {practice}, who offers a place; shown to None"
    assert patients.purposes == [purpose]
    publish(catalogue.RequestCorrected, request, sequence=3, time=LATER)
    assert sheet()["identities"] == []
    a_request(practice, time=LATER)
    composed(LATER + timedelta(seconds=5))
    (planned,) = rows(PhoneCall, status="planned")
    (last,) = client.get(f"/api/phone-calls/{planned.id}").json["last_contacts"]
    assert (last["phone_call_id"], last["result"]) == (str(call.id), "reached")


def test_who_reads_a_letter_that_names_a_patient_stands_in_the_file(
    session: Session, client: FlaskClient, sending: Sending
) -> None:
    request = an_acceptance()
    written()
    ids = {each.kind: each.id for each in rows(Email)}

    def shown(path: str) -> int:
        known = len(recorded_data(session, "communication.reply_shown"))
        assert client.get(path).status_code == 200
        return len(recorded_data(session, "communication.reply_shown")) - known

    assert shown(f"/api/emails/{ids['confirmation']}") == 0, "until it goes it names nobody"
    while sending.run(LATER):
        pass
    assert shown(f"/api/emails/{ids['inquiry']}") == 0, "a pseudonym is no name"
    assert [shown(f"/api/emails/{ids[each]}") for each in ("confirmation", "patient_notice")] == [1, 1]
    assert (shown("/api/emails?view=row"), shown("/api/emails?view=full")) == (0, 1)
    noted = recorded_data(session, "communication.reply_shown")
    assert {each["patient_id"] for each in noted} == {str(the(ContactRequest).patient_id)}
    draft = {"placement_request_id": str(request), "kind": "confirmation", "subject": "s", "body_text": "t"}
    assert client.post("/api/emails", json=draft).status_code == 201
    assert len(recorded_data(session, "communication.reply_shown")) == len(noted) + 1, "staff may write names"


def test_a_refused_address_of_a_patient_is_kept_nowhere(
    catcher: FakeMailServer, sending: Sending, monkeypatch: pytest.MonkeyPatch
) -> None:
    an_acceptance()
    written()
    catcher.recipient_answer = "550 5.1.1 <erika@example.org> no such user"
    while sending.run(LATER):
        pass
    failed = the(Email, kind="patient_notice")
    assert failed.status == "failed"
    assert "erika" not in (failed.error or "")


def test_what_is_withdrawn_while_the_mail_server_takes_its_time_does_not_go(
    catcher: FakeMailServer, sending: Sending, patients: Patients
) -> None:
    an_acceptance()
    written()
    asked = sending.ask_who

    def ask(wanted: Any) -> Any:
        found = asked(wanted)
        patients.refusal = "no_consent"
        return found

    slow = Sending(RULES, TEXTS, sending.server, ask_who=ask, links=LINKS, fresh_seconds=0)
    slow.run(LATER)
    assert catcher.messages == []
    assert "approved" in statuses().values()


def test_a_claim_lasts_from_when_it_is_made_however_long_the_questions_took(
    sending: Sending, monkeypatch: pytest.MonkeyPatch
) -> None:
    an_acceptance()
    written()
    passed, monotonic = [0.0], clock.monotonic
    until: list[datetime | None] = []

    def ask(wanted: Any) -> Any:
        passed[0] += 3600
        return sending.ask_who(wanted)

    def deliver(*_: Any, **__: Any) -> Report:
        until.append(the(Email, status="sending").claimed_until)
        return Report(Delivery.NOT_TRIED, "")

    monkeypatch.setattr(clock, "monotonic", lambda: monotonic() + passed[0])
    monkeypatch.setattr(MailServer, "deliver", deliver)
    replace(sending, ask_who=ask).run(LATER)
    assert until[0] is not None
    assert until[0] >= LATER + timedelta(hours=1) + sending.lease


def test_a_practice_whose_address_cannot_be_written_to_is_phoned(client: FlaskClient) -> None:
    request = a_request(a_therapist(email="jörg@example.org"))
    composed()
    assert [each.kind for each in rows(Email)] == []
    accepted(request)
    written()
    confirmation = the(Email, kind="confirmation")
    assert (confirmation.status, confirmation.waits_for) == ("waiting", "email_address_missing")
    draft = {"placement_request_id": str(request), "kind": "confirmation", "subject": "s", "body_text": "t"}
    assert client.post("/api/emails", json=draft).json["code"] == "email.no_address"


def test_a_confirmation_goes_to_the_practice_into_which_another_one_was_merged(
    client: FlaskClient, catcher: FakeMailServer, sending: Sending
) -> None:
    gone, kept = a_therapist(email=None), a_therapist(email="kept@example.org")
    request = a_request(gone)
    accepted(request)
    written()
    arrives(catalogue.TherapistMerged(therapist_id=gone, merged_into=kept), gone, sequence=9)
    publish(catalogue.RequestUpdated, request, sequence=3, time=LATER, therapist_id=kept, status="accepted")
    written(LATER)
    while sending.run(LATER):
        pass
    assert "kept@example.org" in by_recipient(catcher)
    confirmation = the(Email, kind="confirmation")
    assert (confirmation.status, confirmation.therapist_id) == ("sent", kept)
    found = client.get("/api/emails", query_string={"therapist_id": str(kept)}).json
    assert [each["id"] for each in found["items"]] == [str(confirmation.id)]
