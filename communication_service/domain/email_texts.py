"""What a practice reads before it accepts: pseudonyms, as text and as HTML (docs/domain.md#contact-rule-11)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from uuid import UUID

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from communication_service.domain.email_parts import Letter
from communication_service.store.tables import PatientPseudonym, PracticeCopy
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


_HERE = "\x1f"
"""Stands in a letter where its patients come; `one_line` leaves it in no text that is written into one."""


def inquiry(
    therapist: PracticeCopy,
    patients: Sequence[PatientPseudonym],
    *,
    sender: Sender,
    summaries: Mapping[UUID, str | None] = MappingProxyType({}),
) -> Letter:
    """Returns the letter that asks a practice for places for these patients.

    `summaries`: what it may read of them beside, only in a letter that goes now.
    """
    persons = "eine Person" if len(patients) == 1 else f"{len(patients)} Personen"
    words = {"greeting": _greeting(therapist), "number": len(patients), "sender": sender, "patients_here": _HERE}
    around = _rendered(f"Anfrage: Therapieplatz für {persons} ({_HERE})", "inquiry", words)
    before, after = zip(*(each.split(_HERE) for each in (around.subject, around.text, around.html)), strict=True)
    return Letter(EmailText(*before), [_part(each, summaries.get(each.id)) for each in patients], EmailText(*after))


def _part(patient: PatientPseudonym, summary: str | None) -> EmailText:
    """What a letter says of one patient."""
    return _rendered(one_line(patient.reference), "inquiry_patient", {"patient": _pseudonym(patient, summary)})


def _rendered(subject: str, template: str, words: dict[str, object]) -> EmailText:
    text, html = _TEXT.get_template(f"{template}.txt.j2"), _HTML.get_template(f"{template}.html.j2")
    return EmailText(subject, text.render(words), html.render(words))


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
