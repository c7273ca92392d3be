"""All that this service holds about one patient, for the export; what it says of others is left out.

A letter or a call may be about six people, and nobody is to read of the other five (GDPR Art. 15 (4)).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Annotated
from uuid import UUID

from communication_service.domain import answers, calls, email_parts, reply_contents
from communication_service.domain.reply_contents import ReplyContent
from communication_service.domain.schemas import PhoneCallFields, RecordedResponse
from communication_service.store import mail_replies, patient_data
from communication_service.store.tables import Email, Inquiry, MailReply, RecordedAnswer
from shared.database import Session
from shared.database.documents import stored_row
from shared.events import held_events
from shared.security.patient_texts import LostText, PatientTexts
from shared.values.datetimes import Instant
from shared.values.emails import EmailText
from shared.values.enums import EmailKind, EmailStatus
from shared.values.patient_data import FOR_THE_EXPORT, PatientData, StoredRow
from shared.values.reply_enums import ReplyKind, ReplyState
from shared.values.schemas import Schema


class ExportedEmail(Schema):
    """An e-mail about or to the patient, without what it says of others."""

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
    """The address that it goes to; empty where that is the patient's own, which is not kept here."""
    message_id: str
    """Its Message-ID."""
    created_at: Instant
    """When it was made."""
    sent_at: Instant | None
    """When the mail server took it; null: not yet, or never."""
    stopped_at: Instant | None
    """When the patient asked for no more e-mails about the progress of the search, by its link or in an answer."""
    address_refused_at: Instant | None
    """When a mail server said that there is no such address of the patient."""
    is_about_others: bool
    """Whether it is about other people too, whose passages are left out."""
    subject: Annotated[str, FOR_THE_EXPORT]
    """The subject."""
    body_text: Annotated[str, FOR_THE_EXPORT]
    """The text."""


class ExportedCall(PhoneCallFields):
    """A call about the patient; its texts are left out where it was about other people too."""

    is_about_others: bool
    """Whether it was about other people too."""
    responses: list[RecordedResponse]
    """What the practice said about the patient's requests."""


class ExportedReply(Schema):
    """An e-mail that came back, from or about the patient; its text is left out where it may be about others too."""

    id: UUID
    """Identifies it."""
    kind: ReplyKind
    """What it is."""
    state: ReplyState
    """Where it stands."""
    received_at: Instant
    """When it came into the mailbox."""
    email_id: UUID | None
    """The e-mail that it answers, which is in the export."""
    placement_request_ids: list[UUID]
    """The patient's placement requests that the e-mail was about."""
    size: int
    """Its size in bytes."""
    is_cut: bool
    """Whether only its beginning was read."""
    attachments: int
    """How many attachments it has, which were not opened."""
    is_about_others: bool
    """Whether the e-mail that it answers was about other people too."""
    sender: Annotated[str | None, FOR_THE_EXPORT]
    """The address that it says it is from."""
    subject: Annotated[str | None, FOR_THE_EXPORT]
    """Its subject."""
    body_text: Annotated[str | None, FOR_THE_EXPORT]
    """What its sender wrote."""


class CommunicationData(PatientData):
    """All that the communication service holds about one patient."""

    copies_of_patient: Annotated[list[StoredRow], FOR_THE_EXPORT]
    """What the patient service published of the patient: a pseudonym; of each file."""
    placement_requests: list[StoredRow]
    """The requests, as far as contacting the practices goes."""
    inquiries: list[StoredRow]
    """The contacts with practices that the requests were part of."""
    emails: list[ExportedEmail]
    """The e-mails about the patient."""
    phone_calls: list[ExportedCall]
    """The calls about the patient."""
    replies: list[ExportedReply]
    """What came back to the e-mails to or about the patient."""
    responses: list[RecordedResponse]
    """What practices said about the patient's requests, by e-mail or on the phone."""


def read(session: Session, texts: PatientTexts, ids: Sequence[UUID]) -> CommunicationData:
    """All that is held about the patient with these files, the kept one first; nothing about one who is not known."""
    requests = patient_data.requests_of(session, ids)
    own = {each.id for each in requests}
    emails = patient_data.emails_about(session, ids, own)
    passages = email_parts.read_about(session, texts, emails, own)
    recorded = patient_data.answers_about(session, own)
    responses = answers.views(session, texts, recorded)
    return CommunicationData(
        service="communication_service",
        patient_id=ids[0],
        merged_ids=list(ids[1:]),
        events=held_events.of_patient(session, ids),
        copies_of_patient=[stored_row(each) for each in patient_data.copies_of(session, ids)],
        placement_requests=[stored_row(each) for each in requests],
        inquiries=[_inquiry(each, own) for each in patient_data.inquiries_about(session, own)],
        emails=[_email(each, passages[each.id], own) for each in emails],
        phone_calls=_calls(session, texts, own, list(zip(recorded, responses, strict=True))),
        replies=_replies(session, texts, ids, own),
        responses=responses,
    )


def _of(own: Collection[UUID], request_ids: Sequence[UUID]) -> list[UUID]:
    return [each for each in request_ids if each in own]


def _inquiry(inquiry: Inquiry, own: Collection[UUID]) -> StoredRow:
    mine = _of(own, inquiry.placement_request_ids)
    return stored_row(inquiry) | {"placement_request_ids": list(map(str, mine))}


def _email(email: Email, passage: EmailText, own: Collection[UUID]) -> ExportedEmail:
    mine = _of(own, email.placement_request_ids)
    same = ExportedEmail.model_fields.keys() - {
        "stopped_at",
        "placement_request_ids",
        "is_about_others",
        "subject",
        "body_text",
    }
    return ExportedEmail.of(
        {name: getattr(email, name) for name in same}
        | {
            "stopped_at": None if email.patient_id is None else email.stopped_at,
            "placement_request_ids": mine,
            "is_about_others": len(mine) < len(email.placement_request_ids),
            "subject": passage.subject,
            "body_text": passage.text,
        }
    )


def _calls(
    session: Session,
    texts: PatientTexts,
    own: Collection[UUID],
    answered: Sequence[tuple[RecordedAnswer, RecordedResponse]],
) -> list[ExportedCall]:
    found = patient_data.calls_about(session, own)
    shown = calls.fields_of(session, texts, found)
    return [
        _call(fields, own, [response for answer, response in answered if answer.phone_call_id == fields.id])
        for fields in shown
    ]


def _call(fields: PhoneCallFields, own: Collection[UUID], said: Sequence[RecordedResponse]) -> ExportedCall:
    mine = _of(own, fields.placement_request_ids)
    is_about_others = len(mine) < len(fields.placement_request_ids)
    texts = {name: None if is_about_others else getattr(fields, name) for name in ("note", "correction")}
    changed = {"placement_request_ids": mine, **texts}
    return ExportedCall.of(vars(fields) | changed | {"is_about_others": is_about_others, "responses": list(said)})


def _replies(
    session: Session, texts: PatientTexts, ids: Collection[UUID], own: Collection[UUID]
) -> list[ExportedReply]:
    found = mail_replies.about(session, ids, own)
    contents = reply_contents.read(session, texts, found)
    return [_reply(each, contents[each.id], own) for each in found]


def _reply(reply: MailReply, content: ReplyContent | LostText, own: Collection[UUID]) -> ExportedReply:
    mine = _of(own, reply.placement_request_ids)
    is_about_others = len(mine) < len(reply.placement_request_ids)
    shown = None if is_about_others or isinstance(content, LostText) else content
    same = ("id", "kind", "state", "received_at", "email_id", "size", "is_cut", "attachments")
    return ExportedReply.of(
        {name: getattr(reply, name) for name in same}
        | {
            "placement_request_ids": mine,
            "is_about_others": is_about_others,
            "sender": shown.sender if shown else None,
            "subject": shown.subject if shown else None,
            "body_text": shown.text if shown else None,
        }
    )
