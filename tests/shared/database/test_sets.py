"""Rows whose column has one of many values."""

from __future__ import annotations

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from matching_service.store.tables import PatientCopy
from shared.database import bulk, new_id
from shared.database.sets import is_among


@pytest.fixture
def service() -> str:
    return "matching_service"


def test_those_are_found_whose_value_is_among_many(session: Session) -> None:
    ids = [new_id() for _ in range(5)]
    bulk.write_rows(session, PatientCopy, [{"id": id, "sequence": place} for place, id in enumerate(ids)])
    for column, values in ((PatientCopy.id, {*ids[1:3], new_id()}), (PatientCopy.sequence, range(1, 3))):
        found = session.scalars(select(PatientCopy.id).where(is_among(column, values), PatientCopy.id.in_(ids)))
        assert set(found) == set(ids[1:3])
    assert session.scalars(select(PatientCopy.id).where(is_among(PatientCopy.id, []))).all() == []
