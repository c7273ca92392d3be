"""Whether a letter to a patient went to an address that does not exist; addresses themselves are kept nowhere here.

Of the address to which a letter went there is a digest, made with the letter's id and encrypted with the patient's key:
it says whether an address is the same, to who knows that address already, and is erased with the patient.
"""

from __future__ import annotations

from datetime import datetime
from hashlib import sha256
from uuid import UUID

from communication_service.store import email_queries
from communication_service.store.tables import Email
from shared.database import Session
from shared.security.patient_texts import PatientText, PatientTexts


def remember(session: Session, texts: PatientTexts, email: Email, mailbox: str) -> None:
    """Keep the digest of the normalised address to which this letter to a patient goes."""
    assert email.patient_id is not None  # asked of these alone
    digest = _digest(email.id, mailbox)
    (email.recipient_digest,) = texts.encrypt_all(session, [PatientText(email.patient_id, email.id, digest)])


def went_to(session: Session, texts: PatientTexts, email: Email, mailbox: str | None) -> bool:
    """Whether the letter went to this normalised address; False where that cannot be read any more."""
    if mailbox is None or email.recipient_digest is None:
        return False
    found = texts.decrypt(session, [(email.recipient_digest, email.id)])
    return bool(found[email.recipient_digest] == _digest(email.id, mailbox))


def refuse(email: Email, *, now: datetime) -> None:
    """Record that a mail server said that there is no such address: nothing goes there until that changes."""
    email.address_refused_at = email.address_refused_at or now


def is_refused(
    session: Session, texts: PatientTexts, patient_id: UUID, mailbox: str, *, consented_at: datetime | None
) -> bool:
    """Whether a letter to this patient came back from this address, and the consent stands since before that."""
    refused = email_queries.refused_by_address(session, patient_id)
    since = [each for each in refused if consented_at is None or _refused_at(each) >= consented_at]
    return any(went_to(session, texts, each, mailbox) for each in since)


def _refused_at(email: Email) -> datetime:
    assert email.address_refused_at is not None  # `refused_by_address`
    return email.address_refused_at


def _digest(email_id: UUID, mailbox: str) -> str:
    return sha256(email_id.bytes + mailbox.encode()).hexdigest()
