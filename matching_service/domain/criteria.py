"""The criteria of docs/domain.md#matching-rule-2, one entry each: everything the code knows about one stands there.

PostgreSQL judges, by the entry's two conditions (`store/matching.py` says what they can name); the rest of an entry is
what staff read and what they may do. A new criterion is a word in `MatchCriterion` and an entry here, at the same
place; beside the code, a row of that table, and cases in tests/matching_service/test_criteria.py.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from typing import Any, Final, NamedTuple

from matching_service.domain.search import METRES_A_KILOMETRE, Search
from matching_service.store.matching import Condition, Judge
from matching_service.store.plan_candidates import ManyJudge
from shared.texts import Number, Sentence
from shared.values import travel
from shared.values.enums import (
    AgeGroup,
    CheckResult,
    Gender,
    MatchCriterion,
    PreferredGender,
    TherapistStatus,
    TherapySetting,
    TravelMode,
)

PASS, FAIL, UNKNOWN = CheckResult.PASS, CheckResult.FAIL, CheckResult.UNKNOWN

Said = str | Callable[[Any, Search], Sentence]
"""The key of a text for staff, or how the sentence follows from the therapist's row and the search."""


class Suggestion(NamedTuple):
    """What a patient could give up, in words, and the criteria that would replace theirs."""

    text: str
    """The key of its text."""
    overrides: Callable[[Search], dict[str, Any]]


@dataclass(frozen=True, kw_only=True)
class Criterion(Condition):
    """One criterion. Without a relaxation it is nothing that a patient could give up."""

    explanations: Mapping[CheckResult, Said]
    """What staff read, for each result it can have; one without words for a pass is shown only where it fails."""
    is_asked_for: Callable[[Search], object] | None = None
    """Whether the patient has a need or a wish about it: only then it is a reason for a therapist who fits."""
    can_be_set_aside: bool = True
    """Whether staff may set it aside, with a reason, when they approve."""
    relaxation: Suggestion | None = None


def minutes_of(straight_km: float, mode: TravelMode) -> int:
    """The estimated travel time in whole minutes, rounded up as the geocoding service does."""
    return math.ceil(travel.minutes(straight_km, mode))


SHORTEST_SHOWN_KM = 0.05
"""Shorter ways would be shown as 0.0 km."""


def none_in_common(theirs: str, wanted: str) -> str:
    """The condition that they have some of these words, and none that is wanted."""
    return f"cardinality({theirs}) > 0 AND NOT {theirs} && {_words(wanted)}"


def some(wanted: str) -> str:
    """The condition that any of these words is wanted at all."""
    return f"cardinality({_words(wanted)}) > 0"


def _words(parameter: str) -> str:
    return f"CAST({parameter} AS text[])"


# An answer has hundreds of sentences, most of which are alike: those that follow from few values are kept.


def _distance(therapist: Any, search: Search) -> Sentence:
    kilometres = therapist.metres / METRES_A_KILOMETRE
    minutes = minutes_of(kilometres, search.travel_mode)
    limits = (search.max_distance_km, search.max_travel_minutes)
    return _distance_of(_shown(kilometres), minutes, search.travel_mode, *limits)


@lru_cache(4096)
def _distance_of(
    km: Number | None, minutes: int, mode: TravelMode, max_distance_km: float | None, max_travel_minutes: int | None
) -> Sentence:
    values = {"duration": _duration(minutes, mode), "limit": _limit(max_distance_km, max_travel_minutes)}
    return (
        Sentence.of("criterion.distance.said", km=km, **values)
        if km
        else Sentence.of("criterion.distance.short", **values)
    )


def way(metres: float, mode: TravelMode) -> Sentence:
    """Returns how long a way is and how long it takes, for people."""
    kilometres = metres / METRES_A_KILOMETRE
    return _way(_shown(kilometres), minutes_of(kilometres, mode), mode)


@lru_cache(4096)
def _way(km: Number | None, minutes: int, mode: TravelMode) -> Sentence:
    length = Sentence.of("way.km", km=km) if km else Sentence.of("way.short")
    return Sentence.of("reason.way", length=length, duration=_duration(minutes, mode))


def _shown(kilometres: float) -> Number | None:
    """How many kilometres are shown; None for a way so short that it would be 0.0."""
    return None if kilometres < SHORTEST_SHOWN_KM else Number(f"{kilometres:.1f}")


@lru_cache(512)
def _duration(minutes: int, mode: TravelMode) -> Sentence:
    if not minutes:
        return Sentence.of("duration.short", by=mode)
    return Sentence.of("duration.about", minutes=_minutes(minutes), by=mode)


def _minutes(number: int) -> Sentence:
    return Sentence.of("minutes.one") if number == 1 else Sentence.of("minutes.many", number=number)


@lru_cache
def _limit(max_distance_km: float | None, max_travel_minutes: int | None) -> Sentence:
    km = None if max_distance_km is None else Number(f"{max_distance_km:g}")
    minutes = None if max_travel_minutes is None else _minutes(max_travel_minutes)
    if km and minutes:
        return Sentence.of("limit.both", km=km, minutes=minutes)
    if km:
        return Sentence.of("limit.km", km=km)
    return Sentence.of("limit.minutes", minutes=minutes) if minutes else Sentence.of("limit.none")


def _seat_not_needed(therapist: Any, search: Search) -> Sentence:
    if therapist.accreditation == "statutory":
        return Sentence.of("criterion.accreditation.statutory")
    if search.reimbursement_case:
        return Sentence.of("criterion.accreditation.reimbursed")
    return Sentence.of("criterion.accreditation.not_by_statute")


def _contact(therapist: Any, _: Search) -> Sentence:
    match therapist.contact_preference:
        case "phone_only":
            return Sentence.of("criterion.contact_preference.phone_only")
        case "email_only":
            return Sentence.of("criterion.contact_preference.email_only")
    return Sentence.of("criterion.contact_preference.any_way")


def _fits(theirs: Sequence[str], wanted: Sequence[str], kind: Callable[[str], Any] = str) -> Sentence:
    return _fitting(tuple(word for word in wanted if word in theirs), kind)


@lru_cache(512)
def _fitting(words: Sequence[str], kind: Callable[[str], Any]) -> Sentence:
    return Sentence.of("criterion.fits", words=[kind(word) for word in words])


def _does_not_fit(theirs: Sequence[str], wanted: Sequence[str], kind: Callable[[str], Any] = str) -> Sentence:
    return Sentence.of(
        "criterion.does_not_fit", offered=[kind(word) for word in theirs], needed=[kind(word) for word in wanted]
    )


def _gender(therapist: Any, search: Search) -> Sentence:
    return _genders(search.preferred_therapist_gender, therapist.gender)


@lru_cache
def _genders(wished: str, gender: str) -> Sentence:
    if wished == PreferredGender.ANY:
        return Sentence.of("criterion.gender.any")
    return Sentence.of("criterion.gender.compared", wished=PreferredGender(wished), gender=Gender(gender))


def _hours_in_common(therapist: Any, search: Search) -> Sentence:
    assert search.availability is not None
    hours = therapist.working_hours.intersection(search.availability).total_minutes / 60
    return _hours(Number(f"{hours:.3g}"))


@lru_cache(512)
def _hours(hours: Number) -> Sentence:
    return Sentence.of("criterion.availability.in_common", hours=hours)


def _refusal(therapist: Any, search: Search) -> Sentence:
    again = therapist.refused_on + timedelta(days=search.rules.days_after_refusal)
    return Sentence.of("criterion.recent_refusal.refused", refused_on=therapist.refused_on, again=again)


def _no_refusal(_: Any, search: Search) -> Sentence:
    return _none_within(search.rules.days_after_refusal)


@lru_cache
def _none_within(days: int) -> Sentence:
    return Sentence.of("criterion.recent_refusal.none", days=days)


CRITERIA: Final = (
    Criterion(
        name=MatchCriterion.STATUS,
        fails="t.status <> 'active'",
        explanations={
            PASS: "criterion.status.active",
            FAIL: lambda t, _: Sentence.of("criterion.status.other", status=TherapistStatus(t.status)),
        },
        can_be_set_aside=False,
    ),
    Criterion(
        name=MatchCriterion.CONTACT_PREFERENCE,
        fails="t.contact_preference = 'none'",
        explanations={PASS: _contact, FAIL: "criterion.contact_preference.no_contact"},
        can_be_set_aside=False,
    ),
    Criterion(
        name=MatchCriterion.ACCREDITATION,
        fails=":needs_statutory_seat AND t.accreditation = 'private'",
        unknown="(:needs_statutory_seat AND t.accreditation = 'unknown')"
        " OR (:may_need_statutory_seat AND t.accreditation <> 'statutory')",
        explanations={
            PASS: _seat_not_needed,
            FAIL: "criterion.accreditation.private",
            UNKNOWN: lambda _, search: (
                Sentence.of("criterion.accreditation.unknown")
                if search.needs_statutory_seat
                else Sentence.of("criterion.accreditation.insurance_unknown")
            ),
        },
        is_asked_for=lambda search: search.needs_statutory_seat,
        relaxation=Suggestion(
            "relaxation.reimbursement",
            lambda _: {"reimbursement_case": True},
        ),
    ),
    Criterion(
        name=MatchCriterion.DISTANCE,
        fails="t.metres > :radius_metres",
        explanations={PASS: _distance, FAIL: _distance},
        relaxation=Suggestion("relaxation.distance", lambda search: search.wider_limits),
    ),
    Criterion(
        name=MatchCriterion.DISTANCE_UNKNOWN,
        fails="t.metres IS NULL",
        explanations={FAIL: "criterion.distance_unknown.said"},
    ),
    Criterion(
        name=MatchCriterion.PROCEDURE,
        fails=f"{some(':preferred_procedures')} AND {none_in_common('t.procedures', ':preferred_procedures')}",
        unknown=f"{some(':preferred_procedures')} AND cardinality(t.procedures) = 0",
        explanations={
            PASS: lambda t, search: (
                _fits(t.procedures, search.preferred_procedures)
                if search.preferred_procedures
                else Sentence.of("criterion.procedure.any")
            ),
            FAIL: lambda t, search: _does_not_fit(t.procedures, search.preferred_procedures),
            UNKNOWN: "criterion.procedure.unknown",
        },
        is_asked_for=lambda search: search.preferred_procedures,
        relaxation=Suggestion("relaxation.procedure", lambda _: {"preferred_procedures": []}),
    ),
    Criterion(
        name=MatchCriterion.AGE_GROUP,
        fails=f"{some(':age_groups')} AND {none_in_common('t.age_groups', ':age_groups')}",
        unknown=f"NOT {some(':age_groups')} OR cardinality(t.age_groups) = 0",
        explanations={
            PASS: lambda t, search: _fits(t.age_groups, search.age_groups, AgeGroup),
            FAIL: lambda t, search: _does_not_fit(t.age_groups, search.age_groups, AgeGroup),
            UNKNOWN: lambda _, search: (
                Sentence.of("criterion.age_group.unknown")
                if search.age_groups
                else Sentence.of("criterion.age_group.age_unknown")
            ),
        },
    ),
    Criterion(
        name=MatchCriterion.SETTING,
        fails=none_in_common("t.settings", ":settings"),
        unknown="cardinality(t.settings) = 0",
        explanations={
            PASS: lambda t, search: _fits(t.settings, search.settings, TherapySetting),
            FAIL: lambda t, search: _does_not_fit(t.settings, search.settings, TherapySetting),
            UNKNOWN: "criterion.setting.unknown",
        },
        relaxation=Suggestion("relaxation.setting", lambda _: {"open_to_group_therapy": True}),
    ),
    Criterion(
        name=MatchCriterion.GENDER,
        fails=":preferred_therapist_gender <> 'any'"
        " AND t.gender <> 'unknown' AND t.gender <> :preferred_therapist_gender",
        unknown=":preferred_therapist_gender <> 'any' AND t.gender = 'unknown'",
        explanations={
            PASS: _gender,
            FAIL: _gender,
            UNKNOWN: lambda _, search: Sentence.of(
                "criterion.gender.unknown", wished=PreferredGender(search.preferred_therapist_gender)
            ),
        },
        is_asked_for=lambda search: search.preferred_therapist_gender != "any",
        relaxation=Suggestion("relaxation.gender", lambda _: {"preferred_therapist_gender": "any"}),
    ),
    Criterion(
        name=MatchCriterion.LANGUAGE,
        fails=f"{some(':needed_languages')} AND {none_in_common('t.languages', ':needed_languages')}",
        unknown=f"{some(':needed_languages')} AND cardinality(t.languages) = 0",
        explanations={
            PASS: lambda t, search: (
                _fits(t.languages, search.needed_languages)
                if search.needed_languages
                else Sentence.of("criterion.language.german")
            ),
            FAIL: lambda t, search: _does_not_fit(t.languages, search.needed_languages),
            UNKNOWN: "criterion.language.unknown",
        },
        is_asked_for=lambda search: search.needed_languages,
        relaxation=Suggestion("relaxation.language", lambda _: {"languages": ["de"]}),
    ),
    Criterion(
        name=MatchCriterion.AVAILABILITY,
        fails="NOT t.working_hours && CAST(:availability AS int4multirange)",
        unknown="t.working_hours IS NULL OR CAST(:availability AS int4multirange) IS NULL",
        explanations={
            PASS: _hours_in_common,
            FAIL: "criterion.availability.never",
            UNKNOWN: lambda _, search: (
                Sentence.of("criterion.availability.hours_unknown")
                if search.availability
                else Sentence.of("criterion.availability.unknown")
            ),
        },
        is_asked_for=lambda search: search.availability,
        relaxation=Suggestion("relaxation.availability", lambda _: {"availability": None}),
    ),
    Criterion(
        name=MatchCriterion.PATIENT_EXCLUSION,
        fails="t.id = ANY (CAST(:excluded_therapist_ids AS uuid[])) OR a.place_failed",
        explanations={
            PASS: "criterion.patient_exclusion.none",
            FAIL: lambda t, search: (
                Sentence.of("criterion.patient_exclusion.excluded")
                if t.id in search.excluded_therapist_ids
                else Sentence.of("criterion.patient_exclusion.place_failed")
            ),
        },
    ),
    Criterion(
        name=MatchCriterion.OPEN_REQUEST,
        fails="a.is_open",
        explanations={PASS: "criterion.open_request.none", FAIL: "criterion.open_request.open"},
        can_be_set_aside=False,  # of an open request there is one
    ),
    Criterion(
        name=MatchCriterion.RECENT_REFUSAL,
        fails="a.refused_on >= CAST(:refused_since AS date)",
        explanations={PASS: _no_refusal, FAIL: _refusal},
        can_be_set_aside=False,
    ),
)
"""In the order in which staff read them."""

CAN_BE_SET_ASIDE: Final = frozenset(each.name for each in CRITERIA if each.can_be_set_aside)
JUDGE: Final = Judge(CRITERIA)
MANY: Final = ManyJudge(CRITERIA)
"""The same judge for many patients at once."""
