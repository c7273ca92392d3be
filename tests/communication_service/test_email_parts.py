"""A letter about several patients is encrypted part by part: it proves to each of them what was written."""

from __future__ import annotations

import base64
import re
from typing import Any
from uuid import UUID

import pytest
from cryptography.exceptions import InvalidTag
from flask.testing import FlaskClient
from sqlalchemy import text, update
from sqlalchemy.orm import Session

from communication_service.domain.letter_headers import REPLY_LINK_HERE
from communication_service.jobs import Sending
from communication_service.store.tables import ContactRequest, Email, PhoneCall, RecordedAnswer
from shared.database import patient_keys, transaction
from shared.security.encryption import UnwrappedKey
from tests.builders.communication import (
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
)
from tests.communication_service.conftest import NOW
from tests.fakes.smtp import FakeMailServer

NAMES = ["EINS", "ZWEI", "DREI", "VIER", "FUENF", "SECHS"]


def references(number: int = 6) -> list[str]:
    return [f"P-{name}-AB" for name in NAMES[:number]]


@pytest.fixture
def requests() -> list[UUID]:
    """Six requests to one practice, each for a patient of their own, in one letter."""
    practice = a_therapist(last_name="Praxismarke")
    made = [a_request(practice, a_patient(reference=each, diagnosis_block="F30-F39")) for each in references()]
    composed()
    assert len(the(Email).placement_request_ids) == 6
    return made


def patient_of(request: UUID) -> UUID:
    return the(ContactRequest, id=request).patient_id


def forget(*requests: UUID) -> None:
    with transaction() as session:
        for each in requests:
            patient_keys.destroy(session, patient_of(each))


def of(reference: str, letter: dict[str, Any]) -> list[bool]:
    return [reference in letter[form] for form in ("subject", "body_text", "body_html")]


def test_nothing_of_a_letter_stands_in_its_row(session: Session, requests: list[UUID]) -> None:
    (row,) = session.scalars(text("SELECT t::text FROM emails t"))
    for each in ("Praxismarke", "Therapieplatz", "Affektive", *references()):
        assert each in str(read(the(Email)))
        assert each not in row
        assert each.encode().hex() not in row


def without_link(content: str) -> str:
    """What was sent, with the link to answer as it is shown here, where nobody may answer for the practice."""
    link = r"https://[a-z.]+/reply/[a-z0-9]{48}"
    shown, links = re.subn(rf'<a href="({link})">\1</a>|{link}', REPLY_LINK_HERE, content.replace("\r\n", "\n"))
    assert links == 1
    return shown.strip()


def test_what_is_sent_is_what_is_shown(
    client: FlaskClient, sending: Sending, catcher: FakeMailServer, requests: list[UUID]
) -> None:
    assert sending.run(NOW) == 1
    (message,) = catcher.messages
    (shown,) = client.get("/api/emails").json["items"]
    plain, html = message.get_body(("plain",)), message.get_body(("html",))
    assert plain is not None
    assert html is not None
    assert message["Subject"] == shown["subject"]
    assert without_link(plain.get_content()) == shown["body_text"]
    assert without_link(html.get_content()) == shown["body_html"]


def test_who_is_erased_leaves_the_proof_for_the_five_others(
    client: FlaskClient, sending: Sending, requests: list[UUID]
) -> None:
    sending.run(NOW)
    before = client.get(f"/api/emails/{the(Email).id}").json
    forget(requests[1])
    after = client.get(f"/api/emails/{the(Email).id}").json
    erased, *others = [references()[1], *references()[:1], *references()[2:]]
    assert of(erased, after) == [False] * 3
    assert [of(each, after) for each in others] == [[True] * 3] * 5
    assert "[erased]" in after["subject"]
    assert after["body_text"].count("Affektive") == before["body_text"].count("Affektive") - 1 == 5
    assert "Praxismarke" in after["body_text"]
    unchanged = before.keys() - {"subject", "body_text", "body_html"}
    assert {name: before[name] for name in unchanged} == {name: after[name] for name in unchanged}
    german = client.get("/api/emails", headers={"Accept-Language": "de"}).json["items"][0]
    assert "[gelöscht]" in german["body_html"]


def test_with_the_last_one_the_letter_is_gone(client: FlaskClient, sending: Sending, requests: list[UUID]) -> None:
    sending.run(NOW)
    forget(*requests[:5])
    assert "Praxismarke" in client.get(f"/api/emails/{the(Email).id}").json["body_text"]
    forget(requests[5])
    shown = client.get(f"/api/emails/{the(Email).id}").json
    assert (shown["subject"], shown["body_text"], shown["status"]) == ("[erased]", "[erased]", "sent")
    assert shown["recipient"]


def test_a_damaged_part_or_frame_hides_no_other_part(
    client: FlaskClient, session: Session, requests: list[UUID]
) -> None:
    email = the(Email)
    wrong = [bytes([*email.parts[0][:-1], email.parts[0][-1] ^ 1]), *email.parts[1:]]
    session.execute(update(Email).values(parts=wrong))
    shown = client.get(f"/api/emails/{email.id}").json
    assert "[damaged, unreadable]" in shown["subject"]
    assert of(references()[1], shown) == [True] * 3
    session.execute(update(Email).values(frame=b"x" * 40))
    assert client.get(f"/api/emails/{email.id}").json["subject"] == "[damaged, unreadable]"


def test_a_letter_of_which_a_part_is_lost_is_not_sent(
    session: Session, sending: Sending, catcher: FakeMailServer, requests: list[UUID]
) -> None:
    """It would have another text than the one that staff see; the worker waits until the patient is taken out of it."""
    forget(requests[2])
    assert sending.run(NOW) == 0
    assert not catcher.messages
    assert (the(Email).status, the(Email).error) == ("approved", "UnreadableLetter")


def test_a_damaged_letter_that_has_not_gone_out_is_written_anew(
    session: Session, sending: Sending, catcher: FakeMailServer, requests: list[UUID]
) -> None:
    session.execute(update(Email).values(frame=b"x" * 40))
    assert sending.run(NOW) == 1
    (message,) = catcher.messages
    assert references()[0] in message["Subject"]


def test_whose_key_is_damaged_keeps_no_letter_from_the_others(
    session: Session, sending: Sending, catcher: FakeMailServer, requests: list[UUID]
) -> None:
    """Nothing can be written about that patient until the key is restored; the other five are asked for."""
    keys, damaged = patient_keys.patient_keys, patient_of(requests[2])
    with transaction() as writing:
        wrapped = bytes(patient_keys.find(writing, [damaged])[damaged] or b"")
        writing.execute(
            update(keys).where(keys.c.id == damaged).values(wrapped=wrapped[:-1] + bytes([wrapped[-1] ^ 1]))
        )
    composed()
    sending.run(NOW)
    (message,) = catcher.messages
    assert [each in message["Subject"] for each in references()] == [True, True, False, True, True, True]


# --- what was said --------------------------------------------------------------------------------------------------


def a_call_about(number: int) -> list[UUID]:
    practice = a_practice_to_phone()
    made = [a_request(practice, a_patient()) for _ in range(number)]
    composed()
    return made


def said(request: UUID, outcome: str, note: str | None = None) -> dict[str, Any]:
    return {"placement_request_id": str(request), "outcome": outcome, "note": note}


def test_a_note_of_a_call_goes_with_the_first_of_those_who_were_talked_about(
    client: FlaskClient, session: Session
) -> None:
    """What it says of one of them must not stay readable through the other."""
    one, other, silent = a_call_about(3)
    answers = [said(one, "declined_other", "Einzelnes eins"), said(other, "later", "Einzelnes zwei")]
    call = the(PhoneCall).id
    outcome(call, "reached", note="Anrufnotiz", responses=answers)
    kept = the(PhoneCall)
    assert [bool(note) for note in kept.notes] == [id != silent for id in kept.placement_request_ids]
    dumped = "\n".join(
        row for table in ("phone_calls", "answers") for row in session.scalars(text(f"SELECT t::text FROM {table} t"))
    )
    for each in ("Anrufnotiz", "Einzelnes"):
        assert each not in dumped
        assert each.encode().hex() not in dumped
    forget(silent)
    assert client.get(f"/api/phone-calls/{call}").json["note"] == "Anrufnotiz"
    forget(one)
    shown = client.get(f"/api/phone-calls/{call}").json
    notes = {each["placement_request_id"]: each["note"] for each in shown["responses"]}
    assert (shown["note"], notes[str(one)], notes[str(other)]) == ("[erased]", "[erased]", "Einzelnes zwei")
    assert notes[str(silent)] is None
    forget(other)
    assert client.get(f"/api/phone-calls/{call}").json["note"] == "[erased]"
    history = client.get(f"/api/therapists/{kept.therapist_id}/contact-history").json["items"]
    assert {each["note"] for each in history[0]["responses"]} == {"[erased]", None}
    assert len(rows(RecordedAnswer)) == 3


def test_a_note_of_a_call_that_reached_nobody_is_about_all(client: FlaskClient) -> None:
    one, _ = a_call_about(2)
    call = the(PhoneCall).id
    outcome(call, "voicemail", note="Band voll", now=TEN)
    shown = {each["id"]: each["note"] for each in client.get("/api/phone-calls").json["items"]}
    assert shown[str(call)] == "Band voll"
    forget(one)
    assert client.get(f"/api/phone-calls/{call}").json["note"] == "[erased]"


def test_no_key_that_is_left_opens_a_note_about_somebody_who_was_erased(session: Session) -> None:
    """Not even by hand: what the others' keys decrypt are shares of a key, and a note that only all of them open."""
    one, *others = a_call_about(3)
    planned = the(PhoneCall).id
    outcome(planned, "voicemail", note="Anrufnotiz über eine")
    call = the(PhoneCall, id=planned)
    forget(one)
    kept = [(note, id) for note, id in zip(call.notes, call.placement_request_ids, strict=True) if id in others]
    found = list(TEXTS.decrypt(session, kept).values())
    assert len(found) == 2
    shares = [base64.b64decode(each["share"]) for each in found]
    for key in (*shares, bytes(a ^ b for a, b in zip(*shares, strict=True))):
        with pytest.raises(InvalidTag):
            UnwrappedKey(key).decrypt(base64.b64decode(found[0]["note"]), call.id.bytes)
    assert "Anrufnotiz" not in str(found)


@pytest.mark.parametrize("number", [1, 3])
def test_a_damaged_note_of_a_call_is_called_so_and_hides_no_other_call(
    client: FlaskClient, session: Session, number: int
) -> None:
    a_call_about(number)
    call = the(PhoneCall)
    outcome(call.id, "voicemail", note="Band voll")
    notes = the(PhoneCall, id=call.id).notes
    wrong = [notes[0][:-1] + bytes([notes[0][-1] ^ 1]), *notes[1:]]
    session.execute(update(PhoneCall).where(PhoneCall.id == call.id).values(notes=wrong))
    answer = client.get("/api/phone-calls").json["items"]
    assert {each["id"]: each["note"] for each in answer}[str(call.id)] == "[damaged, unreadable]"
    assert len(answer) == 2
