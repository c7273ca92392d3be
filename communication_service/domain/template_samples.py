"""Invented values of each kind of template: for previews, and the longest that can come, for the check of a new one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Final

from communication_service.domain import template_words
from communication_service.domain.letter_headers import NO_MORE, NO_MORE_TO_PATIENTS, REPLY_LINK_HERE
from communication_service.domain.template_values import (
    CallScriptValues,
    ConfirmationValues,
    ContactDetails,
    InquiryValues,
    PatientNoticeValues,
    PatientProgressValues,
    Pseudonym,
    Values,
    VoicemailScriptValues,
    WithdrawalValues,
    WithdrawnPatient,
)
from shared.texts import TextLanguage
from shared.values.emails import Sender
from shared.values.enums import TemplateKind
from shared.values.weekly import Weekly

MOST_PATIENTS: Final = 20
"""As many as the settings allow in one contact."""
SAMPLE_SENDER: Final = Sender("vermittlung@example.org", "Vermittlung von Therapieplätzen")
_LONGEST_SUMMARY: Final = 4000
_HOURS: Final = Weekly.of([(9 * 60, 12 * 60), (24 * 60 + 14 * 60, 24 * 60 + 18 * 60)])


def sample(kind: TemplateKind, language: TextLanguage, *, number: int, sender: Sender = SAMPLE_SENDER) -> Values:
    """Returns values of nobody, with so many patients."""
    return _SAMPLES[kind](language, number, sender)


def longest(kind: TemplateKind) -> Values:
    """Returns the longest values that can come: many patients, each with a summary of short lines."""
    values = sample(kind, TextLanguage.DE, number=MOST_PATIENTS)
    if not isinstance(values, InquiryValues | CallScriptValues):
        return values
    summary = ("x",) * (_LONGEST_SUMMARY // 2)
    return replace(values, patients=[replace(each, summary=summary) for each in values.patients])


def _pseudonym(place: int, language: TextLanguage) -> Pseudonym:
    is_german = language == TextLanguage.DE
    has_more = place % 2 == 0
    summary = ("Sucht eine Einzeltherapie.", "Arbeitet im Schichtdienst.") if is_german else (
        "Is looking for individual therapy.", "Works in shifts.",
    )  # fmt: skip
    return Pseudonym(
        reference=f"P-MUST-{place + 2:02}",
        person=template_words.person(34 + place, "female" if has_more else "male", language),
        insurance=template_words.insurance("statutory", is_reimbursed=not has_more, language=language),
        diagnosis_group=template_words.diagnosis_group("F30-F39", language) if has_more else None,
        availability=template_words.hours(_HOURS if has_more else None, language),
        had_prior_therapy=has_more,
        summary=summary if has_more else (),
    )


def _greeting(language: TextLanguage) -> str:
    return template_words.greeting(
        salutation="Frau", title="Dr.", first_name="Erika", last_name="Erfunden", gender="female", language=language
    )


def _inquiry(language: TextLanguage, number: int, sender: Sender) -> Values:
    patients = [_pseudonym(place, language) for place in range(number)]
    references = ", ".join(each.reference for each in patients)
    return InquiryValues(_greeting(language), sender, NO_MORE, REPLY_LINK_HERE, number, references, patients)


def _confirmation(language: TextLanguage, number: int, sender: Sender) -> Values:  # noqa: ARG001 - as all of them
    patient = ContactDetails("Max Mustermann", "Musterweg 1, 52062 Aachen", "0241 123456", "max@example.org")
    persons = ("Maria Mustermann, 0241 654321",)
    return ConfirmationValues(_greeting(language), sender, "P-MUST-02", patient, persons, "01.02.2027")


def _withdrawal(language: TextLanguage, number: int, sender: Sender) -> Values:
    patients = [
        WithdrawnPatient(f"P-MUST-{place + 2:02}", is_placed=place % 2 == 0, is_to_be_deleted=place % 3 == 2)
        for place in range(number)
    ]
    references = ", ".join(each.reference for each in patients)
    return WithdrawalValues(_greeting(language), sender, number, references, is_correction=False, patients=patients)


def _patient_notice(language: TextLanguage, number: int, sender: Sender) -> Values:  # noqa: ARG001
    practice = ContactDetails("Dr. Erika Erfunden", "Praxisstraße 2, 52062 Aachen", "0241 123457", "praxis@example.org")
    return PatientNoticeValues(_to_patient(language), sender, NO_MORE_TO_PATIENTS, practice, "01.02.2027")


def _patient_progress(language: TextLanguage, number: int, sender: Sender) -> Values:  # noqa: ARG001
    return PatientProgressValues(_to_patient(language), sender, NO_MORE_TO_PATIENTS, "01.12.2026", 24, 9, 12, 3)


def _to_patient(language: TextLanguage) -> str:
    return "Guten Tag Max Mustermann" if language == TextLanguage.DE else "Dear Max Mustermann"


def _call_script(language: TextLanguage, number: int, sender: Sender) -> Values:
    patients = [_pseudonym(place, language) for place in range(number)]
    return CallScriptValues("Dr. Erika Erfunden", sender, number, patients)


def _voicemail_script(language: TextLanguage, number: int, sender: Sender) -> Values:  # noqa: ARG001
    return VoicemailScriptValues("Dr. Erika Erfunden", sender, number)


_SAMPLES: Final[Mapping[TemplateKind, Callable[[TextLanguage, int, Sender], Values]]] = MappingProxyType(
    {
        TemplateKind.INQUIRY: _inquiry,
        TemplateKind.CONFIRMATION: _confirmation,
        TemplateKind.WITHDRAWAL: _withdrawal,
        TemplateKind.PATIENT_NOTICE: _patient_notice,
        TemplateKind.PATIENT_PROGRESS: _patient_progress,
        TemplateKind.CALL_SCRIPT: _call_script,
        TemplateKind.VOICEMAIL_SCRIPT: _voicemail_script,
    }
)
