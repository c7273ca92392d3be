"""One way to read rows, to count them, to check a version, and to write many."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import event, select
from sqlalchemy.orm import Session

from matching_service.store.tables import PatientCopy, TherapistCopy
from shared.database import bulk, new_id
from shared.database.listing import Listing, NoOrder
from shared.database.rows import check_version, count_of, find_row, require
from shared.errors import LostUpdate, NotFound
from shared.values.places import Place
from shared.values.weekly import Weekly
from tests.accounts import ANNA
from tests.conftest import MONDAY

TUESDAYS = Weekly.of([(1980, 2100)])


@pytest.fixture
def service() -> str:
    """Matching, whose tables have columns of both kinds that are written as text."""
    return "matching_service"


def therapist(**columns: Any) -> dict[str, Any]:
    return {"id": new_id(), "sequence": 1, "name": "Erfunden", "working_hours": None, "given_place": None} | columns


@pytest.mark.parametrize(
    ("column", "value", "kept"),
    [
        ("working_hours", TUESDAYS, TUESDAYS),
        ("working_hours", None, None),
        ("working_hours", Weekly(), None),
        ("given_place", Place(51.34, 12.37), Place(51.34, 12.37)),
        ("given_place", None, None),
        ("name", "'; DROP TABLE therapists; --", "'; DROP TABLE therapists; --"),
    ],
)
@pytest.mark.parametrize("others", [1, bulk.COPIED_FROM])
def test_each_column_writes_its_values_itself(
    session: Session, column: str, value: Any, kept: Any, others: int
) -> None:
    row = therapist(**{column: value})
    bulk.write_rows(session, TherapistCopy, [row, *(therapist() for _ in range(others))])
    assert getattr(session.get_one(TherapistCopy, row["id"]), column) == kept
    unknown = getattr(TherapistCopy, column).is_(None)
    found = session.scalars(select(TherapistCopy.id).where(TherapistCopy.id == row["id"], unknown)).all()
    assert bool(found) == (kept is None), "what is unknown is NULL to SQL too"


def test_rows_that_are_there_get_only_what_is_updated(session: Session) -> None:
    row = therapist(name="before", sequence=1)
    bulk.write_rows(session, TherapistCopy, [row])
    bulk.write_rows(session, TherapistCopy, [row | {"name": "after", "sequence": 2}], updated=["name"])
    known = session.get_one(TherapistCopy, row["id"], populate_existing=True)
    assert (known.name, known.sequence) == ("after", 1)


def test_no_rows_are_no_statement(session: Session) -> None:
    statements: list[str] = []
    event.listen(session.connection(), "before_cursor_execute", lambda *given: statements.append(given[2]))
    bulk.write_rows(session, TherapistCopy, [])
    assert statements == []


def test_all_rows_that_are_wanted_are_counted(session: Session) -> None:
    ids = [new_id() for _ in range(5)]
    bulk.write_rows(session, PatientCopy, [{"id": id, "sequence": place} for place, id in enumerate(ids)])
    wanted = select(PatientCopy).where(PatientCopy.id.in_(ids[1:])).order_by(PatientCopy.sequence.desc())
    assert count_of(session, wanted.limit(2)) == 4


def test_an_order_must_be_declared() -> None:
    with pytest.raises(NoOrder):
        Listing(sorts={"sequence": (PatientCopy.id,)}, default="-name")


def test_who_is_not_there_is_not_found(session: Session) -> None:
    with pytest.raises(NotFound) as refused:
        require(find_row(session, PatientCopy, new_id()), "placement_request")
    assert (refused.value.code, refused.value.message) == (
        "placement_request.not_found",
        "There is no such placement request.",
    )


@dataclass
class Versioned:
    """A row as far as versions go."""

    version: int
    updated_by: UUID | None = ANNA
    updated_at: datetime = MONDAY


@pytest.mark.parametrize("expected", [None, {3}, {2, 3}])
def test_a_version_that_was_seen_is_no_lost_update(expected: set[int] | None) -> None:
    check_version(Versioned(3), expected, "placement_request")


@pytest.mark.parametrize("expected", [{2}, set()])
def test_a_version_that_nobody_saw_is_a_lost_update(expected: set[int]) -> None:
    with pytest.raises(LostUpdate) as refused:
        check_version(Versioned(3), expected, "placement_request")
    assert refused.value.code == "placement_request.changed_meanwhile"
    assert refused.value.members == {"updated_by": str(ANNA), "updated_at": "2026-11-23T09:00:00Z"}
    assert (
        refused.value.message
        == "Somebody changed this placement request since you read it. Read it again and repeat with its ETag."
    )
