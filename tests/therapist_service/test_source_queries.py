"""Who may be meant by a record of an unknown external id."""

from __future__ import annotations

from collections.abc import Collection

import pytest
from sqlalchemy import update
from sqlalchemy.orm import Session

from shared.database import new_id
from tests.builders.therapists import a_therapist
from therapist_service.store import source_queries
from therapist_service.store.tables import Therapist


@pytest.mark.parametrize(
    ("names", "practices"),
    [(["erfunden anna"], []), ([], ["+492414710123 musterweg"]), (["erfunden anna", "other"], ["unknown"])],
)
def test_whom_an_import_brought_is_not_meant_by_its_own_records(
    session: Session, names: Collection[str], practices: Collection[str]
) -> None:
    earlier, this, later = (new_id() for _ in range(3))
    brought_by = {a_therapist(session, phone="0241 4710123").id: each for each in (None, earlier, this, later)}
    for id, import_id in brought_by.items():
        session.execute(update(Therapist).where(Therapist.id == id).values(brought_by=import_id))
    found = source_queries.candidates(
        session,
        "116117.de",
        name_keys=names,
        practice_keys=practices,
        columns=("name_key", "practice_key"),
        but_of_import=this,
        gone=(),
    )
    assert {row["id"] for row in found} == {id for id, import_id in brought_by.items() if import_id != this}
