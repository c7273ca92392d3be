"""The judge of matching: SQL says of therapists which criteria fail and which are unknown.

The list of candidates and the approval of a contact list ask different statements about different therapists, but both
judge by the same conditions. Python only puts into words what SQL found.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from uuid import UUID

from pydantic_core import from_json
from sqlalchemy import Row, Uuid, column, text

from matching_service.store.nearness import IN_BOX, METRES
from matching_service.store.ranking import (
    LACKING_LANGUAGE,
    LACKS_LANGUAGE,
    RANKED_BY,
    TERMS,
    UNKNOWN_WEIGHTS,
    ranked_sql,
)
from matching_service.store.tables import IS_LIVE
from shared.database import WHOLE_TRANSACTION, Executor
from shared.values.enums import MatchCriterion
from shared.values.places import Place, to_ewkt
from shared.values.weekly import Weekly, WeeklyColumn


@dataclass(frozen=True, kw_only=True)
class Condition:
    """When a criterion fails and when it can say neither, as SQL; NULL means no.

    `t` is the therapist's copy, with `metres` from the patient (NULL where nobody knows). `a` is what the therapist was
    asked for this patient before: `is_open`, `place_failed`, `refused_on`. `:name` is the search's attribute `name`.
    """

    name: MatchCriterion
    fails: str
    unknown: str | None = None
    weight: int = 1
    """As how many unknown criteria it counts in the score where it is unknown."""


@dataclass(frozen=True, slots=True)
class Judged:
    """A therapist with what the judge found."""

    therapist: Row[Any]
    """The copy with `metres` and `refused_on`, as conditions know them; a candidate has the bearing, the score and its
    terms too, in tenths of a point."""
    failed: frozenset[MatchCriterion]
    unknown: frozenset[MatchCriterion]


@dataclass(frozen=True)
class SearchResult:
    """The best therapists, and how many failed which criteria."""

    best: list[Judged]
    """Best first."""
    failures: dict[frozenset[MatchCriterion], int]
    """How many therapists within the wide radius fail exactly these criteria; the empty set is those who fit."""
    distance_unknown: int
    """Active therapists anywhere whose place is not known."""


ASKED_BEFORE = f"""
           bool_or({IS_LIVE} AND NOT (status = 'no_answer' AND next_contact_after <= CAST(:today AS date))) AS is_open,
           bool_or(status = 'failed' AND approved_at >= :search_began) AS place_failed,
           CAST((max(responded_at) FILTER (WHERE status = 'declined')) AT TIME ZONE 'Europe/Berlin' AS date)
               AS refused_on"""
"""What conditions know of a therapist's requests for a patient, as `a`."""
_COPY = (
    "id", "name", "postal_code", "city", "status", "contact_preference", "accreditation", "procedures", "age_groups",
    "settings", "gender", "languages", "working_hours", "potentially_available",
)  # fmt: skip
"""The columns of a therapist's copy that are shown and put into words."""
_FOUND = ("metres", "refused_on", "fails", "unknowns")
_BEARING = "degrees(ST_Azimuth(CAST(:place AS geography), t.place))"
"""The direction from the patient to the practice, clockwise from north; NULL where both are at one place."""
_SCORE = (*TERMS, "score")
_THERAPIST_COLUMN = re.compile(r"\bt\.(\w+)")
_TYPES: dict[str, Any] = {"id": Uuid(), "working_hours": WeeklyColumn()}


class Judge:
    """Asks PostgreSQL about therapists by these conditions; made once, since it puts its statements together."""

    def __init__(self, conditions: Sequence[Condition]) -> None:
        self._bits = {each.name: bit for bit, each in _numbered(conditions)}
        self._best = _Question(
            _best_sql(conditions),
            ("tally", "distance_unknown", *_SCORE, "bearing", *_FOUND, *_COPY),
            WHOLE_TRANSACTION,
        )
        self._each = _Question(_each_sql(conditions), (*_FOUND, *_COPY))
        self._criteria = lru_cache(1024)(self._criteria_of)

    def best(self, executor: Executor, search: Any, *, weights: Mapping[str, int], limit: int) -> SearchResult:
        """The therapists who fail no criterion, ranked, at most `limit`; and the counts of all in the wide radius.

        `weights`: what the terms count, by the names of `store/ranking.py`.
        """
        rows = self._best.ask(executor, search, limit=limit, **weights)
        return SearchResult(
            best=[self._judged(row) for row in rows if row.id is not None],
            failures={self._criteria(int(mask)): number for mask, number in from_json(rows[0].tally).items()},
            distance_unknown=rows[0].distance_unknown,
        )

    def each(self, executor: Executor, search: Any, therapist_ids: Collection[UUID]) -> dict[UUID, Judged]:
        """These therapists by id, wherever they are; those who are not known here are left out."""
        rows = self._each.ask(executor, search, therapist_ids=[str(each) for each in therapist_ids])
        return {row.id: self._judged(row) for row in rows}

    def _judged(self, row: Row[Any]) -> Judged:
        return Judged(row, failed=self._criteria(row.fails), unknown=self._criteria(row.unknowns))

    def _criteria_of(self, mask: int) -> frozenset[MatchCriterion]:
        return frozenset(name for name, bit in self._bits.items() if mask & bit)


class _Question:
    """A statement whose parameters are attributes of the search, by their names, beside those that are given."""

    def __init__(self, sql: str, columns: Sequence[str], options: Mapping[str, Any] | None = None) -> None:
        self._options = options or {}
        # in order: SQLAlchemy need not match names
        self._statement = text(sql).columns(*(column(name, _TYPES.get(name)) for name in columns))
        self._parameters = frozenset(self._statement.compile().params)

    def ask(self, executor: Executor, search: Any, **given: Any) -> Sequence[Row[Any]]:
        values = {name: as_sql(getattr(search, name)) for name in self._parameters - given.keys()}
        return executor.execute(self._statement, values | given, execution_options=self._options).all()


def as_sql(value: Any) -> Any:
    """The value of a search's attribute as it is sent to PostgreSQL."""
    if isinstance(value, tuple | frozenset):
        return [each if isinstance(each, int) else str(each) for each in value]
    if isinstance(value, Weekly):
        return value.to_multirange()
    if isinstance(value, Place):
        return to_ewkt(value)
    return str(value) if isinstance(value, UUID) else value


def _each_sql(conditions: Sequence[Condition]) -> str:
    known = f"""
    SELECT *, CASE WHEN place IS NOT NULL AND CAST(:sphere_x AS float8) IS NOT NULL THEN {METRES} END AS metres
    FROM therapists
    WHERE id = ANY (CAST(:therapist_ids AS uuid[])) AND status IS NOT NULL
"""  # noqa: S608 - put together from constants of our own
    return f"""
WITH {_judged_sql(conditions, known)}
SELECT metres, refused_on, fails, unknowns, {_columns(_COPY, of="t.")}
FROM judged JOIN therapists t USING (id) LEFT JOIN asked ON asked.therapist_id = id
"""  # noqa: S608 - put together from constants of our own


def _best_sql(conditions: Sequence[Condition]) -> str:
    near = f"""
    -- those in the box around the circle; OFFSET 0 keeps the way from being measured wherever it is used
    SELECT * FROM (
        SELECT {_named_in(conditions, RANKED_BY, LACKS_LANGUAGE)},
               {METRES} AS metres
        FROM therapists
        WHERE {IN_BOX} AND status IS NOT NULL
        OFFSET 0
    ) AS boxed
    WHERE metres <= :wide_metres
"""  # noqa: S608
    bits = {each.name: bit for bit, each in _numbered(conditions)}
    return f"""
WITH {_judged_sql(conditions, near, also=f",{RANKED_BY}")}, counted AS (
    -- as text, for it comes with every row and is read once
    SELECT (SELECT coalesce(CAST(json_object_agg(fails, number) AS text), '{{}}')
            FROM (SELECT fails, count(*) AS number FROM judged GROUP BY fails) AS by_mask) AS tally,
           (SELECT count(*) FROM therapists WHERE place IS NULL AND status = 'active') AS distance_unknown
), {ranked_sql(bits)}
SELECT tally, distance_unknown, {_columns(_SCORE)}, {_BEARING} AS bearing,
       metres, refused_on, 0 AS fails, unknowns, {_columns(_COPY, of="t.")}
FROM counted LEFT JOIN (best JOIN therapists t USING (id) LEFT JOIN asked ON asked.therapist_id = id) ON true
ORDER BY score DESC, metres, t.id
"""  # noqa: S608 - put together from constants of our own


def _judged_sql(conditions: Sequence[Condition], considered: str, *, also: str = "") -> str:
    """Three parts of a WITH: what was asked before, the therapists that are considered, and what is said of each.

    `also`: further columns, of the therapist `t`.
    """
    fails = _sum((each.fails, bit) for bit, each in _numbered(conditions))
    unknown = [
        (each.unknown, bit + (each.weight << UNKNOWN_WEIGHTS)) for bit, each in _numbered(conditions) if each.unknown
    ]
    unknowns = _sum([*unknown, (LACKS_LANGUAGE, LACKING_LANGUAGE)])
    return f"""asked AS (
    SELECT therapist_id, {ASKED_BEFORE}
    FROM placement_requests WHERE patient_id = CAST(:patient_id AS uuid) GROUP BY therapist_id
), considered AS ({considered}), judged AS MATERIALIZED (
    SELECT t.id, t.metres,
           {fails} AS fails,
           {unknowns} AS unknowns{also}
    FROM considered t LEFT JOIN asked a ON a.therapist_id = t.id
)"""  # noqa: S608 - put together from constants of our own


def _named_in(conditions: Sequence[Condition], *also: str) -> str:
    """The columns of a therapist that are named as `t.name`: with all of them planning and every row take longer."""
    named = " ".join([*(f"{each.fails} {each.unknown}" for each in conditions), *also])
    return _columns(sorted({"id", *_THERAPIST_COLUMN.findall(named)} - {"metres"}))


def _numbered(conditions: Sequence[Condition]) -> Iterator[tuple[int, Condition]]:
    """The conditions with the bit that stands for each in a mask."""
    return ((1 << position, each) for position, each in enumerate(conditions))


def _sum(parts: Iterable[tuple[str, int]]) -> str:
    return " + ".join(f"CASE WHEN {condition} THEN {number} ELSE 0 END" for condition, number in parts)


def _columns(names: Sequence[str], *, of: str = "") -> str:
    return ", ".join(f"{of}{name}" for name in names)
