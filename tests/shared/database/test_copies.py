"""Copies end as the newest event says, in whatever order and portions events come; what cannot be read is unknown."""

from __future__ import annotations

from datetime import timedelta
from itertools import permutations
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from matching_service.store.tables import TherapistCopy
from shared.database import copies, new_id
from shared.values.errors import NotAcceptable
from shared.values.weekly import Weekly
from tests.conftest import MONDAY

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text() | st.sampled_from(["monday"]), inner),
    max_leaves=8,
)


@pytest.fixture
def service() -> str:
    """Matching, whose copies have two parts."""
    return "matching_service"


def event(id: UUID, sequence: int, *, minutes: int | None = None, republished: bool = False) -> dict[str, Any]:
    time = MONDAY + timedelta(minutes=sequence if minutes is None else minutes)
    return {"id": id, "sequence": sequence, "event_time": time, "republished": republished, "name": f"as of {sequence}"}


@pytest.mark.parametrize("order", list(permutations([1, 2, 3])))
@pytest.mark.parametrize("portion", [1, 2, 3])
def test_the_newest_event_counts_in_any_order_and_portions(
    session: Session, order: tuple[int, ...], portion: int
) -> None:
    id = new_id()
    for start in range(0, len(order), portion):
        rows = [event(id, sequence) for sequence in order[start : start + portion]]
        copies.keep_newest(session, TherapistCopy, rows)
    known = session.get_one(TherapistCopy, id, populate_existing=True)
    assert (known.name, known.sequence) == ("as of 3", 3)
    assert copies.count_ahead(session) == 0


def test_a_republished_state_replaces_what_is_ahead_of_its_source(session: Session) -> None:
    id = new_id()
    copies.keep_newest(session, TherapistCopy, [event(id, 10**6, minutes=1)])
    copies.keep_newest(session, TherapistCopy, [event(id, 2, minutes=2)])
    assert copies.is_ahead(session, "therapists", id)
    copies.keep_newest(session, TherapistCopy, [event(id, 3, minutes=3, republished=True)])
    assert session.get_one(TherapistCopy, id, populate_existing=True).sequence == 3
    assert not copies.is_ahead(session, "therapists", id)


def test_a_row_that_follows_events_one_by_one_keeps_the_same_order(session: Session) -> None:
    id = new_id()
    copies.keep_newest(session, TherapistCopy, [event(id, 1)])
    row = session.get_one(TherapistCopy, id)

    def is_newer(sequence: int, **options: Any) -> bool:
        position = {name: event(id, sequence, **options)[name] for name in ("sequence", "event_time", "republished")}
        return copies.take_newer(session, row, position)

    assert is_newer(2)
    assert is_newer(2), "one of two events with one sequence is nobody's"
    assert not is_newer(1)
    assert is_newer(10**6, minutes=5)
    assert not is_newer(3, minutes=6)
    assert copies.is_ahead(session, "therapists", id)
    assert is_newer(4, minutes=7, republished=True)
    assert not copies.is_ahead(session, "therapists", id)


@given(JSON)
def test_hours_that_cannot_be_read_are_unknown_and_never_an_error(hours: object) -> None:
    try:
        expected = Weekly.from_json(hours)
    except NotAcceptable:
        expected = None
    assert copies.week_of(new_id(), hours) == expected
