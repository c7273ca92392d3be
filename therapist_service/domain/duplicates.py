"""Whether somebody who is about to be entered may be known already: asked in turn, so that two at once are one."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from shared.database import Session, new_id, take_turns
from shared.database.locks import turn_number
from shared.errors import Conflict
from therapist_service.domain import entity_resolution
from therapist_service.domain.entity_resolution import COMPARED, KnownPerson, Person
from therapist_service.store import source_queries

Row = Mapping[str, Any]
TURNS: Final = 1024
"""Who enters many at once takes so many turns at most: PostgreSQL's room for them is limited."""
NO_SOURCE: Final = ""
"""Of somebody whom no source shows."""


def take_turns_of(session: Session, persons: Iterable[Person]) -> None:
    """Let nobody else enter one of these before our transaction ends: imports work on files in turn, and look before.

    Two who enter several take their turns in one order, and after the locks of therapists and reviews.
    """
    keys = {key for person in persons for key in _keys_of(person)}
    take_turns(session, [("therapist_service enters", str(turn_number(key) % TURNS)) for key in keys])


def alike(
    session: Session,
    person: Person,
    *,
    source: str = NO_SOURCE,
    but_of_import: UUID | None = None,
    besides: Collection[UUID] = (),
) -> list[Row]:
    """Who is known and may be the same person, by id; the turns of the person are taken.

    `source`: which has the person, and shows another entry as somebody else. Whom its import brought is somebody else:
    a file has two entries for two people.
    """
    keys = entity_resolution.keys(person)
    rows = source_queries.candidates(
        session,
        source,
        name_keys=[keys["name_key"]] if keys["name_key"] else [],
        practice_keys=[keys["practice_key"]] if keys["practice_key"] else [],
        columns=COMPARED,
        but_of_import=but_of_import or new_id(),
        gone=(),
    )
    who = entity_resolution.identify(person, [KnownPerson(row["id"], row, row["is_listed"]) for row in rows])
    found = {*who.proposed, *filter(None, (who.therapist_id,))} - {*besides}
    return sorted((row for row in rows if row["id"] in found), key=lambda row: str(row["id"]))


def ids_of(candidates: Sequence[Row]) -> str:
    """The ids of these candidates, for a sentence."""
    return ", ".join(str(each["id"]) for each in candidates)


def naming(candidates: Sequence[Row], refusal: Conflict) -> Conflict:
    """The refusal, which names these candidates."""
    refusal.members["candidates"] = [
        {"id": str(each["id"]), "name": _name_of(each), "city": each["city"]} for each in candidates
    ]
    return refusal


def _name_of(row: Row) -> str:
    return " ".join(filter(None, (row["first_name"], row["last_name"])))


def _keys_of(person: Person) -> list[str]:
    return [f"{kind} {key}" for kind, key in entity_resolution.keys(person).items() if key]
