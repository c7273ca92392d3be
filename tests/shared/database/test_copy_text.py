"""Rows that `COPY` reads are those that were written, whatever stands in them."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.exc import DataError, IntegrityError
from sqlalchemy.orm import Session

from patient_service.store.declarative import Numbers
from shared.database import bulk, copy_text, new_id
from shared.database.tables import outbox
from shared.events.catalogue import PublicTherapist, TherapistRegistered
from shared.events.outbox import record_all
from shared.values.places import Place
from shared.values.therapist_enums import TherapistChangeAction
from shared.values.weekly import Weekly
from tests.conftest import MONDAY
from therapist_service.store.tables import Therapist, TherapistChange

STRANGE = ("\\N", "\\", "a\tb\nc\rd", "\\.", "{}", '"', ",", "", "NULL", "O'Brien \\t \u2028 Ünal 💚", "%s :rows $1")


def therapist(**columns: Any) -> dict[str, Any]:
    nothing = ("first_name", "capacity", "latitude", "longitude", "place", "phone_hours", "block_until")
    empty: dict[str, Any] = {"procedures": [], "holidays": [], "email_opt_out": False}
    return {"id": new_id(), "last_name": "Erfunden", "created_at": MONDAY, **dict.fromkeys(nothing), **empty, **columns}


def kept(session: Session, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The same columns of these rows, as they are in the table."""
    found = (session.get_one(Therapist, row["id"]) for row in rows)
    return [{name: getattr(each, name) for name in rows[0]} for each in found]


def test_every_value_is_stored_as_it_was_written(session: Session) -> None:
    strange = [{"last_name": text, "procedures": [text, "VT"], "holidays": [{"from": text}]} for text in STRANGE]
    others: list[dict[str, Any]] = [
        {"latitude": 51.1, "longitude": -1e-7, "place": Place(51.1, -1e-7), "capacity": {"individual": None}},
        {"phone_hours": Weekly.of([(60, 120)]), "email_opt_out": True, "block_until": date(2026, 11, 23)},
        *({"first_name": f"{number}"} for number in range(bulk.COPIED_FROM)),
    ]
    rows = [therapist(**columns) for columns in (*strange, *others)]
    bulk.write_rows(session, Therapist, rows)
    assert kept(session, rows) == rows


def test_ids_enums_and_what_is_not_named_are_stored(session: Session) -> None:
    action, by = TherapistChangeAction.CHANGED, new_id()
    common = {"therapist_id": new_id(), "changed_at": MONDAY, "changed_by": by, "action": action, "position": 7}
    rows = [{"id": new_id(), **common} for _ in range(bulk.COPIED_FROM)]
    bulk.write_rows(session, TherapistChange, rows)
    found = session.scalars(select(TherapistChange).where(TherapistChange.therapist_id == common["therapist_id"])).all()
    assert {(each.action, each.changed_by, each.position) for each in found} == {(action, by, 7)}
    assert ({each.id for each in found}, found[0].difference) == ({row["id"] for row in rows}, [])


@pytest.mark.parametrize(("column", "value", "error"), [("last_name", "a\0b", DataError), ("id", None, IntegrityError)])
def test_what_cannot_be_stored_is_an_error_of_the_database(
    session: Session, column: str, value: Any, error: type[Exception]
) -> None:
    rows = [therapist(**{column: value}) for _ in range(bulk.COPIED_FROM)]
    with pytest.raises(error), session.begin_nested():
        bulk.write_rows(session, Therapist, rows)
    assert session.scalar(select(1)) == 1


def test_many_events_are_recorded_in_their_order_and_as_they_are(session: Session) -> None:
    people = [PublicTherapist(id=new_id(), last_name=text or "-") for text in STRANGE * 2]
    record_all(session, [(each.id, 1, TherapistRegistered(therapist=each)) for each in people], now=MONDAY)
    rows = session.execute(select(outbox).where(outbox.c.key.in_([each.id for each in people])).order_by("position"))
    for row, person in zip(rows, people, strict=True):
        assert (row.key, row.topic, row.sequence) == (person.id, "therapist.events", 1)
        assert f'"data": {TherapistRegistered(therapist=person).model_dump_json()}}}' in row.value


def test_a_type_of_our_own_is_written_like_the_one_it_is_made_of() -> None:
    write = copy_text._writer_of(Numbers())
    assert write is not None
    assert write([1, -2]) == '{"1","-2"}'
