"""Every way to a patient's file leaves an entry in its access log (docs/domain.md#data-protection-access-log)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, text, update
from sqlalchemy.orm import Session

from migrations.connections import as_owner
from migrations.settings import MigrationSettings
from patient_service.api.access_log import record_refusal
from patient_service.domain import consents
from patient_service.domain.schemas import NewConsent
from patient_service.store.tables import FileAccess, ListAccess, Patient
from shared.security.encryption import Keys
from tests.architecture.sources import calls_in, sources
from tests.builders.patients import NOBODY, a_ready_patient, new_patient
from tests.conftest import MONDAY

WITHOUT_AN_ENTRY = {
    ("POST", "/api/patients/<uuid:id>/merge"): "is noted in two files, as tests/patient_service/test_merging.py shows",
    ("GET", "/internal/practice-summaries"): "names its patients in the query: test_practice_summaries.py",
    ("GET", "/internal/patient-identities/<uuid:id>"): "for a machine, and with an offer: test_identities.py",
    ("GET", "/internal/patient-addresses/<uuid:id>"): "for a machine, and with a consent: test_identities.py",
    ("GET", "/api/erasures"): "says who was erased, of whose files nothing is left",
    ("GET", "/api/erasures/<uuid:id>"): "says that somebody was erased, of whose file nothing is left",
    ("GET", "/api/status"): "says how the service is, and nothing of anybody",
    ("GET", "/api/dead-letters"): "says where an event lay and why it failed, never what stood in it",
    ("GET", "/api/dead-letters/<uuid:id>"): "the same",
    ("POST", "/api/dead-letters/<uuid:id>/replay"): "the same",
    ("POST", "/api/dead-letters/<uuid:id>/discard"): "the same",
    ("GET", "/api/patient-imports"): "counts rows, and names nobody",
    ("GET", "/api/patient-imports/<uuid:id>"): "the same",
    ("POST", "/api/patient-imports"): "the same; those whom the worker enters are noted (test_imports.py)",
    ("GET", "/api/patient-imports/<uuid:id>/rows"): "names candidates, who are noted (test_imports.py)",
}
OF_THE_PLATFORM = ("/health/", "/metrics", "/openapi.json", "/docs")
"""What every service has, and what knows no patient."""


@dataclass(frozen=True)
class Way:
    """A request that answers something of a file, and what the log then says."""

    action: str
    body: Any = None
    status: int = 200
    is_of_another: bool = False
    """Whether it is about the patient whose id is in the answer."""


CONSENT = {"purpose": "mandate", "given_on": "2026-11-01", "text_version": "1"}
ASSIGNED = {
    "filter": {"status": ["open"]},
    "expected_total": 1,
    "action": "assign",
    "assigned_to": "0193a1b2-0000-7000-8000-000000000002",
}
WAYS = {
    ("GET", "/api/access-log"): Way("audited"),
    ("GET", "/api/patients"): Way("listed"),
    ("POST", "/api/patients"): Way("created", new_patient(last_name="Andere"), 201, is_of_another=True),
    ("POST", "/api/patients/bulk"): Way("changed", ASSIGNED),
    ("GET", "/api/patients/<uuid:id>"): Way("read"),
    ("PATCH", "/api/patients/<uuid:id>"): Way("changed", {"city": "Bonn"}),
    ("DELETE", "/api/patients/<uuid:id>"): Way("erased", status=202),
    ("GET", "/api/patients/<uuid:id>/access-log"): Way("audited"),
    ("GET", "/api/patients/<uuid:id>/export"): Way("exported"),
    ("POST", "/api/patients/<uuid:id>/status"): Way("changed", {"status": "searching"}),
    ("GET", "/api/patients/<uuid:id>/history"): Way("read"),
    ("GET", "/api/patients/<uuid:id>/readiness"): Way("read"),
    ("POST", "/api/patients/<uuid:id>/crisis/acknowledge"): Way("changed"),
    ("POST", "/api/patients/<uuid:id>/crisis/flag"): Way("changed", {"reason": "Am Telefon gesagt."}),
    ("POST", "/api/patients/<uuid:id>/crisis/clear"): Way("changed", {"reason": "Ein Irrtum."}),
    ("POST", "/api/patients/<uuid:id>/erasure/decline"): Way("changed", {"reason": "Es gibt eine Klage."}),
    ("POST", "/api/patients/<uuid:id>/placement-code/reveal"): Way("revealed"),
    ("POST", "/api/patients/<uuid:id>/consents"): Way("changed", CONSENT, 201),
    ("GET", "/api/patients/<uuid:id>/consents/<uuid:consent_id>"): Way("read"),
    ("POST", "/api/patients/<uuid:id>/consents/<uuid:consent_id>/withdraw"): Way("changed"),
}
pytestmark = pytest.mark.usefixtures("others")
each_way = pytest.mark.parametrize(("way", "expected"), WAYS.items(), ids=map(" ".join, WAYS))


@dataclass(frozen=True)
class File:
    """A patient with a consent."""

    id: UUID
    consent: UUID
    reference: str = ""

    def url(self, path: str) -> str:
        return path.replace("<uuid:id>", str(self.id)).replace("<uuid:consent_id>", str(self.consent))


@pytest.fixture
def file(session: Session, keys: Keys) -> File:
    recorded = {"consultation": {"placement_code": "A1B2-C3D4-E5F6"}, "anamnesis": {"complaints": "Suizidgedanken"}}
    patient = a_ready_patient(session, keys, **recorded)
    given = NewConsent.from_json(CONSENT)
    consent = consents.give(session, keys, patient.id, given, reader=NOBODY, now=MONDAY)
    session.execute(update(Patient).values(erasure_proposed_on=MONDAY.date()))
    session.commit()
    return File(patient.id, consent.id, patient.reference)


@dataclass(frozen=True)
class Entry:
    """What the log says of one file, whether it was shown singly or in a list."""

    patient_id: UUID
    action: str
    purpose: bytes | None


def entries(session: Session) -> list[Entry]:
    """Everything in the access logs but what the builders did."""
    singly = select(FileAccess).where(FileAccess.accessed_at != MONDAY).order_by(FileAccess.accessed_at, FileAccess.id)
    in_lists = select(ListAccess).where(ListAccess.accessed_at != MONDAY).order_by(ListAccess.id)
    return [Entry(each.patient_id, each.action, each.purpose) for each in session.scalars(singly)] + [
        Entry(patient, each.action, each.purposes[0] if each.purposes else None)
        for each in session.scalars(in_lists)
        for patient in each.patient_ids
    ]


def ask(client: FlaskClient, way: tuple[str, str], where: File, body: Any, **headers: str) -> Any:
    sent = {} if body is None else {"json": body}
    query = {"confirm": where.reference} if way[0] == "DELETE" else {}
    headers = {"X-Purpose": "check", **headers}
    return client.open(where.url(way[1]), method=way[0], query_string=query, headers=headers, **sent)


def test_every_route_is_a_way_to_a_file_or_has_a_reason(app: Flask) -> None:
    rules = [rule for rule in app.url_map.iter_rules() if not rule.rule.startswith(OF_THE_PLATFORM)]
    offered = {(method, rule.rule) for rule in rules for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}}
    assert offered == WAYS.keys() | WITHOUT_AN_ENTRY.keys()
    assert app.extensions["record_refusal"] is record_refusal


@each_way
def test_what_is_shown_of_a_file_is_noted_once(
    client: FlaskClient, session: Session, file: File, way: tuple[str, str], expected: Way
) -> None:
    answer = ask(client, way, file, expected.body)
    assert answer.status_code == expected.status
    (entry,) = entries(session)
    shown = UUID(answer.json["id"]) if expected.is_of_another else file.id
    assert (entry.patient_id, entry.action, entry.purpose is None) == (shown, expected.action, False)


@each_way
def test_a_head_request_is_noted_like_the_answer_it_announces(
    client: FlaskClient, session: Session, file: File, way: tuple[str, str], expected: Way
) -> None:
    if way[0] == "GET":
        assert client.head(file.url(way[1])).status_code == expected.status
        assert [entry.action for entry in entries(session)] == [expected.action]


@each_way
def test_of_nobody_nothing_is_noted(
    client: FlaskClient, session: Session, file: File, way: tuple[str, str], expected: Way
) -> None:
    for nobody in (File(uuid4(), file.consent, file.reference), File(file.id, uuid4())):
        if nobody.url(way[1]) != file.url(way[1]):
            assert ask(client, way, nobody, expected.body).status_code == 404
    assert entries(session) == []


@pytest.fixture
def log_that_cannot_be_written(file: File) -> Iterator[None]:
    with as_owner(MigrationSettings(), "patient_service") as owner:
        owner.execute(text("REVOKE INSERT ON file_accesses, list_accesses FROM patient_service"))
        owner.commit()
        yield
        owner.execute(text("GRANT INSERT ON file_accesses, list_accesses TO patient_service"))
        owner.commit()


@pytest.mark.slow
@each_way
@pytest.mark.usefixtures("log_that_cannot_be_written")
def test_without_a_note_there_is_no_answer(
    client: FlaskClient, file: File, way: tuple[str, str], expected: Way
) -> None:
    answer = ask(client, way, file, expected.body)
    assert answer.status_code >= 500
    assert set(answer.json) == {"type", "title", "status", "detail", "code", "correlation_id", "errors"}
    assert "Erika" not in answer.text


ROW_ERRORS: dict[str, tuple[tuple[str, str], Any]] = {
    "patient.suspected_duplicate": (("POST", "/api/patients"), new_patient()),
    "patient.already_known": (("POST", "/api/patients"), new_patient(last_name="X", insurance_number="A123456780")),
    "patient.transition": (("POST", "/api/patients/<uuid:id>/status"), {"status": "paused"}),
    "patient.not_ready": (("POST", "/api/patients/<uuid:id>/status"), {"status": "searching"}),
    "patient.no_placement_code": (("POST", "/api/patients/<uuid:id>/placement-code/reveal"), None),
    "patient.erasure_not_proposed": (("POST", "/api/patients/<uuid:id>/erasure/decline"), {"reason": "Eine Klage."}),
    "crisis.not_flagged": (("POST", "/api/patients/<uuid:id>/crisis/clear"), {"reason": "Ein Irrtum."}),
    "consent.withdrawn_before": (("POST", "/api/patients/<uuid:id>/consents/<uuid:consent_id>/withdraw"), None),
}


@pytest.fixture
def refusing(client: FlaskClient, session: Session, file: File) -> File:
    """A file that refuses: no signed contracts, no placement code, no crisis, no proposal, a consent withdrawn."""
    lacking = {"contracts_signed": False, "consultation": None, "insurance_number": "A123456780"}
    client.patch(file.url("/api/patients/<uuid:id>"), json=lacking)
    client.post(file.url("/api/patients/<uuid:id>/consents/<uuid:consent_id>/withdraw"))
    client.post(file.url("/api/patients/<uuid:id>/crisis/clear"), json={"reason": "Ein Irrtum."})
    client.post(file.url("/api/patients/<uuid:id>/erasure/decline"), json={"reason": "Es gibt eine Klage."})
    return file


@pytest.mark.parametrize("key", [{}, {"Idempotency-Key": "k"}], ids=["", "with a key"])
@pytest.mark.parametrize("code", ROW_ERRORS)
def test_a_refusal_that_reveals_a_file_is_noted(
    client: FlaskClient, session: Session, refusing: File, code: str, key: dict[str, str]
) -> None:
    before = len(entries(session))
    way, body = ROW_ERRORS[code]
    answer = ask(client, way, refusing, body, **key)
    assert (answer.status_code, answer.json["code"]) == (409, code)
    entry = entries(session)[before:]
    assert [(each.patient_id, each.action, each.purpose is None) for each in entry] == [(refusing.id, "read", False)]


def test_every_conflict_of_this_service_is_such_a_refusal() -> None:
    raised = {path.name for path in sources("patient_service") for _, name in calls_in(path) if name == "Conflict"}
    assert raised == {"import_files.py"}  # of a file that has other rows than expected: nobody was looked for yet
