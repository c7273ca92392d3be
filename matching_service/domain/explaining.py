"""What the query found, in words for staff: the reasons for a candidate, what was excluded, what could be relaxed."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from matching_service.domain.criteria import Criteria
from matching_service.domain.rules import BY, Check, minutes_of
from matching_service.domain.schemas import Relaxation
from shared.values.enums import CheckResult, MatchRule

Failures = Mapping[frozenset[MatchRule], int]

A_QUARTER_MORE = 1.25
"""How much farther the distance rule is relaxed to say what that would add."""


def reasons(
    therapist: Any, checks: Sequence[Check], criteria: Criteria, *, distance_km: float, asked_for: Collection[MatchRule]
) -> list[str]:
    """Why this therapist stands there: availability, the way, what was asked for and fits, what is not known."""
    said = []
    if therapist.potentially_available:
        said.append("Potentially available: contact first.")
    minutes = minutes_of(distance_km, criteria.travel_mode)
    said.append(f"{distance_km:.1f} km away, about {minutes} minutes {BY[criteria.travel_mode]}.")
    said += [_for(check) for check in checks if check.rule in asked_for and check.result is CheckResult.PASS]
    unknown = [check.rule.replace("_", " ") for check in checks if check.result is CheckResult.UNKNOWN]
    if unknown:
        said.append(f"Not known, please ask: {', '.join(unknown)}.")
    return said


def rules_asked_for(criteria: Criteria) -> frozenset[MatchRule]:
    """The rules about which the patient has a need or a wish: only these speak for a therapist who fits."""
    wishes: dict[MatchRule, object] = {
        MatchRule.ACCREDITATION: criteria.needs_statutory_seat,
        MatchRule.PROCEDURE: criteria.preferred_procedures,
        MatchRule.GENDER: criteria.preferred_therapist_gender != "any",
        MatchRule.LANGUAGE: criteria.needed_languages,
        MatchRule.AVAILABILITY: criteria.availability,
    }
    return frozenset(rule for rule, wish in wishes.items() if wish)


def _for(check: Check) -> str:
    return f"{check.rule.replace('_', ' ').capitalize()}: {check.detail[0].lower()}{check.detail[1:]}"


def excluded(failures: Failures, *, distance_unknown: int) -> dict[MatchRule, int]:
    """How many each rule excludes within the radius, in the rules' order; rules that exclude nobody are left out."""
    counts = dict.fromkeys(MatchRule, 0) | {MatchRule.DISTANCE_UNKNOWN: distance_unknown}
    for rules, number in failures.items():
        if MatchRule.DISTANCE not in rules:
            for rule in rules:
                counts[rule] += number
    return {rule: number for rule, number in counts.items() if number}


def relaxations(failures: Failures, criteria: Criteria) -> list[Relaxation]:
    """Which single criterion, given up, would add whom; most first. Only what patient or staff can give up."""
    found = []
    for rule, (suggestion, overrides) in RELAXED.items():
        adds = failures.get(frozenset({rule}), 0)
        if adds:
            found.append(Relaxation(rule=rule, adds=adds, suggestion=suggestion, overrides=overrides(criteria)))
    return sorted(found, key=lambda each: -each.adds)


def wider(criteria: Criteria) -> dict[str, Any]:
    """The limits of distance and time, each a quarter wider, rounded up."""
    limits = {
        "max_distance_km": criteria.max_distance_km,
        "max_travel_minutes": criteria.max_travel_minutes,
    }
    return {name: math.ceil(limit * A_QUARTER_MORE) for name, limit in limits.items() if limit is not None}


RELAXED: dict[MatchRule, tuple[str, Callable[[Criteria], dict[str, Any]]]] = {
    MatchRule.ACCREDITATION: (
        "Ask the insurer to reimburse a private practice (§ 13 Abs. 3 SGB V).",
        lambda _: {"reimbursement_case": True},
    ),
    MatchRule.DISTANCE: ("Accept a way that is a quarter longer.", wider),
    MatchRule.PROCEDURE: ("Accept any procedure.", lambda _: {"preferred_procedures": []}),
    MatchRule.SETTING: ("Accept group therapy.", lambda _: {"open_to_group_therapy": True}),
    MatchRule.GENDER: ("Accept any gender.", lambda _: {"preferred_therapist_gender": "any"}),
    MatchRule.LANGUAGE: ("Accept treatment in German.", lambda _: {"languages": ["de"]}),
    MatchRule.AVAILABILITY: ("Find other times.", lambda _: {"availability": None}),
}
"""A patient cannot change the others: status, contact preference, age group, a refusal, an open request."""
