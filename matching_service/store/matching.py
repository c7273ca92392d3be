"""The question of matching: one statement finds, judges, ranks and counts; Python explains what it found."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic_core import from_json
from sqlalchemy import Row, Uuid, column, text

from matching_service.store.tables import IS_LIVE
from shared.database import Executor
from shared.values.enums import MatchRule
from shared.values.places import Place, to_ewkt
from shared.values.weekly import Weekly, WeeklyColumn


def _known_and_other(theirs: str, wanted: str) -> str:
    return f"cardinality({theirs}) > 0 AND NOT {theirs} && CAST({wanted} AS text[])"


FAILS: dict[MatchRule, str] = {
    MatchRule.STATUS: "t.status <> 'active'",
    MatchRule.CONTACT_PREFERENCE: "t.contact_preference = 'none'",
    MatchRule.ACCREDITATION: ":seat_needed AND t.accreditation = 'private'",
    MatchRule.DISTANCE: "t.metres > :radius",
    MatchRule.PROCEDURE: "NOT :any_procedure AND " + _known_and_other("t.procedures", ":procedures"),
    MatchRule.AGE_GROUP: "NOT :age_unknown AND " + _known_and_other("t.age_groups", ":age_groups"),
    MatchRule.SETTING: _known_and_other("t.settings", ":settings"),
    MatchRule.GENDER: ":gender <> 'any' AND t.gender <> 'unknown' AND t.gender <> :gender",
    MatchRule.LANGUAGE: "NOT :any_language AND " + _known_and_other("t.languages", ":languages"),
    MatchRule.AVAILABILITY: "NOT t.working_hours && CAST(:availability AS int4multirange)",
    MatchRule.PATIENT_EXCLUSION: "t.id = ANY (CAST(:excluded AS uuid[])) OR a.place_failed",
    MatchRule.OPEN_REQUEST: "a.is_open",
    MatchRule.RECENT_REFUSAL: "a.refused_at >= :refused_since",
}
"""When a rule excludes a therapist; the same as `domain/rules.py`. NULL does not exclude."""

UNKNOWNS: dict[MatchRule, str] = {
    MatchRule.ACCREDITATION: (
        "(:seat_needed AND t.accreditation = 'unknown') OR (:insurance_unknown AND t.accreditation <> 'statutory')"
    ),
    MatchRule.PROCEDURE: "NOT :any_procedure AND cardinality(t.procedures) = 0",
    MatchRule.AGE_GROUP: ":age_unknown OR cardinality(t.age_groups) = 0",
    MatchRule.SETTING: "cardinality(t.settings) = 0",
    MatchRule.GENDER: ":gender <> 'any' AND t.gender = 'unknown'",
    MatchRule.LANGUAGE: "NOT :any_language AND cardinality(t.languages) = 0",
    MatchRule.AVAILABILITY: "t.working_hours IS NULL OR CAST(:availability AS int4multirange) IS NULL",
}
"""When a rule can say neither; the same as `domain/rules.py`."""

BITS = {rule: 1 << position for position, rule in enumerate(FAILS)}

_fails = " | ".join(f"CASE WHEN {condition} THEN {BITS[rule]} ELSE 0 END" for rule, condition in FAILS.items())
_unknowns = " + ".join(f"CASE WHEN {condition} THEN 1 ELSE 0 END" for condition in UNKNOWNS.values())

_SHOWN = (
    "id", "name", "postal_code", "city", "status", "contact_preference", "accreditation", "procedures", "age_groups",
    "settings", "gender", "languages", "working_hours", "potentially_available",
)  # fmt: skip
"""The columns of a candidate's copy that are judged and shown."""
_FOUND = ("tally", "distance_unknown", "metres", "score")
_TYPES: dict[str, Any] = {"id": Uuid(), "working_hours": WeeklyColumn()}

_STATEMENT = text(
    f"""
-- near: those in the box around the circle, by the index, and how far they are on the sphere. ST_DWithin looks into the
-- same box, but measures every way once more, and the planner takes it for so dear that it errs in all that follows.
-- OFFSET 0 keeps the way from being measured wherever it is used.
WITH asked AS (
    SELECT therapist_id,
           bool_or({IS_LIVE}) AS is_open,
           bool_or(status = 'failed' AND approved_at >= :search_began) AS place_failed,
           max(responded_at) FILTER (WHERE status = 'declined') AS refused_at
    FROM placement_requests WHERE patient_id = CAST(:patient_id AS uuid) GROUP BY therapist_id
), near AS (
    SELECT *, place <-> CAST(:place AS geography) AS metres
    FROM therapists
    WHERE place && _ST_Expand(CAST(:place AS geography), :wide) AND status IS NOT NULL
    OFFSET 0
), judged AS MATERIALIZED (
    SELECT t.id, t.metres, {_fails} AS fails,
           :nearness * (1 - least(1, t.metres / :radius))
           + CASE WHEN t.potentially_available THEN :available ELSE 0 END
           + :certainty - :per_unknown * ({_unknowns}) AS score
    FROM near t LEFT JOIN asked a ON a.therapist_id = t.id
    WHERE t.metres <= :wide
), counted AS (
    -- as text, for it comes with every row and is read once
    SELECT (SELECT coalesce(CAST(json_object_agg(fails, number) AS text), '{{}}')
            FROM (SELECT fails, count(*) AS number FROM judged GROUP BY fails) AS by_mask) AS tally,
           (SELECT count(*) FROM therapists WHERE place IS NULL AND status = 'active') AS distance_unknown
), best AS (
    SELECT id, metres, score FROM judged WHERE fails = 0 ORDER BY score DESC, id LIMIT :limit
)
SELECT {", ".join((*_FOUND, *(f"t.{name}" for name in _SHOWN)))}
FROM counted LEFT JOIN (best JOIN therapists t USING (id)) ON true
ORDER BY score DESC, t.id
"""  # noqa: S608 - put together from the constants above
).columns(*(column(name, _TYPES.get(name)) for name in (*_FOUND, *_SHOWN)))  # in order: SQLAlchemy need not match names


@dataclass(frozen=True)
class Question:
    """Whom to look for: a patient's criteria as the statement compares them. Distances in metres.

    An empty list means that any will do, except for `age_groups`, where it means unknown.
    """

    patient_id: UUID
    place: Place
    radius: float
    wide: float
    """How far beyond the radius therapists are counted, who would come in if it were wider."""
    seat_needed: bool
    insurance_unknown: bool
    procedures: Sequence[str]
    age_groups: Sequence[str]
    settings: Sequence[str]
    gender: str
    languages: Sequence[str]
    availability: Weekly | None
    excluded: Collection[UUID]
    refused_since: datetime
    search_began: datetime


@dataclass(frozen=True)
class Weights:
    """Points of the score, as in `domain/scoring.py`."""

    nearness: int
    available: int
    certainty: int
    per_unknown: int


@dataclass(frozen=True)
class Found:
    """The best therapists, and how many failed which rules."""

    best: list[Row[Any]]
    """Copies' columns with `metres` and `score`, best first."""
    failures: dict[frozenset[MatchRule], int]
    """How many therapists within the wide radius fail exactly these rules; the empty set is those who fit."""
    distance_unknown: int
    """Active therapists anywhere whose place is not known."""


def best_therapists(executor: Executor, question: Question, weights: Weights, *, limit: int) -> Found:
    """The therapists who fail no rule, ranked, at most `limit`; and the counts of all in the wide radius."""
    rows = executor.execute(
        _STATEMENT,
        {
            "patient_id": str(question.patient_id),
            "place": to_ewkt(question.place),
            # a radius of nothing would divide by nothing
            "radius": max(1.0, question.radius),
            "wide": max(1.0, question.wide),
            "seat_needed": question.seat_needed,
            "insurance_unknown": question.insurance_unknown,
            "any_procedure": not question.procedures,
            "procedures": list(question.procedures),
            "age_unknown": not question.age_groups,
            "age_groups": list(question.age_groups),
            "settings": list(question.settings),
            "gender": question.gender,
            "any_language": not question.languages,
            "languages": list(question.languages),
            "availability": question.availability.to_multirange() if question.availability else None,
            "excluded": [str(each) for each in question.excluded],
            "refused_since": question.refused_since,
            "search_began": question.search_began,
            "nearness": weights.nearness,
            "available": weights.available,
            "certainty": weights.certainty,
            "per_unknown": weights.per_unknown,
            "limit": limit,
        },
    ).all()
    failures = {_rules(int(mask)): number for mask, number in from_json(rows[0].tally).items()}
    best = [row for row in rows if row.id is not None]
    return Found(best=best, failures=failures, distance_unknown=rows[0].distance_unknown)


def _rules(mask: int) -> frozenset[MatchRule]:
    return frozenset(rule for rule, bit in BITS.items() if mask & bit)
