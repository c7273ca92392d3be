"""Everybody who may be asked for many patients at once, by the conditions of the judge (`store/matching.py`).

The statement has a row for each patient, with the therapists who fail no criterion packed into bytes: Python never
makes an object of a pair, of which a plan has hundreds of thousands. There are no more for each patient than a plan can
do with, however many practices a radius has.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from pydantic_core import to_json
from sqlalchemy import Row, text

from matching_service.store.matching import ASKED_BEFORE, Condition, as_sql
from matching_service.store.nearness import METRES, in_box
from matching_service.store.practice_answers import ACCEPTANCE, ANSWERS, ASKED_THIS_WEEK, REMEMBERED
from matching_service.store.tables import IS_LIVE
from matching_service.store.traits import has_none_of
from shared.database import Executor

_TYPES: Final = {
    "patient_id": "uuid",
    "today": "date",
    "wanted_diagnoses": "bigint",
    "availability": "text",
    "radius_metres": "float8",
    "search_began": "timestamptz",
    "refused_since": "date",
    "needs_statutory_seat": "boolean",
    "may_need_statutory_seat": "boolean",
    "radius_bands": "integer[]",
    "radius_west": "float8",
    "radius_east": "float8",
    "sphere_x": "float8",
    "sphere_y": "float8",
    "sphere_z": "float8",
    "wanted_procedures": "bigint",
    "wanted_age_groups": "bigint",
    "wanted_settings": "bigint",
    "wanted_gender": "bigint",
    "needed_languages": "text[]",
    "excluded_therapist_ids": "text[]",
}
"""The attributes of a search that conditions name, and their types in PostgreSQL."""
_PARAMETER: Final = re.compile(r"(?<![:\w]):(\w+)")


LIKELIEST: Final = 100
"""So many practices are considered for each patient of those that lack nothing: the likeliest. Chosen, not measured."""
OTHERS: Final = 100
"""And so many more, by lot."""


@dataclass(frozen=True)
class PackedPractices:
    """Practices as three arrays in PostgreSQL's own words, which are read for each portion of patients."""

    ids: str
    chances: str
    """Of each the chance that it accepts somebody."""
    lacks: str
    """Of each why it cannot be asked; an empty text where it can."""

    @classmethod
    def of(cls, practices: Sequence[tuple[UUID, int, str]]) -> PackedPractices:
        """Pack ids, chances and what is lacking."""
        ids, chances, lacks = zip(*practices, strict=True) if practices else ((), (), ())
        words = ",".join(f'"{each}"' for each in lacks)
        return cls(f"{{{','.join(map(str, ids))}}}", f"{{{','.join(map(str, chances))}}}", f"{{{words}}}")


@dataclass(frozen=True)
class Likeliness:
    """What changes the chance of a pair, in percent."""

    lost_per_unknown: int
    lost_by_distance: int
    won_by_preference: int


class PlanCriteriaQuery:
    """Asks PostgreSQL about the therapists of many searches by these conditions; made once."""

    def __init__(self, conditions: Sequence[Condition]) -> None:
        self._statement = text(_many_sql(conditions))
        self._names = [each.name for each in conditions]

    def unknown_in(self, mask: int) -> list[Any]:
        """The criteria of a mask, in their order."""
        return [name for bit, name in enumerate(self._names) if mask & (1 << bit)]

    def candidates(
        self, executor: Executor, searches: Sequence[Any], practices: PackedPractices, likeliness: Likeliness
    ) -> Sequence[Row[Any]]:
        """Of each search that has any: `patient_id`, `candidates`, `lacks`, and of those who are considered `ids`,
        `metres`, `unknown`, `preferred`.

        Considered are, of those of `practices` who lack nothing and fit, the likeliest `LIKELIEST`, and `OTHERS` of all
        of them: else patients of one town would all have the same few, and the others would be asked of nobody.
        """
        rows = [{name: as_sql(getattr(each, name)) for name in _TYPES} for each in searches]
        limits = {"likeliest": LIKELIEST, "others": OTHERS}
        values = {"searches": to_json(rows).decode(), **vars(practices), **vars(likeliness), **limits}
        return executor.execute(self._statement, values).all()


def _many_sql(conditions: Sequence[Condition]) -> str:
    fails = " AND ".join(f"({_of_search(each.fails)}) IS NOT TRUE" for each in conditions)
    unknown = " + ".join(
        f"CASE WHEN {_of_search(each.unknown)} THEN {1 << bit} ELSE 0 END"
        for bit, each in enumerate(conditions)
        if each.unknown
    )
    columns = ", ".join(f"{name} {kind}" for name, kind in _TYPES.items())
    return f"""
WITH s AS MATERIALIZED (
    SELECT * FROM json_to_recordset(CAST(:searches AS json)) AS one({columns})
), asked AS (
    SELECT s.patient_id, therapist_id, {_of_search(ASKED_BEFORE)}
    FROM placement_requests JOIN s ON s.patient_id = placement_requests.patient_id
    GROUP BY s.patient_id, therapist_id
), fitting AS MATERIALIZED (
    SELECT s.patient_id, t.id, s.radius_metres, CAST(least(t.metres, s.radius_metres) AS integer) AS metres,
           {unknown} AS unknown,
           NOT {_of_search(has_none_of(":wanted_diagnoses"))} AS is_preferred
    FROM s
    CROSS JOIN LATERAL (
        SELECT *, {_of_search(METRES)} AS metres
        FROM therapists
        WHERE {_of_search(in_box("radius"))} AND status = 'active'
        OFFSET 0
    ) AS t
    LEFT JOIN asked a ON a.patient_id = s.patient_id AND a.therapist_id = t.id
    WHERE {fails}
), practices AS MATERIALIZED (
    SELECT * FROM unnest(CAST(:ids AS uuid[]), CAST(:chances AS integer[]), CAST(:lacks AS text[]))
        AS practice(id, chance, lack)
), ordered AS (
    SELECT fitting.*, practices.lack,
           row_number() OVER (PARTITION BY patient_id, practices.lack ORDER BY chance
               * (100 - :lost_per_unknown * bit_count(CAST(unknown AS bit(32))))
               * (100 - :lost_by_distance * metres / radius_metres)
               * (100 + :won_by_preference * CAST(is_preferred AS integer)) DESC, id) AS by_chance,
           row_number() OVER (PARTITION BY patient_id, practices.lack
               ORDER BY uuid_hash_extended(id, uuid_hash(patient_id)), id) AS by_lot
    FROM fitting JOIN practices USING (id)
), considered AS (
    SELECT *, lack = '' AND (by_chance <= :likeliest OR by_lot <= :others) AS is_considered FROM ordered
), lacking AS (
    SELECT patient_id, jsonb_object_agg(lack, number) AS lacks
    FROM (
        SELECT patient_id, coalesce(nullif(lack, ''), 'not_considered') AS lack, count(*) AS number
        FROM considered WHERE NOT is_considered GROUP BY patient_id, 2
    ) AS counted GROUP BY patient_id
), packed AS (
    SELECT patient_id, count(*) AS candidates, string_agg(uuid_send(id), '') FILTER (WHERE is_considered) AS ids,
           string_agg(int4send(metres), '') FILTER (WHERE is_considered) AS metres,
           string_agg(int4send(unknown), '') FILTER (WHERE is_considered) AS unknown,
           string_agg(boolsend(is_preferred), '') FILTER (WHERE is_considered) AS preferred
    FROM considered GROUP BY patient_id
)
SELECT packed.*, coalesce(lacking.lacks, '{{}}') AS lacks FROM packed LEFT JOIN lacking USING (patient_id)
ORDER BY patient_id
"""  # noqa: S608 - put together from constants of our own


def _of_search(condition: str) -> str:
    """The condition with columns of the searches in place of parameters. Raises KeyError for one without a type."""

    def column(found: re.Match[str]) -> str:
        _TYPES[found[1]]
        return f"s.{found[1]}"

    return _PARAMETER.sub(column, condition)


def _practices_sql(*, columns: str = "", requests: str = "true", practices: str = "true") -> str:
    return f"""
WITH known AS (
    SELECT therapist_id, {ANSWERS},{ASKED_THIS_WEEK},
           max(emailed_at) AS emailed_at
    FROM placement_requests WHERE {requests} GROUP BY therapist_id
)
SELECT t.id, t.potentially_available, t.contact_preference, t.mailbox, t.can_be_phoned,{columns}
       {ACCEPTANCE} AS acceptance, coalesce(k.asked_for, 0) AS asked_for, k.emailed_at
FROM therapists t LEFT JOIN known k ON k.therapist_id = t.id
WHERE t.status = 'active' AND t.contact_preference <> 'none' AND t.place IS NOT NULL AND {practices}
ORDER BY t.id
"""  # noqa: S608 - put together from constants of our own


_PRACTICES = text(_practices_sql())
_SOME_PRACTICES = text(
    _practices_sql(
        columns=" t.preferred_diagnoses,",
        requests="therapist_id = ANY (CAST(:ids AS uuid[]))",
        practices="t.id = ANY (CAST(:ids AS uuid[]))",
    )
)

_MAILBOXES = text("""
SELECT t.mailbox, max(r.emailed_at) AS emailed_at
FROM placement_requests r JOIN therapists t ON t.id = r.therapist_id
WHERE t.mailbox IS NOT NULL AND r.emailed_at IS NOT NULL GROUP BY t.mailbox
""")

_SEARCHING = text(f"""
SELECT p.id,
       count(r.id) FILTER (WHERE r.status IN ('open', 'queued') OR greatest(r.emailed_at, r.called_at) >= :week_began)
           AS asked_for,
       coalesce(bool_or(r.status IN ('accepted', 'placed')), false) AS is_offered
FROM patients p LEFT JOIN (SELECT * FROM placement_requests WHERE {IS_LIVE}) r ON r.patient_id = p.id
WHERE p.status = 'searching'
GROUP BY p.id ORDER BY p.search_started_on NULLS LAST, p.id
""")  # noqa: S608


def practices(executor: Executor, *, week_began: datetime) -> Sequence[Row[Any]]:
    """Everybody active who may be contacted at all, what they accept, and for how many they are asked this week."""
    return executor.execute(_PRACTICES, {"week_began": week_began, "remembered_since": week_began - REMEMBERED}).all()


def some_practices(executor: Executor, ids: Collection[UUID], *, week_began: datetime) -> dict[UUID, Row[Any]]:
    """The same of these therapists, with the groups of diagnoses that each prefers; by id."""
    values = {"week_began": week_began, "remembered_since": week_began - REMEMBERED, "ids": [str(id) for id in ids]}
    return {row.id: row for row in executor.execute(_SOME_PRACTICES, values)}


def mailed(executor: Executor) -> dict[str, datetime]:
    """When each mailbox was last written to about a request that is known here."""
    return {row.mailbox: row.emailed_at for row in executor.execute(_MAILBOXES)}


def searching(executor: Executor, *, week_began: datetime) -> Sequence[Row[Any]]:
    """All patients who search, those first who have longest: their ids, and what is asked for them this week."""
    return executor.execute(_SEARCHING, {"week_began": week_began}).all()
