"""Notices: e-mails that are no inquiries. They answer a practice, or inform it, and wait for no cooldown.

A withdrawal is written by itself: a practice that was written to and has not answered learns at once that its answer
is not needed any more (docs/domain.md#contact-rule-9), and one that offers a place that it need not keep it free. Who
was written who a patient is, is asked to delete that, also where it was a mistake that the practice accepts. Just
before it is handed over it is looked at again, and what is not true any more is not sent.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from communication_service.domain import email_parts, email_texts, recipients, states
from communication_service.domain.contact_rule import Barrier
from communication_service.domain.contact_waits import ContactWait
from communication_service.domain.practice_facts import barrier_of_notices
from communication_service.domain.template_values import WithdrawnPatient
from communication_service.settings import ContactRules
from communication_service.store import (
    copy_queries,
    email_queries,
    locks,
    notice_queries,
    progress_queries,
    request_queries,
)
from communication_service.store.notice_queries import DueNotice
from communication_service.store.tables import ContactRequest, Email, PatientPseudonym, PracticeCopy
from shared.database import Session
from shared.security.patient_texts import PatientTexts
from shared.values.enums import ContactRequestStatus, EmailKind, RequestOutcome, WithdrawalReason

REASONS: Final = frozenset(WithdrawalReason) - {
    WithdrawalReason.PATIENT_ERASED,
    WithdrawalReason.PATIENT_MERGED,
    WithdrawalReason.THERAPIST_MERGED,
    WithdrawalReason.THERAPIST_UNAVAILABLE,
}
"""Of withdrawals about which a practice is written to: nobody is written about after an erasure, another request goes
on after a merge, and who is blocked or inactive is left alone."""
NO_ADDRESS: Final = "the practice has no e-mail address any more"
NO_EMAILS_WANTED: Final = "the practice is not written to any more"
UNTIL_ADDRESS_ASKED_AGAIN: Final = timedelta(days=1)
"""After so long the patient service is asked again where to write to whose address does not exist: each is noted."""
UNTIL_ASKED_AGAIN: Final = timedelta(seconds=15)
"""After so long the patient service is asked again who somebody is."""
TAKEN_UP: Final = "the place is taken up, or offered no more"
ARRIVES_AFTER_ALL: Final = "the e-mail before was refused wrongly, and goes again"
NOT_TRUE: Final = "what it says is not true any more, or somebody in it was erased"


# Withdrawals


def due(session: Session, *, rules: ContactRules, now: datetime, at_most: int) -> Sequence[DueNotice]:
    """Practices that are to learn of withdrawals, which have gathered for as long as requests do."""
    return notice_queries.therapists_with_withdrawals(session, before=now - rules.gathering, limit=at_most)


def write_withdrawals(
    session: Session, therapist_id: UUID, *, rules: ContactRules, texts: PatientTexts, cause: str | None, now: datetime
) -> int:
    """Write to a practice which requests are withdrawn, in one e-mail where they fit; returns the number of e-mails.

    So it is about acceptances that were a mistake, where the practice was written who it is. A practice that cannot be
    written to any more, and patients of whom nothing is known, are left out.
    """
    if not locks.try_to_lock_therapist(session, therapist_id):
        return 0
    requests = notice_queries.withdrawals_to_write(session, therapist_id)
    practice = copy_queries.therapist(session, therapist_id)
    patients = _patients(session, texts, requests)
    for request in requests:
        request.withdrawal_due_at = None
    if practice is None or barrier_of_notices(session, practice) is not None:
        return 0
    named = notice_queries.requests_with_confirmation_gone(session, [each.id for each in requests])
    about = [each for each in requests if each.patient_id in patients]
    withdrawn = [each for each in about if _is_withdrawn(each)]
    corrected = [each for each in about if _is_corrected(each) and each.id in named]
    groups = [group for each in (withdrawn, corrected) for group in _in_groups(each, rules.patients_together)]
    for group in groups:
        _write_withdrawal(session, texts, practice, group, patients, named, rules=rules, cause=cause, now=now)
    return len(groups)


def _in_groups(requests: Sequence[ContactRequest], most: int) -> list[Sequence[ContactRequest]]:
    return [requests[first : first + most] for first in range(0, len(requests), most)]


def _patients(
    session: Session, texts: PatientTexts, requests: Sequence[ContactRequest]
) -> dict[UUID, PatientPseudonym]:
    """The patients of whom something can be written."""
    wanted = {request.patient_id for request in requests}
    return copy_queries.patients(session, wanted - texts.unwritable(session, wanted))


def _write_withdrawal(
    session: Session,
    texts: PatientTexts,
    practice: PracticeCopy,
    requests: Sequence[ContactRequest],
    patients: dict[UUID, PatientPseudonym],
    named: Collection[UUID],
    *,
    rules: ContactRules,
    cause: str | None,
    now: datetime,
) -> None:
    email = states.new_email(EmailKind.WITHDRAWAL, practice.id, message_id_domain=rules.sender.domain, by=None, now=now)
    recipients.address(email, practice, now=now)
    email.correlation_id = cause
    withdrawn = [
        WithdrawnPatient(
            patients[each.patient_id].reference,
            is_placed=each.withdrawal_reason == WithdrawalReason.PLACED_ELSEWHERE,
            is_to_be_deleted=each.id in named,
        )
        for each in requests
    ]
    is_correction = _is_corrected(requests[0])
    written = email_texts.withdrawal(session, practice, withdrawn, rules=rules, is_correction=is_correction)
    written.mark(email)
    email_parts.write(session, texts, email, written.letter, [(each.patient_id, each.id) for each in requests])
    session.add(email)
    session.flush()


def postpone(session: Session, therapist_id: UUID, *, until: datetime) -> None:
    """Postpone the withdrawals of a practice whose data caused an error."""
    for request in notice_queries.withdrawals_to_write(session, therapist_id):
        request.withdrawal_due_at = until


# Before they are handed over


def ready(session: Session, known: Email, *, texts: PatientTexts, now: datetime) -> Email | None:
    """Returns the notice, locked, if it may go as things are now; one that is not true any more is cancelled."""
    if known.therapist_id is not None and not locks.try_to_lock_therapist(session, known.therapist_id):
        return None
    email = email_queries.email(session, known.id, lock=True)
    if email is None or not states.may_go(email, now=now):
        return None
    request_queries.lock_requests(session, email.placement_request_ids)
    problem = _what_is_not_true(session, texts, email) or _address(session, email, now=now)
    if problem is not None:
        cancel_because(session, email, problem, now=now)
    return email if states.may_go(email, now=now) else None


def cancel_because(session: Session, email: Email, reason: str, *, now: datetime) -> None:
    """Never send this notice, for this reason, as `cancel`."""
    cancel(session, email, now=now)
    email.error = reason
    session.flush()


def _address(session: Session, email: Email, *, now: datetime) -> str | None:
    """Write the practice's present address into the notice; returns the reason where the practice is not written to.

    A confirmation that says who the patient is waits instead: until the practice can be written to, staff phone it.
    """
    if email.therapist_id is None:
        return None
    therapist_id = email.therapist_id = _practice_now(session, email, email.therapist_id)
    practice = copy_queries.therapist(session, therapist_id)
    found = barrier_of_notices(session, practice) if practice else Barrier(ContactWait.THERAPIST_NOT_KNOWN)
    if practice is not None and found is None:
        recipients.address(email, practice, now=now)
    elif found is not None and is_composed_confirmation(email):
        states.hold_email(email, waits_for=found.waits_for, waits_until=None, now=now)
    else:
        return NO_ADDRESS if practice is None or practice.email_key is None else NO_EMAILS_WANTED
    return None


def _practice_now(session: Session, email: Email, known: UUID) -> UUID:
    """Returns to whom the notice goes: who is kept, where its practice was merged into another one."""
    practices = {each.therapist_id for each in request_queries.requests_now(session, email.placement_request_ids)}
    return practices.pop() if len(practices) == 1 else known


def _what_is_not_true(session: Session, texts: PatientTexts, email: Email) -> str | None:
    is_whole = may_be_said(session, email) and email_parts.read_whole(session, texts, email) is not None
    return None if is_whole else NOT_TRUE


def _is_composed_withdrawal(email: Email) -> bool:
    return email.kind == EmailKind.WITHDRAWAL and not email.written_by_staff


def is_composed_confirmation(email: Email) -> bool:
    """Whether it was written by itself, and so says who the patient is."""
    return email.kind == EmailKind.CONFIRMATION and not email.written_by_staff


def is_about_acceptance(email: Email) -> bool:
    """Whether it was written by itself because a practice offers a place: to the practice, or to the patient."""
    is_of_patient = email.patient_id is not None and bool(email.placement_request_ids)
    return is_composed_confirmation(email) or is_of_patient


def may_be_said(session: Session, email: Email) -> bool:
    """Whether all that a notice is about is as it says, and no patient in it was erased."""
    requests = request_queries.requests_now(session, email.placement_request_ids)
    named = {each.patient_id for each in requests} | ({email.patient_id} if email.patient_id else set())
    patients = copy_queries.patients(session, named)
    if named != patients.keys():
        return False
    if is_about_acceptance(email):
        return bool(requests) and all(each.outcome == RequestOutcome.ACCEPTED for each in requests)
    if email.patient_id is not None:
        return progress_queries.goes_on(session, patients[email.patient_id].id)
    return not _is_composed_withdrawal(email) or all(_is_withdrawn(each) or _is_corrected(each) for each in requests)


# While they wait


def wait_for_patient_service(email: Email, *, now: datetime) -> None:
    """Let a notice wait until the patient service says who somebody is; it is asked again in a moment."""
    states.hold_email(email, waits_for=ContactWait.PATIENT_SERVICE, waits_until=None, now=now)
    email.not_before = now + UNTIL_ASKED_AGAIN


def wait_for_address(email: Email, *, now: datetime) -> None:
    """Let an e-mail to a patient wait until there is another address, or a new consent."""
    states.hold_email(email, waits_for=ContactWait.PATIENT_ADDRESS_BOUNCED, waits_until=None, now=now)
    email.not_before = now + UNTIL_ADDRESS_ASKED_AGAIN


def let_wait(session: Session, known: Email, *, now: datetime) -> None:
    """The same for one that is not locked yet; where it does not wait to be sent any more, nothing happens."""
    if known.therapist_id is not None:
        locks.lock_therapist(session, known.therapist_id)
    email = email_queries.email(session, known.id, lock=True)
    if email is not None and email.status == "approved":
        wait_for_patient_service(email, now=now)


def release_waiting(session: Session, *, now: datetime, at_most: int) -> int:
    """Let notices go on that need not wait any more, or cancel them where nobody needs them; returns their number."""
    found = notice_queries.waiting_no_more(session, now=now, limit=at_most)
    for email in found:
        if email.waits_for in notice_queries.NOT_WRITTEN_TO and not _is_offer_open(session, email):
            cancel_because(session, email, TAKEN_UP, now=now)
        else:
            states.approve_email(email, now=now)
    return len(found)


def _is_offer_open(session: Session, email: Email) -> bool:
    """Whether a place is offered that the patient has not taken up yet: then practice and patient have met."""
    requests = request_queries.requests_now(session, email.placement_request_ids)
    return all(each.status == ContactRequestStatus.ACCEPTED for each in requests)


# What is withdrawn


def _is_withdrawn(request: ContactRequest) -> bool:
    return request.status == ContactRequestStatus.OVER and request.withdrawal_reason is not None


def _is_corrected(request: ContactRequest) -> bool:
    """Whether it was a mistake that the practice accepts, and it has not accepted since."""
    return request.corrected_at is not None and request.outcome != RequestOutcome.ACCEPTED


def cancel(session: Session, email: Email, *, now: datetime) -> None:
    """Never send this notice; what a withdrawal still has to say is written anew. The caller holds the locks."""
    states.cancel_email(email, now=now)
    write_anew(session, email, now=now)


def write_anew(session: Session, email: Email, *, now: datetime) -> None:
    """Let the practice learn of the withdrawals in a notice that never goes; others are not written by themselves."""
    if not _is_composed_withdrawal(email):
        return
    for request in request_queries.requests(session, email.placement_request_ids):
        if _is_withdrawn(request) or _is_corrected(request):
            request.withdrawal_due_at = now


def write_again(session: Session, email: Email, *, now: datetime) -> None:
    """Let practice or patient be written to again after an acceptance, where this notice of it did not arrive.

    The time for mistakes has passed before it: that counts from when this one was written. The caller holds its locks.
    """
    if not is_about_acceptance(email):
        return
    for request in request_queries.requests(session, email.placement_request_ids):
        if request.outcome == RequestOutcome.ACCEPTED:
            request.confirmation_due_at = min(email.created_at, now)


def give_way(session: Session, email: Email, *, now: datetime) -> bool:
    """Cancel what was written in place of this refused notice and waits for another address.

    False where another one has gone, perhaps, or may yet go.
    """
    instead = notice_queries.written_instead(session, email) if is_about_acceptance(email) else []
    if not {each.waits_for for each in instead} <= {ContactWait.EMAIL_SUPPRESSED, ContactWait.PATIENT_ADDRESS_BOUNCED}:
        return False
    for each in instead:
        cancel_because(session, each, ARRIVES_AFTER_ALL, now=now)
    return True


def cancel_about_erased(session: Session, *, now: datetime, at_most: int) -> int:
    """Cancel notices that have not gone out and are about patients who were erased; returns their number."""
    found = notice_queries.unsent_about_erased(session, limit=at_most)
    for email in found:
        cancel(session, email, now=now)
    session.flush()
    return len(found)
