"""After an acceptance: the practice learns who the patient is, and the patient which practice offers a place.

Both are notices: they wait for no cooldown, and never go twice about the same request. Who it is, and where the patient
is written to, is asked for as they go (`personal_letters`). One that did not arrive is written anew
(`notices.write_again`).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from communication_service.domain import personal_letters, recipients, states
from communication_service.domain.contact_waits import ContactWait
from communication_service.settings import ContactRules
from communication_service.store import copy_queries, notice_queries
from communication_service.store.notice_queries import DueConfirmation
from communication_service.store.tables import ContactRequest, Email, PatientPseudonym, PracticeCopy
from shared.database import Session
from shared.errors import Unreachable
from shared.security.patient_texts import PatientTexts
from shared.values.enums import ContactRequestStatus, EmailKind, RequestOutcome


def due(session: Session, *, rules: ContactRules, now: datetime, at_most: int) -> Sequence[DueConfirmation]:
    """Acceptances to write about: what staff entered waits first, since the wrong one is noticed after a while."""
    return notice_queries.confirmations_due(session, before=now - rules.confirmation_delay, now=now, limit=at_most)


def write(
    session: Session, request_id: UUID, *, rules: ContactRules, texts: PatientTexts, cause: str | None, now: datetime
) -> int:
    """Write to the practice who the patient is, and to the patient which practice it is; returns the number of e-mails.

    What went or may yet go about this request is not written again. A practice without an address, or at whose address
    the e-mail before did not arrive, gets its e-mail once it has another one: until then the e-mail waits and says so,
    and staff phone. So does a patient's, of whom no address is known here. Raises `Unreachable` where the patient's key
    has to be restored first.
    """
    request = notice_queries.request_with_confirmation(session, request_id)
    if request is None:
        return 0
    request.confirmation_due_at = None
    patient = copy_queries.patients(session, [request.patient_id]).get(request.patient_id)
    if request.outcome != RequestOutcome.ACCEPTED or patient is None:
        return 0  # taken back, or erased
    if texts.unwritable(session, [request.patient_id, patient.id]):
        raise Unreachable("key.damaged")
    known = notice_queries.kinds_about_acceptance(session, request.id)
    practice = copy_queries.therapist(session, request.therapist_id)
    new: list[Email] = []
    if practice is not None and EmailKind.CONFIRMATION not in known and _is_needed(request, practice):
        new.append(_to_practice(session, request, practice, rules=rules, now=now))
    if EmailKind.PATIENT_NOTICE not in known:
        new.append(_to_patient(session, request, patient, rules=rules, now=now))
    for email in new:
        email.correlation_id = cause
        personal_letters.write_without_details(session, texts, email, rules=rules)
        session.add(email)
    session.flush()
    return len(new)


def _is_needed(request: ContactRequest, practice: PracticeCopy) -> bool:
    """Whether to write to the practice: one without an address whose place is taken up has met the patient."""
    return practice.email_key is not None or request.status == ContactRequestStatus.ACCEPTED


def _to_practice(
    session: Session, request: ContactRequest, practice: PracticeCopy, *, rules: ContactRules, now: datetime
) -> Email:
    email = states.new_email(
        EmailKind.CONFIRMATION, practice.id, message_id_domain=rules.sender.domain, by=None, now=now
    )
    email.placement_request_ids = [request.id]
    recipients.address(email, practice, now=now)
    if practice.email_key is None:
        states.hold_email(email, waits_for=ContactWait.EMAIL_ADDRESS_MISSING, waits_until=None, now=now)
    else:
        _hold_undeliverable(session, email, now=now)
    return email


def _hold_undeliverable(session: Session, email: Email, *, now: datetime) -> None:
    """Let the e-mail wait where one like it was refused at its address, or came back: it would be so again."""
    if notice_queries.is_undeliverable(session, email):
        states.hold_email(email, waits_for=ContactWait.EMAIL_SUPPRESSED, waits_until=None, now=now)


def _to_patient(
    session: Session, request: ContactRequest, patient: PatientPseudonym, *, rules: ContactRules, now: datetime
) -> Email:
    email = states.new_patient_notice(patient.id, message_id_domain=rules.sender.domain, now=now)
    email.placement_request_ids = [request.id]
    _hold_undeliverable(session, email, now=now)
    return email


def postpone(session: Session, request_id: UUID, *, until: datetime) -> None:
    """Postpone what is to be written about a request whose data caused an error."""
    request = notice_queries.request_with_confirmation(session, request_id)
    if request is not None:
        request.confirmation_due_at = until
