"""The terms of a score, as SQL, in whole tenths of a point: so they add up exactly, and equal input has equal order.

`:name` is a weight of the settings or an attribute of the search. What each term means: docs/domain.md#matching-score.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from matching_service.store.practice_answers import ACCEPTANCE, ANSWERS, ASKED_THIS_WEEK, WAIT_LONGER
from matching_service.store.traits import has, has_none_of
from shared.values.enums import MatchCriterion, TherapySetting

UNKNOWN_WEIGHTS: Final = 20
"""In the mask of unknown criteria, the sum of their weights stands above so many bits."""
TENTHS: Final = 10
SAMPLED: Final = 50
"""So many times as many therapists as are shown are looked at first."""

RANKED_BY: Final = """
           t.individual_from, t.individual_stated_on,
           CASE WHEN CAST(:open_to_group_therapy AS boolean) THEN t.group_from END AS group_from,
           CASE WHEN CAST(:open_to_group_therapy AS boolean) THEN t.group_stated_on END AS group_stated_on"""
"""Columns of a therapist that the terms need, beside what the judge found."""
LACKS_LANGUAGE: Final = """cardinality(CAST(:wished_languages AS text[])) > 0
               AND NOT t.languages && CAST(:wished_languages AS text[])"""
"""The condition that a wish is not met which is no criterion."""
LACKING_LANGUAGE: Final = 1 << (UNKNOWN_WEIGHTS - 1)
"""In the mask of unknown criteria, the bit of that condition."""

_WISHES = (MatchCriterion.PROCEDURE, MatchCriterion.GENDER, MatchCriterion.LANGUAGE)
"""Criteria that are unknown only where the patient has a wish."""
_UNKNOWN_CAPACITY = 0.25
"""What a practice counts of whose places nobody has said anything, or so long ago that it counts no more. Chosen,
not measured."""

_OF_KINDS = ("available", "certainty", "preference", "wishes")
_OF_ITS_OWN = ("nearness", "capacity")
_OF_REQUESTS = ("responses", "load", "fairness")
_OWN_POINTS = (":nearness_points", ":capacity_points")
_REQUEST_POINTS = (":response_points", ":load_points", ":fairness_points")
TERMS: Final = (*_OF_KINDS, *_OF_ITS_OWN, *_OF_REQUESTS)
"""The names of the terms as columns; their sum is `score`."""


def ranked_sql(bits: Mapping[MatchCriterion, int], first_failure: int) -> str:
    """The parts of a WITH after `judged` and `alike`, of which `best` has the best who fail nothing.

    Of those who are alike in all that the judge found, `kinds` has the terms that follow from it. Counting requests
    takes longest, so they are counted only of those who can be among the best: who is not as good as the last one shown
    of a sample, even with every point that is not known yet, is left out. The sample is twice as many as are shown: the
    best without these terms, of the best kinds.

    `bits` says where a criterion stands in the mask of unknown ones; `first_failure` is the lowest bit in `traits` of a
    criterion that fails: no lower one is a failure of one therapist alone.
    """
    of_good_kinds = _fitting(first_failure, f"in_better_kinds < {SAMPLED} * CAST(:limit AS bigint)")
    some = f"({of_good_kinds} ORDER BY own DESC LIMIT 2 * CAST(:limit AS bigint)) AS fitting"
    least_of_kind = f"(SELECT own FROM sample) - {_most(*_OWN_POINTS)}"  # noqa: S608
    of_such_kinds = _fitting(first_failure, f"of_kind >= {least_of_kind}")
    all_who_can = f"({of_such_kinds} WHERE own >= (SELECT own FROM sample)) AS fitting"  # noqa: S608
    return f"""kinds AS MATERIALIZED (
    SELECT *, CAST(sum(number) OVER (ORDER BY of_kind DESC, traits) AS bigint) - number AS in_better_kinds FROM (
        SELECT *, {" + ".join(_OF_KINDS)} AS of_kind FROM (
            -- OFFSET 0, here and below: otherwise every term is computed wherever it is used
            SELECT traits, number, unknowns,
               {_named(_terms_of_kinds(bits))}
            FROM alike WHERE fails <= 0 OFFSET 0  -- it is never below 0; with = 0 the planner expects next to nobody
        ) AS terms
    ) AS kinds
), sample AS (
    SELECT min(score) - {_most(*_REQUEST_POINTS)} AS own
    FROM ({_scored(some)} ORDER BY score DESC LIMIT :limit) AS shown
), best AS (
    {_scored(all_who_can)}
    ORDER BY score DESC, metres, id LIMIT :limit
)"""  # noqa: S608 - put together from constants of our own


def _fitting(first_failure: int, condition: str) -> str:
    """Who fits, with the terms that do not depend on requests and their sum, of kinds under this condition."""
    return f"""SELECT * FROM (
        SELECT *, of_kind + {" + ".join(_OF_ITS_OWN)} AS own FROM (
            SELECT id, metres, traits, of_kind,
               {_named(_own_terms())}
            FROM judged JOIN (SELECT traits, of_kind FROM kinds WHERE {condition}) AS kinds USING (traits)
            WHERE traits < {first_failure} OFFSET 0
        ) AS terms
    ) AS fitting"""  # noqa: S608


def _most(*points: str) -> str:
    return f"{TENTHS} * ({' + '.join(map(_whole, points))})"


def _scored(fitting: str) -> str:
    """The therapists of `fitting` with the terms that depend on requests, and the score."""
    return f"""SELECT fitting.*, terms.*, own + {" + ".join(_OF_REQUESTS)} AS score
    FROM {fitting} CROSS JOIN LATERAL (
        SELECT {_term(":response_points", _responses())} AS responses,
               {_term(":load_points", _room("asked_for"))} AS load,
               {_term(":fairness_points", _room("wait_longer"))} AS fairness
        FROM (
            SELECT {ANSWERS},{ASKED_THIS_WEEK},{WAIT_LONGER}
            FROM placement_requests WHERE therapist_id = fitting.id
        ) AS requests OFFSET 0
    ) AS terms"""  # noqa: S608


def _named(terms: Mapping[str, str]) -> str:
    return ",\n               ".join(f"{sql} AS {name}" for name, sql in terms.items())


def _own_terms() -> dict[str, str]:
    return {
        "nearness": _term(":nearness_points", "1 - least(1, metres / CAST(:radius_metres AS float8))"),
        "capacity": _term(":capacity_points", _capacity()),
    }


def _terms_of_kinds(bits: Mapping[MatchCriterion, int]) -> dict[str, str]:
    certainty = (
        f"{_whole(':certainty_points')} - {_whole(':points_lost_per_unknown')} * (unknowns >> {UNKNOWN_WEIGHTS})"
    )
    return {
        "available": _if(has("potentially_available", of="traits"), ":potentially_available_points"),
        "certainty": f"{TENTHS} * greatest(0, {certainty})",
        "preference": _if("NOT " + has_none_of(":wanted_diagnoses", of="traits"), ":preferred_diagnosis_points"),
        "wishes": _term(":wishes_points", f"1 - ({_unmet(bits)}) / greatest(1, CAST(:number_of_wishes AS float8))"),
    }


def _term(points: str, share: str) -> str:
    return f"CAST(round({TENTHS} * CAST({points} AS float8) * ({share})) AS integer)"


def _if(condition: str, points: str) -> str:
    return f"CASE WHEN {condition} THEN {TENTHS} * {_whole(points)} ELSE 0 END"


def _whole(parameter: str) -> str:
    return f"CAST({parameter} AS integer)"


def _unmet(bits: Mapping[MatchCriterion, int]) -> str:
    unmet = [*(bits[each] for each in _WISHES if each in bits), LACKING_LANGUAGE]
    return " + ".join(f"CASE WHEN unknowns & {each} <> 0 THEN 1 ELSE 0 END" for each in unmet)


def _capacity() -> str:
    offers_group = f"CAST(:open_to_group_therapy AS boolean) AND {has('settings', TherapySetting.GROUP, of='traits')}"
    group = f"CASE WHEN {offers_group} THEN {_capacity_of('group')} ELSE 0 END"
    return f"greatest({_capacity_of('individual')}, {group})"


def _capacity_of(setting: str) -> str:
    """What was said of places counts the less the older it is, down to what is unknown."""
    days, age = f"{setting}_from - CAST(:today AS date)", f"CAST(:today AS date) - {setting}_stated_on"
    free = f"CASE WHEN {setting}_from IS NULL THEN 0 ELSE 1 - {_share_of(days, ':days_ahead')} END"
    counts = f"1 - {_share_of(age, ':days_until_stale')}"
    return (
        f"CASE WHEN {setting}_stated_on IS NULL THEN {_UNKNOWN_CAPACITY}"
        f" ELSE {_UNKNOWN_CAPACITY} + ({counts}) * ({free} - {_UNKNOWN_CAPACITY}) END"
    )


def _share_of(days: str, most: str) -> str:
    return f"least(1, greatest(0, {days}) / CAST({most} AS float8))"


def _responses() -> str:
    return f"least(1, ({ACCEPTANCE}) / (100 * CAST(:acceptance_percent AS float8)))"


def _room(number: str) -> str:
    return f"1 - least(1, {number} / CAST(:requests_of_a_full_week AS float8))"
