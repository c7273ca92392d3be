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

from matching_service.store.nearness import METRES, in_box
from matching_service.store.ranking import (
    LACKING_LANGUAGE,
    LACKS_LANGUAGE,
    RANKED_BY,
    TERMS,
    UNKNOWN_WEIGHTS,
    ranked_sql,
)
from matching_service.store.tables import IS_LIVE
from matching_service.store.traits import FREE_BIT
from shared.database import WHOLE_TRANSACTION, Executor
from shared.values.enums import MatchCriterion
from shared.values.places import Place, to_ewkt
from shared.values.weekly import Weekly, WeeklyColumn


@dataclass(frozen=True, kw_only=True)
class Condition:
    """When a criterion fails and when it can say neither, as SQL; NULL means no.

    `t` is the therapist's copy, with `metres` from the patient (NULL where nobody knows). `a` is what the therapist was
    asked for this patient before: `is_open`, `place_failed`, `refused_on`. `:name` is the search's attribute `name`.
    One that names no column but `t.traits` (`store/traits.py`) costs next to nothing; one that names a column which the
    index `ix_therapists_judged` does not have makes PostgreSQL read the table.
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
_THERAPIST_COLUMN, _ASKED_COLUMN = re.compile(r"\bt\.(\w+)"), re.compile(r"\ba\.\w+")
_TYPES: dict[str, Any] = {"id": Uuid(), "working_hours": WeeklyColumn()}


class CriteriaQuery:
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
WITH {_ASKED}, considered AS ({known})
SELECT metres, refused_on,
       {_mask(_fails(conditions))} AS fails,
       {_mask(_unknown(conditions))} AS unknowns, {_columns(_COPY, of="t.")}
FROM considered t LEFT JOIN asked a ON a.therapist_id = t.id
"""  # noqa: S608 - put together from constants of our own


def _best_sql(conditions: Sequence[Condition]) -> str:
    near = f"""
    -- those in the box around the circle; OFFSET 0 keeps the distance from being measured wherever it is used
    SELECT * FROM (
        SELECT {_named_in(conditions, RANKED_BY, LACKS_LANGUAGE)},
               {METRES} AS metres
        FROM therapists
        WHERE {in_box("wide")} AND status IS NOT NULL
        OFFSET 0
    ) AS boxed
    WHERE metres <= :wide_metres
"""  # noqa: S608
    of_kinds = _KindBits()
    unknowns = _mask(of_kinds.as_traits([*_unknown(conditions), (LACKS_LANGUAGE, LACKING_LANGUAGE)]))
    first_failure = of_kinds.next_bit
    fails = _mask(of_kinds.as_traits(_fails(conditions)))
    bits = {each.name: bit for bit, each in _numbered(conditions)}
    return f"""
WITH {_ASKED}, considered AS ({near}), judged AS MATERIALIZED (
    SELECT t.id, t.metres, t.traits + {_mask(of_kinds.bits.items())} AS traits,{RANKED_BY}
    FROM considered t LEFT JOIN asked a ON a.therapist_id = t.id
), alike AS MATERIALIZED (
    SELECT traits, number,
           {fails} AS fails,
           {unknowns} AS unknowns
    FROM (SELECT traits, count(*) AS number FROM judged GROUP BY traits) AS t
), counted AS (
    -- as text, for it comes with every row and is read once
    SELECT (SELECT coalesce(CAST(json_object_agg(fails, number) AS text), '{{}}')
            FROM (SELECT fails, CAST(sum(number) AS bigint) AS number FROM alike GROUP BY fails) AS by_mask) AS tally,
           (SELECT count(*) FROM therapists WHERE place IS NULL AND status = 'active') AS distance_unknown
), {ranked_sql(bits, first_failure)}
SELECT tally, distance_unknown, {_columns(_SCORE)}, {_BEARING} AS bearing,
       metres, refused_on, 0 AS fails, unknowns, {_columns(_COPY, of="t.")}
FROM counted LEFT JOIN (
    best JOIN kinds USING (traits) JOIN therapists t USING (id) LEFT JOIN asked ON asked.therapist_id = id
) ON true
ORDER BY score DESC, metres, t.id
"""  # noqa: S608 - put together from constants of our own


_ASKED = f"""asked AS (
    SELECT therapist_id, {ASKED_BEFORE}
    FROM placement_requests WHERE patient_id = CAST(:patient_id AS uuid) GROUP BY therapist_id
)"""  # noqa: S608


class _KindBits:
    """Bits, beside those of traits, for conditions that look at more than traits.

    So all that follows from conditions is computed once for all therapists with the same bits: of thousands who are
    near, some hundred differ in them.
    """

    def __init__(self) -> None:
        self.bits: dict[str, int] = {}

    @property
    def next_bit(self) -> int:
        return FREE_BIT << len(self.bits)

    def as_traits(self, parts: Iterable[tuple[str, int]]) -> list[tuple[str, int]]:
        """The parts of a mask, as conditions on the column `traits` of all who are alike, `t`."""
        return [(self._as_trait(condition), number) for condition, number in parts]

    def _as_trait(self, condition: str) -> str:
        if _named(condition) <= {"traits"} and not _ASKED_COLUMN.search(condition):
            return condition
        bit = self.bits.setdefault(condition, self.next_bit)
        return f"t.traits & {bit} <> 0"


def _fails(conditions: Sequence[Condition]) -> list[tuple[str, int]]:
    return [(each.fails, bit) for bit, each in _numbered(conditions)]


def _unknown(conditions: Sequence[Condition]) -> list[tuple[str, int]]:
    return [
        (each.unknown, bit + (each.weight << UNKNOWN_WEIGHTS)) for bit, each in _numbered(conditions) if each.unknown
    ]


def _named_in(conditions: Sequence[Condition], *also: str) -> str:
    """The columns of a therapist that are named as `t.name`: with all of them planning and every row take longer."""
    named = " ".join([*(f"{each.fails} {each.unknown}" for each in conditions), *also])
    return _columns(sorted({"id", "traits", *_named(named)} - {"metres"}))


def _named(sql: str) -> set[str]:
    return set(_THERAPIST_COLUMN.findall(sql))


def _numbered(conditions: Sequence[Condition]) -> Iterator[tuple[int, Condition]]:
    """The conditions with the bit that stands for each in a mask."""
    return ((1 << position, each) for position, each in enumerate(conditions))


def _mask(parts: Iterable[tuple[str, int]]) -> str:
    return " + ".join(["0", *(f"CASE WHEN {condition} THEN {number} ELSE 0 END" for condition, number in parts)])


def _columns(names: Sequence[str], *, of: str = "") -> str:
    return ", ".join(f"{of}{name}" for name in names)
