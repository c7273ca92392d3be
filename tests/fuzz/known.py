"""What exists before a service is fuzzed: without it every id leads to 404, and little is tried."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from communication_service.domain import new_calls
from communication_service.store import tables
from patient_service.dependencies import Dependencies
from shared.values.enums import RequestStatus
from tests.builders import (
    accounts,
    communication,
    contact_plans,
    imports,
    incoming_mail,
    matching,
    patient_files,
    patients,
    therapists,
)
from tests.conftest import MONDAY
from tests.fuzz import call_reasons

Known = Mapping[str, Sequence[str]]
"""Ids by the name of the parameter or field that takes them; `id` is what the path before it names."""


def _patients(session: Session, settings: Any, folder: Path) -> Known:
    keys = Dependencies.of(settings).keys
    known = [patients.a_ready_patient(session, keys, last_name="Bereit")]
    known += [patients.a_patient(session, keys, last_name=f"Erfunden{place}") for place in "abc"]
    known += [patients.a_patient_to_erase(session, keys, last_name="Abgeschlossen")]
    doubles = [patients.a_patient(session, keys, last_name=f"Doppelt{place}") for place in "ab"]
    files = [patient_files.begun(session, keys, [patient_files.person(1)])]
    erased = patients.an_erased_patient(session, keys)
    return {
        "/api/patients": _ids(each.id for each in known),
        "/api/patient-imports": _ids(each.id for each in files),
        "/api/erasures": _ids([erased.id]),
        "duplicate_id": _ids(each.id for each in doubles),
    }


def _therapists(session: Session, settings: Any, folder: Path) -> Known:
    known = [therapists.a_therapist(session, last_name=f"Erfunden{place}") for place in "abc"]
    watched = imports.Folder(folder, settings)
    watched.drop(imports.FIRST, imports.a_file([imports.a_record("a-1"), imports.a_record("a-2", last_name=None)]))
    watched.work()
    found = session.connection().exec_driver_sql("SELECT id FROM imports").scalars()
    watched.passes = frozenset()
    watched.bring(imports.SECOND, imports.a_file([imports.a_record(f"b-{number}") for number in range(3)]))
    reviews = session.connection().exec_driver_sql("SELECT id FROM import_reviews").scalars()
    return {
        "/api/therapists": _ids(each.id for each in known),
        "/api/imports": _ids(found),
        "/api/import-reviews": _ids(reviews),
    }


def _matching(session: Session, settings: Any, folder: Path) -> Known:
    patient = [matching.a_known_patient(session) for _ in range(3)]
    therapist = [matching.a_known_therapist(session) for _ in range(5)]
    statuses = (RequestStatus.OPEN, RequestStatus.CONTACTED, RequestStatus.ACCEPTED, RequestStatus.DECLINED)
    requests = [matching.a_request(session, status) for status in statuses]
    plans = [contact_plans.a_stored_plan(session, each, therapist[0]) for each in patient]
    return {
        "/api/contact-plans": _ids(plan for plan, _ in plans),
        "removed_request_ids": _ids(request for _, request in plans),
        "/api/placement-requests": _ids(each.id for each in requests),
        "/api/patients": _ids(patient),
        "patient_id": _ids(patient),
        "therapist_id": _ids(therapist),
        "therapist_ids": _ids(therapist),
    }


def _communication(session: Session, settings: Any, folder: Path) -> Known:
    therapist = [
        communication.a_therapist(),
        communication.a_practice_to_phone(),
    ]
    request = [communication.a_request(each) for each in therapist for _ in range(2)]
    communication.composed()
    caller = [communication.a_caller() for _ in range(2)]
    _called_by(session, communication.a_therapist(id=UUID(call_reasons.PRACTICE)))
    for text in ("Ja, gerne", "Leider kein Platz"):
        incoming_mail.comes_in(incoming_mail.an_answer(text))
    return {
        "/api/callers": _ids(caller),
        "caller_id": _ids(caller),
        "/api/emails": _ids(each.id for each in communication.rows(tables.Email)),
        "/api/inquiries": _ids(each.id for each in communication.rows(tables.Inquiry)),
        # the first is one of ours
        "/api/phone-calls": _ids(sorted((each.id for each in communication.rows(tables.PhoneCall)), reverse=True)),
        "/api/replies": _ids(each.id for each in communication.rows(tables.MailReply)),
        "email_id": _ids(each.id for each in communication.rows(tables.Email)),
        "/api/templates": _ids(session.scalars(select(tables.Template.id))),
        "/api/therapists": _ids(therapist),
        "therapist_id": _ids(therapist),
        "placement_request_id": _ids(request),
    }


def _called_by(session: Session, therapist: UUID) -> None:
    """The practice calls, about none of its requests."""
    call = new_calls.from_practice(therapist, [], by=None, now=MONDAY)
    call.id, call.starts_at, call.ends_at = UUID(call_reasons.INBOUND), MONDAY, MONDAY + communication.FIVE
    session.add(call)
    session.flush()


def _accounts(session: Session, settings: Any, folder: Path) -> Known:
    person = [accounts.a_person(session, email=f"{place}@example.org") for place in "abc"]
    machine = [accounts.a_machine(session, name=f"machine {place}") for place in "ab"]
    return {
        "/api/users": _ids(each.id for each in person),
        "/api/machine-accounts": _ids(each.id for each in machine),
        "client_id": _ids(each.id for each in machine),
        "email": [f"{place}@example.org" for place in "abc"],
        "password": [accounts.PASSWORD],
    }


def _ids(found: Any) -> list[str]:
    return [str(each) for each in found]


MAKERS: dict[str, Callable[[Session, Any, Path], Known]] = {
    "patient_service": _patients,
    "therapist_service": _therapists,
    "matching_service": _matching,
    "communication_service": _communication,
    "user_service": _accounts,
}


def make(service: str, session: Session, settings: Any, folder: Path) -> Known:
    """Let something exist in the service, and return the ids."""
    maker = MAKERS.get(service)
    return maker(session, settings, folder) if maker else {}


def within(settings: Any, folder: Path) -> Any:
    """The settings, with this folder watched for imports where the service watches one."""
    watches = "import_url" in type(settings).model_fields
    return settings.model_copy(update={"import_url": folder.as_uri()}) if watches else settings


def examples(document: Any) -> dict[str, list[str]]:
    """The examples that an OpenAPI document gives of its fields and parameters, by their names."""
    found: dict[str, list[str]] = {}
    for schema in document["components"]["schemas"].values():
        for name, described in schema.get("properties", {}).items():
            found.setdefault(name, []).extend(_examples_of(described))
    for operations in document["paths"].values():
        for operation in operations.values():
            for parameter in operation.get("parameters", []) if isinstance(operation, dict) else []:
                found.setdefault(parameter.get("name"), []).extend(_examples_of(parameter.get("schema", {})))
    return {name: sorted(set(texts)) for name, texts in found.items() if texts}


def _examples_of(schema: Any) -> list[str]:
    inner = [*schema.get("anyOf", []), *([schema["items"]] if "items" in schema else [])]
    own = [each for each in schema.get("examples", []) if isinstance(each, str)]
    return own + [each for other in inner for each in _examples_of(other)]


def with_known_values(value: Any, known: Known, choose: Callable[[Sequence[str]], str]) -> Any:
    """A body in which fields take ids that exist, and the document's examples of what no schema can describe."""
    if isinstance(value, dict):
        return {name: _known_value(name, each, known, choose) for name, each in value.items()}
    if isinstance(value, list):
        return [with_known_values(each, known, choose) for each in value]
    return value


def _known_value(name: str, value: Any, known: Known, choose: Callable[[Sequence[str]], str]) -> Any:
    if name not in known or not isinstance(value, str | list):
        return with_known_values(value, known, choose)
    if isinstance(value, list):
        return [choose(known[name]) if isinstance(each, str) else each for each in value]
    return choose(known[name])
