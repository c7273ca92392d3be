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

RANKED_BY: Final = """
           t.traits, t.individual_from, t.individual_stated_on, t.group_from, t.group_stated_on"""
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

_OF_ITS_OWN = ("nearness", "available", "capacity", "certainty", "preference", "wishes")
_OF_REQUESTS = ("responses", "load", "fairness")
TERMS: Final = (*_OF_ITS_OWN, *_OF_REQUESTS)
"""The names of the terms as columns; their sum is `score`."""


def ranked_sql(bits: Mapping[MatchCriterion, int]) -> str:
    """The parts of a WITH after `judged`, of which `best` has the best who fail nothing, with every term.

    Requests are counted only of those who can be among the best, since that takes longest: first of twice as many as
    are shown, the best without these terms; then of all who could be as good as the last one of the best of them, if
    they had every point. `bits` says where a criterion stands in the mask of unknown ones.
    """
    most = (":response_points", ":load_points", ":fairness_points")
    own = ",\n               ".join(f"{sql} AS {name}" for name, sql in _own_terms(bits).items())
    return f"""fitting AS MATERIALIZED (
    -- OFFSET 0, here and below: otherwise every term is computed wherever it is used
    SELECT *, {" + ".join(_OF_ITS_OWN)} AS own FROM (
        SELECT id, metres, unknowns,
               {own}
        FROM judged WHERE fails = 0 OFFSET 0
    ) AS fitting
), first AS MATERIALIZED (
    {_scored("(SELECT * FROM fitting ORDER BY own DESC LIMIT 2 * CAST(:limit AS bigint)) AS fitting")}
), needed AS (
    SELECT min(score) - {TENTHS} * ({" + ".join(_whole(each) for each in most)}) AS own
    FROM (SELECT score FROM first ORDER BY score DESC LIMIT :limit) AS best
), best AS (
    SELECT * FROM first
    UNION ALL
    {_scored("fitting")} WHERE own >= (SELECT own FROM needed) AND id NOT IN (SELECT id FROM first)
    ORDER BY score DESC, metres, id LIMIT :limit
)"""  # noqa: S608 - put together from constants of our own


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


def _own_terms(bits: Mapping[MatchCriterion, int]) -> dict[str, str]:
    certainty = (
        f"{_whole(':certainty_points')} - {_whole(':points_lost_per_unknown')} * (unknowns >> {UNKNOWN_WEIGHTS})"
    )
    return {
        "nearness": _term(":nearness_points", "1 - least(1, metres / CAST(:radius_metres AS float8))"),
        "available": _if(has("potentially_available", of="traits"), ":potentially_available_points"),
        "capacity": _term(":capacity_points", _capacity()),
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
