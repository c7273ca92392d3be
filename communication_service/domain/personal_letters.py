"""Letters that say who a patient is, or go to a patient: written with what the patient service says as they go.

Until then they say that it is filled in later. So what was withdrawn a moment ago counts, and nothing of who it is
waits in a table (docs/decisions/0052-who-patients-are.md). Nothing about health is among the values of these letters.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Final
from uuid import UUID

from communication_service.domain import email_parts, email_texts, notices, patient_addresses, template_words, templates
from communication_service.domain.call_sheet_schemas import IdentifiedPatient
from communication_service.domain.letter_headers import NO_MORE_TO_PATIENTS
from communication_service.domain.template_values import (
    ConfirmationValues,
    ContactDetails,
    PatientNoticeValues,
    PatientProgressValues,
)
from communication_service.domain.templates import RenderedLetter
from communication_service.settings import ContactRules
from communication_service.store import (
    answers,
    call_queries,
    copy_queries,
    email_queries,
    notice_queries,
    progress_queries,
    request_queries,
)
from communication_service.store.tables import ContactRequest, Email, PracticeCopy
from shared.database import Session
from shared.security.patient_texts import PatientTexts
from shared.texts import TextLanguage
from shared.values.contacts import format_phone, mailbox_of, writable_address
from shared.values.enums import CallStatus, ContactRelation, EmailKind, RequestOutcome, TemplateKind
from shared.values.mail_enums import IdentityRefusal
from shared.values.patient_details import ContactPersonDetails, PatientDetails, PatientDetailsAnswer
from shared.values.text import one_line

NOT_ALLOWED: Final = "the patient does not allow it any more"
NO_ADDRESS: Final = "the patient has no e-mail address that can be written to"
NOBODY: Final = "the patient service knows nobody of this name any more"
REASONS: Final = {
    IdentityRefusal.NO_CONSENT: NOT_ALLOWED,
    IdentityRefusal.NO_ADDRESS: NO_ADDRESS,
    IdentityRefusal.NOT_KNOWN: NOBODY,
}


@dataclass(frozen=True)
class WantedDetails:
    """What the patient service is asked for a letter or a call."""

    patient_id: UUID
    placement_request_id: UUID | None
    """Which request the practice has accepted; None: how the patient is written to."""
    purpose: str
    """For the patient's access log."""
    reference: str = ""
    """By what the practice knows the patient, for a call."""


def is_personal(email: Email) -> bool:
    """Whether it says who a patient is, or goes to one."""
    return email.patient_id is not None or (email.kind == EmailKind.CONFIRMATION and not email.written_by_staff)


def wanted(session: Session, email_id: UUID) -> WantedDetails | None:
    """What this e-mail needs as it goes; None where it names nobody, or its patient is not known any more."""
    email = email_queries.email(session, email_id)
    if email is None or not is_personal(email):
        return None
    if email.patient_id is not None:
        patient = copy_queries.patients(session, [email.patient_id]).get(email.patient_id)
        return WantedDetails(patient.id, None, f"letter {email.id}, to the patient") if patient else None
    (request,) = request_queries.requests_now(session, email.placement_request_ids)
    patient = copy_queries.patients(session, [request.patient_id]).get(request.patient_id)
    purpose = f"letter {email.id}, to therapist {email.therapist_id}, who offers a place"
    return WantedDetails(patient.id, request.id, purpose) if patient else None


def wanted_for_call(session: Session, call_id: UUID, *, by: UUID | None) -> list[WantedDetails]:
    """What the sheet of a call needs with a practice that offers places and has no letter yet, shown to `by`."""
    call = call_queries.phone_call(session, call_id)
    if call is None or call.status != CallStatus.COMPLETED or call.corrected_at is not None:
        return []
    unwritten = notice_queries.unconfirmed_requests(session, call.placement_request_ids)
    patients = copy_queries.patients(session, [each.patient_id for each in unwritten])
    purpose = f"call {call_id} to therapist {call.therapist_id}, who offers a place; shown to {by}"
    return [
        WantedDetails(patients[each.patient_id].id, each.id, purpose, patients[each.patient_id].reference)
        for each in unwritten
        if each.patient_id in patients and each.outcome == RequestOutcome.ACCEPTED
    ]


def identified(wanted: WantedDetails, details: PatientDetails, language: TextLanguage) -> IdentifiedPatient:
    """Who the patient of this request is, for the sheet of a call."""
    assert wanted.placement_request_id is not None  # `wanted_for_call`
    persons = [_contact_person(each, language) for each in details.contact_persons]
    return IdentifiedPatient(
        placement_request_id=wanted.placement_request_id,
        reference=wanted.reference,
        **asdict(contact_details(details)),
        contact_persons=persons,
    )


# As they are made


def write_without_details(session: Session, texts: PatientTexts, email: Email, *, rules: ContactRules) -> None:
    """Write the letter as it is until it goes: it says that who it is about is filled in later."""
    name = template_words.filled_in_later(rules.letter_language)
    _write(session, texts, email, PatientDetails(first_name="", last_name=name), rules=rules)


# As they go


def write_into(
    session: Session,
    texts: PatientTexts,
    email: Email,
    answer: PatientDetailsAnswer | None,
    *,
    rules: ContactRules,
    now: datetime,
) -> bool:
    """Write into a letter that goes now what the patient service said; False where it does not go (now).

    Nobody is named who is not to be: such a letter is cancelled. Where the patient service knows of no acceptance yet,
    the letter waits until it does; one to a patient whose address does not exist waits for another one.
    """
    if not is_personal(email):
        return True
    if answer is None:
        return False
    if answer.refusal == IdentityRefusal.NO_OFFER:
        notices.wait_for_patient_service(email, now=now)
        return False
    if answer.details is None or (email.patient_id is not None and writable_address(answer.details.email) is None):
        reason = REASONS.get(answer.refusal or IdentityRefusal.NO_ADDRESS, NOT_ALLOWED)
        write_without_details(session, texts, email, rules=rules)
        notices.cancel_because(session, email, reason, now=now)
        return False
    if email.patient_id is not None and not _may_be_written_to(session, texts, email.patient_id, answer.details):
        notices.wait_for_address(email, now=now)
        return False
    _write(session, texts, email, answer.details, rules=rules)
    if email.patient_id is not None:
        patient_addresses.remember(session, texts, email, mailbox_of(answer.details.email) or "")
    email.allowed_at = now
    return True


def _may_be_written_to(session: Session, texts: PatientTexts, patient_id: UUID, details: PatientDetails) -> bool:
    """Whether no e-mail came back from the patient's address since the consent."""
    mailbox = mailbox_of(details.email) or ""
    return not patient_addresses.is_refused(session, texts, patient_id, mailbox, consented_at=details.consented_at)


def recipient(email: Email, answer: PatientDetailsAnswer | None) -> str:
    """The address to which it goes, its domain as mail servers know it (`xn--…`)."""
    address: str | None = email.recipient
    if email.patient_id is not None:
        address = None if answer is None or answer.details is None else answer.details.email
    written_to = writable_address(address)
    assert written_to is not None  # `write_into`, and `copies` of a practice's
    return written_to


def _write(
    session: Session, texts: PatientTexts, email: Email, details: PatientDetails, *, rules: ContactRules
) -> None:
    if email.patient_id is None:
        (request,) = request_queries.requests_now(session, email.placement_request_ids)
        written = _confirmation(session, email, request, details, rules=rules)
        email_parts.write(session, texts, email, written.letter, [(request.patient_id, request.id)])
    else:
        written = _to_patient(session, email, details, rules=rules)
        email_parts.write_to_patient(session, texts, email, written.letter)
    written.mark(email)


def _to_patient(session: Session, email: Email, details: PatientDetails, *, rules: ContactRules) -> RenderedLetter:
    greeting = _greeting(details, rules.letter_language)
    if not email.placement_request_ids:
        return _progress(session, email, greeting, rules=rules)
    (request,) = request_queries.requests_now(session, email.placement_request_ids)
    return _notice(session, request, greeting, rules=rules)


def _greeting(details: PatientDetails, language: TextLanguage) -> str:
    return one_line(
        template_words.greeting(
            salutation=details.salutation,
            title=details.title,
            first_name=details.first_name,
            last_name=details.last_name,
            gender=details.gender,
            language=language,
        )
    )


def _confirmation(
    session: Session, email: Email, request: ContactRequest, details: PatientDetails, *, rules: ContactRules
) -> RenderedLetter:
    assert email.therapist_id is not None  # of every e-mail to a practice
    practice = copy_queries.therapist(session, email.therapist_id)
    patient = copy_queries.patients(session, [request.patient_id]).get(request.patient_id)
    language = rules.letter_language
    values = ConfirmationValues(
        greeting=email_texts.greeting(practice, language) if practice else "",
        sender=email_texts.clean(rules.sender),
        reference=one_line(patient.reference) if patient else "",
        patient=contact_details(details),
        contact_persons=[_contact_person(each, language) for each in details.contact_persons],
        available_from=_available_from(session, request, language),
    )
    return templates.render(session, TemplateKind.CONFIRMATION, values, language=language)


def contact_details(details: PatientDetails) -> ContactDetails:
    """How a practice reaches the patient."""
    return ContactDetails(
        name=_line(details.title, details.first_name, details.last_name) or "",
        address=_address(details.street, details.house_number, details.postal_code, details.city),
        phone=details.phone,
        email=details.email,
    )


def _contact_person(person: ContactPersonDetails, language: TextLanguage) -> str:
    return template_words.contact_person(
        one_line(person.name),
        is_guardian=person.relation == ContactRelation.GUARDIAN,
        reached_by=[each for each in (person.phone, person.email) if each],
        language=language,
    )


def _notice(session: Session, request: ContactRequest, greeting: str, *, rules: ContactRules) -> RenderedLetter:
    practice = copy_queries.therapist(session, request.therapist_id)
    values = PatientNoticeValues(
        greeting=greeting,
        sender=email_texts.clean(rules.sender),
        opt_out=NO_MORE_TO_PATIENTS,
        practice=_practice(practice) if practice else ContactDetails("", None, None, None),
        available_from=_available_from(session, request, rules.letter_language),
    )
    return templates.render(session, TemplateKind.PATIENT_NOTICE, values, language=rules.letter_language)


def _progress(session: Session, email: Email, greeting: str, *, rules: ContactRules) -> RenderedLetter:
    assert email.patient_id is not None  # asked of these alone
    patient = copy_queries.patients(session, [email.patient_id]).get(email.patient_id)
    language, since = rules.letter_language, patient.search_started_on if patient else None
    found = progress_queries.progress(session, patient.id if patient else email.patient_id)
    values = PatientProgressValues(
        greeting=greeting,
        sender=email_texts.clean(rules.sender),
        opt_out=NO_MORE_TO_PATIENTS,
        searching_since=template_words.written_day(since, language) if since else "",
        asked=found.asked,
        unanswered=found.unanswered,
        declined=found.declined,
        later=found.later,
    )
    return templates.render(session, TemplateKind.PATIENT_PROGRESS, values, language=language)


def _practice(practice: PracticeCopy) -> ContactDetails:
    return ContactDetails(
        name=_line(practice.title, practice.first_name, practice.last_name) or "",
        address=_address(practice.street, practice.house_number, practice.postal_code, practice.city),
        phone=format_phone(number) if (number := practice.phone or practice.mobile) else None,
        email=practice.email,
    )


def _available_from(session: Session, request: ContactRequest, language: TextLanguage) -> str | None:
    """From when there is a place, where the practice said so here and has not said otherwise since."""
    answer = answers.newest_by_request(session, [request.id]).get(request.id)
    if answer is None or answer.outcome != RequestOutcome.ACCEPTED:
        return None
    day: date | None = answer.available_from
    return None if day is None else template_words.written_day(day, language)


def _address(street: str | None, house_number: str | None, postal_code: str | None, city: str | None) -> str | None:
    return ", ".join(_lines(_line(street, house_number), _line(postal_code, city))) or None


def _lines(*parts: str | None) -> Sequence[str]:
    return [each for each in parts if each]


def _line(*parts: str | None) -> str | None:
    return one_line(" ".join(_lines(*parts))) or None
