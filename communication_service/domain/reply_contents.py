"""What came back by e-mail, encrypted: it may name patients, and anybody may have written it.

Where it is known which e-mail is answered, nobody reads it any more once one of that e-mail's patients was erased, as
with the note of a call; what a patient writes goes with that patient. Until then nobody knows whom it names: it has a
key of its own, kept as those of patients are, which is destroyed when it is removed or assigned.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any
from uuid import UUID

from communication_service.domain import call_notes
from communication_service.domain.bounce_reports import BounceReport, RecipientReport
from communication_service.domain.incoming_mail import IncomingMail
from communication_service.store.tables import Email, MailReply
from shared.database import Session, patient_keys
from shared.security.patient_texts import LostText, PatientText, PatientTexts


@dataclass(frozen=True)
class ReplyContent:
    """Who wrote what."""

    sender: str
    sender_name: str
    subject: str
    text: str
    report: Mapping[str, Any] | None = None
    """What a mail server says, for when it is known of which e-mail."""

    @classmethod
    def of(cls, mail: IncomingMail) -> ReplyContent:
        """What an e-mail says."""
        report = None if mail.report is None else asdict(mail.report)
        return cls(mail.sender, mail.sender_name, mail.subject, mail.text, report)

    @property
    def bounce(self) -> BounceReport | None:
        """What a mail server says; None where it is no report of one."""
        if self.report is None:
            return None
        recipients = [RecipientReport(**each) for each in self.report["recipients"]]
        return BounceReport(self.report["original_id"], recipients, self.report["is_about_a_report"])


def seal(session: Session, texts: PatientTexts, reply: MailReply, content: ReplyContent, email: Email | None) -> None:
    """Encrypt what a reply says for the patients of the e-mail that it answers; the key that it had is destroyed.

    What answers an e-mail to a patient is theirs. An e-mail to a practice without requests names no patient: the reply
    keeps its own key.
    """
    reply.patient_id = None if email is None else email.patient_id
    is_about_requests = email is not None and email.patient_id is None
    reply.placement_request_ids = list(email.placement_request_ids) if email is not None and is_about_requests else []
    if reply.patient_id is not None:
        if reply.content is not None:
            patient_keys.destroy(session, reply.id)
        reply.notes = []
        (reply.content,) = texts.encrypt_all(session, [PatientText(reply.patient_id, reply.id, asdict(content))])
    elif reply.placement_request_ids:
        if reply.content is not None:
            patient_keys.destroy(session, reply.id)
            reply.content = None
        written = json.dumps(asdict(content), ensure_ascii=False)
        reply.notes = call_notes.encrypt(session, texts, reply, written, about=reply.placement_request_ids)
    elif reply.content is None:
        (reply.content,) = texts.encrypt_all(session, [PatientText(reply.id, reply.id, asdict(content))])


def read(session: Session, texts: PatientTexts, replies: Sequence[MailReply]) -> dict[UUID, ReplyContent | LostText]:
    """What replies say, by their ids; all are decrypted together."""
    notes = call_notes.find(session, texts, replies)
    own = texts.decrypt(session, [(each.content, each.id) for each in replies if each.content is not None])
    return {each.id: _read(notes[each.id] or own.get(each.content, LostText.ERASED)) for each in replies}


def _read(found: Any) -> ReplyContent | LostText:
    if isinstance(found, LostText):
        return found
    return ReplyContent(**(json.loads(found) if isinstance(found, str) else found))


def forget(session: Session, reply_ids: Sequence[UUID]) -> None:
    """Destroy the keys of replies that were removed."""
    for reply_id in sorted(reply_ids):
        patient_keys.destroy(session, reply_id)
