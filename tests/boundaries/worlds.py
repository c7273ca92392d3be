"""One object of every kind that a service has, so that hostile input reaches what works on it."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path as FilePath
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from communication_service.store.tables import Email, Inquiry, MailReply, PhoneCall
from matching_service.store.tables import PatientContact
from patient_service.dependencies import Dependencies
from patient_service.domain import consents
from patient_service.domain.schemas import NewConsent
from shared.values.enums import RequestStatus
from tests.boundaries.samples import Path
from tests.builders import communication, contact_plans, incoming_mail, matching, patients, therapists
from tests.conftest import MONDAY

Ids = dict[str, UUID]
"""What stands in a path for the ids in it, by the path's beginning; and in bodies, by the field's name."""


def world_of(service: str, session: Session, settings: Any) -> Ids:
    """The service's objects are made; their ids."""
    return WORLDS[service](session, settings) if service in WORLDS else {}


def _patients(session: Session, settings: Any) -> Ids:
    keys = Dependencies.of(settings).keys
    patient = patients.a_patient_who_is(session, keys, "searching")
    new = NewConsent.from_json({"purpose": "mandate", "given_on": "2026-11-01", "text_version": "1"})
    consent = consents.give(session, keys, patient.id, new, reader=patients.NOBODY, now=MONDAY)
    return {"/api/patients": patient.id, "consent_id": consent.id}


def _therapists(session: Session, settings: Any) -> Ids:
    FilePath(urlsplit(settings.import_url).path).mkdir(exist_ok=True)
    return {"/api/therapists": therapists.a_therapist(session).id}


def _matching(session: Session, settings: Any) -> Ids:
    request = matching.a_request(session, RequestStatus.CONTACTED)
    another = matching.a_known_therapist(session)
    plan, planned = contact_plans.a_stored_plan(session, request.patient_id, another)
    entry = session.scalars(select(PatientContact.id).where(PatientContact.patient_id == request.patient_id)).one()
    return {
        "/api/placement-requests": request.id,
        "/api/patients": request.patient_id,
        "entry_id": entry,
        "/api/contact-plans": plan,
        "removed_request_ids": planned,
        "patient_id": request.patient_id,
        "therapist_id": request.therapist_id,
        "therapist_ids": another,
    }


def the_reply() -> UUID:
    """What came back to no e-mail."""
    incoming_mail.comes_in(incoming_mail.an_answer())
    return communication.the(MailReply).id


def _communication(session: Session, settings: Any) -> Ids:
    by_mail = communication.a_therapist()
    request = communication.a_request(by_mail)
    to_call = communication.a_practice_to_phone()
    called = communication.a_request(to_call)
    communication.composed(MONDAY + timedelta(seconds=5))
    (email,), calls = communication.rows(Email), communication.rows(PhoneCall)
    with_email = communication.rows(Inquiry)[0]
    return {
        "/api/callers": communication.a_caller(),
        "/api/emails": email.id,
        "/api/inquiries": with_email.id,
        "/api/replies": the_reply(),
        "/api/phone-calls": calls[0].id,
        "/api/therapists": by_mail,
        "email request": request,
        "call request": called,
    }


WORLDS = {
    "patient_service": _patients,
    "therapist_service": _therapists,
    "matching_service": _matching,
    "communication_service": _communication,
}


def place_ids(document: Any, ids: Ids, path: str, *changed: Path) -> Any:
    """The document with ids of objects that exist, but for what stands at the changed places."""
    if "placement_request_id" in str(document):
        ids = {**ids, "placement_request_id": ids["email request" if "/emails" in path else "call request"]}
    return _placed(document, ids, (), changed)


def _placed(value: Any, ids: Ids, path: Path, changed: tuple[Path, ...]) -> Any:
    if path and path in changed:
        return value
    if isinstance(value, dict):
        return {name: _placed(each, ids, (*path, name), changed) for name, each in value.items()}
    if isinstance(value, list):
        return [_placed(each, ids, (*path, place), changed) for place, each in enumerate(value)]
    name = next((part for part in reversed(path) if isinstance(part, str)), "")
    return str(ids[name]) if name in ids else value
