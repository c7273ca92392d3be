"""The status of a real service, with a database."""

from __future__ import annotations

from flask.testing import FlaskClient
from sqlalchemy import insert
from sqlalchemy.orm import Session

from shared.database import new_id
from shared.database.tables import dead_letter_table
from tests.conftest import MONDAY


def test_what_waits_is_counted(client: FlaskClient, session: Session) -> None:
    before = client.get("/api/status").json
    row = {"topic": "patient.events", "partition": 0, "value": b"", "reason": "", "traceback": "", "created_at": MONDAY}
    session.execute(insert(dead_letter_table).values(row | {"id": new_id(), "offset": 7}))
    session.commit()
    after = client.get("/api/status").json
    assert (after["service"], after["dead_letters"]) == ("geocoding_service", before["dead_letters"] + 1)
    assert (after["outbox_waiting"], after["copies_ahead"]) == (0, 0)
    assert not [each for each in after["problems"] if each["name"] in ("database", "schema")]
