"""What a practice reads before it accepts: pseudonyms, as text and as HTML (docs/domain.md#contact-rule-11)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from uuid import UUID

from communication_service.domain import template_words, templates
from communication_service.domain.letter_headers import NO_MORE, REPLY_LINK_HERE
from communication_service.domain.template_values import (
    CallScriptValues,
    InquiryValues,
    Pseudonym,
    WithdrawalValues,
    WithdrawnPatient,
)
from communication_service.domain.templates import RenderedLetter
from communication_service.settings import ContactRules
from communication_service.store.tables import PatientPseudonym, PracticeCopy, Template
from shared.database import Session
from shared.texts import TextLanguage
from shared.values.emails import Sender
from shared.values.enums import TemplateKind
from shared.values.text import one_line

Summaries = Mapping[UUID, str | None]
"""By patient; None where nothing may be said, and nobody is missing of whom that was asked."""
NONE_ASKED: Summaries = MappingProxyType({})


def inquiry(
    session: Session,
    therapist: PracticeCopy,
    patients: Sequence[PatientPseudonym],
    *,
    rules: ContactRules,
    summaries: Summaries = NONE_ASKED,
    template: Template | None = None,
) -> RenderedLetter:
    """Returns the letter that asks a practice for places for these patients.

    `summaries`: what it may read of them beside, only in a letter that goes now. `template`: the one that is used, as
    `inquiry_template` says, where several letters are written.
    """
    language = rules.letter_language
    values = inquiry_values(therapist, patients, sender=rules.sender, language=language, summaries=summaries)
    return templates.render_with(template or inquiry_template(session, rules), values)


def inquiry_template(session: Session, rules: ContactRules) -> Template:
    """The template with which inquiries are written."""
    return templates.active(session, TemplateKind.INQUIRY, rules.letter_language)


def withdrawal(
    session: Session,
    therapist: PracticeCopy,
    patients: Sequence[WithdrawnPatient],
    *,
    rules: ContactRules,
    is_correction: bool = False,
) -> RenderedLetter:
    """Returns the letter which says that a practice is asked for these patients no more.

    `is_correction`: that it was noted by mistake that the practice accepts them.
    """
    language = rules.letter_language
    named = [replace(each, reference=one_line(each.reference)) for each in patients]
    values = WithdrawalValues(
        greeting=greeting(therapist, language),
        sender=clean(rules.sender),
        number=len(named),
        references=", ".join(each.reference for each in named),
        is_correction=is_correction,
        patients=named,
    )
    return templates.render(session, TemplateKind.WITHDRAWAL, values, language=language)


def inquiry_values(
    therapist: PracticeCopy,
    patients: Sequence[PatientPseudonym],
    *,
    sender: Sender,
    language: TextLanguage,
    summaries: Summaries = NONE_ASKED,
) -> InquiryValues:
    """Returns what a template of an inquiry is written with."""
    pseudonyms = [pseudonym(each, summaries.get(each.id), language) for each in patients]
    return InquiryValues(
        greeting=greeting(therapist, language),
        sender=clean(sender),
        opt_out=NO_MORE,
        reply_link=REPLY_LINK_HERE,
        number=len(pseudonyms),
        references=", ".join(each.reference for each in pseudonyms),
        patients=pseudonyms,
    )


def call_values(
    therapist: PracticeCopy, patients: Sequence[PatientPseudonym], *, sender: Sender, language: TextLanguage
) -> CallScriptValues:
    """Returns what a script of a call is written with: without summaries, which the call sheet shows beside it."""
    return CallScriptValues(
        practice=one_line(" ".join(filter(None, (therapist.title, therapist.first_name, therapist.last_name)))),
        sender=clean(sender),
        number=len(patients),
        patients=[pseudonym(each, None, language) for each in patients],
    )


def clean(sender: Sender) -> Sender:
    """The sender as a template writes it: one line of text each."""
    return Sender(one_line(sender.address), one_line(sender.name))


def greeting(therapist: PracticeCopy, language: TextLanguage) -> str:
    """How a letter to this therapist begins, without the comma."""
    return one_line(
        template_words.greeting(
            salutation=therapist.salutation,
            title=therapist.title,
            first_name=therapist.first_name,
            last_name=therapist.last_name,
            gender=therapist.gender,
            language=language,
        )
    )


def pseudonym(patient: PatientPseudonym, summary: str | None, language: TextLanguage) -> Pseudonym:
    """What a practice may know of the patient, in words."""
    return Pseudonym(
        reference=one_line(patient.reference),
        person=template_words.person(patient.age, patient.gender, language),
        insurance=template_words.insurance(
            patient.insurance_type, is_reimbursed=patient.reimbursement_case, language=language
        ),
        diagnosis_group=template_words.diagnosis_group(patient.diagnosis_block, language),
        availability=template_words.hours(patient.availability, language),
        had_prior_therapy=patient.prior_therapy_within_two_years is True,
        summary=[line for each in (summary or "").splitlines() if (line := one_line(each))],
    )
