"""What has arrived at the communication service, and its rows; a test names only what it is about."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import count
from typing import Any, TypeVar
from uuid import UUID

from pydantic import SecretStr
from sqlalchemy import select

from communication_service import jobs
from communication_service.domain import call_outcomes, callers, email_parts
from communication_service.domain.call_schemas import RecordedOutcome
from communication_service.domain.caller_schemas import CallerFields
from communication_service.domain.letter_headers import Links
from communication_service.domain.link_tokens import LinkTokens
from communication_service.domain.schemas import CallOutcome
from communication_service.listeners import listeners
from communication_service.settings import ContactRules
from communication_service.store.tables import (
    CallPlan,
    ContactRequest,
    Email,
    EmailCooldown,
    Inquiry,
    MailReply,
    PhoneCall,
    RecordedAnswer,
)
from shared.database import new_id, transaction
from shared.events import catalogue
from shared.events.event import Event
from shared.security.encryption import MasterKeys
from shared.security.patient_texts import PatientTexts
from shared.values.emails import EmailText
from tests.builders.events import happened
from tests.builders.keys import LINK_RING, TEXT_RINGS
from tests.conftest import MONDAY

Row = TypeVar("Row", CallPlan, Email, MailReply, Inquiry, PhoneCall, ContactRequest, EmailCooldown, RecordedAnswer)

RULES = ContactRules()
TEXTS = PatientTexts(MasterKeys(TEXT_RINGS["COMMUNICATION_SERVICE_TEXT_KEY"]))
SENDER = RULES.sender
LINKS = Links(LinkTokens(SecretStr(LINK_RING)), "https://platform.example.org", RULES.link_lifetime)
MONDAY_MORNINGS = {"monday": [{"start": "10:00", "end": "11:00"}]}

TEN = datetime(2026, 11, 23, 9, 5, tzinfo=UTC)
"""The first slot after MONDAY plus five seconds, 10:05 in Berlin: MONDAY_MORNINGS are from ten to eleven."""
FIVE = timedelta(minutes=5)
"""How long a call takes."""
EVERY_DAY = {
    day: [{"start": "08:00", "end": "18:00"}] for day in ("monday", "tuesday", "wednesday", "thursday", "friday")
}

_numbers = count(1)


def arrives(event: Event, subject: UUID, *, sequence: int = 1, time: datetime = MONDAY) -> Event:
    """Hand the event to the service's listeners, as the consumer does; returns it as they got it."""
    arrived = happened(event, subject, sequence=sequence, time=time)
    with transaction() as session:
        listeners.apply(session, [arrived], now=time)
    return arrived


def a_therapist(*, id: UUID | None = None, sequence: int = 1, time: datetime = MONDAY, **fields: Any) -> UUID:
    """A therapist is known here; has an e-mail address of their own unless told otherwise."""
    identity = id or new_id()
    published = {
        "last_name": "Erfunden",
        "email": f"praxis{next(_numbers)}@example.org",
        "phone": "+49241123456",
        **fields,
    }
    event = catalogue.TherapistRegistered(therapist=catalogue.PublicTherapist(id=identity, **published))
    arrives(event, identity, sequence=sequence, time=time)
    return identity


def a_practice_to_phone(**fields: Any) -> UUID:
    """A therapist without an e-mail address, who answers the phone on Mondays from ten to eleven."""
    return a_therapist(**{"email": None, "phone_hours": MONDAY_MORNINGS, **fields})


def a_caller(*, now: datetime = MONDAY, **fields: Any) -> UUID:
    """Somebody phones on Monday mornings."""
    with transaction() as session:
        new = CallerFields.from_json({"name": "Maria", "hours": MONDAY_MORNINGS, **fields})
        return callers.add(session, new, by=None, now=now).id


def a_patient(*, id: UUID | None = None, sequence: int = 1, time: datetime = MONDAY, **fields: Any) -> UUID:
    """A patient is known here: searching since the first of November."""
    identity = id or new_id()
    published = {
        "reference": f"P-{next(_numbers):04}-AB",
        "age": 34,
        "gender": "female",
        "insurance_type": "statutory",
        "status": "searching",
        "search_started_on": date(2026, 11, 1),
        **fields,
    }
    event = catalogue.PatientRegistered(patient=catalogue.PublicPatient(id=identity, **published))
    arrives(event, identity, sequence=sequence, time=time)
    return identity


def a_request(
    therapist: UUID, patient: UUID | None = None, *, time: datetime = MONDAY, priority: int = 0, sequence: int = 1
) -> UUID:
    """Staff approved that this therapist is asked for this patient (or a new one)."""
    identity = new_id()
    event = catalogue.RequestApproved(
        placement_request_id=identity,
        patient_id=patient or a_patient(time=time),
        therapist_id=therapist,
        priority=priority,
        approved_at=time,
    )
    arrives(event, identity, sequence=sequence, time=time)
    return identity


def publish(kind: type[Event], request: UUID, *, sequence: int = 2, time: datetime = MONDAY, **fields: Any) -> Event:
    """Matching publishes something about a request that is known here."""
    (row,) = rows(ContactRequest, id=request)
    event = kind(
        **{
            "placement_request_id": request,
            "patient_id": row.patient_id,
            "therapist_id": row.therapist_id,
            **fields,
        }
    )
    return arrives(event, request, sequence=sequence, time=time)


def withdraw(request: UUID, *, sequence: int = 2, time: datetime = MONDAY) -> None:
    """The request is over."""
    publish(catalogue.RequestWithdrawn, request, sequence=sequence, time=time, reason="search_ended")


def composed(now: datetime = MONDAY + timedelta(seconds=5), *, rules: ContactRules = RULES) -> None:
    """Everything that is due is composed."""
    while jobs.compose(rules, TEXTS, now):
        pass


def rows(kind: type[Row], /, **wanted: Any) -> list[Row]:
    """The rows of a table as they are now, in the order they were made."""
    with transaction() as session:
        statement = select(kind).filter_by(**wanted).order_by(kind.id)
        return list(session.scalars(statement))


def the(kind: type[Row], /, **wanted: Any) -> Row:
    """The one row."""
    (row,) = rows(kind, **wanted)
    return row


def an_email_to_send(**therapist: object) -> Email:
    """Returns an e-mail that was composed and waits to be sent."""
    a_request(a_therapist(**therapist))
    composed()
    return the(Email)


def read(email: Email) -> EmailText:
    """The letter of an e-mail as it can be read now."""
    with transaction() as session:
        return email_parts.read(session, TEXTS, [email])[email.id]


def outcome(call: UUID, result: str, *, now: datetime = TEN, by: UUID | None = None, **fields: Any) -> RecordedOutcome:
    """Staff say what came of the call."""
    with transaction() as session:
        said = CallOutcome.from_json({"result": result, **fields})
        return call_outcomes.record_outcome(session, TEXTS, call, said, rules=RULES, by=by, now=now)
