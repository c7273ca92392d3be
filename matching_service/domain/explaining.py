"""What the judge found, in words for staff: every check, the reasons, what was excluded, what could be relaxed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from matching_service.domain.criteria import BY, CRITERIA, FAIL, PASS, UNKNOWN, Text, minutes_of
from matching_service.domain.schemas import Check, Relaxation
from matching_service.domain.search import METRES_A_KILOMETRE, Search
from matching_service.store.matching import Judged
from shared.values.enums import CheckResult, MatchRule

Failures = Mapping[frozenset[MatchRule], int]


def checks(judged: Judged, search: Search) -> list[Check]:
    """Every check of a candidate, in the order of the criteria."""
    return [_worded(said, judged, search) for said in _said(judged.failed, judged.unknown)]


def failures_of(judged: Judged, search: Search) -> list[Check]:
    """Only what fails, in the order of the criteria."""
    return [_worded(said, judged, search) for said in _said(judged.failed, judged.unknown) if said[1] is FAIL]


@lru_cache(1024)
def _said(failed: frozenset[MatchRule], unknown: frozenset[MatchRule]) -> list[tuple[MatchRule, CheckResult, Text]]:
    results = ((each, FAIL if each.rule in failed else UNKNOWN if each.rule in unknown else PASS) for each in CRITERIA)
    return [
        (each.rule, result, each.explanations[result])
        for each, result in results
        if result is not PASS or PASS in each.explanations
    ]


def _worded(said: tuple[MatchRule, CheckResult, Text], judged: Judged, search: Search) -> Check:
    rule, result, text = said
    return Check(rule, result, text if isinstance(text, str) else text(judged.therapist, search))


def reasons(therapist: Any, checks: Sequence[Check], search: Search, *, asked_for: frozenset[MatchRule]) -> list[str]:
    """Why this therapist stands there: availability, the way, what was asked for and fits, what is not known."""
    said = []
    if therapist.potentially_available:
        said.append("Potentially available: contact first.")
    kilometres = therapist.metres / METRES_A_KILOMETRE
    minutes = minutes_of(kilometres, search.travel_mode)
    said.append(f"{kilometres:.1f} km away, about {minutes} minutes {BY[search.travel_mode]}.")
    said += [_for(check) for check in checks if check.rule in asked_for and check.result is PASS]
    unknown = [check.rule.replace("_", " ") for check in checks if check.result is UNKNOWN]
    if unknown:
        said.append(f"Not known, please ask: {', '.join(unknown)}.")
    return said


def rules_asked_for(search: Search) -> frozenset[MatchRule]:
    """The criteria about which the patient has a need or a wish: only these speak for a therapist who fits."""
    return frozenset(each.rule for each in CRITERIA if each.is_asked_for and each.is_asked_for(search))


def _for(check: Check) -> str:
    return f"{check.rule.replace('_', ' ').capitalize()}: {check.detail[0].lower()}{check.detail[1:]}"


def excluded(failures: Failures, *, distance_unknown: int) -> dict[MatchRule, int]:
    """How many each criterion excludes within the radius, in their order; those that exclude nobody are left out."""
    counts = dict.fromkeys(MatchRule, 0) | {MatchRule.DISTANCE_UNKNOWN: distance_unknown}
    for rules, number in failures.items():
        if MatchRule.DISTANCE not in rules:
            for rule in rules:
                counts[rule] += number
    return {rule: number for rule, number in counts.items() if number}


def relaxations(failures: Failures, search: Search) -> list[Relaxation]:
    """Which single criterion, given up, would add whom; most first. Only what patient or staff can give up."""
    found = []
    for each in CRITERIA:
        adds = failures.get(frozenset({each.rule}), 0)
        if adds and each.relaxation:
            suggestion, overrides = each.relaxation
            found.append(Relaxation(rule=each.rule, adds=adds, suggestion=suggestion, overrides=overrides(search)))
    return sorted(found, key=lambda each: -each.adds)
