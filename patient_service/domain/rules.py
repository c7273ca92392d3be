"""Decisions about a search that need no database."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from enum import Enum, auto

from patient_service.domain import states
from patient_service.domain.schemas import PatientFields
from shared.errors import FieldProblem
from shared.texts import Sentence
from shared.values.datetimes import age_on, years_later
from shared.values.enums import ContactRelation, InsuranceType, MissingForSearch, PatientStatus
from shared.values.identifiers import counts

OF_AGE = 18
DECIDES_ALONE_FROM = 15
"""From 15 a person can ask for benefits of statutory insurance themselves (SGB I § 36)."""

YEARS_THAT_A_THERAPY_COUNTS = 2
"""For so long after a therapy practices are warned of it (docs/domain.md#contact-rule-14)."""


class LookUp(Enum):
    """What is known of the place of a patient's postal code."""

    FOUND = auto()
    UNKNOWN = auto()
    """There is no such place, or no postal code."""
    PENDING = auto()
    """Geocoding has not answered yet."""


def missing_for_search(
    fields: PatientFields, *, location: LookUp, mandate_withdrawn: bool, today: date
) -> list[MissingForSearch]:
    """What is still missing before a search may start, in the order of the enum (docs/domain.md#search-rule-1).

    A postal code that is being looked up is not missing.
    """
    lacking = set(missing_in(fields, today=today))
    if location == LookUp.UNKNOWN:
        lacking.add(MissingForSearch.LOCATION)
    if mandate_withdrawn:
        lacking.add(MissingForSearch.MANDATE_WITHDRAWN)
    return [what for what in MissingForSearch if what in lacking]


def missing_in(fields: PatientFields, *, today: date) -> list[MissingForSearch]:
    """What of it is missing in the file itself, whatever is known of its place and consents."""
    lacking = {
        MissingForSearch.CONTRACTS_SIGNED: not fields.contracts_signed,
        MissingForSearch.DIAGNOSES: not any(counts(code) for code in diagnoses_of(fields)),
        MissingForSearch.DATE_OF_BIRTH: fields.date_of_birth is None,
        MissingForSearch.INSURANCE_TYPE: fields.insurance_type is None,
        MissingForSearch.DISTANCE_LIMIT: fields.max_distance_km is None and fields.max_travel_minutes is None,
        MissingForSearch.GUARDIAN: _lacks_guardian(fields, today),
    }
    return [what for what, is_lacking in lacking.items() if is_lacking]


def diagnoses_of(fields: PatientFields) -> list[str]:
    """All diagnoses of a patient, those of the consultation's form last; they count alike."""
    return [*fields.diagnoses, *(fields.consultation.diagnoses if fields.consultation else ())]


def last_day_of_prior_therapy(fields: PatientFields) -> date | None:
    """The last day on which the therapy before this search counts as one within two years; None without a therapy."""
    ended_on = fields.anamnesis.previous_therapy_ended_on if fields.anamnesis else None
    return years_later(ended_on, YEARS_THAT_A_THERAPY_COUNTS) if ended_on else None


def had_prior_therapy(fields: PatientFields, today: date) -> bool | None:
    """Whether a therapy ended within the two years before today; None where no therapy is recorded."""
    last_day = last_day_of_prior_therapy(fields)
    return None if last_day is None else today <= last_day


def lacks(what: MissingForSearch) -> Sentence:
    """The sentence for what is missing."""
    return Sentence.of(f"missing_for_search.{what.value}")


def _lacks_guardian(fields: PatientFields, today: date) -> bool:
    if fields.date_of_birth is None:
        return False
    age = age_on(fields.date_of_birth, today)
    if age >= OF_AGE or any(person.relation == ContactRelation.GUARDIAN for person in fields.contact_persons):
        return False
    may_act_alone = age >= DECIDES_ALONE_FROM and fields.insurance_type == InsuranceType.STATUTORY
    return not (may_act_alone and fields.reason_without_guardian)


def days_that_cannot_be(fields: PatientFields, status: PatientStatus, *, today: date) -> Iterator[FieldProblem]:
    """What is wrong with the dates of a patient in this status."""
    for name, day in _days_of_the_past(fields):
        if day is not None and day > today:
            yield FieldProblem.of(name, "field.in_the_future")
    if status in states.GOES_ON and fields.search_started_on is None:
        yield FieldProblem.of("search_started_on", "field.needed_by_search")


def _days_of_the_past(fields: PatientFields) -> Iterator[tuple[str, date | None]]:
    for name in ("date_of_birth", "registered_on", "search_started_on", "last_contact_on"):
        yield name, getattr(fields, name)
    if fields.consultation is not None:
        yield "consultation.held_on", fields.consultation.held_on
    if fields.anamnesis is not None:
        yield "anamnesis.previous_therapy_ended_on", fields.anamnesis.previous_therapy_ended_on
