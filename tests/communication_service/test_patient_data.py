"""What this service holds about one patient, for the export: all of it, and nothing of others."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from communication_service.store.tables import Email, PhoneCall
from shared.database import new_id, patient_keys, transaction
from shared.values.account_enums import Scope
from shared.values.enums import Role
from shared.values.patient_data import PATH
from tests.accounts import signed_in
from tests.builders.communication import (
    TEN,
    a_patient,
    a_practice_to_phone,
    a_request,
    a_therapist,
    composed,
    outcome,
    read,
    rows,
    the,
)
from tests.builders.incoming_mail import an_answer, comes_in


@pytest.fixture
def held(app: Flask) -> Any:
    """What the patient service is told about a patient, with files that were merged into theirs."""

    def ask(patient: UUID, *merged: UUID) -> Any:
        query = f"?merged_ids={','.join(map(str, merged))}" if merged else ""
        answer = signed_in(app, Scope.PATIENT_DATA_EXPORT).get(f"{PATH}/{patient}{query}")
        assert answer.status_code == 200, answer.text
        return answer.json

    return ask


def test_a_letter_shows_the_patient_and_nobody_else(held: Any) -> None:
    practice = a_therapist()
    mine, other = a_patient(reference="P-AAAA-AA", age=41), a_patient(reference="P-BBBB-BB", age=77)
    request = a_request(practice, mine)
    a_request(practice, other)
    composed()
    assert "77 Jahre" in read(the(Email)).text
    (email,) = held(mine)["emails"]
    assert email["subject"] == "Anfrage: Therapieplatz für 2 Personen (P-AAAA-AA)"
    assert "41 Jahre" in email["body_text"]
    assert "So können Sie antworten" in email["body_text"]
    assert (email["is_about_others"], email["placement_request_ids"]) == (True, [str(request)])
    everything = str(held(mine))
    assert "77 Jahre" not in everything
    assert "P-BBBB-BB" not in everything


def test_a_letter_about_one_patient_is_shown_whole(held: Any) -> None:
    patient = a_patient()
    a_request(a_therapist(), patient)
    composed()
    (email,), letter = held(patient)["emails"], read(the(Email))
    assert (email["subject"], email["body_text"]) == (letter.subject, letter.text.strip())
    assert email["is_about_others"] is False


def test_who_was_erased_here_is_erased_in_the_export_too(held: Any) -> None:
    """The others of the letter stay hidden also then."""
    practice = a_therapist()
    mine, other = a_patient(), a_patient(reference="P-BBBB-BB", age=77)
    a_request(practice, mine)
    a_request(practice, other)
    composed()
    with transaction() as session:
        patient_keys.destroy(session, mine)
    (email,) = held(mine)["emails"]
    assert "[gelöscht]" in email["body_text"] or "[erased]" in email["body_text"]
    assert "P-BBBB-BB" not in str(email)


def test_what_is_held_of_merged_files_is_held_of_the_patient(held: Any) -> None:
    """A letter about two files of one person is about nobody else."""
    practice = a_therapist()
    kept, merged = a_patient(), a_patient(reference="P-BBBB-BB", age=77)
    requests = {str(a_request(practice, each)) for each in (kept, merged)}
    composed()
    found = held(kept, merged)
    assert {each["id"] for each in found["placement_requests"]} == requests
    assert {each["id"] for each in found["copies_of_patient"]} == {str(kept), str(merged)}
    (email,) = found["emails"]
    assert (email["is_about_others"], set(email["placement_request_ids"])) == (False, requests)
    assert "P-BBBB-BB" in email["body_text"]
    assert held(kept)["emails"][0]["is_about_others"] is True


def test_a_call_and_what_was_said_of_the_patient(held: Any) -> None:
    practice = a_practice_to_phone()
    mine, other = a_patient(), a_patient()
    first, second = a_request(practice, mine), a_request(practice, other)
    composed()
    said = [
        {"placement_request_id": str(first), "outcome": "declined_capacity", "note": "voll"},
        {"placement_request_id": str(second), "outcome": "declined_capacity", "note": "passt nicht zu P-2"},
    ]
    outcome(the(PhoneCall).id, "reached", now=TEN, responses=said, note="über beide gesprochen")
    found = held(mine)
    (call,) = found["phone_calls"]
    assert (call["is_about_others"], call["note"]) == (True, None)
    assert [each["note"] for each in call["responses"]] == ["voll"]
    assert [each["note"] for each in found["responses"]] == ["voll"]
    assert [each["placement_request_ids"] for each in found["inquiries"]] == [[str(first)]]
    assert [each["id"] for each in found["placement_requests"]] == [str(first)]
    assert [each["age"] for each in found["copies_of_patient"]] == [34]
    everything = str(found)
    for hidden in ("passt nicht", "über beide", str(second), str(other)):
        assert hidden not in everything


def test_what_came_back_is_shown_to_who_is_alone_in_the_letter(
    held: Any, sent: Callable[..., None], session: Session
) -> None:
    alone, together = a_patient(), a_patient()
    practices = [a_therapist(), a_therapist()]
    a_request(practices[0], alone)
    for patient in (together, a_patient()):
        a_request(practices[1], patient)
    composed()
    sent()
    for email in rows(Email):
        comes_in(an_answer("Frau Geheim passt gut.", to=email.message_id))
    (whole,), (part,) = held(alone)["replies"], held(together)["replies"]
    assert (whole["body_text"], whole["sender"], whole["is_about_others"]) == (
        "Frau Geheim passt gut.",
        "praxis@example.org",
        False,
    )
    assert (part["body_text"], part["subject"], part["sender"], part["is_about_others"]) == (None, None, None, True)
    assert len(part["placement_request_ids"]) == 1
    patient_keys.destroy(session, alone)
    assert held(alone)["replies"][0]["body_text"] is None


def test_of_somebody_unknown_nothing_is_held(held: Any) -> None:
    unknown = new_id()
    found = held(unknown)
    assert (found.pop("service"), found.pop("patient_id")) == ("communication_service", str(unknown))
    assert {each for value in found.values() for each in (value or ())} == set()


@pytest.mark.parametrize("who", [Role.ADMIN, Role.COORDINATOR, Role.SERVICE, Scope.PRACTICE_SUMMARIES_READ])
def test_nobody_but_the_export_is_told(app: Flask, who: Role | Scope) -> None:
    client: FlaskClient = signed_in(app, who)
    assert client.get(f"{PATH}/{new_id()}").status_code == 403
