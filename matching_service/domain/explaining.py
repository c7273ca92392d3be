"""What the judge found, in words for staff: every check, the reasons, what was excluded, what could be relaxed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from matching_service.domain.criteria import CRITERIA, FAIL, PASS, UNKNOWN, Said
from matching_service.domain.criterion_texts import way
from matching_service.domain.match_schemas import CriterionCheck, Relaxation
from matching_service.domain.search import Search
from matching_service.store.matching import Judged
from shared.texts import Sentence, TextLanguage, word_in
from shared.values.enums import CheckResult, MatchCriterion

Criteria = frozenset[MatchCriterion]
Failures = Mapping[Criteria, int]


class Failure(NamedTuple):
    """A criterion that a therapist fails, and what it says of them."""

    rule: MatchCriterion
    detail: Sentence


def checks(judged: Judged, search: Search, language: TextLanguage) -> list[CriterionCheck]:
    """Every check of a candidate, in the order of the criteria."""
    return [
        CriterionCheck(criterion, result, _sentence(said, judged, search).in_language(language))
        for criterion, result, said in _said(judged.failed, judged.unknown)
    ]


def failures_of(judged: Judged, search: Search) -> list[Failure]:
    """Only what fails, in the order of the criteria."""
    return [
        Failure(criterion, _sentence(said, judged, search))
        for criterion, result, said in _said(judged.failed, judged.unknown)
        if result is FAIL
    ]


@lru_cache(1024)
def _said(
    failed: frozenset[MatchCriterion], unknown: frozenset[MatchCriterion]
) -> list[tuple[MatchCriterion, CheckResult, Said]]:
    results = ((each, FAIL if each.name in failed else UNKNOWN if each.name in unknown else PASS) for each in CRITERIA)
    return [
        (each.name, result, each.explanations[result])
        for each, result in results
        if result is not PASS or PASS in each.explanations
    ]


def _sentence(said: Said, judged: Judged, search: Search) -> Sentence:
    return Sentence.of(said) if isinstance(said, str) else said(judged.therapist, search)


def reasons(
    therapist: Any,
    checks: Sequence[CriterionCheck],
    search: Search,
    language: TextLanguage,
    *,
    asked_for: frozenset[MatchCriterion],
) -> list[str]:
    """Why this therapist is a candidate: availability, the practice's wish, distance, what fits, what is not known."""
    available = [Sentence.of("reason.potentially_available")] if therapist.potentially_available else []
    preferred = (
        [Sentence.of("reason.preferred_diagnosis", block=search.diagnosis_block)] if therapist.preference else []
    )
    unknown = tuple(check.rule for check in checks if check.result is UNKNOWN)
    return [
        *(each.in_language(language) for each in (*available, *preferred, way(therapist.metres, search.travel_mode))),
        *(
            _for(check.rule, check.detail, language)
            for check in checks
            if check.rule in asked_for and check.result is PASS
        ),
        *([_unknown(unknown).in_language(language)] if unknown else []),
    ]


@lru_cache(512)
def _unknown(criteria: Sequence[MatchCriterion]) -> Sentence:
    return Sentence.of("reason.unknown", criteria=criteria)


def criteria_asked_for(search: Search) -> Criteria:
    """The criteria about which the patient has a need or a wish: only these are reasons for a therapist who fits."""
    return frozenset(each.name for each in CRITERIA if each.is_asked_for and each.is_asked_for(search))


@lru_cache(4096)
def _for(rule: MatchCriterion, detail: str, language: TextLanguage) -> str:
    criterion = word_in(rule, language)
    if language == TextLanguage.EN:  # goes on with a small letter, where German nouns keep their capital
        detail = detail[0].lower() + detail[1:]
    return f"{criterion[0].upper()}{criterion[1:]}: {detail}"


def excluded(failures: Failures, *, distance_unknown: int) -> dict[MatchCriterion, int]:
    """How many each criterion excludes within the radius, in their order; those that exclude nobody are left out."""
    counts = dict.fromkeys(MatchCriterion, 0) | {MatchCriterion.DISTANCE_UNKNOWN: distance_unknown}
    for failed, number in failures.items():
        if MatchCriterion.DISTANCE not in failed:
            for criterion in failed:
                counts[criterion] += number
    return {criterion: number for criterion, number in counts.items() if number}


def relaxations(failures: Failures, search: Search, language: TextLanguage) -> list[Relaxation]:
    """How many therapists each criterion with a relaxation would add if it alone were given up, most first."""
    found = []
    for each in CRITERIA:
        adds = failures.get(frozenset({each.name}), 0)
        if adds and each.relaxation:
            key, overrides = each.relaxation
            suggestion = Sentence.of(key).in_language(language)
            found.append(Relaxation(rule=each.name, adds=adds, suggestion=suggestion, overrides=overrides(search)))
    return sorted(found, key=lambda each: -each.adds)
