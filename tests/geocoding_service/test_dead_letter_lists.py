"""The list of dead letters, which every service has."""

from __future__ import annotations

from datetime import timedelta

from flask.testing import FlaskClient
from sqlalchemy import insert
from sqlalchemy.orm import Session

from shared.database import new_id
from shared.database.tables import dead_letter_table
from tests.conftest import MONDAY


def test_dead_letters_are_walked_counted_and_a_file(client: FlaskClient, session: Session) -> None:
    for number in range(5):
        row = {
            "id": new_id(),
            "topic": "patient.events",
            "partition": 0,
            "offset": number,
            "value": b"\x00=" * 9,
            "reason": "=1+1",
            "traceback": "File …",
            "created_at": MONDAY + timedelta(minutes=number),
        }
        session.execute(insert(dead_letter_table).values(row))
    session.commit()
    url = "/api/dead-letters?state=waiting,discarded"
    first = client.get(f"{url}&limit=3&count_by=state").json
    rest = client.get(f"{url}&limit=3&after={first['next']}").json
    assert [item["offset"] for item in first["items"] + rest["items"]] == [4, 3, 2, 1, 0]
    assert (first["counts"], rest["next"]) == ({"waiting": 5}, None)
    assert not {"traceback", "resolved_reason"} & client.get(f"{url}&view=row").json["items"][0].keys()
    text = client.get(f"{url}&view=row", headers={"Accept": "text/csv"}).text
    assert text.count("\r\n") == 6
    assert '"=1+1"' not in text
