"""Therapists, patients and requests as matching knows them: from events, as in life. A test names what it is about."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from matching_service.dependencies import Dependencies
from matching_service.domain import answers, placement_requests
from matching_service.domain.schemas import ContactList, NewAnswer, RequestView
from matching_service.listeners import listeners as unbound
from matching_service.settings import DEFAULT_WEIGHTS, AskAgainRules
from matching_service.store import queries
from matching_service.store.tables import PlacementRequest
from shared.database import new_id
from shared.events.catalogue import (
    AddressGeocoded,
    AttemptsUsedUp,
    EmailSent,
    InquiryComposed,
    PatientStatusChanged,
    PatientUpdated,
    PublicPatient,
    PublicTherapist,
    TherapistUpdated,
)
from shared.events.event import Event
from shared.security.encryption import MasterKeys
from shared.security.patient_texts import PatientTexts
from shared.values.datetimes import berlin_day
from shared.values.enums import RequestOutcome, RequestStatus
from tests.builders.events import happened
from tests.builders.keys import TEXT_RINGS
from tests.conftest import MONDAY
from tests.events import recorded

RULES = AskAgainRules()
WEIGHTS = DEFAULT_WEIGHTS.model_dump()
TEXTS = PatientTexts(MasterKeys(TEXT_RINGS["MATCHING_SERVICE_TEXT_KEY"]))
listeners = unbound.given(Dependencies(RULES, TEXTS))


def handle(session: Session, *events: Event, now: datetime = MONDAY) -> None:
    """The events reach the service, in one poll."""
    listeners.apply(session, events, now=now)


def types(session: Session, request_id: Any) -> list[str]:
    """What was recorded of a request, in order: `approved`, `held`."""
    return [event["type"].removeprefix("matching.request_") for event in recorded(session, request_id)]


AACHEN = (50.7753, 6.0839)
"""Where patients and therapists live unless a test says otherwise."""


def north_of_aachen(kilometres: float) -> dict[str, Any]:
    """Coordinates so far from where the patients are, as fields of a therapist."""
    coordinates = {"latitude": AACHEN[0] + kilometres / 111.195, "longitude": AACHEN[1]}
    # farther away than Aachen reaches its postal code would contradict them
    return coordinates if kilometres < 30 else {**coordinates, "postal_code": None}


def public_therapist(**fields: Any) -> PublicTherapist:
    """A therapist who fits any patient of these builders and of whom everything is known."""
    defaults: dict[str, Any] = {
        "id": new_id(),
        "first_name": "Anna",
        "last_name": "Erfunden",
        "gender": "female",
        "street": "Musterweg",
        "house_number": "1",
        "postal_code": "52062",
        "city": "Aachen",
        "accreditation": "statutory",
        "procedures": ["VT"],
        "age_groups": ["adult"],
        "settings": ["individual"],
        "languages": ["en"],
        "working_hours": {"monday": [{"start": "09:00", "end": "12:00"}]},
        **north_of_aachen(5),
    }
    return PublicTherapist(**(defaults | fields))


def public_patient(**fields: Any) -> PublicPatient:
    """A patient who searches, with no wishes beyond what everybody needs."""
    defaults: dict[str, Any] = {
        "id": new_id(),
        "reference": "P-7K3M-2Q",
        "postal_code": "52062",
        "age": 40,
        "insurance_type": "statutory",
        "age_groups": ["adult"],
        "availability": {"monday": [{"start": "08:00", "end": "10:00"}]},
        "max_distance_km": 25,
        "status": "searching",
    }
    return PublicPatient(**(defaults | fields))


def a_known_therapist(session: Session, *, sequence: int = 1, **fields: Any) -> UUID:
    """The id of a therapist whose copy has arrived."""
    therapist = public_therapist(**fields)
    event = happened(TherapistUpdated(therapist=therapist), therapist.id, sequence=sequence)
    listeners.apply(session, [event], now=MONDAY)
    return therapist.id


def a_known_patient(session: Session, *, sequence: int = 1, placed: bool = True, **fields: Any) -> UUID:
    """The id of a patient whose copy has arrived, and, if `placed`, the place of the postal code too."""
    patient = public_patient(**fields)
    listeners.apply(session, [happened(PatientUpdated(patient=patient), patient.id, sequence=sequence)], now=MONDAY)
    if placed:
        publish_place(session, "patient", patient.id, postal_code=patient.postal_code)
    return patient.id


def publish_place(session: Session, kind: str, owner: UUID, *, sequence: int = 1, **fields: Any) -> None:
    """Let the geocoding service say where an address lies: in the middle of Aachen, unless told otherwise."""
    place = {"latitude": AACHEN[0], "longitude": AACHEN[1], "precision": "postal_code"}
    event = AddressGeocoded(owner_kind=kind, owner_id=owner, **(place | fields))
    listeners.apply(session, [happened(event, owner, sequence=sequence)], now=MONDAY)


def patient_becomes(
    session: Session, patient_id: UUID, status: str, *, sequence: int = 2, now: datetime = MONDAY
) -> None:
    """The search of a patient takes another status."""
    event = PatientStatusChanged(patient=public_patient(id=patient_id, status=status), previous_status="searching")
    listeners.apply(session, [happened(event, patient_id, sequence=sequence, time=now)], now=now)


def an_open_request(
    session: Session,
    *,
    patient_id: UUID | None = None,
    therapist_id: UUID | None = None,
    now: datetime = MONDAY,
) -> RequestView:
    """A request that staff approved."""
    wanted = ContactList(
        patient_id=patient_id or a_known_patient(session),
        therapist_ids=[therapist_id or a_known_therapist(session)],
    )
    return placement_requests.approve(
        session, TEXTS, wanted, rules=RULES, today=berlin_day(now), by=None, now=now
    ).items[0]


def a_request(session: Session, status: RequestStatus, *, now: datetime = MONDAY, **whose: Any) -> PlacementRequest:
    """A request in this status, on the way it comes there in life; a place is set, so that nothing follows from it."""
    made = an_open_request(session, now=now, **whose)
    inquiry = new_id()
    if status not in (RequestStatus.OPEN, RequestStatus.WITHDRAWN):
        composed = InquiryComposed(
            inquiry_id=inquiry, therapist_id=made.therapist_id, channel="email", placement_request_ids=[made.id]
        )
        listeners.apply(session, [happened(composed, inquiry, time=now)], now=now)
    if status not in (RequestStatus.OPEN, RequestStatus.QUEUED, RequestStatus.WITHDRAWN):
        sent = EmailSent(
            email_id=new_id(), inquiry_id=inquiry, kind="inquiry", placement_request_ids=[made.id], sent_at=now
        )
        listeners.apply(session, [happened(sent, time=now)], now=now)
    _finish(session, made.id, status, now + timedelta(minutes=1))
    return stored(session, made.id)


def _finish(session: Session, request_id: UUID, status: RequestStatus, now: datetime) -> None:
    outcome = {
        RequestStatus.ACCEPTED: RequestOutcome.ACCEPTED,
        RequestStatus.PLACED: RequestOutcome.ACCEPTED,
        RequestStatus.FAILED: RequestOutcome.ACCEPTED,
        RequestStatus.DECLINED: RequestOutcome.DECLINED_CAPACITY,
        RequestStatus.DEFERRED: RequestOutcome.LATER,
    }.get(status)
    if outcome is not None:
        answers.respond(session, TEXTS, request_id, NewAnswer(outcome=outcome), rules=RULES, by=None, now=now)
    request = stored(session, request_id)
    if status in (RequestStatus.PLACED, RequestStatus.FAILED):
        request.status, request.placed_on = status, berlin_day(now)
        request.failed_on = berlin_day(now) if status == RequestStatus.FAILED else None
    elif status == RequestStatus.NO_ANSWER:
        attempts = {"inquiry_id": request.inquiry_id, "therapist_id": request.therapist_id}
        used_up = AttemptsUsedUp(**attempts, placement_request_ids=[request_id])
        listeners.apply(session, [happened(used_up, time=now)], now=now)
    elif status == RequestStatus.WITHDRAWN:
        request.status, request.withdrawn_reason = status, "other"
    session.flush()


def stored(session: Session, request_id: UUID) -> PlacementRequest:
    """The request as it is in the database now."""
    session.flush()  # as the commit at the end of a listener does
    session.expire_all()
    request = queries.request(session, request_id)
    assert request is not None
    return request
