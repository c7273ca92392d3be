"""How the search goes on: written to patients once a week, to nobody twice, and one of them holds up nobody."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import pytest
from flask.testing import FlaskClient
from sqlalchemy import update
from sqlalchemy.orm import Session

from communication_service import jobs
from communication_service.domain import personal_letters
from communication_service.jobs import Sending
from communication_service.settings import ContactRules
from communication_service.store.tables import ContactRequest, Email
from shared.database import transaction
from shared.events import catalogue
from shared.values.datetimes import berlin_day
from tests.builders.communication import (
    RULES,
    TEXTS,
    a_patient,
    a_request,
    a_therapist,
    arrives,
    composed,
    publish,
    rows,
)
from tests.communication_service.asked_patients import (
    ERIKA,
    HEALTH,
    LATER,
    Patients,
    accepted,
    by_recipient,
    sending_that_asks,
    whole,
    written,
)
from tests.communication_service.conftest import NOW
from tests.conftest import MONDAY
from tests.fakes.other_service import other_service
from tests.fakes.smtp import FakeMailServer


@pytest.fixture
def patients() -> Iterator[Patients]:
    with other_service() as server:
        yield Patients(server)


@pytest.fixture
def sending(catcher: FakeMailServer, patients: Patients) -> Sending:
    return sending_that_asks(catcher, patients.server)


def a_search(**fields: Any) -> UUID:
    """A patient for whom one practice was asked and has not answered, one declined, and one may have a place later."""
    patient = a_patient(has_patient_mail=True, **fields)
    requests = [a_request(a_therapist(), patient) for _ in range(3)]
    composed()
    with transaction() as session:
        session.execute(update(ContactRequest).values(emailed_on=berlin_day(MONDAY), status="contacted"))
    publish(catalogue.RequestAnswered, requests[1], time=NOW, outcome="declined_unsuitable")
    publish(catalogue.RequestAnswered, requests[2], time=NOW, outcome="later")
    return patient


def progress_mails(now: Any = LATER, rules: ContactRules = RULES) -> list[Email]:
    jobs.write_progress(rules, TEXTS, now)
    return [each for each in rows(Email, kind="patient_notice") if not each.placement_request_ids]


def test_a_patient_learns_every_week_how_the_search_goes_on_until_they_stop_it(
    client: FlaskClient, catcher: FakeMailServer, sending: Sending
) -> None:
    a_search()
    (mail,) = progress_mails()
    assert [each.id for each in progress_mails()] == [mail.id]
    while sending.run(LATER):
        pass
    message = by_recipient(catcher)["erika@xn--mnchen-3ya.example.org"]
    text = " ".join(message.get_body(("plain",)).get_content().split())
    assert "seit 01.11.2026 suchen wir" in text
    assert "wir 3 Praxen angefragt. Davon haben 1 noch nicht geantwortet, 1 haben zurzeit keinen passenden" in text
    assert not any(said in whole(message) for said in HEALTH)
    assert len(progress_mails(LATER + timedelta(days=6))) == 1
    assert len(progress_mails(LATER + timedelta(days=7))) == 2
    url = urlsplit(message["List-Unsubscribe"].split(">")[0].removeprefix("<")).path
    shown = client.get(url, headers={"Accept": "text/html"})
    assert (shown.status_code, "progress of your search" in shown.text) == (200, True)
    assert client.post(url, data={"List-Unsubscribe": "One-Click"}).status_code == 200
    while sending.run(LATER + timedelta(days=7)):
        pass
    assert sorted(each.status for each in progress_mails(LATER + timedelta(days=30))) == ["cancelled", "sent"]


def test_who_cannot_be_written_to_holds_up_nobody(
    catcher: FakeMailServer, sending: Sending, patients: Patients, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting, broken, other = a_search(), a_search(), a_search()
    written_before = personal_letters.write_without_details

    def write(session: Session, texts: Any, email: Email, **rest: Any) -> None:
        assert email.patient_id != broken
        written_before(session, texts, email, **rest)

    monkeypatch.setattr(personal_letters, "write_without_details", write)
    assert {each.patient_id for each in progress_mails()} == {waiting, other}
    patients.refusal = "no_offer"
    while sending.run(LATER):
        pass
    assert {each.status for each in progress_mails()} == {"waiting"}
    later = LATER + timedelta(days=8)
    monkeypatch.setattr(personal_letters, "write_without_details", written_before)
    assert {each.patient_id for each in progress_mails(later)} == {waiting, broken, other}, "one waits for each at most"
    patients.refusal, patients.details = None, ERIKA | {"email": "jörg@example.org"}
    written(later)
    asked = len(patients.server.asked)
    while sending.run(later):
        pass
    assert len(patients.server.asked) == asked + 3
    while sending.run(later + timedelta(minutes=11)):
        pass
    assert (len(patients.server.asked), catcher.messages) == (asked + 3, [])
    assert {(each.status, each.error) for each in rows(Email, kind="patient_notice")} == {
        ("cancelled", personal_letters.NO_ADDRESS)
    }


def test_of_merged_files_and_practices_every_letter_counts(
    client: FlaskClient, catcher: FakeMailServer, sending: Sending
) -> None:
    other = a_search()
    (mail,) = progress_mails()
    kept = a_search()
    for gone, into in ((other, middle := a_patient()), (middle, kept)):
        merged = catalogue.PatientMerged(patient_id=gone, merged_into=into, kept_sequence=1, status="searching")
        arrives(merged, gone, sequence=9)
    assert [each.id for each in progress_mails()] == [mail.id], "the same person is written to once a week"
    while sending.run(LATER):
        pass
    for patient in (kept, other):
        found = client.get("/api/emails", query_string={"patient_id": str(patient), "kind": "patient_notice"}).json
        assert [each["id"] for each in found["items"]] == [str(mail.id)]
    stop = catcher.messages[-1]["List-Unsubscribe"].split(">")[0].removeprefix("<")
    pressed = client.post(urlsplit(stop).path, data={"List-Unsubscribe": "One-Click"})
    assert pressed.status_code == 200
    assert [each.id for each in progress_mails(LATER + timedelta(days=9))] == [mail.id]


@pytest.mark.parametrize("why", ["no consent", "paused", "too early", "offered a place", "off", "nobody asked"])
def test_no_news_without_a_reason(why: str) -> None:
    fields: dict[str, dict[str, Any]] = {
        "paused": {"status": "paused"},
        "too early": {"search_started_on": berlin_day(NOW)},
    }
    patient = a_search(**fields.get(why, {}))
    if why == "no consent":
        a_patient(id=patient, sequence=2, has_patient_mail=False)
    if why == "offered a place":
        accepted(rows(ContactRequest)[0].id)
    if why == "nobody asked":
        a_patient(id=patient, sequence=2, has_patient_mail=False)
        a_patient(has_patient_mail=True)
    rules = ContactRules(days_between_progress_mails=0 if why == "off" else 7)
    assert progress_mails(rules=rules) == []
