"""The export has everything that is held about a patient: a table, or a service, that is forgotten fails here."""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from uuid import UUID, uuid4

import pytest
from flask import Flask
from flask.testing import FlaskClient
from jsonschema import Draft202012Validator
from sqlalchemy import event
from sqlalchemy.orm import Session

from communication_service.domain.patient_data import ExportedCall, ExportedEmail, ExportedReply
from communication_service.domain.schemas import RecordedResponse
from matching_service.domain.contact_log_schemas import ContactLogEntryView
from matching_service.domain.patient_data import RequestWithHistory
from matching_service.domain.schemas import AuditLogEntryView
from operations import export_document
from patient_service.dependencies import Dependencies
from patient_service.domain import exports, places
from patient_service.domain.access_schemas import FileAccessView
from patient_service.domain.exports import Collected
from patient_service.domain.schemas import ConsentView, PatientView, StatusChangeView
from patient_service.store.tables import PatientImport, PatientImportRow
from shared.database import new_id
from shared.database.columns import first_version
from shared.security.encryption import Keys
from shared.values.account_enums import Scope
from shared.values.patient_data import PATH
from shared.values.schemas import Schema
from tests.accounts import signed_in
from tests.architecture.sources import SERVICES
from tests.builders.merging import OTHER, merge
from tests.builders.patients import NOBODY, a_patient, a_patient_who_is, consent
from tests.conftest import MONDAY

OF_EVERY_SERVICE = {
    "relay_lease": "which process publishes",
    "processed_events": "ids of events, which say nothing",
    "copies_ahead": "two numbers about a copy that is in the export",
    "erased_aggregates": "ids of those of whom nothing is left, and who have no export",
    "idempotency": "ids of repeated requests, for a day; what they made is in the export",
}
WITHOUT_PATIENTS = {
    "therapist_service": "practices and imports; its dead letters name placement requests only",
    "user_service": "accounts of staff and machines",
}
"""Services that are not asked, each with the reason."""
NOT_PERSONAL = {
    "patient_service": {
        "data_keys": "the key of the file that is in the export; who had it could read backups",
        "patient_imports": "files of many people, without what stood in them",
        "patient_import_blocks": "sealed rows that are not patients yet, which are destroyed when the file is entered",
        "access_anchors": "hashes of the access log, which is in the export",
        "anchored_chains": "the same",
        "erasures": "of those of whom nothing is left, and who have no export",
        "erasure_confirmations": "the same",
    },
    "matching_service": {
        "therapists": "practices",
        "practice_contacts": "practices",
        "calling_hours": "staff",
        "patient_keys": "keys of the texts that are in the export",
        "contact_plans": "numbers about a week, of all patients together",
    },
    "communication_service": {
        "patient_keys": "keys of the texts that are in the export",
        "therapists": "practices",
        "places": "practices",
        "schedule": "practices",
        "cooldowns": "practices",
        "email_suppressions": "practices",
        "mail_server": "the mail server",
        "mailbox": "how far the mailbox was read",
        "callers": "staff",
        "published_contacts": "practices",
        "published_calling_hours": "staff",
        "call_plans": "practices and staff's minutes",
        "wrong_numbers": "practices",
        "templates": "what letters to everybody say",
        "template_versions": "the same, as it was",
    },
    "geocoding_service": {
        "address_lookups": "practices, and addresses that staff asked for, for a day, without whose they are",
        "routes": "ways between areas, and for a day between places that staff asked for, without whose they are",
        "outside_servers": "the servers outside",
    },
}
"""Tables that the export does not read, each with the reason: a new one with patients in it belongs into the export."""
HOLDERS = list(NOT_PERSONAL)
STORED = {
    "patient_service": {"place_offers", "patient_import_rows", "located_postal_codes"},
    "matching_service": {"patients", "contact_plan_patients", "contact_plan_requests"},
    "communication_service": {"patients", "placement_requests", "inquiries"},
    "geocoding_service": {"located_addresses"},
}
"""Tables whose rows are in the export as they are stored (`stored_row`)."""
BY_EVERY_SERVICE = {"outbox", "dead_letters"}
"""Tables that hold events, of which the export has the content (`held_events`)."""


def tables_of(service: str) -> set[str]:
    """All tables of a service."""
    return set(importlib.import_module(f"{service}.store.tables").Tables.metadata.tables)


FOR_MACHINES = "numbers and marks by which programs work"
FOR_FINDING = "a keyed digest of what the file shows, or a mark beside one"
WHOM = "whom it is about: the document as a whole says so"
SHOWN_BY: dict[str, dict[str, tuple[type[Schema], dict[str, str], dict[str, str]]]] = {
    "patient_service": {
        "patients": (
            PatientView,
            {"sealed": "anamnesis"},
            {
                "merged_into": "files that were merged are in the export by themselves",
                "missing": "follows from the file",
                "placement_request_id": "the request is among those of the matching service",
                "placement_state": "the same, with what became of the place",
                "placement_recorded_at": "the same",
                "merged_at": "the history says when",
                "kept_sequence": FOR_MACHINES,
                "sequence": FOR_MACHINES,
                "index_key": FOR_FINDING,
                "search_index": FOR_FINDING,
                "person_index": FOR_FINDING,
                "namesake": FOR_FINDING,
                "address_index": FOR_FINDING,
                "neighbour": FOR_FINDING,
                "insurance_number_index": FOR_FINDING,
                "birthday_index": FOR_FINDING,
                "prior_therapy_index": FOR_FINDING,
                "crisis_index": FOR_FINDING,
                "age_published_on": FOR_MACHINES,
                "days_paused": "counted from the history, which is in the export",
                "paused_since": "the same",
                "erased_at": "who was erased has no export",
            },
        ),
        "consents": (ConsentView, {}, {"patient_id": WHOM}),
        "status_changes": (
            StatusChangeView,
            {"previous_status": "from_", "status": "to", "changed_at": "at", "changed_by": "by"}
            | {"patient_id": "reference"},
            {"id": FOR_MACHINES},
        ),
        "file_accesses": (
            FileAccessView,
            {"accessed_at": "at", "accessed_by": "by", "patient_id": "reference"},
            {"number": FOR_MACHINES, "hash": FOR_MACHINES},
        ),
        "list_accesses": (
            FileAccessView,
            {"accessed_at": "at", "accessed_by": "by", "patient_ids": "reference", "purposes": "purpose"},
            {"chain": FOR_MACHINES, "number": FOR_MACHINES, "digest": FOR_MACHINES, "hash": FOR_MACHINES},
        ),
    },
    "matching_service": {
        "placement_requests": (
            RequestWithHistory,
            {"overridden_rules": "overrides", "override_reasons": "overrides"},
            {
                "compared_at": FOR_MACHINES,
                "days_until_placed": "counted from dates that are in the export",
                "days_paused": "the same",
                "inquiry_id": "the inquiry is among those of the communication service",
                "inquiry_at": "the same",
                "answer_entry_id": FOR_MACHINES,
                "sequence": FOR_MACHINES,
            },
        ),
        "placement_request_audit_log": (AuditLogEntryView, {}, {"placement_request_id": WHOM, "number": FOR_MACHINES}),
        "contact_log_entries": (
            ContactLogEntryView,
            dict.fromkeys(("practice_name", "practice_address", "practice_accreditation"), "practice"),
            {"patient_id": WHOM, "number": FOR_MACHINES},
        ),
    },
    "communication_service": {
        "emails": (
            ExportedEmail,
            {"frame": "body_text", "parts": "body_text"},
            {
                "patient_id": WHOM,
                "inquiry_id": "the inquiry is in the export, with the same requests",
                "recipient_key": "the recipient, folded",
                "statement": "what a practice said of itself",
                "recipient_digest": "knows the patient's own address again, and says none",
                **dict.fromkeys(
                    (
                        *(
                            "template_id",
                            "template_version",
                            "waits_for",
                            "waits_until",
                            "attempts",
                            "deferrals",
                            "troubles_begun",
                        ),
                        *("not_before", "claimed_at", "claimed_until", "error", "resolved_by", "correlation_id"),
                        *("updated_at", "updated_by", "version", "sequence"),
                        *("allowed_at", "approved_at", "approved_by", "is_urgent", "written_by_staff", "mode"),
                    ),
                    "how the letter is sent to a practice, which says nothing of the patient",
                ),
            },
        ),
        "phone_calls": (
            ExportedCall,
            {"notes": "note", "corrections": "correction"},
            {
                "sequence": FOR_MACHINES,
                **dict.fromkeys(("released_by", "released_until", "release_reason"), "who of us phones when"),
                "chosen_by_staff": "who chose when we phone",
            },
        ),
        "replies": (
            ExportedReply,
            {"content": "body_text", "notes": "body_text"},
            {
                "patient_id": WHOM,
                **dict.fromkeys(("matched_by", "suggested_email_id"), "how it is known which letter is answered"),
                **dict.fromkeys(("fingerprint", "uid_validity", "uid", "sequence"), FOR_MACHINES),
                **dict.fromkeys(("created_at", "updated_at", "updated_by", "version"), "who of us decided when"),
            },
        ),
        "answers": (
            RecordedResponse,
            {},
            {
                "id": FOR_MACHINES,
                "therapist_id": "the request has it",
                "email_id": "the letter is in the export, with the same request",
                "phone_call_id": "the call is in the export, and has its answers",
            },
        ),
    },
    "geocoding_service": {},
}
"""Tables that are exported as people see them, and not column by column as they are stored: the view, what it calls
columns, and those that it does not show, each with the reason.
"""


@contextmanager
def reading(session: Session) -> Iterator[set[str]]:
    """Yields the tables that are read within the block."""
    found: set[str] = set()
    connection = session.connection()
    names = {table for service in SERVICES for table in tables_of(service)}

    def note(_conn: Any, _cursor: Any, statement: str, *_: Any) -> None:
        words = set(statement.replace("(", " ").replace(")", " ").replace(",", " ").replace('"', " ").split())
        found.update(word for word in words if word in names)

    event.listen(connection, "before_cursor_execute", note)
    yield found
    event.remove(connection, "before_cursor_execute", note)


def test_every_service_is_asked_or_has_a_reason(settings_of: Callable[[str], Any]) -> None:
    asked = set(settings_of("patient_service").services_with_patient_data())
    assert asked | {"patient_service"} == set(HOLDERS)
    assert asked == set(export_document.holders())
    assert asked | {"patient_service"} | WITHOUT_PATIENTS.keys() == set(SERVICES)
    assert {name for name in exports.PatientExport.model_fields if name.endswith("_service")} == set(HOLDERS)


@pytest.mark.parametrize("service", [each for each in HOLDERS if each != "patient_service"])
def test_every_table_is_read_for_the_export_or_has_a_reason(service: str, app: Flask, session: Session) -> None:
    client: FlaskClient = signed_in(app, Scope.PATIENT_DATA_EXPORT)
    with reading(session) as read:
        assert client.get(f"{PATH}/{uuid4()}").status_code == 200
    known = tables_of(service) - NOT_PERSONAL[service].keys() - OF_EVERY_SERVICE.keys()
    assert read & known == known
    assert NOT_PERSONAL[service].keys() | OF_EVERY_SERVICE.keys() <= tables_of(service), "a reason without a table"


@pytest.mark.parametrize("service", ["patient_service"])
def test_every_table_of_the_patient_service_is_read_for_the_export(
    service: str, settings: Any, session: Session, app: Flask
) -> None:
    keys: Keys = Dependencies.of(settings).keys
    patient = a_patient(session, keys)
    session.flush()
    session.expire_all()
    with reading(session) as read:
        exports.export(session, keys, patient.id, _collected(patient.id), reader=NOBODY, now=MONDAY)
    # the key is read to open the file, and is not in the export
    not_shown = NOT_PERSONAL[service].keys() - {"data_keys"}
    assert read & tables_of(service) == tables_of(service) - OF_EVERY_SERVICE.keys() - not_shown


@pytest.mark.parametrize("service", ["patient_service"])
def test_of_a_person_with_several_files_everything_of_each_is_exported_as_documented(
    service: str, settings: Any, session: Session, client: FlaskClient
) -> None:
    keys: Keys = Dependencies.of(settings).keys
    kept, other, first = (
        a_patient_who_is(session, keys, *steps, consultation={"placement_code": code}, **fields)
        for code, steps, fields in (
            ("A1B2-C3D4-E5F6", ("searching",), {"contact_persons": [{"name": "Vater"}]}),
            ("B1B2-C3D4-E5F6", ("search_aborted",), OTHER | {"contact_persons": [{"name": "Mutter"}]}),
            ("C1B2-C3D4-E5F6", (), OTHER | {"first_name": "Erike"}),
        )
    )
    files = {each.reference: str(each.id) for each in (kept, other, first)}
    for number, each in enumerate((kept, first), 1):
        _enter_by_import(session, each.id, number)
    places.record_offer(session, kept.id, new_id(), MONDAY.date(), now=MONDAY)
    for id in files.values():
        assert client.post(f"/api/patients/{id}/consents", json=consent("health_data")).status_code == 201
    for into, duplicate in ((other, first), (kept, other)):
        assert merge(client, into.id, duplicate.id, "?force=true").status_code == 200
    session.expire_all()
    merged_ids = sorted((other.id, first.id))
    exported = exports.export(session, keys, kept.id, _collected(kept.id, merged_ids), reader=NOBODY, now=MONDAY)
    document = json.loads(exported.model_dump_json())
    Draft202012Validator(
        json.loads(export_document.FILE.read_text()), format_checker=Draft202012Validator.FORMAT_CHECKER
    ).validate(document)
    own = document["patient_service"]
    assert {each["reference"]: each["placement_code"][0] for each in own["placement_codes"]} == dict(
        zip(files, "ABC", strict=True)
    )
    assert [each["id"] for each in own["merged_files"]] == list(map(str, merged_ids))
    contacts = {each["reference"]: [who["name"] for who in each["contact_persons"]] for each in own["merged_files"]}
    assert contacts == {other.reference: ["Mutter"], first.reference: []}
    assert {each["patient_id"] for each in own["imported_rows"]} == {str(kept.id), str(first.id)}
    assert {each["id"] for each in own["located_postal_codes"]} == set(files.values())
    assert {each["reference"] for each in own["history"]} == {kept.reference, other.reference}
    assert {each["reference"] for each in own["access_log"]} == files.keys()
    assert (len(own["file"]["consents"]), len(own["place_offers"])) == (3, 1)
    assert {json.loads(each["content"])["subject"] for each in own["events"]} == set(files.values())
    assert len({each["id"] for each in own["events"]}) == len(own["events"])


@pytest.mark.parametrize("service", HOLDERS)
def test_every_column_behind_a_view_is_shown_or_has_a_reason(service: str) -> None:
    """A row that is exported as it is stored has a new column by itself; a view does not."""
    tables = importlib.import_module(f"{service}.store.tables").Tables.metadata.tables
    for table, (view, names, reasons) in SHOWN_BY[service].items():
        columns = set(tables[table].columns.keys())
        assert columns - view.model_fields.keys() - names.keys() == reasons.keys(), table
        assert names.keys() <= columns, table
        assert set(names.values()) <= view.model_fields.keys(), table


@pytest.mark.parametrize("service", HOLDERS)
def test_every_table_is_exported_as_it_is_stored_or_by_a_view(service: str) -> None:
    """Which tables are exported as they are stored is written in the module that makes the export."""
    exported = tables_of(service) - NOT_PERSONAL[service].keys() - OF_EVERY_SERVICE.keys()
    assert exported - SHOWN_BY[service].keys() == STORED[service] | BY_EVERY_SERVICE


def _enter_by_import(session: Session, patient_id: UUID, number: int) -> None:
    known = PatientImport(
        id=new_id(), status="completed", dry_run=False, on_problem="skip_row", force=False, is_csv=True,
        finished_at=MONDAY, total=1, blocks=1, **first_version(by=None, now=MONDAY),
    )  # fmt: skip
    session.add(known)
    session.flush()
    row = {"import_id": known.id, "number": number, "line": number, "outcome": "entered", "patient_id": patient_id}
    session.add(PatientImportRow(**row, problem=None))
    session.flush()


def _collected(patient_id: UUID, merged_ids: Sequence[UUID] = ()) -> Collected:
    """What the others say who hold nothing: each field beside those that say of whom is a list."""
    held: dict[str, dict[str, Any]] = {}
    for name, response in export_document.holders().items():
        about = {"service": name, "patient_id": str(patient_id), "merged_ids": list(map(str, merged_ids))}
        held[name] = {field: [] for field in response.model_fields} | about
    return Collected(merged_ids, held)


def test_the_documented_schema_is_not_stale() -> None:
    assert export_document.FILE.read_text() == export_document.render(), "`make export-schema` writes it"
    Draft202012Validator.check_schema(json.loads(export_document.FILE.read_text()))
