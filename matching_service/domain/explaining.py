"""What the judge found, in words for staff: every check, the reasons, what was excluded, what could be relaxed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from matching_service.domain.criteria import CRITERIA, FAIL, PASS, UNKNOWN, Text, duration, length
from matching_service.domain.schemas import CriterionCheck, Relaxation
from matching_service.domain.search import METRES_A_KILOMETRE, Search
from matching_service.store.matching import Judged
from shared.values.enums import CheckResult, MatchCriterion

Criteria = frozenset[MatchCriterion]
Failures = Mapping[Criteria, int]


def checks(judged: Judged, search: Search) -> list[CriterionCheck]:
    """Every check of a candidate, in the order of the criteria."""
    return [_worded(said, judged, search) for said in _said(judged.failed, judged.unknown)]


def failures_of(judged: Judged, search: Search) -> list[CriterionCheck]:
    """Only what fails, in the order of the criteria."""
    return [_worded(said, judged, search) for said in _said(judged.failed, judged.unknown) if said[1] is FAIL]


@lru_cache(1024)
def _said(
    failed: frozenset[MatchCriterion], unknown: frozenset[MatchCriterion]
) -> list[tuple[MatchCriterion, CheckResult, Text]]:
    results = ((each, FAIL if each.name in failed else UNKNOWN if each.name in unknown else PASS) for each in CRITERIA)
    return [
        (each.name, result, each.explanations[result])
        for each, result in results
        if result is not PASS or PASS in each.explanations
    ]


def _worded(said: tuple[MatchCriterion, CheckResult, Text], judged: Judged, search: Search) -> CriterionCheck:
    criterion, result, text = said
    return CriterionCheck(criterion, result, text if isinstance(text, str) else text(judged.therapist, search))


def reasons(
    therapist: Any, checks: Sequence[CriterionCheck], search: Search, *, asked_for: frozenset[MatchCriterion]
) -> list[str]:
    """Why this therapist is a candidate: availability, distance, what was asked for and fits, what is not known."""
    said = []
    if therapist.potentially_available:
        said.append("Potentially available: contact first.")
    kilometres = therapist.metres / METRES_A_KILOMETRE
    said.append(f"{length(kilometres)} away, {duration(kilometres, search.travel_mode)}.")
    said += [_for(check) for check in checks if check.rule in asked_for and check.result is PASS]
    unknown = [check.rule.replace("_", " ") for check in checks if check.result is UNKNOWN]
    if unknown:
        said.append(f"Not known, please ask: {', '.join(unknown)}.")
    return said


def criteria_asked_for(search: Search) -> Criteria:
    """The criteria about which the patient has a need or a wish: only these are reasons for a therapist who fits."""
    return frozenset(each.name for each in CRITERIA if each.is_asked_for and each.is_asked_for(search))


def _for(check: CriterionCheck) -> str:
    return f"{check.rule.replace('_', ' ').capitalize()}: {check.detail[0].lower()}{check.detail[1:]}"


def excluded(failures: Failures, *, distance_unknown: int) -> dict[MatchCriterion, int]:
    """How many each criterion excludes within the radius, in their order; those that exclude nobody are left out."""
    counts = dict.fromkeys(MatchCriterion, 0) | {MatchCriterion.DISTANCE_UNKNOWN: distance_unknown}
    for failed, number in failures.items():
        if MatchCriterion.DISTANCE not in failed:
            for criterion in failed:
                counts[criterion] += number
    return {criterion: number for criterion, number in counts.items() if number}


def relaxations(failures: Failures, search: Search) -> list[Relaxation]:
    """How many therapists each criterion with a relaxation would add if it alone were given up, most first."""
    found = []
    for each in CRITERIA:
        adds = failures.get(frozenset({each.name}), 0)
        if adds and each.relaxation:
            suggestion, overrides = each.relaxation
            found.append(Relaxation(rule=each.name, adds=adds, suggestion=suggestion, overrides=overrides(search)))
    return sorted(found, key=lambda each: -each.adds)
