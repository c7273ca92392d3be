"""The criteria of docs/domain.md#matching-rule-2, one function each: values in, a check with its reason out.

`store/matching.py` says the same in SQL, which filters; a test holds the two together. Unknown is neither pass nor
fail.

Most rules compare words of small vocabularies: their few checks are kept (`lru_cache`), since an answer holds hundreds.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from typing import Any

from matching_service.domain.criteria import Criteria
from shared.values import travel
from shared.values.enums import CheckResult, MatchRule, TravelMode
from shared.values.weekly import Weekly

DAYS_OF_REST_AFTER_A_REFUSAL = 28
"""Four weeks, in Berlin calendar days (docs/domain.md#contact-rule-8)."""

CANNOT_BE_OVERRIDDEN = frozenset(
    {MatchRule.STATUS, MatchRule.CONTACT_PREFERENCE, MatchRule.RECENT_REFUSAL, MatchRule.OPEN_REQUEST}
)
"""Staff cannot set these aside (docs/domain.md#matching-rule-2); of an open request there is one."""

PASS, FAIL, UNKNOWN = CheckResult.PASS, CheckResult.FAIL, CheckResult.UNKNOWN


@dataclass(frozen=True, slots=True)
class Check:
    """What one rule says of one therapist for one patient, in words for staff."""

    rule: MatchRule
    result: CheckResult
    detail: str


@dataclass(frozen=True)
class Asked:
    """What this therapist was already asked for this patient."""

    is_open: bool = False
    refused_on: date | None = None
    place_failed: bool = False
    """A place with this therapist failed in this search (docs/domain.md#place-rule-10)."""


NEVER_ASKED = Asked()


def checks(therapist: Any, criteria: Criteria, *, distance_km: float | None, asked: Asked, today: date) -> list[Check]:
    """Every rule's check of a therapist's copy, in the rules' order."""
    return [
        status(therapist.status),
        contact_preference(therapist.contact_preference),
        accreditation(therapist.accreditation, criteria),
        distance(distance_km, criteria),
        procedure(therapist.procedures, criteria.preferred_procedures),
        age_group(therapist.age_groups, criteria.age_groups),
        setting(therapist.settings, criteria.settings),
        gender(therapist.gender, criteria.preferred_therapist_gender),
        language(therapist.languages, criteria.needed_languages),
        availability(therapist.working_hours, criteria.availability),
        patient_exclusion(therapist.id in criteria.excluded_therapist_ids, place_failed=asked.place_failed),
        open_request(asked.is_open),
        recent_refusal(asked.refused_on, today=today),
    ]


@lru_cache
def status(theirs: str) -> Check:
    if theirs == "active":
        return Check(MatchRule.STATUS, PASS, "The practice is active.")
    return Check(MatchRule.STATUS, FAIL, f"The therapist is {theirs}.")


@lru_cache
def contact_preference(theirs: str) -> Check:
    if theirs == "none":
        return Check(MatchRule.CONTACT_PREFERENCE, FAIL, "The practice wishes no contact.")
    how = {"phone_only": "by phone only", "email_only": "by e-mail only"}.get(theirs, "in any way")
    return Check(MatchRule.CONTACT_PREFERENCE, PASS, f"The practice may be contacted {how}.")


def accreditation(theirs: str, criteria: Criteria) -> Check:
    """A statutory seat fits everybody; a private practice everybody whose insurer pays one."""
    rule = MatchRule.ACCREDITATION
    if theirs == "statutory":
        return Check(rule, PASS, "Statutory seat.")
    if criteria.needs_statutory_seat:
        if theirs == "private":
            return Check(rule, FAIL, "Private practice: the patient is insured by statute and no reimbursement case.")
        return Check(rule, UNKNOWN, "It is not known whether the practice has a statutory seat.")
    if criteria.insurance_type is None and not criteria.reimbursement_case:
        return Check(rule, UNKNOWN, "The patient's insurance is not known.")
    why = "reimbursement case" if criteria.reimbursement_case else "not insured by statute"
    return Check(rule, PASS, f"No statutory seat needed: {why}.")


def minutes_of(straight_km: float, mode: TravelMode) -> int:
    """The estimated travel time in whole minutes, rounded up as the geocoding service does."""
    return math.ceil(travel.minutes(straight_km, mode))


def distance(kilometres: float | None, criteria: Criteria) -> Check:
    """Distance and travel time: both must hold where both have a limit."""
    if kilometres is None:
        return Check(MatchRule.DISTANCE_UNKNOWN, FAIL, "It is not known how far away the practice is.")
    radius, mode = criteria.radius_km, criteria.travel_mode
    limit = _limit(criteria.max_distance_km, criteria.max_travel_minutes)
    detail = f"{kilometres:.1f} km, about {minutes_of(kilometres, mode)} minutes {BY[mode]}; {limit}."
    return Check(MatchRule.DISTANCE, PASS if radius is None or kilometres <= radius else FAIL, detail)


@lru_cache
def _limit(max_distance_km: float | None, max_travel_minutes: int | None) -> str:
    limits = [] if max_distance_km is None else [f"{max_distance_km:g} km"]
    if max_travel_minutes is not None:
        limits.append(f"{max_travel_minutes} minutes")
    return f"limit {' and '.join(limits)}" if limits else "no limit"


BY = {
    TravelMode.CAR: "by car",
    TravelMode.TRANSIT: "by public transport",
    TravelMode.BICYCLE: "by bicycle",
    TravelMode.FOOT: "on foot",
}


def procedure(theirs: Sequence[str], wanted: Sequence[str]) -> Check:
    if not wanted:
        return Check(MatchRule.PROCEDURE, PASS, "Any procedure will do.")
    return _shared_word(MatchRule.PROCEDURE, theirs, wanted, "The practice's procedures are not known.")


def age_group(theirs: Sequence[str], wanted: Sequence[str]) -> Check:
    if not wanted:
        return Check(MatchRule.AGE_GROUP, UNKNOWN, "The patient's age is not known.")
    return _shared_word(MatchRule.AGE_GROUP, theirs, wanted, "The age groups of the practice are not known.")


def setting(theirs: Sequence[str], wanted: Sequence[str]) -> Check:
    return _shared_word(MatchRule.SETTING, theirs, wanted, "The settings of the practice are not known.")


def language(theirs: Sequence[str], needed: Sequence[str]) -> Check:
    if not needed:
        return Check(MatchRule.LANGUAGE, PASS, "German will do, or no wish is recorded.")
    return _shared_word(MatchRule.LANGUAGE, theirs, needed, "The practice's languages beside German are not known.")


def _shared_word(rule: MatchRule, theirs: Sequence[str], wanted: Sequence[str], if_unknown: str) -> Check:
    return _compared(rule, tuple(theirs), tuple(wanted), if_unknown)


@lru_cache(1024)
def _compared(rule: MatchRule, theirs: tuple[str, ...], wanted: tuple[str, ...], if_unknown: str) -> Check:
    if not theirs:
        return Check(rule, UNKNOWN, if_unknown)
    common = [word for word in wanted if word in theirs]
    if common:
        return Check(rule, PASS, f"Fits: {_list(common)}.")
    return Check(rule, FAIL, f"Offered: {_list(theirs)}; needed: {_list(wanted)}.")


def _list(words: Sequence[str]) -> str:
    return ", ".join(str(word).replace("_", " and ") for word in words)


@lru_cache
def gender(theirs: str, wanted: str) -> Check:
    if wanted == "any":
        return Check(MatchRule.GENDER, PASS, "Any gender will do.")
    if theirs == "unknown":
        return Check(MatchRule.GENDER, UNKNOWN, f"Wished: {wanted}; the therapist's gender is not known.")
    return Check(MatchRule.GENDER, PASS if theirs == wanted else FAIL, f"Wished: {wanted}; therapist: {theirs}.")


def availability(theirs: Weekly | None, patients: Weekly | None) -> Check:
    rule = MatchRule.AVAILABILITY
    if theirs is None or patients is None:
        whose = "the patient's availability" if patients is None else "the working hours of the practice"
        return Check(rule, UNKNOWN, f"It is not known: {whose}.")
    minutes = theirs.intersection(patients).total_minutes
    if not minutes:
        return Check(rule, FAIL, "The practice's working hours and the patient's free time never meet.")
    return Check(rule, PASS, f"{minutes / 60:.3g} hours a week in common.")


@lru_cache
def patient_exclusion(is_excluded: bool, *, place_failed: bool = False) -> Check:
    """Whom the patient does not want, or tried without success in this search."""
    if place_failed and not is_excluded:
        return Check(MatchRule.PATIENT_EXCLUSION, FAIL, "A place with this therapist failed in this search.")
    detail = "The patient excluded this therapist." if is_excluded else "Not excluded by the patient."
    return Check(MatchRule.PATIENT_EXCLUSION, FAIL if is_excluded else PASS, detail)


@lru_cache
def open_request(is_open: bool) -> Check:
    detail = "A request for this patient is open with this therapist." if is_open else "No open request."
    return Check(MatchRule.OPEN_REQUEST, FAIL if is_open else PASS, detail)


def recent_refusal(refused_on: date | None, *, today: date) -> Check:
    """Asked again from the day four weeks after the refusal (docs/domain.md#contact-rule-8)."""
    rule = MatchRule.RECENT_REFUSAL
    if refused_on is None or refused_on < first_day_of_recent_refusals(today):
        return Check(rule, PASS, "No refusal in the last four weeks.")
    again = refused_on + timedelta(days=DAYS_OF_REST_AFTER_A_REFUSAL)
    return Check(rule, FAIL, f"Refused on {refused_on}; may be asked again from {again}.")


def first_day_of_recent_refusals(today: date) -> date:
    """A refusal on this day or later still counts."""
    return today - timedelta(days=DAYS_OF_REST_AFTER_A_REFUSAL - 1)
