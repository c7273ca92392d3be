"""The evidence of a search as a PDF, and who is shown a contact log."""

from __future__ import annotations

import csv
import io
import re
from datetime import timedelta
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from pypdf import PdfReader
from sqlalchemy.orm import Session

from shared.runtime import clock
from shared.texts import Sentence, TextLanguage
from shared.texts.sentence import word
from shared.values.contact_log_enums import ContactResult
from shared.values.datetimes import BERLIN, berlin_day
from shared.values.enums import RequestStatus, Role
from tests.accounts import ANNA, signed_in
from tests.builders.contact_log import add, called, emailed, log_of
from tests.builders.matching import a_known_patient, a_known_therapist, a_request, an_open_request, handle
from tests.conftest import MONDAY
from tests.events import recorded

PDF = {"Accept": "application/pdf"}


def text_of(answer: Any) -> str:
    """The words of a PDF, with single blanks between them."""
    assert answer.status_code == 200, answer.text
    assert answer.content_type == "application/pdf"
    return re.sub(r"\s+", " ", " ".join(page.extract_text() for page in PdfReader(io.BytesIO(answer.data)).pages))


def test_the_document_counts_contacts_results_and_practices_with_a_seat(session: Session, client: FlaskClient) -> None:
    """In German, dated, in local time, whatever the reader's language; what was corrected is shown and not counted."""
    patient = a_known_patient(session, search_started_on=berlin_day(MONDAY))
    seat = a_known_therapist(session, last_name="Kučera-Łukasz")
    private = a_known_therapist(session, last_name="<b>Privat</b> & Co", accreditation="private")
    asked = an_open_request(session, patient_id=patient, therapist_id=seat)
    handle(session, emailed(asked, "inquiry", hours=1), called(asked, "voicemail", hours=2))
    handle(session, called(asked, "reached", "declined_capacity", hours=3))
    session.commit()
    client.post(f"/api/placement-requests/{asked.id}/correct", json={"outcome": "later", "reason": "verlesen"})
    add(client, patient, private, channel="in_person", result="declined_other", note="GEHEIM")
    url = f"/api/patients/{patient}/contact-log"
    first = client.get(url, headers=PDF | {"Accept-Language": "en"})
    text = text_of(first)
    for expected in (
        "Nachweis der Suche nach einem Therapieplatz",
        "P-7K3M-2Q",
        str(Sentence.of("evidence.made_on", day=berlin_day(clock.now())).in_language(TextLanguage.DE)),
        "Vermittlung von Therapieplätzen",
        f"Therapieplatz gesucht seit {MONDAY:%d.%m.%Y}.",
        "Kontakte insgesamt 4 davon: ausgehend 4 davon: E-Mail 1 davon: Telefon 2 davon: persönlich 1",
        "Praxen insgesamt 2 davon: mit Kassensitz 1 davon: Privatpraxen 1",
        "Seite 1 von 1",
        "Anrufbeantworter 1",
        "später möglich 1",
        "Absage: kein freier Platz (berichtigt durch Nr. 4)",
        "später möglich (Berichtigung zu Nr. 3)",
        "Anna Kučera-Łukasz, Musterweg 1, 52062 Aachen",
        "<b>Privat</b> & Co",
        f"{(MONDAY + timedelta(hours=1)):%d.%m.%Y}",
    ):
        assert expected in text, (expected, text)
    assert "GEHEIM" not in text
    assert client.get(url, headers=PDF | {"Accept-Language": "de"}).data == first.data
    assert first.headers["Content-Disposition"] == 'attachment; filename="contact-log-P-7K3M-2Q.pdf"'


def test_a_contact_that_another_day_corrects_is_not_counted(session: Session, client: FlaskClient) -> None:
    patient, therapist = a_known_patient(session), a_known_therapist(session)
    session.commit()
    two_days_ago, long_ago = (clock.now() - timedelta(days=days) for days in (2, 40))
    letter = add(client, patient, therapist, occurred_at=two_days_ago.isoformat()).json["id"]
    add(client, patient, therapist, occurred_at=long_ago.isoformat(), corrects=letter, note="verlesen")
    week = f"/api/patients/{patient}/contact-log?from={berlin_day(clock.now()) - timedelta(days=5)}"
    text = text_of(client.get(week, headers=PDF))
    assert "Kontakte insgesamt 0" in text
    assert "(berichtigt durch einen Eintrag außerhalb dieses Zeitraums)" in text


def test_a_log_of_nothing_is_evidence_of_nothing(session: Session, client: FlaskClient) -> None:
    patient = a_known_patient(session)
    session.commit()
    text = text_of(client.get(f"/api/patients/{patient}/contact-log", headers=PDF))
    assert "Es ist kein Kontakt erfasst." in text
    assert "Zeitraum" not in text
    assert "Praxis" not in text
    asked = text_of(client.get(f"/api/patients/{patient}/contact-log?from=2026-01-01&to=2026-01-31", headers=PDF))
    assert "Zeitraum: 01.01.2026 bis 31.01.2026. Es ist kein Kontakt erfasst." in asked


def test_accept_chooses_the_form(session: Session, client: FlaskClient) -> None:
    request = a_request(session, RequestStatus.DECLINED)
    session.commit()
    url = f"/api/patients/{request.patient_id}/contact-log"
    forms = {
        "application/json": "application/json",
        "*/*": "application/json",
        "text/csv, application/pdf;q=0.5": "text/csv",
        "application/pdf": "application/pdf",
    }
    for accept, expected in forms.items():
        assert client.get(url, headers={"Accept": accept}).content_type.startswith(expected), accept
    refused = client.get(url, headers={"Accept": "image/png"})
    assert (refused.status_code, refused.json["code"]) == (406, "not_acceptable")
    assert refused.json["detail"].endswith("application/json, text/csv, application/pdf.")
    assert client.get("/api/placement-requests", headers=PDF).is_json
    rows = list(csv.DictReader(io.StringIO(client.get(url, headers={"Accept": "text/csv"}).text, newline="")))
    shown = [word(ContactResult(each["result"])) for each in log_of(client, request.patient_id)]
    assert [row["result"] for row in rows] == [str(each) for each in shown]


def test_the_table_speaks_the_readers_language_and_local_time(session: Session, client: FlaskClient) -> None:
    """Of a day without a time the day; where nobody said how an answer came, the document says so."""
    request = a_request(session, RequestStatus.CONTACTED)
    session.commit()
    day = berlin_day(clock.now()) - timedelta(days=2)
    add(client, request.patient_id, request.therapist_id, occurred_at=None, occurred_on=day.isoformat())
    client.post(f"/api/placement-requests/{request.id}/response", json={"outcome": "accepted", "channel": "phone"})
    url = f"/api/patients/{request.patient_id}/contact-log"
    headers = {"Accept": "text/csv", "Accept-Language": "de"}
    rows = list(csv.DictReader(io.StringIO(client.get(url, headers=headers).text, newline="")))
    sent, letter, answer = rows
    assert sent["occurred_at"] == f"{MONDAY.astimezone(BERLIN):%d.%m.%Y %H:%M}"
    assert (letter["occurred_at"], letter["channel"], letter["result"]) == (
        f"{day:%d.%m.%Y}",
        "Brief",
        "Anfrage gesendet",
    )
    assert (letter["practice_address"], letter["practice_accreditation"]) == ("Musterweg 1, 52062 Aachen", "Kassensitz")
    assert (answer["channel"], answer["direction"]) == ("Telefon", "")
    assert "Telefon, Richtung nicht angegeben" in text_of(client.get(url, headers=PDF))


def test_each_look_at_the_log_is_an_access_to_the_file(session: Session, app: Flask) -> None:
    request = a_request(session, RequestStatus.DECLINED)
    session.commit()
    client, url = signed_in(app, Role.AUDITOR), f"/api/patients/{request.patient_id}/contact-log"
    entry = log_of(client, request.patient_id)[0]["id"]
    client.get(f"{url}/{entry}")
    client.get(url, headers={"Accept": "text/csv"})
    client.get(url, headers=PDF)
    add(signed_in(app, Role.COORDINATOR), request.patient_id, request.therapist_id)
    shown = [each["data"] for each in recorded(session) if each["type"] == "matching.contact_log_shown"]
    assert [each["action"] for each in shown] == ["read", "read", "exported", "exported", "changed"]
    assert {(each["patient_id"], each["accessed_by"]) for each in shown} == {(str(request.patient_id), str(ANNA))}
