"""Words for values in what practices read, in German and English: ages, insurances, diagnosis groups, hours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from shared.texts import TextLanguage
from shared.values.weekly import Weekly

DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


@dataclass(frozen=True)
class Words:
    """The words of one language."""

    days: tuple[str, ...]
    genders: Mapping[str, str]
    insurances: Mapping[str, str]
    diagnosis_groups: Mapping[str, str]
    """The groups of ICD-10-GM, chapter V."""
    not_given: str
    age: str
    age_not_given: str
    reimbursement: str
    hours: str
    """After the hours of a day."""
    day: str
    """How a day is written (`strftime`)."""
    guardian: str
    """Behind the name of a contact person."""
    filled_in_later: str
    """Stands for who a patient is until a letter goes."""


GERMAN: Final = Words(
    days=("montags", "dienstags", "mittwochs", "donnerstags", "freitags", "samstags", "sonntags"),
    genders={"female": "weiblich", "male": "männlich", "diverse": "divers"},
    insurances={
        "statutory": "gesetzlich versichert",
        "private": "privat versichert",
        "self_pay": "Selbstzahlung",
        "civil_service_aid": "beihilfeberechtigt",
    },
    diagnosis_groups={  # by their names at the BfArM
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
    },
    not_given="nicht angegeben",
    age="{age} Jahre",
    age_not_given="Alter nicht angegeben",
    reimbursement="Kostenerstattung (§ 13 Abs. 3 SGB V)",
    hours=" Uhr",
    day="%d.%m.%Y",
    guardian="sorgeberechtigt",
    filled_in_later="[wird beim Versand eingesetzt]",
)
ENGLISH: Final = Words(
    days=("Mondays", "Tuesdays", "Wednesdays", "Thursdays", "Fridays", "Saturdays", "Sundays"),
    genders={"female": "female", "male": "male", "diverse": "diverse"},
    insurances={
        "statutory": "statutory health insurance",
        "private": "private health insurance",
        "self_pay": "pays privately",
        "civil_service_aid": "civil service aid",
    },
    diagnosis_groups={
        "F00-F09": "Organic, including symptomatic, mental disorders",
        "F10-F19": "Mental and behavioural disorders due to psychoactive substance use",
        "F20-F29": "Schizophrenia, schizotypal and delusional disorders",
        "F30-F39": "Mood (affective) disorders",
        "F40-F48": "Neurotic, stress-related and somatoform disorders",
        "F50-F59": "Behavioural syndromes associated with physiological disturbances and physical factors",
        "F60-F69": "Disorders of adult personality and behaviour",
        "F70-F79": "Intellectual disability",
        "F80-F89": "Disorders of psychological development",
        "F90-F98": "Behavioural and emotional disorders with onset in childhood and adolescence",
        "F99": "Unspecified mental disorder",
    },
    not_given="not given",
    age="{age} years",
    age_not_given="age not given",
    reimbursement="reimbursement of costs (section 13 (3) SGB V)",
    hours="",
    day="%d %B %Y",
    guardian="guardian",
    filled_in_later="[filled in when it is sent]",
)
_WORDS: Final = {TextLanguage.DE: GERMAN, TextLanguage.EN: ENGLISH}


def person(age: int | None, gender: str, language: TextLanguage) -> str:
    """Returns who it is without a name: `34 Jahre, weiblich`."""
    words = _WORDS[language]
    said = words.age_not_given if age is None else words.age.format(age=age)
    return ", ".join(filter(None, (said, words.genders.get(gender))))


def insurance(kind: str | None, *, is_reimbursed: bool, language: TextLanguage) -> str:
    """Returns how somebody is insured, and whether it is a reimbursement case."""
    words = _WORDS[language]
    said = words.insurances.get(kind or "", words.not_given)
    return f"{said}, {words.reimbursement}" if is_reimbursed else said


def diagnosis_group(block: str | None, language: TextLanguage = TextLanguage.DE) -> str | None:
    """The group with its name, as `F30-F39 Affektive Störungen`; None for what is no group."""
    groups = _WORDS[language].diagnosis_groups
    return f"{block} {groups[block]}" if block is not None and block in groups else None


def hours(week: Weekly | None, language: TextLanguage = TextLanguage.DE) -> str:
    """The windows of a week as people write them: `montags 09:00–12:00 Uhr; freitags 08:00–10:00, 14:00–16:00 Uhr`."""
    words = _WORDS[language]
    if not week:
        return words.not_given
    return "; ".join(
        f"{words.days[DAYS.index(day)]} "
        + ", ".join(f"{window['start']}–{window['end']}" for window in windows)
        + words.hours
        for day, windows in week.to_json().items()
    )


def written_day(day: date, language: TextLanguage) -> str:
    """A day as people write it: `01.02.2027`."""
    return f"{day:{_WORDS[language].day}}"


def contact_person(name: str, *, is_guardian: bool, reached_by: Sequence[str], language: TextLanguage) -> str:
    """Somebody to turn to, in a line: `Maria Mustermann (sorgeberechtigt), 0241 654321`."""
    who = f"{name} ({_WORDS[language].guardian})" if is_guardian else name
    return ", ".join((who, *reached_by))


def filled_in_later(language: TextLanguage) -> str:
    """What stands for who a patient is until the letter goes."""
    return _WORDS[language].filled_in_later


def greeting(
    *, salutation: str | None, title: str | None, first_name: str | None, last_name: str, gender: str,
    language: TextLanguage,
) -> str:  # fmt: skip
    """How an e-mail begins, without the comma; nobody's gender is guessed."""
    name = " ".join(filter(None, (title, last_name)))
    whole = " ".join(filter(None, (title, first_name, last_name)))
    is_woman = salutation == "Frau" or gender == "female"
    is_man = not is_woman and (salutation == "Herr" or gender == "male")
    if language == TextLanguage.DE:
        return (
            f"Sehr geehrte Frau {name}"
            if is_woman
            else f"Sehr geehrter Herr {name}"
            if is_man
            else f"Guten Tag {whole}"
        )
    if title or not (is_woman or is_man):
        return f"Dear {name if title and (is_woman or is_man) else whole}"
    return f"Dear {'Ms' if is_woman else 'Mr'} {last_name}"
