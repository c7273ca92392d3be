"""What practices may read of patients: asked for when a letter goes or a call is looked at, never kept for later.

So a consent that was withdrawn a moment ago counts, whether its event has arrived or not (docs/decisions/0033).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence, Set
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from communication_service.domain import email_parts, email_texts, notices, planning, practice_facts, states
from communication_service.domain.call_sheet_schemas import IdentifiedPatient
from communication_service.domain.contact_rule import lasting_barrier
from communication_service.domain.contact_waits import ContactWait
from communication_service.domain.email_texts import NONE_ASKED, Summaries
from communication_service.domain.templates import RenderedLetter
from communication_service.domain.unsent_rows import patient_facts
from communication_service.settings import ContactRules
from communication_service.store import (
    call_queries,
    copy_queries,
    email_queries,
    inquiry_queries,
    locks,
    request_queries,
    schedule,
    suppressions,
)
from communication_service.store.tables import Email, PatientPseudonym, PracticeCopy
from shared.database import Session
from shared.security.patient_texts import PatientTexts
from shared.values.emails import EmailText


@dataclass(frozen=True)
class SheetSummaries:
    """What the caller of a call may say beside the pseudonyms."""

    by_patient: Summaries = field(default_factory=lambda: NONE_ASKED)
    are_missing: bool = False
    """The patient service did not answer."""
    identities: Sequence[IdentifiedPatient] = ()
    """Who those are to whom the practice offered a place."""


NO_SUMMARIES = SheetSummaries()


class NextSheet(NamedTuple):
    """What was asked for before the next call was claimed: another one may be claimed then."""

    call_id: UUID | None = None
    summaries: SheetSummaries = NO_SUMMARIES


NO_NEXT_SHEET = NextSheet()


def patients_of_emails(session: Session, email_ids: Collection[UUID]) -> dict[UUID, set[UUID]]:
    """The patients of whom each of these e-mails may say more than their pseudonyms."""
    return with_summary(session, email_queries.emails(session, email_ids))


def with_summary(session: Session, emails: Sequence[Email]) -> dict[UUID, set[UUID]]:
    """The same of e-mails that are read already; nobody, unless it is an inquiry."""
    requests = {id for email in emails if email.inquiry_id is not None for id in email.placement_request_ids}
    if not requests:
        return {email.id: set() for email in emails}
    of_requests = request_queries.patients_of_requests(session, requests)
    known = copy_queries.patients(session, set(of_requests.values()))
    by_request = {id: known[patient] for id, patient in of_requests.items() if patient in known}
    return {
        email.id: {
            by_request[id].id
            for id in email.placement_request_ids
            if id in by_request and by_request[id].has_practice_summary
        }
        for email in emails
    }


def patients_of_call(session: Session, call_id: UUID) -> set[UUID]:
    """The same of a call that is still to be made: afterwards nobody needs it any more."""
    call = call_queries.phone_call(session, call_id)
    return set() if call is None or call.status != "planned" else _with_summary(session, call.placement_request_ids)


def _with_summary(session: Session, request_ids: Collection[UUID]) -> set[UUID]:
    patients = copy_queries.patients(session, request_queries.patients_of_requests(session, request_ids).values())
    return {patient.id for patient in patients.values() if patient.has_practice_summary}


def write_into(
    session: Session,
    texts: PatientTexts,
    email: Email,
    summaries: Summaries,
    needed: Set[UUID],
    *,
    rules: ContactRules,
) -> bool:
    """Write what practices may read into a letter that goes now; False where it was not asked for everybody in it.

    `needed`: its patients `with_summary`. Only inquiries say it.
    """
    if email.inquiry_id is None:
        return True
    if not needed <= summaries.keys():
        return False
    if not any(summaries.values()):
        return True
    practice, patients = _practice(session, email), _patients(session, email)
    written = _letter(session, practice, patients, summaries, rules)
    if written is not None:
        written.mark(email)
        about = [(patient.id, each) for patient, each in zip(patients, email.placement_request_ids, strict=True)]
        email_parts.write(session, texts, email, written.letter, about)
    return written is not None


def _letter(
    session: Session,
    practice: PracticeCopy | None,
    patients: Sequence[PatientPseudonym],
    summaries: Summaries,
    rules: ContactRules,
) -> RenderedLetter | None:
    """The letter as things are now; None where one of those in it is not known any more."""
    if practice is None or not patients:
        return None
    return email_texts.inquiry(session, practice, patients, rules=rules, summaries=summaries)


def _practice(session: Session, email: Email) -> PracticeCopy | None:
    return None if email.therapist_id is None else copy_queries.therapist(session, email.therapist_id)


def _patients(session: Session, email: Email) -> Sequence[PatientPseudonym]:
    """Those whom the e-mail is about, in its order; nobody where one of them is not known any more."""
    of_requests = request_queries.patients_of_requests(session, email.placement_request_ids)
    known = copy_queries.patients(session, of_requests.values())
    found = [known.get(of_requests[each]) for each in email.placement_request_ids if each in of_requests]
    complete = [each for each in found if each is not None]
    return complete if len(complete) == len(email.placement_request_ids) else []


def still_stands(
    session: Session, email_id: UUID, attempt: int, text: EmailText, summaries: Summaries, *, rules: ContactRules
) -> bool:
    """Whether a letter that was claimed some seconds ago is still right: nothing in it was withdrawn meanwhile.

    Nor has somebody else claimed it, in another attempt, because nothing came of this one for too long.
    """
    email = email_queries.email(session, email_id)
    if email is None or email.status != "sending" or email.attempts != attempt:
        return False
    if email.inquiry_id is None:
        return notices.may_be_said(session, email)
    requests = request_queries.requests_now(session, email.placement_request_ids)
    patients = copy_queries.patients(session, {each.patient_id for each in requests})
    offered = request_queries.patients_offered_a_place(session, patients)
    is_asked = all(
        each.status == "waiting" and planning.kept_back(each.hold, patient_facts(each, patients, offered)) is None
        for each in requests
    )
    practice = _practice(session, email)
    written = _letter(session, practice, _patients(session, email), summaries, rules)
    is_written_to = practice is not None and _is_written_to(session, email, practice, rules)
    return is_asked and is_written_to and written is not None and written.letter.whole() == text


def _is_written_to(session: Session, email: Email, practice: PracticeCopy, rules: ContactRules) -> bool:
    """Whether the practice may be written to still, also at the address to which the letter goes."""
    now = email.claimed_at or email.updated_at  # asked for nothing that ends by itself
    facts = practice_facts.read(session, {practice.id: practice}, rules=rules, now=now)[practice.id]
    is_suppressed = suppressions.is_suppressed(session, email.recipient_key)
    return not is_suppressed and lasting_barrier(facts, "email") is None


def let_wait(session: Session, email_id: UUID, *, until: datetime, now: datetime) -> None:
    """Let a letter wait for which the patient service cannot be asked; an inquiry is planned again at `until`."""
    known = email_queries.email(session, email_id)
    if known is not None and known.inquiry_id is None:
        notices.let_wait(session, known, now=now)
    if known is None or known.therapist_id is None or known.inquiry_id is None:
        return
    locks.lock_therapist(session, known.therapist_id)
    email = email_queries.email(session, email_id, lock=True)
    if email is None or email.status != "approved" or email.inquiry_id is None:
        return
    inquiry = inquiry_queries.inquiry(session, email.inquiry_id, lock=True)
    assert inquiry is not None  # a foreign key says so
    states.hold_email(email, waits_for=ContactWait.PATIENT_SERVICE, waits_until=None, now=now)
    inquiry.waits_for, inquiry.waits_until = ContactWait.PATIENT_SERVICE, None
    schedule.add(session, schedule.to_therapists([known.therapist_id]), at=until)
