"""What a practice reads: a pseudonym, in German, whatever strange texts there are."""

from __future__ import annotations

import re
from email import message_from_bytes
from email.policy import default
from typing import Any

import pytest
from bs4 import BeautifulSoup

from communication_service.domain import email_texts, template_kinds
from communication_service.domain.copies import federal_states
from communication_service.domain.first_templates import first_templates
from communication_service.domain.letter_headers import LetterHeaders
from communication_service.domain.template_kinds import Texts
from communication_service.domain.template_words import hours
from communication_service.domain.templates import joined
from communication_service.store.tables import PatientPseudonym, PracticeCopy, PracticePlace
from shared.database import new_id, transaction
from shared.events.catalogue import AddressGeocoded
from shared.texts import TextLanguage
from shared.values.emails import EmailText, Sender, as_message
from shared.values.enums import TemplateKind
from shared.values.weekly import Weekly
from tests.builders.communication import SENDER, a_therapist, arrives
from tests.conftest import MONDAY


def therapist(**fields: Any) -> PracticeCopy:
    known = {"salutation": None, "title": None, "first_name": "Anna", "last_name": "Erfunden", "gender": "unknown"}
    return PracticeCopy(**{**known, **fields})


def patient(**fields: Any) -> PatientPseudonym:
    known: dict[str, Any] = {
        "reference": "P-7K3M-2Q",
        "age": 34,
        "gender": "female",
        "insurance_type": "statutory",
        "reimbursement_case": False,
        "diagnosis_block": None,
        "availability": None,
        "prior_therapy_within_two_years": None,
    }
    return PatientPseudonym(**{**known, **fields})


def written(*patients: PatientPseudonym, to: PracticeCopy | None = None, sender: Sender = SENDER) -> EmailText:
    """By the first template."""
    language = TextLanguage.DE
    values = email_texts.inquiry_values(to or therapist(), patients, sender=sender, language=language)
    kind = TemplateKind.INQUIRY
    first = next(each for each in first_templates() if (each.kind, each.language) == (kind, language))
    texts = template_kinds.read(kind, Texts(first.subject, first.body_text, first.body_html))
    return joined(*template_kinds.rendered(kind, texts, values))


def test_an_email_says_all_that_a_practice_may_know_in_german() -> None:
    hours = Weekly.from_json(
        {
            "monday": [{"start": "09:00", "end": "12:00"}],
            "friday": [{"start": "08:00", "end": "10:00"}, {"start": "14:00", "end": "24:00"}],
        }
    )
    mail = written(
        patient(availability=hours, diagnosis_block="F30-F39", prior_therapy_within_two_years=True),
        to=therapist(salutation="Frau", title="Dr."),
    )
    assert mail.text.startswith("Sehr geehrte Frau Dr. Erfunden,")
    for part in (
        "P-7K3M-2Q",
        "34 Jahre, weiblich",
        "gesetzlich versichert",
        "F30-F39 Affektive Störungen",
        "montags 09:00–12:00 Uhr; freitags 08:00–10:00, 14:00–24:00 Uhr",
        "In den letzten zwei Jahren gab es bereits eine Psychotherapie.",
        "Oder antworten Sie auf diese E-Mail und nennen Sie die Referenz",
        "Vermittlung von Therapieplätzen",
        "vermittlung@agentur.example.org",
        "Keine Anfragen mehr",
    ):
        assert part in mail.text
        assert part in BeautifulSoup(mail.html, "html.parser").get_text().replace("\n", " ")
    assert mail.subject == "Anfrage: Therapieplatz für eine Person (P-7K3M-2Q)"


@pytest.mark.parametrize("patients", [1, 2])
def test_both_forms_of_an_email_say_the_same_words(patients: int) -> None:
    """A sentence is written into both templates; mail programs show only one of the two."""
    known = {"diagnosis_block": "F30-F39", "prior_therapy_within_two_years": True}
    mail = written(*[patient(**known) for _ in range(patients)], to=therapist())
    body = BeautifulSoup(mail.html, "html.parser").body
    assert body is not None
    assert re.findall(r"\w+", body.get_text(" ")) == re.findall(r"\w+", mail.text)


def test_a_diagnosis_group_appears_only_if_it_is_known_and_is_one() -> None:
    for block in (None, "F32.1", "<b>krank</b>"):
        assert "Diagnosegruppe" not in written(patient(diagnosis_block=block)).text


def test_what_is_not_known_is_called_so() -> None:
    text = written(patient(age=None, gender="unknown", insurance_type=None)).text
    assert "Alter nicht angegeben" in text
    assert text.count("nicht angegeben") == 3
    assert "None" not in text


def test_several_patients_are_listed_one_after_the_other() -> None:
    mail = written(patient(), patient(reference="P-AAAA-22", insurance_type="private", reimbursement_case=True))
    assert "im Auftrag von 2 Patientinnen und Patienten" in mail.text
    assert mail.text.index("P-7K3M-2Q") < mail.text.index("P-AAAA-22")
    assert "privat versichert, Kostenerstattung (§ 13 Abs. 3 SGB V)" in mail.text
    assert mail.subject == "Anfrage: Therapieplatz für 2 Personen (P-7K3M-2Q, P-AAAA-22)"


@pytest.mark.parametrize(
    ("fields", "greeting"),
    [
        ({"salutation": "Herr", "last_name": "von der Heide"}, "Sehr geehrter Herr von der Heide,"),
        ({"gender": "female", "title": "Dipl.-Psych."}, "Sehr geehrte Frau Dipl.-Psych. Erfunden,"),
        ({"last_name": "Null"}, "Guten Tag Anna Null,"),
        ({"first_name": None, "last_name": "Ng"}, "Guten Tag Ng,"),
    ],
)
def test_the_greeting_fits_the_therapist(fields: dict[str, Any], greeting: str) -> None:
    assert written(patient(), to=therapist(**fields)).text.startswith(greeting)


def test_hostile_texts_are_shown_as_they_are_and_do_nothing() -> None:
    hostile = "<script>alert(1)</script>{{ 7 * 7 }}\r\n\r\nSie haben gewonnen"
    mail = written(patient(reference=hostile), to=therapist(last_name=hostile))
    assert "<script>" not in mail.html
    assert "&lt;script&gt;" in mail.html
    assert "49" not in mail.text
    assert "\nSie haben gewonnen" not in mail.text
    assert mail.text.startswith("Guten Tag Anna <script>alert(1)</script>{{ 7 * 7 }} Sie haben gewonnen,")


@pytest.mark.parametrize(
    "ending", ["\r\nBcc: alle@example.org", "\nBcc: alle@example.org\n\nText", "\u2028Bcc: a@b.de"]
)
def test_no_text_can_add_a_header(ending: str) -> None:
    envelope = as_message(
        EmailText(f"Anfrage{ending}", "Text", "<p>Text</p>"),
        sender=Sender("a@example.org", f"Agentur{ending}"),
        recipient="praxis@example.org",
        message_id=f"<1@example.org>{ending}",
        more=LetterHeaders(SENDER).of(new_id(), date=MONDAY, correlation_id=f"abc{ending}"),
    )
    message = message_from_bytes(envelope.message, policy=default)
    assert message["Bcc"] is None
    assert b"\nBcc:" not in envelope.message.split(b"\r\n\r\n")[0].replace(b"\r", b"")
    assert message["To"] == "praxis@example.org"


@pytest.mark.parametrize(
    "recipient",
    ["a@example.org\r\nBcc: b@example.org", "a@example.org, b@example.org", "müller@example.org", "niemand", ""],
)
def test_a_recipient_that_is_not_one_address_is_refused(recipient: str) -> None:
    with pytest.raises(ValueError):
        as_message(EmailText("s", "t", "h"), sender=SENDER, recipient=recipient, message_id="<1@example.org>", more={})


def test_a_message_needs_no_eight_bit_server_and_has_short_lines() -> None:
    mail = written(*[patient(reference=f"P-{number:04}-22") for number in range(6)])
    envelope = as_message(mail, sender=SENDER, recipient="a@example.org", message_id="<1@example.org>", more={})
    assert envelope.message.isascii()
    assert max(map(len, envelope.message.splitlines())) <= 200
    assert str(message_from_bytes(envelope.message, policy=default)["Subject"]) == mail.subject


def test_hours_past_midnight_and_unknown_hours_are_written() -> None:
    assert hours(None) == "nicht angegeben"
    assert hours(Weekly.of([(9 * 60, 10 * 60 + 30)])) == "montags 09:00–10:30 Uhr"


STRANGE = "Mu\u0308ller\u00adLu\u200bx \u2028\r\n Bcc:\u00a0x@example.org"
ORDINARY = "MüllerLux Bcc: x@example.org"


def test_signs_that_nobody_sees_leave_no_blank_in_an_email() -> None:
    mail = written(
        patient(reference="P-7K\u00ad3M-2Q"), to=therapist(gender="female", last_name=STRANGE), sender=SENDER
    )
    assert "(P-7K3M-2Q)" in mail.subject
    for text in (mail.text, mail.html):
        assert f"Sehr geehrte Frau {ORDINARY}," in text
        assert "P-7K3M-2Q" in text


def test_copies_have_what_people_write_in_one_form() -> None:
    parts = dict.fromkeys(("salutation", "title", "first_name", "last_name", "street", "city"), STRANGE)
    known = a_therapist(**parts)
    with transaction() as session:
        copy = session.get_one(PracticeCopy, known)
        assert {getattr(copy, name) for name in parts} == {ORDINARY}
        assert copy.house_number is None
    address = {"street": STRANGE, "house_number": None, "postal_code": None, "city": STRANGE}
    arrives(AddressGeocoded(owner_id=known, owner_kind="therapist", federal_state="NW", **address), known)
    with transaction() as session:
        place = session.get_one(PracticePlace, known)
        assert federal_states(session.get_one(PracticeCopy, known), place) == {"NW"}
