"""All that this service holds about one patient, for the export; what it says of others is left out.

A letter or a call may be about six people, and nobody is to read of the other five (GDPR Art. 15 (4)).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Annotated
from uuid import UUID

from communication_service.domain import email_texts
from communication_service.domain.schemas import PhoneCallFields, RecordedResponse
from communication_service.store import copy_queries, patient_data
from communication_service.store.tables import Email, Inquiry, PatientPseudonym, PhoneCall, RecordedAnswer
from shared.database import Session
from shared.database.documents import stored_row
from shared.events import held_events
from shared.values.datetimes import Instant
from shared.values.enums import EmailKind, EmailStatus
from shared.values.patient_data import FOR_THE_EXPORT, PatientData, StoredRow
from shared.values.schemas import Schema


class ExportedEmail(Schema):
    """An e-mail about the patient, without what it says of others."""

    id: UUID
    """Identifies the e-mail."""
    kind: EmailKind
    """What it is for."""
    status: EmailStatus
    """Where it stands."""
    therapist_id: UUID | None
    """The therapist whom it is for."""
    placement_request_ids: list[UUID]
    """The patient's placement requests that it is about."""
    recipient: str
    """The address that it goes to."""
    message_id: str
    """Its Message-ID."""
    created_at: Instant
    """When it was made."""
    sent_at: Instant | None
    """When the mail server took it; null: not yet, or never."""
    is_about_others: bool
    """Whether it is about other people too, whose passages are left out."""
    subject: Annotated[str | None, FOR_THE_EXPORT]
    """The subject; null where the patient's part of the e-mail cannot be told from that of others."""
    body_text: Annotated[str | None, FOR_THE_EXPORT]
    """The text; null as the subject."""


class ExportedCall(PhoneCallFields):
    """A call about the patient; its note is left out where it was about other people too."""

    is_about_others: bool
    """Whether it was about other people too."""
    responses: list[RecordedResponse]
    """What the practice said about the patient's requests."""


class CommunicationData(PatientData):
    """All that the communication service holds about one patient."""

    copy_of_patient: Annotated[StoredRow | None, FOR_THE_EXPORT]
    """What the patient service published of the patient: a pseudonym."""
    placement_requests: list[StoredRow]
    """The requests, as far as contacting the practices goes."""
    inquiries: list[StoredRow]
    """The contacts with practices that the requests were part of."""
    emails: list[ExportedEmail]
    """The e-mails about the patient."""
    phone_calls: list[ExportedCall]
    """The calls about the patient."""
    responses: list[RecordedResponse]
    """What practices said about the patient's requests, by e-mail or on the phone."""


def read(session: Session, patient_id: UUID) -> CommunicationData:
    """All that is held about this patient; nothing about one who is not known."""
    patient = copy_queries.patients(session, [patient_id]).get(patient_id)
    requests = patient_data.requests_of(session, patient_id)
    own = {each.id for each in requests}
    answers = patient_data.answers_about(session, own)
    return CommunicationData(
        service="communication_service",
        patient_id=patient_id,
        events=held_events.of_patient(session, patient_id),
        copy_of_patient=None if patient is None else stored_row(patient),
        placement_requests=[stored_row(each) for each in requests],
        inquiries=[_inquiry(each, own) for each in patient_data.inquiries_about(session, own)],
        emails=[_email(each, own, patient) for each in patient_data.emails_about(session, patient_id, own)],
        phone_calls=[_call(each, own, answers) for each in patient_data.calls_about(session, own)],
        responses=[RecordedResponse.of(each) for each in answers],
    )


def _of(own: Collection[UUID], request_ids: Sequence[UUID]) -> list[UUID]:
    return [each for each in request_ids if each in own]


def _inquiry(inquiry: Inquiry, own: Collection[UUID]) -> StoredRow:
    return stored_row(inquiry) | {
        "placement_request_ids": [str(each) for each in _of(own, inquiry.placement_request_ids)]
    }


def _email(email: Email, own: Collection[UUID], patient: PatientPseudonym | None) -> ExportedEmail:
    mine = _of(own, email.placement_request_ids)
    others = len(email.placement_request_ids) - len(mine)
    text = email_texts.passage(email.subject, email.body_text, of=patient and patient.reference, others=others)
    return ExportedEmail(
        **{
            name: getattr(email, name)
            for name in ("id", "therapist_id", "recipient", "message_id", "created_at", "sent_at")
        },
        kind=EmailKind(email.kind),
        status=EmailStatus(email.status),
        placement_request_ids=mine,
        is_about_others=others > 0,
        subject=text and text.subject,
        body_text=text and text.text,
    )


def _call(call: PhoneCall, own: Collection[UUID], answers: Sequence[RecordedAnswer]) -> ExportedCall:
    mine = _of(own, call.placement_request_ids)
    is_about_others = len(mine) < len(call.placement_request_ids)
    known = {name: getattr(call, name) for name in PhoneCallFields.model_fields}
    changed = {"placement_request_ids": mine, "note": None if is_about_others else call.note}
    said = [RecordedResponse.of(each) for each in answers if each.phone_call_id == call.id]
    return ExportedCall.of(known | changed | {"is_about_others": is_about_others, "responses": said})
