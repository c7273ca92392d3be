"""Lists of calls to take along: a calendar, and a document to print."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

from flask.testing import FlaskClient

from communication_service.domain import call_lists
from communication_service.domain.call_lists import CallList, ListedCall
from communication_service.store.tables import PhoneCall
from shared.http import calendar_files
from shared.texts import TextLanguage
from tests.builders.communication import a_caller, a_patient, a_practice_to_phone, a_request, composed, the
from tests.conftest import MONDAY

URL = "/api/phone-calls"


def test_calls_are_shown_in_the_form_that_is_accepted(client: FlaskClient) -> None:
    a_caller(name="Maria Beispiel")
    a_request(a_practice_to_phone(title="Dr.", first_name="Anna"), a_patient(reference="P-7K3M-2Q"))
    composed()
    call = the(PhoneCall)
    shown = client.get(URL, headers={"Accept": "text/calendar", "Accept-Language": "de"})
    assert (shown.status_code, shown.content_type) == (200, "text/calendar")
    lines = shown.data.decode().replace("\r\n ", "").split("\r\n")
    assert {
        f"UID:{call.id}",
        "DTSTART:20261123T090500Z",
        "DTEND:20261123T091000Z",
        "SUMMARY:Anruf: Dr. Anna Erfunden",
        "DESCRIPTION:Telefon: 0241 123456\\nAnfragen: 1\\nMaria Beispiel",
        "STATUS:CONFIRMED",
    } <= set(lines)
    assert "P-7K3M" not in shown.text, "calendars are kept by others"
    printed = client.get(f"{URL}?date=2026-11-23", headers={"Accept": "application/pdf"})
    assert (printed.status_code, printed.data[:5]) == (200, b"%PDF-")
    assert printed.headers["Content-Disposition"] == 'attachment; filename="phone-calls.pdf"'
    assert client.get(URL, headers={"Accept": "text/csv"}).text.startswith('"id",')
    assert client.get(URL, headers={"Accept": "image/png"}).status_code == 406
    assert client.get(URL).json["total"] == 1


def a_listed_call(**fields: object) -> ListedCall:
    usual = {
        "id": UUID(int=1),
        "starts_at": MONDAY,
        "ends_at": datetime(2026, 11, 23, 9, 5, tzinfo=UTC),
        "changed_at": MONDAY,
        "changes": 3,
        "is_cancelled": False,
        "attempt": 2,
        "caller": "Maria",
        "practice": "Dr. Erfunden",
        "phones": "0241 123456",
        "references": ["P-7K3M-2Q", "P-1234-AB"],
    }
    return ListedCall(**(usual | fields))


def test_a_document_has_what_a_caller_needs_and_a_calendar_keeps_what_was_cancelled() -> None:
    found = CallList([a_listed_call(), a_listed_call(is_cancelled=True)], MONDAY, TextLanguage.EN, "Vermittlung")
    (table,) = call_lists.document(found).tables
    assert [list(row) for row in table.rows] == [
        ["23.11.2026 10:00", "Dr. Erfunden", "0241 123456", "P-7K3M-2Q, P-1234-AB", "2", "Maria"]
    ]
    assert len(table.columns) == 6
    assert [event.is_cancelled for event in call_lists.events(found)] == [False, True]


def test_a_calendar_folds_long_lines_and_escapes_signs() -> None:
    practice = "Müller, Ä; B\\C " + "ü" * 60
    found = CallList([a_listed_call(practice=practice)], MONDAY, TextLanguage.DE, "Vermittlung")
    written = calendar_files.write(call_lists.events(found))
    lines = written.split(b"\r\n")
    assert max(map(len, lines)) <= 75
    whole = written.decode().replace("\r\n ", "")
    assert "SUMMARY:Anruf: Müller\\, Ä\\; B\\\\C " + "ü" * 60 in whole
    assert "SEQUENCE:3" in whole
    assert "STATUS:CONFIRMED" in whole
