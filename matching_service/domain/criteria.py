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

from matching_service.domain.scoring import POINTS, POINTS_LOST_PER_UNKNOWN
from matching_service.domain.search import METRES_A_KILOMETRE, Search
from matching_service.store.matching import Condition, Judge
from shared.values import travel
from shared.values.enums import CheckResult, MatchCriterion, TravelMode

PASS, FAIL, UNKNOWN = CheckResult.PASS, CheckResult.FAIL, CheckResult.UNKNOWN

Text = str | Callable[[Any, Search], str]
"""A sentence for staff, or how it follows from the therapist's row and the search."""


class Suggestion(NamedTuple):
    """What a patient could give up, in words, and the criteria that would replace theirs."""

    text: str
    overrides: Callable[[Search], dict[str, Any]]


@dataclass(frozen=True, kw_only=True)
class Criterion(Condition):
    """One criterion. Without a relaxation it is nothing that a patient could give up."""

    explanations: Mapping[CheckResult, Text]
    """What staff read, for each result it can have; one without words for a pass is shown only where it fails."""
    is_asked_for: Callable[[Search], object] | None = None
    """Whether the patient has a need or a wish about it: only then it is a reason for a therapist who fits."""
    can_be_set_aside: bool = True
    """Whether staff may set it aside, with a reason, when they approve."""
    relaxation: Suggestion | None = None
    weight: int = POINTS_LOST_PER_UNKNOWN


def minutes_of(straight_km: float, mode: TravelMode) -> int:
    """The estimated travel time in whole minutes, rounded up as the geocoding service does."""
    return math.ceil(travel.minutes(straight_km, mode))


BY: Final = {
    TravelMode.CAR: "by car",
    TravelMode.TRANSIT: "by public transport",
    TravelMode.BICYCLE: "by bicycle",
    TravelMode.FOOT: "on foot",
}


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


def _distance(therapist: Any, search: Search) -> str:
    kilometres, mode = therapist.metres / METRES_A_KILOMETRE, search.travel_mode
    limit = _limit(search.max_distance_km, search.max_travel_minutes)
    return f"{length(kilometres).capitalize()}, {duration(kilometres, mode)}; {limit}."


def length(kilometres: float) -> str:
    """Returns the length of a way for people, such as `2.4 km`."""
    return f"{kilometres:.1f} km" if kilometres >= SHORTEST_SHOWN_KM else "less than 0.1 km"


def duration(kilometres: float, mode: TravelMode) -> str:
    """Returns how long this way takes, for people, such as `about 12 minutes by car`."""
    minutes = minutes_of(kilometres, mode)
    about = f"about {minutes} minute{'' if minutes == 1 else 's'}" if minutes else "less than a minute"
    return f"{about} {BY[mode]}"


@lru_cache
def _limit(max_distance_km: float | None, max_travel_minutes: int | None) -> str:
    limits = [] if max_distance_km is None else [f"{max_distance_km:g} km"]
    if max_travel_minutes is not None:
        limits.append(f"{max_travel_minutes} minute{'' if max_travel_minutes == 1 else 's'}")
    return f"limit {' and '.join(limits)}" if limits else "no limit"


def _seat_not_needed(therapist: Any, search: Search) -> str:
    if therapist.accreditation == "statutory":
        return "Statutory seat."
    why = "reimbursement case" if search.reimbursement_case else "not insured by statute"
    return f"No statutory seat needed: {why}."


def _contact(therapist: Any, _: Search) -> str:
    only = {"phone_only": "by phone only", "email_only": "by e-mail only"}
    return f"The practice may be contacted {only.get(therapist.contact_preference, 'in any way')}."


def _fits(theirs: Sequence[str], wanted: Sequence[str]) -> str:
    return f"Fits: {_list([word for word in wanted if word in theirs])}."


def _does_not_fit(theirs: Sequence[str], wanted: Sequence[str]) -> str:
    return f"Offered: {_list(theirs)}; needed: {_list(wanted)}."


def _list(words: Sequence[str]) -> str:
    return ", ".join(words).replace("_", " and ")


def _hours_in_common(therapist: Any, search: Search) -> str:
    assert search.availability is not None
    return f"{therapist.working_hours.intersection(search.availability).total_minutes / 60:.3g} hours a week in common."


def _refusal(therapist: Any, search: Search) -> str:
    again = therapist.refused_on + timedelta(days=search.rules.days_after_refusal)
    return f"Refused on {therapist.refused_on}; may be asked again from {again}."


def _no_refusal(_: Any, search: Search) -> str:
    return f"No refusal in the last {search.rules.days_after_refusal} days."


CRITERIA: Final = (
    Criterion(
        name=MatchCriterion.STATUS,
        fails="t.status <> 'active'",
        explanations={PASS: "The practice is active.", FAIL: lambda t, _: f"The therapist is {t.status}."},
        can_be_set_aside=False,
    ),
    Criterion(
        name=MatchCriterion.CONTACT_PREFERENCE,
        fails="t.contact_preference = 'none'",
        explanations={PASS: _contact, FAIL: "The practice wishes no contact."},
        can_be_set_aside=False,
    ),
    Criterion(
        name=MatchCriterion.ACCREDITATION,
        fails=":needs_statutory_seat AND t.accreditation = 'private'",
        unknown="(:needs_statutory_seat AND t.accreditation = 'unknown')"
        " OR (:may_need_statutory_seat AND t.accreditation <> 'statutory')",
        explanations={
            PASS: _seat_not_needed,
            FAIL: "Private practice: the patient is insured by statute and no reimbursement case.",
            UNKNOWN: lambda _, search: (
                "It is not known whether the practice has a statutory seat."
                if search.needs_statutory_seat
                else "The patient's insurance is not known."
            ),
        },
        is_asked_for=lambda search: search.needs_statutory_seat,
        relaxation=Suggestion(
            "Ask the insurer to reimburse a private practice (§ 13 Abs. 3 SGB V).",
            lambda _: {"reimbursement_case": True},
        ),
    ),
    Criterion(
        name=MatchCriterion.DISTANCE,
        fails="t.metres > :radius_metres",
        explanations={PASS: _distance, FAIL: _distance},
        relaxation=Suggestion("Accept a way that is a quarter longer.", lambda search: search.wider_limits),
    ),
    Criterion(
        name=MatchCriterion.DISTANCE_UNKNOWN,
        fails="t.metres IS NULL",
        explanations={FAIL: "It is not known how far away the practice is."},
    ),
    Criterion(
        name=MatchCriterion.PROCEDURE,
        fails=f"{some(':preferred_procedures')} AND {none_in_common('t.procedures', ':preferred_procedures')}",
        unknown=f"{some(':preferred_procedures')} AND cardinality(t.procedures) = 0",
        explanations={
            PASS: lambda t, search: (
                _fits(t.procedures, search.preferred_procedures)
                if search.preferred_procedures
                else "Any procedure will do."
            ),
            FAIL: lambda t, search: _does_not_fit(t.procedures, search.preferred_procedures),
            UNKNOWN: "The practice's procedures are not known.",
        },
        is_asked_for=lambda search: search.preferred_procedures,
        relaxation=Suggestion("Accept any procedure.", lambda _: {"preferred_procedures": []}),
    ),
    Criterion(
        name=MatchCriterion.AGE_GROUP,
        fails=f"{some(':age_groups')} AND {none_in_common('t.age_groups', ':age_groups')}",
        unknown=f"NOT {some(':age_groups')} OR cardinality(t.age_groups) = 0",
        explanations={
            PASS: lambda t, search: _fits(t.age_groups, search.age_groups),
            FAIL: lambda t, search: _does_not_fit(t.age_groups, search.age_groups),
            UNKNOWN: lambda _, search: (
                "The age groups of the practice are not known."
                if search.age_groups
                else "The patient's age is not known."
            ),
        },
    ),
    Criterion(
        name=MatchCriterion.SETTING,
        fails=none_in_common("t.settings", ":settings"),
        unknown="cardinality(t.settings) = 0",
        explanations={
            PASS: lambda t, search: _fits(t.settings, search.settings),
            FAIL: lambda t, search: _does_not_fit(t.settings, search.settings),
            UNKNOWN: "The settings of the practice are not known.",
        },
        relaxation=Suggestion("Accept group therapy.", lambda _: {"open_to_group_therapy": True}),
    ),
    Criterion(
        name=MatchCriterion.GENDER,
        fails=":preferred_therapist_gender <> 'any'"
        " AND t.gender <> 'unknown' AND t.gender <> :preferred_therapist_gender",
        unknown=":preferred_therapist_gender <> 'any' AND t.gender = 'unknown'",
        explanations={
            PASS: lambda t, search: (
                "Any gender will do."
                if search.preferred_therapist_gender == "any"
                else f"Wished: {search.preferred_therapist_gender}; therapist: {t.gender}."
            ),
            FAIL: lambda t, search: f"Wished: {search.preferred_therapist_gender}; therapist: {t.gender}.",
            UNKNOWN: lambda _, search: (
                f"Wished: {search.preferred_therapist_gender}; the therapist's gender is not known."
            ),
        },
        is_asked_for=lambda search: search.preferred_therapist_gender != "any",
        relaxation=Suggestion("Accept any gender.", lambda _: {"preferred_therapist_gender": "any"}),
    ),
    Criterion(
        name=MatchCriterion.LANGUAGE,
        fails=f"{some(':needed_languages')} AND {none_in_common('t.languages', ':needed_languages')}",
        unknown=f"{some(':needed_languages')} AND cardinality(t.languages) = 0",
        explanations={
            PASS: lambda t, search: (
                _fits(t.languages, search.needed_languages)
                if search.needed_languages
                else "German will do, or no wish is recorded."
            ),
            FAIL: lambda t, search: _does_not_fit(t.languages, search.needed_languages),
            UNKNOWN: "The practice's languages beside German are not known.",
        },
        is_asked_for=lambda search: search.needed_languages,
        relaxation=Suggestion("Accept treatment in German.", lambda _: {"languages": ["de"]}),
    ),
    Criterion(
        name=MatchCriterion.AVAILABILITY,
        fails="NOT t.working_hours && CAST(:availability AS int4multirange)",
        unknown="t.working_hours IS NULL OR CAST(:availability AS int4multirange) IS NULL",
        explanations={
            PASS: _hours_in_common,
            FAIL: "The practice's working hours and the patient's free time never meet.",
            UNKNOWN: lambda _, search: (
                "It is not known: the working hours of the practice."
                if search.availability
                else "It is not known: the patient's availability."
            ),
        },
        is_asked_for=lambda search: search.availability,
        relaxation=Suggestion("Find other times.", lambda _: {"availability": None}),
    ),
    Criterion(
        name=MatchCriterion.PATIENT_EXCLUSION,
        fails="t.id = ANY (CAST(:excluded_therapist_ids AS uuid[])) OR a.place_failed",
        explanations={
            PASS: "Not excluded by the patient.",
            FAIL: lambda t, search: (
                "The patient excluded this therapist."
                if t.id in search.excluded_therapist_ids
                else "A place with this therapist failed in this search."
            ),
        },
    ),
    Criterion(
        name=MatchCriterion.OPEN_REQUEST,
        fails="a.is_open",
        explanations={PASS: "No open request.", FAIL: "A request for this patient is open with this therapist."},
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
JUDGE: Final = Judge(CRITERIA, POINTS)
