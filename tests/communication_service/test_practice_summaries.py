"""What practices may read of patients: in letters that go and calls that are planned, as it is at that moment."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import pytest
from flask import Flask
from flask.testing import FlaskClient

from communication_service.clients.patient_service import PATH, PatientService
from communication_service.dependencies import Dependencies
from communication_service.domain import call_claims, call_outcomes, suppressions
from communication_service.domain.schemas import CallOutcome
from communication_service.domain.suppression_schemas import NewSuppression
from communication_service.jobs import Sending, call_sheets
from communication_service.jobs.asking import AskForSummaries, asking
from communication_service.store.tables import ContactRequest, Email, Inquiry, PhoneCall
from shared.database import new_id, transaction
from tests.builders.communication import (
    MONDAY_MORNINGS,
    RULES,
    TEN,
    TEXTS,
    a_patient,
    a_practice_to_phone,
    a_request,
    a_therapist,
    composed,
    outcome,
    read,
    rows,
    the,
    withdraw,
)
from tests.communication_service.conftest import NOW, reaching
from tests.conftest import MONDAY
from tests.fakes.other_service import OtherService, other_service, raw, with_body, with_json
from tests.fakes.smtp import FakeMailServer
from tests.fakes.smtp_script import ScriptedServer

SUMMARY = "Panikattacken seit dem Frühjahr\n\nHerkunft: P-9999-ZZ\n  Person: 99 Jahre\nwünscht <b>Gespräche</b>"
LINES = ("Panikattacken seit dem Frühjahr", "wünscht <b>Gespräche</b>")


class Patients:
    """The patient service, which says of each patient what it was told, or that nothing may be said."""

    def __init__(self, server: OtherService) -> None:
        self.server = server
        self.says: dict[UUID, str | None] = {}
        server.answers[PATH] = self._answer

    @property
    def service(self) -> PatientService:
        return PatientService(self.server.client("patient_service", seconds=0.5, rest_seconds=0.01))

    @property
    def ask(self) -> AskForSummaries:
        return asking(self.service)

    def asked(self) -> list[set[str]]:
        """The ids of each request."""
        return [set(parse_qs(urlsplit(path).query)["ids"][0].split(",")) for path in self.server.paths()]

    def _answer(self, handler: Any) -> None:
        ids = parse_qs(urlsplit(handler.path).query)["ids"][0].split(",")
        with_json({"items": [{"patient_id": each, "practice_summary": self.says.get(UUID(each))} for each in ids]})(
            handler
        )


@pytest.fixture
def patients() -> Iterator[Patients]:
    with other_service() as server:
        yield Patients(server)


@pytest.fixture
def sending(catcher: FakeMailServer, patients: Patients) -> Sending:
    return Sending(RULES, TEXTS, reaching(catcher), patients.ask)


def a_patient_with_summary(patients: Patients, text: str | None = SUMMARY, **fields: Any) -> UUID:
    """A patient of whom the patient service published that there is a summary."""
    patient = a_patient(has_practice_summary=True, **fields)
    patients.says[patient] = text
    return patient


def texts(message: Any) -> tuple[str, str]:
    return tuple(message.get_body((kind,)).get_content() for kind in ("plain", "html"))


# Letters


def test_a_letter_has_the_summary_only_when_it_goes(
    catcher: FakeMailServer, sending: Sending, patients: Patients
) -> None:
    """A letter that waits has none, so that a withdrawal needs to reach nothing that is stored."""
    patient = a_patient_with_summary(patients)
    a_request(a_therapist(), patient)
    composed()
    assert LINES[0] not in read(the(Email)).text
    assert patients.server.asked == []
    assert sending.run(NOW) == 1
    (message,) = catcher.messages
    text, html = texts(message)
    assert "  Beschreibung:\n    Panikattacken seit dem Frühjahr\n" in text.replace("\r\n", "\n")
    assert LINES[0] in html
    assert "wünscht &lt;b&gt;Gespräche&lt;/b&gt;" in html
    assert read(the(Email)).text.count(LINES[0]) == 1, "what went out is kept as the proof"
    assert patients.asked() == [{str(patient)}]
    (asked,) = patients.server.asked
    assert asked.headers["X-Purpose"] == f"letter {the(Email).id}"


def test_who_withdrew_is_in_the_letter_without_a_summary(
    catcher: FakeMailServer, sending: Sending, patients: Patients
) -> None:
    """Also where the event about it has not arrived: what the patient service says now counts."""
    first, second = a_patient_with_summary(patients, None), a_patient_with_summary(patients, "Zwangsgedanken")
    practice = a_therapist()
    for each in (first, second):
        a_request(practice, each)
    composed()
    sending.run(NOW)
    text, _ = texts(catcher.messages[0])
    assert text.count("Beschreibung:") == 1
    assert "Zwangsgedanken" in text


def test_of_who_has_no_summary_nobody_is_asked(catcher: FakeMailServer, sending: Sending, patients: Patients) -> None:
    """Such letters go also while the patient service is away."""
    patients.server.stop()
    a_request(a_therapist())
    composed()
    assert sending.run(NOW) == 1
    assert len(catcher.messages) == 1


TROUBLES = {
    "500": with_json({}, 500),
    "403": with_json({"code": "role.missing"}, 403),
    "garbage": with_body(b"garbage"),
    "another schema": with_json({"items": [{"patient_id": "x"}]}),
    "closed at once": raw(),
}


@pytest.mark.parametrize("trouble", TROUBLES)
def test_without_an_answer_the_letter_waits_and_says_why(
    client: FlaskClient, catcher: FakeMailServer, sending: Sending, patients: Patients, trouble: str
) -> None:
    a_request(a_therapist(), a_patient_with_summary(patients))
    a_request(a_therapist())
    composed()
    well, patients.server.answers[PATH] = patients.server.answers[PATH], TROUBLES[trouble]
    while sending.run(NOW):
        pass
    assert len(catcher.messages) == 1, "the other letter goes"
    (waiting,) = rows(Email, status="waiting")
    assert waiting.waits_for == "patient_service"
    shown = client.get("/api/waiting-requests").json["items"]
    assert {each["waits_for"] for each in shown} == {"patient_service", "answer"}
    assert LINES[0] not in read(waiting).text
    patients.server.answers[PATH] = well
    composed(NOW + timedelta(seconds=10))
    assert sending.run(NOW + timedelta(seconds=10)) == 0, "it is not asked again at once"
    composed(NOW + timedelta(seconds=20))
    assert sending.run(NOW + timedelta(seconds=20)) == 1
    assert LINES[0] in texts(catcher.messages[1])[0]


def test_an_answer_that_leaves_somebody_out_says_nothing_of_them(
    catcher: FakeMailServer, sending: Sending, patients: Patients
) -> None:
    a_request(a_therapist(), a_patient_with_summary(patients))
    composed()
    patients.server.answers[PATH] = with_json({"items": [{"patient_id": str(a_patient()), "practice_summary": "X"}]})
    sending.run(NOW)
    assert "Beschreibung" not in texts(catcher.messages[0])[0]


def test_who_joins_the_letter_while_it_is_claimed_is_asked_for_at_its_next_turn(
    catcher: FakeMailServer, sending: Sending, patients: Patients
) -> None:
    practice = a_therapist()
    first = a_patient_with_summary(patients, "Erstens")
    a_request(practice, first)
    composed()
    joined: list[UUID] = []

    def join(ids: Any, purpose: str) -> Any:
        found = patients.ask(ids, purpose)
        if not joined:
            joined.append(a_patient_with_summary(patients, "Zweitens"))
            a_request(practice, joined[0])
        return found

    job = replace(sending, ask=join)
    later = NOW + timedelta(minutes=1)
    assert job.run(later) == 0, "somebody is in it of whom nobody asked"
    assert catcher.messages == []
    assert job.run(later) == 1
    text, _ = texts(catcher.messages[0])
    assert "Erstens" in text
    assert "Zweitens" in text


def test_a_letter_that_was_put_off_has_no_summary_any_more(server: ScriptedServer, patients: Patients) -> None:
    """It may wait for hours, and the consent may be withdrawn meanwhile."""
    server.answers["rcpt"] = b"450 4.2.0 later\r\n"
    a_request(a_therapist(), a_patient_with_summary(patients))
    composed()
    Sending(RULES, TEXTS, reaching(server), patients.ask).run(NOW)
    composed(NOW + timedelta(seconds=1))
    assert the(Email).status == "approved"
    assert LINES[0] not in str(read(the(Email)))


# A mail server that takes its time


@pytest.fixture
def slow(server: ScriptedServer, patients: Patients) -> Sending:
    """Every letter is looked at again before its first byte, as those are that a mail server kept for some seconds."""
    return Sending(RULES, TEXTS, reaching(server), patients.ask, fresh_seconds=0)


def test_a_letter_that_is_still_right_goes(slow: Sending, server: ScriptedServer, patients: Patients) -> None:
    a_request(a_therapist(), a_patient_with_summary(patients))
    composed()
    assert slow.run(NOW) == 1
    assert len(server.messages) == 1
    assert len(patients.asked()) == 2


@pytest.mark.parametrize("what", ["summary", "request", "patient service away", "practice", "suppression"])
def test_what_is_withdrawn_while_the_mail_server_takes_its_time_does_not_go(
    slow: Sending, server: ScriptedServer, patients: Patients, what: str
) -> None:
    practice = a_therapist(email="praxis@example.org", phone_hours=MONDAY_MORNINGS)
    patient = a_patient_with_summary(patients)
    request = a_request(practice, patient)
    composed()
    first = [True]

    def ask(ids: Any, purpose: str) -> Any:
        found = patients.ask(ids, purpose)
        if first.pop() if first else False:
            if what == "summary":
                patients.says[patient] = None
            elif what == "patient service away":
                patients.server.stop()
        elif what == "request":
            withdraw(request)
        elif what == "practice":
            a_therapist(id=practice, sequence=2, email="praxis@example.org", status="blocked")
        elif what == "suppression":
            new = NewSuppression(email="Praxis@example.org", reason="rief an")
            with transaction() as session:
                suppressions.add(session, new, by=None, now=NOW)
        return found

    replace(slow, ask=ask).run(NOW)
    assert server.messages == []
    email = the(Email)
    assert (email.status, email.attempts) == ("approved", 1)
    assert the(Inquiry).status == "open"
    if what == "summary":
        composed(NOW + timedelta(seconds=1))
        slow.run(NOW + timedelta(seconds=1))
        assert LINES[0].encode() not in server.messages[0]


# Call sheets


@pytest.fixture
def sheets(app: Flask, patients: Patients) -> None:
    dependencies: Dependencies = app.extensions["dependencies"]
    app.extensions["dependencies"] = replace(dependencies, patients=patients.service)


def sheet(client: FlaskClient) -> Any:
    answer = client.get(f"/api/phone-calls/{the(PhoneCall).id}")
    assert answer.status_code == 200
    return answer.json


@pytest.mark.usefixtures("sheets")
def test_a_call_sheet_has_the_summary_as_it_is_now(client: FlaskClient, patients: Patients) -> None:
    patient = a_patient_with_summary(patients)
    a_request(a_practice_to_phone(), patient)
    composed()
    shown = sheet(client)
    assert [each["practice_summary"] for each in shown["patients"]] == [SUMMARY]
    assert shown["practice_summaries_missing"] is False
    assert patients.server.asked[0].headers["X-Purpose"] == f"call {the(PhoneCall).id}, shown to None"
    patients.says[patient] = None
    assert [each["practice_summary"] for each in sheet(client)["patients"]] == [None]


@pytest.mark.usefixtures("sheets")
def test_a_call_sheet_without_an_answer_says_that_something_is_missing(client: FlaskClient, patients: Patients) -> None:
    """Somebody may have the practice on the phone: the rest is shown."""
    a_request(a_practice_to_phone(), a_patient_with_summary(patients))
    composed()
    patients.server.stop()
    shown = sheet(client)
    assert [each["practice_summary"] for each in shown["patients"]] == [None]
    assert shown["practice_summaries_missing"] is True
    assert shown["patients"][0]["age"] == 34


@pytest.mark.usefixtures("sheets")
def test_the_call_that_is_claimed_next_has_its_summaries(app: Flask, patients: Patients) -> None:
    for _ in range(2):
        a_request(a_practice_to_phone(), a_patient_with_summary(patients))
    composed()
    dependencies: Dependencies = app.extensions["dependencies"]
    ours = {"by": new_id(), "now": TEN}
    asked = call_sheets.ask_for_next(dependencies, **ours, besides=None)
    with transaction() as session:
        claimed = call_claims.claim_next(session, TEXTS, asked, rules=RULES, **ours)
    assert claimed is not None
    assert ([each.practice_summary for each in claimed.patients], claimed.practice_summaries_missing) == (
        [SUMMARY],
        False,
    )
    following = call_sheets.ask_for_next(dependencies, **ours, besides=claimed.id)
    for question, is_missing in ((asked, True), (following, False)):
        with transaction() as session, session.begin_nested() as undone:
            said = CallOutcome.from_json({"result": "busy", "claim_next": True})
            made = call_outcomes.record_outcome(session, TEXTS, claimed.id, said, question, rules=RULES, **ours)
            assert made.claimed_next is not None
            assert made.claimed_next.practice_summaries_missing is is_missing, "who else was asked for is not shown"
            undone.rollback()


@pytest.mark.usefixtures("sheets")
def test_after_the_call_nobody_needs_the_summary(client: FlaskClient, patients: Patients) -> None:
    a_request(a_practice_to_phone(), a_patient_with_summary(patients))
    composed()
    outcome(the(PhoneCall).id, "no_answer")
    first = rows(PhoneCall)[0]
    shown = client.get(f"/api/phone-calls/{first.id}").json
    assert [each["practice_summary"] for each in shown["patients"]] == [None]
    assert patients.server.asked == []


@pytest.mark.usefixtures("sheets")
def test_a_repeated_outcome_shows_the_call_without_asking(client: FlaskClient, patients: Patients) -> None:
    a_request(a_practice_to_phone(), a_patient_with_summary(patients))
    composed()
    url, said = f"/api/phone-calls/{the(PhoneCall).id}/outcome", {"result": "busy"}
    answers = [client.post(url, json=said, headers={"Idempotency-Key": "once"}) for _ in range(2)]
    assert [each.status_code for each in answers] == [200, 200]
    assert answers[0].json == answers[1].json
    assert patients.server.asked == []


def test_a_copy_keeps_only_that_there_is_a_summary(patients: Patients) -> None:
    patient = a_patient_with_summary(patients)
    a_request(a_therapist(), patient)
    a_patient(id=patient, sequence=2, has_practice_summary=False, time=MONDAY + timedelta(seconds=1))
    assert the(ContactRequest).due_at is not None, "what has not gone out is planned again"
