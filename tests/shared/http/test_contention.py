"""A request whose transaction loses against others is done again, whole and once; it is never called an outage."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID

import pytest
from flask.testing import FlaskClient
from sqlalchemy import URL, select, text

from shared import database
from shared.database import Session, new_id, transaction
from shared.http import READ_ONLY, Context, Resource, Route, endpoint
from shared.security.authentication import COORDINATORS
from shared.values.schemas import Schema
from tests.shared.http.sample import Bench, BenchFields, BenchItem, BenchView, create_app, register

TURNS: dict[str, Iterator[bool]] = {}
MET = threading.Barrier(2)


class Pair(Schema):
    """Two benches to which a seat is added, one after the other, and a third one that is built."""

    first: UUID
    second: UUID
    built: str


def add_seats(session: Session, pair: Pair) -> Bench:
    bench = register(session, BenchFields(name=pair.built))
    add_seat(session, pair.first)
    if next(TURNS[pair.built], False):
        MET.wait(10)
    add_seat(session, pair.second)
    return bench


def add_seat(session: Session, id: UUID) -> None:
    session.execute(text("UPDATE bench SET seats = seats + 1 WHERE id = :id"), {"id": id})


class SeatCollection(Resource):
    """Adding seats."""

    @endpoint(body=Pair, response=BenchView, status=201, replay=BenchItem.get)
    def post(self, context: Context[None], body: Pair) -> Bench:
        """Add a seat to both."""
        return add_seats(context.session, body)


class LosingResource(Resource):
    """Requests that lose every time."""

    @endpoint(replay=READ_ONLY)
    def post(self, context: Context[None], state: str) -> None:
        """Lose."""
        context.session.execute(text(f"DO $$ BEGIN RAISE EXCEPTION 'x' USING ERRCODE = '{state}'; END $$"))


@pytest.fixture
def benches(benches_url: URL) -> Iterator[FlaskClient]:
    """A client whose service has two benches, and endpoints that cross each other."""
    database.connect(benches_url)
    routes = [
        Route("/api/seats", SeatCollection, post=COORDINATORS),
        Route("/api/losing/<state>", LosingResource, post=COORDINATORS),
    ]
    with transaction() as session:
        session.execute(text("TRUNCATE bench, idempotency"))
    yield create_app(routes).test_client()
    database.connect(benches_url.set(port=1))


@pytest.mark.parametrize("keyed", [False, True])
def test_two_requests_that_cross_both_have_their_effect_once(benches: FlaskClient, keyed: bool) -> None:
    one, other = new_id(), new_id()
    with transaction() as session:
        session.add_all([Bench(id=one, name="one"), Bench(id=other, name="other")])

    def add(pair: tuple[UUID, UUID], built: str) -> Any:
        TURNS[built] = iter([True])
        headers = {"Idempotency-Key": built} if keyed else {}
        body = {"first": str(pair[0]), "second": str(pair[1]), "built": built}
        client = benches.application.test_client()
        answers = [client.post("/api/seats", json=body, headers=headers) for _ in range(2 if keyed else 1)]
        assert answers[0].json == answers[-1].json
        return answers[0]

    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(add, [(one, other), (other, one)], ["x", "y"]))
    assert [answer.status_code for answer in answers] == [201, 201]
    with transaction() as session:
        seats = {bench.name: bench.seats for bench in session.scalars(select(Bench))}
    assert seats == {"one": 4, "other": 4, "x": 2, "y": 2}


@pytest.mark.parametrize("state", ["40001", "40P01"])
def test_who_loses_every_time_is_told_to_try_again_and_of_no_outage(benches: FlaskClient, state: str) -> None:
    answer = benches.post(f"/api/losing/{state}")
    assert (answer.status_code, answer.json["code"]) == (409, "state.contended")
    assert answer.headers["Retry-After"] == "1"


def test_who_waits_for_too_long_is_told_what_others_hold_and_when_to_try_again(benches: FlaskClient) -> None:
    answer = benches.post("/api/losing/55P03")
    assert (answer.status_code, answer.json["code"]) == (503, "database.locked")
    assert answer.headers["Retry-After"] == "5"


@pytest.mark.parametrize(
    ("state", "status"),
    [("54000", 422), ("54001", 422), ("22003", 422), ("57P01", 503), ("53300", 503), ("XX000", 500)],
)
def test_the_sqlstate_decides_what_the_answer_is(benches: FlaskClient, state: str, status: int) -> None:
    assert benches.post(f"/api/losing/{state}").status_code == status
