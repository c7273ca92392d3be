"""The values of each kind of template: what can be written with it, and nothing else.

Names and types are what templates may use (`template_language.shape_of`). Everything is one line of text already, in
the language of the template; a text that may be missing is None, and a template writes nothing for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from shared.values.emails import Sender


@dataclass(frozen=True)
class Pseudonym:
    """One patient as a practice reads of them before it accepts (docs/domain.md#contact-rule-11)."""

    reference: str
    person: str
    insurance: str
    diagnosis_group: str | None
    availability: str
    had_prior_therapy: bool
    """A warning, not an exclusion (docs/domain.md#contact-rule-14)."""
    summary: Sequence[str]
    """The lines of what else the patient agrees to be said."""


@dataclass(frozen=True)
class ContactDetails:
    """How somebody is reached: a patient after an acceptance, or a practice."""

    name: str
    address: str | None
    phone: str | None
    email: str | None


@dataclass(frozen=True)
class InquiryValues:
    """Of `inquiry`: a practice is asked for places."""

    greeting: str
    """Without the comma after it."""
    sender: Sender
    opt_out: str
    """What a practice writes that wants no more inquiries."""
    reply_link: str
    """Where a practice answers without an e-mail; written in as the letter is handed over, in HTML as a link."""
    number: int
    """How many patients."""
    references: str
    """All their references; in the subject only."""
    patients: Sequence[Pseudonym]


@dataclass(frozen=True)
class ConfirmationValues:
    """Of `confirmation`: after an acceptance the practice learns who it is, and nothing about health."""

    greeting: str
    sender: Sender
    reference: str
    patient: ContactDetails
    contact_persons: Sequence[str]
    """Guardians and others, each with name and number."""
    available_from: str | None
    """The day from which the practice has a place."""


@dataclass(frozen=True)
class WithdrawnPatient:
    """One patient for whom a practice need do no more, or whom it never accepted."""

    reference: str
    is_placed: bool
    """Whether the patient has found a place elsewhere."""
    is_to_be_deleted: bool = False
    """Whether the practice was written who it is, which it is asked to delete."""


@dataclass(frozen=True)
class WithdrawalValues:
    """Of `withdrawal`: a practice that was asked, or accepted, learns for whom no place is needed any more."""

    greeting: str
    sender: Sender
    number: int
    """How many patients."""
    references: str
    """All their references; in the subject only."""
    is_correction: bool
    """Whether it was written by mistake that it has accepted these patients; it may still be asked for them."""
    patients: Sequence[WithdrawnPatient]


@dataclass(frozen=True)
class PatientNoticeValues:
    """Of `patient_notice`: a patient learns which practice offers a place."""

    greeting: str
    sender: Sender
    opt_out: str
    """What a patient writes who wants no more e-mails."""
    practice: ContactDetails
    available_from: str | None


@dataclass(frozen=True)
class PatientProgressValues:
    """Of `patient_progress`: a patient learns how the search goes on."""

    greeting: str
    sender: Sender
    opt_out: str
    """What a patient writes who wants no more such e-mails."""
    searching_since: str
    asked: int
    """Practices that were asked so far."""
    unanswered: int
    """Of these, those that have not answered yet."""
    declined: int
    later: int
    """Of these, those that may have a place later."""


@dataclass(frozen=True)
class CallScriptValues:
    """Of `call_script`: what a caller says first when a practice answers the phone."""

    practice: str
    sender: Sender
    number: int
    patients: Sequence[Pseudonym]


@dataclass(frozen=True)
class VoicemailScriptValues:
    """Of `voicemail_script`: what a caller says to a machine; nothing about any patient, since anybody may listen."""

    practice: str
    sender: Sender
    number: int


Values = (
    InquiryValues
    | ConfirmationValues
    | WithdrawalValues
    | PatientNoticeValues
    | PatientProgressValues
    | CallScriptValues
    | VoicemailScriptValues
)
