"""Decisions about a search that need no database."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from patient_service.domain import states
from patient_service.domain.schemas import PatientFields
from shared.errors import FieldProblem
from shared.texts import Sentence
from shared.values.datetimes import age_on
from shared.values.enums import ContactRelation, InsuranceType, MissingForSearch, PatientStatus
from shared.values.identifiers import counts

OF_AGE = 18
DECIDES_ALONE_FROM = 15
"""From 15 a person can ask for benefits of statutory insurance themselves (SGB I § 36)."""


def missing_for_search(
    fields: PatientFields, *, location_known: bool, mandate_withdrawn: bool, today: date
) -> list[MissingForSearch]:
    """What is still missing before a search may start, in the order of the enum (docs/domain.md#search-rule-1)."""
    lacking = {
        MissingForSearch.CONTRACTS_SIGNED: not fields.contracts_signed,
        MissingForSearch.DIAGNOSES: not any(counts(code) for code in fields.diagnoses),
        MissingForSearch.DATE_OF_BIRTH: fields.date_of_birth is None,
        MissingForSearch.LOCATION: not location_known,
        MissingForSearch.INSURANCE_TYPE: fields.insurance_type is None,
        MissingForSearch.DISTANCE_LIMIT: fields.max_distance_km is None and fields.max_travel_minutes is None,
        MissingForSearch.GUARDIAN: _lacks_guardian(fields, today),
        MissingForSearch.MANDATE_WITHDRAWN: mandate_withdrawn,
    }
    return [what for what, is_lacking in lacking.items() if is_lacking]


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
    for name in ("date_of_birth", "registered_on", "search_started_on", "last_contact_on"):
        day = getattr(fields, name)
        if day is not None and day > today:
            yield FieldProblem.of(name, "field.in_the_future")
    if status in states.HAS_SEARCHED and fields.search_started_on is None:
        yield FieldProblem.of("search_started_on", "field.needed_by_search")
