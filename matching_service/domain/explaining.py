"""What the judge found, in words for staff: every check, the reasons, what was excluded, what could be relaxed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache, reduce
from itertools import combinations, product
from operator import or_
from typing import Any, Final, NamedTuple

from matching_service.domain.criteria import CRITERIA, FAIL, PASS, UNKNOWN, Criterion
from matching_service.domain.criterion_texts import minutes_of, route
from matching_service.domain.criterion_values import fields_of
from matching_service.domain.match_schemas import ComparedValues, CriterionCheck, MatchReason, Relaxation
from matching_service.domain.search import METRES_A_KILOMETRE, Search
from matching_service.store.matching import Judged
from shared.texts import Sentence, TextLanguage, word_in
from shared.values.enums import CheckResult, MatchCriterion, TravelMode

Criteria = frozenset[MatchCriterion]
Failures = Mapping[Criteria, int]
EMPTY: Final[Mapping[str, Any]] = {}


class _Result(NamedTuple):
    """What a criterion says of a therapist."""

    criterion: Criterion
    result: CheckResult
    number: int
    """Stands for both: a number is compared sooner than two words."""
    column: str | None
    """What of the therapist's row all of it follows from."""


_NUMBERS: Final = {pair: number for number, pair in enumerate(product(MatchCriterion, CheckResult))}


class Failure(NamedTuple):
    """A criterion that a therapist fails, what it compared, and what it says of them."""

    rule: MatchCriterion
    values: ComparedValues
    detail: Sentence


def failures_of(judged: Judged, search: Search) -> list[Failure]:
    """What a therapist fails, in the order of the criteria."""
    return [
        Failure(each.name, each.compared.values(judged.therapist, search), _sentence(each, result, judged, search))
        for each, result, *_ in _results(judged.failed, judged.unknown)
        if result is FAIL
    ]


class Explainer:
    """Puts into words what the judge found in one search; what is alike for several therapists is made once."""

    def __init__(self, search: Search, language: TextLanguage) -> None:
        self._search, self._language = search, language
        self._asked_for = criteria_asked_for(search)
        self._made: dict[tuple[int, Any], CriterionCheck] = {}

    def checks(self, judged: Judged) -> list[CriterionCheck]:
        """Every check of a candidate, in the order of the criteria."""
        therapist, made = judged.therapist, self._made
        found = []
        for criterion, result, number, column in _results(judged.failed, judged.unknown):
            read = getattr(therapist, column) if column else None
            key = (number, tuple(read) if type(read) is list else read)
            check = made.get(key)
            if check is None:
                check = made[key] = self._check(criterion, result, judged)
            found.append(check)
        return found

    def _check(self, criterion: Criterion, result: CheckResult, judged: Judged) -> CriterionCheck:
        values = criterion.compared.values(judged.therapist, self._search)
        sentence = _sentence(criterion, result, judged, self._search)
        return CriterionCheck(criterion.name, result, values, sentence.in_language(self._language))

    def reasons(self, therapist: Any, checks: Sequence[CriterionCheck]) -> list[MatchReason]:
        """Why this therapist is a candidate: the hint, the practice's wish, the route, what fits, what is not known."""
        unknown = tuple(check.rule for check in checks if check.result is UNKNOWN)
        language = self._language
        return [
            *([_available(language)] if therapist.potentially_available else []),
            *([_preferred(self._search.diagnosis_block, language)] if therapist.preference else []),
            _route(therapist.metres, self._search.travel_mode, language),
            *(
                _meets(check.rule, check.detail, language)
                for check in checks
                if check.rule in self._asked_for and check.result is PASS
            ),
            *([_not_known(unknown, language)] if unknown else []),
        ]


@lru_cache(1024)
def _results(failed: Criteria, unknown: Criteria) -> list[_Result]:
    """What the criteria say that are shown; one without words for a pass is shown only where it fails."""
    results = ((each, FAIL if each.name in failed else UNKNOWN if each.name in unknown else PASS) for each in CRITERIA)
    shown = [
        (each, result)
        for each, result in results
        if result is not PASS or (PASS in each.explanations and not _is_unmeasured(each, failed))
    ]
    return [_Result(each, result, _NUMBERS[each.name, result], each.compared.column) for each, result in shown]


def _is_unmeasured(criterion: Criterion, failed: Criteria) -> bool:
    """Whether a route of which nothing is known passes only since it cannot be compared."""
    return criterion.name == MatchCriterion.DISTANCE and MatchCriterion.DISTANCE_UNKNOWN in failed


def _sentence(criterion: Criterion, result: CheckResult, judged: Judged, search: Search) -> Sentence:
    said = criterion.explanations[result]
    return Sentence.of(said) if isinstance(said, str) else said(judged.therapist, search)


# Reasons that follow from few values are kept: an answer has hundreds, most of which are alike.


@lru_cache
def _available(language: TextLanguage) -> MatchReason:
    return _reason(Sentence.of("reason.potentially_available"), language)


@lru_cache
def _preferred(block: str | None, language: TextLanguage) -> MatchReason:
    return _reason(Sentence.of("reason.preferred_diagnosis", block=block), language, block=block)


def _route(metres: float, mode: TravelMode, language: TextLanguage) -> MatchReason:
    kilometres = metres / METRES_A_KILOMETRE
    values = {"distance_km": round(kilometres, 1), "travel_minutes": minutes_of(kilometres, mode), "travel_mode": mode}
    return _reason(route(metres, mode), language, **values)


@lru_cache(512)
def _not_known(rules: Sequence[MatchCriterion], language: TextLanguage) -> MatchReason:
    return _reason(Sentence.of("reason.unknown", criteria=rules), language, rules=rules)


def _reason(sentence: Sentence, language: TextLanguage, **params: Any) -> MatchReason:
    text = sentence.in_language(language)
    return MatchReason(sentence.code, params, f"{text[0].upper()}{text[1:]}")


@lru_cache(4096)
def _meets(rule: MatchCriterion, detail: str, language: TextLanguage) -> MatchReason:
    criterion = word_in(rule, language)
    if language == TextLanguage.EN and detail[1:2].islower():  # not an abbreviation, nor a German noun
        detail = detail[0].lower() + detail[1:]
    return MatchReason(f"criterion.{rule}", {"rule": rule}, f"{criterion[0].upper()}{criterion[1:]}: {detail}")


def criteria_asked_for(search: Search) -> Criteria:
    """The criteria about which the patient has a need or a wish: only these are reasons for a therapist who fits."""
    return frozenset(each.name for each in CRITERIA if each.is_asked_for and each.is_asked_for(search))


def excluded(failures: Failures, *, distance_unknown: int) -> dict[MatchCriterion, int]:
    """How many each criterion excludes within the radius, in their order; those that exclude nobody are left out."""
    counts = dict.fromkeys(MatchCriterion, 0) | {MatchCriterion.DISTANCE_UNKNOWN: distance_unknown}
    for failed, number in failures.items():
        if MatchCriterion.DISTANCE not in failed:
            for criterion in failed:
                counts[criterion] += number
    return {criterion: number for criterion, number in counts.items() if number}


def relaxations(
    failures: Failures, search: Search, language: TextLanguage, *, sent: Mapping[str, Any] = EMPTY
) -> list[Relaxation]:
    """What the patient could give up: each single criterion that would add somebody, most first.

    Where no single one does, the two that together add most, if any do. `sent`: the overrides of the question, which
    are needed with those of the suggestion.
    """
    return [_relaxation(criteria, adds, search, language, sent) for criteria, adds in _given_up(failures)]


def concessions(failures: Failures, search: Search) -> list[tuple[Sentence, int]]:
    """The same as sentences, which fix no language, each with the number of therapists that it would add."""
    return [(_suggestion(criteria, search)[0], adds) for criteria, adds in _given_up(failures)]


def _given_up(failures: Failures) -> list[tuple[tuple[Criterion, ...], int]]:
    can_be = [each for each in CRITERIA if each.relaxation]
    return _adding([(each,) for each in can_be], failures) or _adding(combinations(can_be, 2), failures)[:1]


def _adding(choices: Iterable[tuple[Criterion, ...]], failures: Failures) -> list[tuple[tuple[Criterion, ...], int]]:
    """The choices that add somebody, with how many, most first; of equal ones in the order of the criteria."""
    counted = [(each, _adds(frozenset(criterion.name for criterion in each), failures)) for each in choices]
    return sorted(((each, adds) for each, adds in counted if adds), key=lambda found: -found[1])


def _adds(given_up: Criteria, failures: Failures) -> int:
    return sum(number for failed, number in failures.items() if failed and failed <= given_up)


def _relaxation(
    criteria: Sequence[Criterion], adds: int, search: Search, language: TextLanguage, sent: Mapping[str, Any]
) -> Relaxation:
    sentence, params = _suggestion(criteria, search)
    return Relaxation(
        rules=[each.name for each in criteria],
        code=sentence.code,
        params=params,
        text=sentence.in_language(language),
        adds=adds,
        overrides=reduce(or_, (each.relaxation.overrides(search) for each in criteria if each.relaxation), dict(sent)),
    )


def _suggestion(criteria: Sequence[Criterion], search: Search) -> tuple[Sentence, dict[str, Any]]:
    """The sentence of one concession, or of two together, with its parameters."""
    suggested = [each.relaxation for each in criteria if each.relaxation]
    worded = [(each.sentence(search), fields_of(search, each.gives_up)) for each in suggested]
    if len(worded) == 1:
        return worded[0]
    (first, of_first), (second, of_second) = worded
    params = {"first": {"code": first.code, "params": of_first}, "second": {"code": second.code, "params": of_second}}
    return Sentence.of("relaxation.pair", first=first, second=second), params
