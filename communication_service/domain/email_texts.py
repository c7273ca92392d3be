"""What a practice reads before it accepts: pseudonyms, as text and as HTML (docs/domain.md#contact-rule-11)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime
from pathlib import Path
from types import MappingProxyType
from uuid import UUID

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from communication_service.store.tables import PatientPseudonym, PracticeCopy
from shared.values import email_headers
from shared.values.emails import EmailText, Sender
from shared.values.text import one_line
from shared.values.weekly import Weekly

DIAGNOSIS_GROUPS = {
    "F00-F09": "Organische, einschließlich symptomatischer psychischer Störungen",
    "F10-F19": "Psychische und Verhaltensstörungen durch psychotrope Substanzen",
    "F20-F29": "Schizophrenie, schizotype und wahnhafte Störungen",
    "F30-F39": "Affektive Störungen",
    "F40-F48": "Neurotische, Belastungs- und somatoforme Störungen",
    "F50-F59": "Verhaltensauffälligkeiten mit körperlichen Störungen und Faktoren",
    "F60-F69": "Persönlichkeits- und Verhaltensstörungen",
    "F70-F79": "Intelligenzstörung",
    "F80-F89": "Entwicklungsstörungen",
    "F90-F98": "Verhaltens- und emotionale Störungen mit Beginn in der Kindheit und Jugend",
    "F99": "Nicht näher bezeichnete psychische Störungen",
}
"""The groups of ICD-10-GM, chapter V, by their German names (BfArM)."""

DAYS = ("montags", "dienstags", "mittwochs", "donnerstags", "freitags", "samstags", "sonntags")
GENDERS = {"female": "weiblich", "male": "männlich", "diverse": "divers"}
INSURANCES = {
    "statutory": "gesetzlich versichert",
    "private": "privat versichert",
    "self_pay": "Selbstzahlung",
    "civil_service_aid": "beihilfeberechtigt",
}


@dataclass(frozen=True)
class Pseudonym:
    """One patient as a practice reads of them."""

    reference: str
    person: str
    insurance: str
    diagnosis_group: str | None
    availability: str
    had_prior_therapy: bool
    """A warning, not an exclusion (docs/domain.md#contact-rule-14)."""
    summary: Sequence[str]
    """The lines of what else the patient agrees to be said."""


def _environment(*, autoescape: bool) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=autoescape,  # noqa: S701 - off for plain text only
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["one_line"] = one_line
    return environment


_TEXT = _environment(autoescape=False)
_HTML = _environment(autoescape=True)


def inquiry(
    therapist: PracticeCopy,
    patients: Sequence[PatientPseudonym],
    *,
    sender: Sender,
    summaries: Mapping[UUID, str | None] = MappingProxyType({}),
) -> EmailText:
    """Returns the text that asks a practice for places for these patients.

    `summaries`: what it may read of them beside, only in a letter that goes now.
    """
    words = {
        "greeting": _greeting(therapist),
        "patients": [_pseudonym(patient, summaries.get(patient.id)) for patient in patients],
        "sender": sender,
    }
    references = ", ".join(one_line(patient.reference) for patient in patients)
    persons = "eine Person" if len(patients) == 1 else f"{len(patients)} Personen"
    return EmailText(
        subject=f"Anfrage: Therapieplatz für {persons} ({references})",
        text=_TEXT.get_template("inquiry.txt.j2").render(words),
        html=_HTML.get_template("inquiry.html.j2").render(words),
    )


def passage(subject: str, text: str, *, of: str | None, others: int) -> EmailText | None:
    """The letter with what it says of one patient, by their reference, and nothing of so many others.

    None where that cannot be told apart for certain, such as in a letter of another form: it is then shown to nobody.
    """
    if not others:
        return EmailText(subject, text)
    parts = text.split("\n\n")
    passages = [part for part in parts if _PASSAGE.match(part)]
    mine = [part for part in passages if part.partition("\n")[0] == of]
    if len(mine) != 1 or len(passages) != others + 1:
        return None
    kept = "\n\n".join(part for part in parts if part in mine or part not in passages)
    return EmailText(_REFERENCES.sub(f"({of}, …)", subject), kept)


_PASSAGE = re.compile(r"[^\s\n][^\n]*\n  Person: ")
"""How the part of a letter begins that is about one patient."""
_REFERENCES = re.compile(r"\([^()]*\)$")


def diagnosis_group(block: str | None) -> str | None:
    """The group with its German name, as `F30-F39 Affektive Störungen`; None for what is no group."""
    return f"{block} {DIAGNOSIS_GROUPS[block]}" if block in DIAGNOSIS_GROUPS else None


def _greeting(therapist: PracticeCopy) -> str:
    name = " ".join(filter(None, (therapist.title, therapist.last_name)))
    if therapist.salutation == "Frau" or therapist.gender == "female":
        return f"Sehr geehrte Frau {name}"
    if therapist.salutation == "Herr" or therapist.gender == "male":
        return f"Sehr geehrter Herr {name}"
    return "Guten Tag " + " ".join(filter(None, (therapist.title, therapist.first_name, therapist.last_name)))


def _pseudonym(patient: PatientPseudonym, summary: str | None) -> Pseudonym:
    age = "Alter nicht angegeben" if patient.age is None else f"{patient.age} Jahre"
    gender = GENDERS.get(patient.gender)
    insurance = INSURANCES.get(patient.insurance_type or "", "nicht angegeben")
    if patient.reimbursement_case:
        insurance += ", Kostenerstattung (§ 13 Abs. 3 SGB V)"
    return Pseudonym(
        reference=patient.reference,
        person=f"{age}, {gender}" if gender else age,
        insurance=insurance,
        diagnosis_group=diagnosis_group(patient.diagnosis_block),
        availability=german_hours(patient.availability),
        had_prior_therapy=patient.prior_therapy_within_two_years is True,
        summary=[line for each in (summary or "").splitlines() if (line := one_line(each))],
    )


def german_hours(week: Weekly | None) -> str:
    """The windows of a week as people write them: `montags 09:00–12:00 Uhr; freitags 08:00–10:00, 14:00–16:00 Uhr`."""
    if not week:
        return "nicht angegeben"
    return "; ".join(
        f"{DAYS[DAYS_IN_ENGLISH.index(day)]} "
        + ", ".join(f"{window['start']}–{window['end']}" for window in windows)
        + " Uhr"
        for day, windows in week.to_json().items()
    )


DAYS_IN_ENGLISH = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


# The headers around the text


def inquiry_headers(*, sender: Sender, date: datetime, correlation_id: str | None) -> dict[str, str]:
    """The further headers of an inquiry.

    `Auto-Submitted` keeps out-of-office answers away (RFC 3834): they are not answers.
    """
    known = {
        "Date": format_datetime(date),
        "Auto-Submitted": "auto-generated",
        "Content-Language": "de",
        "List-Unsubscribe": email_headers.unsubscribe_by_mail(sender.address, "Keine Anfragen mehr"),
    }
    return known | ({"X-Correlation-Id": correlation_id} if correlation_id else {})
