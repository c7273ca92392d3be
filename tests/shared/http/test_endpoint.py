"""What the decorator does around a method, and which declarations it refuses."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from flask.testing import FlaskClient
from sqlalchemy import text

from shared.database import Session, new_id, transaction
from shared.errors import Conflict, PlatformError
from shared.http import READ_ONLY, Context, Replay, Resource, Route, endpoint
from shared.http.context import NoTransaction
from shared.http.declaration import UndeclaredReplay
from shared.runtime import clock
from shared.security.authentication import COORDINATORS, READERS
from shared.values.schemas import MergePatch, Schema
from tests.shared.http.sample import Bench, BenchFields, BenchItem, BenchView, change, create_app, register


@dataclass(frozen=True)
class Yard:
    """What the little service of these tests was wired with."""

    delivered: list[str] = field(default_factory=list)
    refusals: list[tuple[str, datetime]] = field(default_factory=list)
    waited_until: list[datetime] = field(default_factory=list)
    loses: Iterator[str] = field(default_factory=lambda: iter(()))


class ContextView(Schema):
    """What a method is given."""

    purpose: str | None
    if_match: list[int] | None
    instants: int
    day: str


def open_transactions() -> int:
    """How many transactions other than this question's are open."""
    with transaction() as session:
        found = "FROM pg_stat_activity WHERE state LIKE 'idle in%' AND datname = current_database()"
        return session.scalar(text(f"SELECT count(*) {found}")) or 0


class AskedResource(Resource):
    """Endpoints that show what they are given."""

    @endpoint(response=ContextView, transaction=False)
    def get(self, context: Context[Yard]) -> dict[str, Any]:
        """Show the context."""
        return shown(context)

    @endpoint(response=ContextView, transaction=False)
    def put(self, context: Context[Yard]) -> dict[str, Any]:
        """Show the context."""
        return shown(context)

    @endpoint(replay=READ_ONLY, transaction=False)
    def post(self, context: Context[Yard]) -> None:
        """Ask for a session where there is none."""
        context.session.execute(text("SELECT 1"))


def shown(context: Context[Yard]) -> dict[str, Any]:
    versions = None if context.if_match is None else sorted(context.if_match)
    instants = len({context.now for _ in range(100)})
    return {
        "purpose": context.purpose, "if_match": versions, "instants": instants, "day": context.today.isoformat(),
    }  # fmt: skip


def deliver(context: Context[Yard], body: BenchFields) -> str:
    with pytest.raises(NoTransaction):
        _ = context.session
    context.dependencies.delivered.append(body.name)
    return f"{body.name}, delivered; {open_transactions()} transactions open"


class DeliveryCollection(Resource):
    """Benches that are bought outside."""

    @endpoint(body=BenchFields, response=BenchView, status=202, before_transaction=deliver, replay=BenchItem.get)
    def post(self, context: Context[Yard], body: BenchFields, fetched: str) -> Bench:
        """Build a bench from what was delivered."""
        bench = register(context.session, BenchFields(name=fetched))
        if state := next(context.dependencies.loses, None):
            context.session.execute(text(f"DO $$ BEGIN RAISE EXCEPTION 'x' USING ERRCODE = '{state}'; END $$"))
        return bench


def lock_bench(session: Session, id: UUID) -> None:
    session.execute(text("SELECT 1 FROM bench WHERE id = :id FOR UPDATE"), {"id": id})


class PaintResource(Resource):
    """Painting a bench, one painter after the other."""

    @endpoint(response=BenchView, replay=BenchItem.get, lock_before=lock_bench)
    def post(self, context: Context[Yard], id: UUID) -> Bench:
        """Paint it at the instant of its turn."""
        bench = context.session.get_one(Bench, id)
        bench.updated_at = context.now
        return bench


class TakenResource(Resource):
    """Refusals."""

    @endpoint(replay=READ_ONLY)
    def post(self, context: Context[Yard], id: UUID) -> None:
        """Refuse, after something was written."""
        register(context.session, BenchFields(name="taken"))
        refusal = Conflict("bench.taken")
        refusal.existing_id = id
        raise refusal


def record_refusal(context: Context[Yard], refusal: PlatformError) -> None:
    context.dependencies.refusals.append((refusal.code, context.now))
    register(context.session, BenchFields(name=f"refusal {refusal.code}"))


ROUTES = [
    Route("/api/asked", AskedResource, get=READERS, put=COORDINATORS, post=COORDINATORS),
    Route("/api/deliveries", DeliveryCollection, post=COORDINATORS),
    Route("/api/benches/<uuid:id>", BenchItem, get=READERS, patch=COORDINATORS, delete=COORDINATORS),
    Route("/api/benches/<uuid:id>/paint", PaintResource, post=COORDINATORS),
    Route("/api/taken/<uuid:id>", TakenResource, post=COORDINATORS),
]


@pytest.fixture
def yard() -> Yard:
    return Yard()


@pytest.fixture
def client(yard: Yard) -> FlaskClient:
    return create_app(ROUTES, dependencies=yard, record_refusal=record_refusal).test_client()


def names() -> list[str]:
    with transaction() as session:
        return [name for (name,) in session.execute(text("SELECT name FROM bench ORDER BY name"))]


# What a method is given


def test_a_method_is_given_who_asks_why_and_when(client: FlaskClient) -> None:
    answer = client.get("/api/asked", headers={"X-Purpose": " a  visit "})
    assert answer.json == {
        "purpose": "a visit", "if_match": None, "instants": 1, "day": clock.today().isoformat(),
    }  # fmt: skip


@pytest.mark.parametrize(("sent", "given"), [(None, None), ("*", None), ('"5"', [5]), ('W/"1", "2", "3"', [2, 3])])
def test_a_change_is_given_the_versions_that_its_caller_saw(client: FlaskClient, sent: str, given: Any) -> None:
    headers = {} if sent is None else {"If-Match": sent}
    assert client.put("/api/asked", headers=headers).json["if_match"] == given


def test_without_a_transaction_there_is_no_session(client: FlaskClient) -> None:
    assert client.post("/api/asked").status_code == 500


def test_an_endpoint_that_needs_no_database_answers_without_one(without_database: FlaskClient) -> None:
    assert without_database.get("/api/asked").status_code == 200


# What lies outside


def test_the_outside_is_asked_before_the_transaction_opens(stored: FlaskClient) -> None:
    answer = stored.post("/api/deliveries", json={"name": "oak"})
    assert (answer.status_code, answer.json["name"]) == (202, "oak, delivered; 0 transactions open")


def test_accepted_work_is_to_be_found_below_its_collection(stored: FlaskClient) -> None:
    answer = stored.post("/api/deliveries/", json={"name": "oak"})
    assert answer.location == f"/api/deliveries/{answer.json['id']}"


@pytest.mark.parametrize("state", ["40001", "40P01"])
def test_a_lost_transaction_is_done_again_and_the_outside_is_not_asked_again(
    stored: FlaskClient, yard: Yard, state: str
) -> None:
    object.__setattr__(yard, "loses", iter([state, state]))
    assert stored.post("/api/deliveries", json={"name": "oak"}).status_code == 202
    assert yard.delivered == ["oak"]
    assert names() == ["oak, delivered; 0 transactions open"]


def test_a_repeated_key_finds_what_was_delivered_the_first_time(stored: FlaskClient) -> None:
    first, second = (
        stored.post("/api/deliveries", json={"name": "oak"}, headers={"Idempotency-Key": "x"}) for _ in range(2)
    )
    assert (second.status_code, second.json, second.location) == (202, first.json, first.location)
    assert second.headers["Idempotency-Replayed"] == "true"
    assert len(names()) == 1


# The turn


def test_the_instant_of_a_request_that_waits_is_that_of_its_turn(stored: FlaskClient) -> None:
    id = new_id()
    with transaction() as session:
        session.add(Bench(id=id, name="wet"))
    answers: list[Any] = []
    with transaction() as session:
        lock_bench(session, id)
        other = threading.Thread(target=lambda: answers.append(stored.post(f"/api/benches/{id}/paint")))
        other.start()
        other.join(0.3)
        freed_after = clock.now()
    other.join(10)
    assert answers[0].status_code == 200
    assert datetime.fromisoformat(answers[0].json["updated_at"]) >= freed_after - timedelta(milliseconds=1)


# Refusals


def test_what_a_refusal_tells_is_kept_while_its_work_is_taken_back(stored: FlaskClient, yard: Yard) -> None:
    assert stored.post(f"/api/taken/{new_id()}").status_code == 409
    assert [code for code, _ in yard.refusals] == ["bench.taken"]
    assert names() == ["refusal bench.taken"]


def test_a_refusal_says_where_the_object_is_that_stands_in_the_way(stored: FlaskClient) -> None:
    id = new_id()
    assert stored.post(f"/api/taken/{id}").location == f"/api/taken/{id}/{id}"


def test_input_that_is_refused_never_reaches_the_method_or_the_outside(stored: FlaskClient, yard: Yard) -> None:
    assert stored.post("/api/deliveries", json={"name": 5}).status_code == 422
    assert stored.post("/api/deliveries", json={"name": "x"}, headers={"Idempotency-Key": ""}).status_code == 422
    assert (yard.delivered, names()) == ([], [])


# Declarations


def named(name: str) -> Callable[..., Any]:
    def method(self: Any, context: Context[Any], id: UUID) -> None:
        """Do something."""

    method.__name__ = name
    return method


def test_a_post_without_a_replay_is_refused_at_start() -> None:
    with pytest.raises(UndeclaredReplay):
        endpoint(body=BenchFields, response=BenchView)(named("post"))


@pytest.mark.parametrize("name", ["get", "put", "patch", "delete"])
def test_nothing_else_has_a_replay(name: str) -> None:
    with pytest.raises(UndeclaredReplay):
        endpoint(response=BenchView, replay=BenchItem.get)(named(name))


@pytest.mark.parametrize(
    "declared",
    [
        {"replay": BenchItem.get, "transaction": False},
        {"replay": Replay(reference=str, find=str), "transaction": False},
        {"replay": READ_ONLY, "transaction": False, "before_transaction": deliver},
        {"replay": READ_ONLY, "transaction": False, "lock_before": lock_bench},
        {"replay": READ_ONLY, "patch": BenchFields},
        {"replay": change},
        {"replay": BenchItem.patch},
        {"replay": BenchItem.get, "response": ContextView},
    ],
)
def test_what_contradicts_itself_is_refused_at_start(declared: dict[str, Any]) -> None:
    with pytest.raises(TypeError):
        endpoint(**{"response": None if "patch" in declared else BenchView} | declared)(named("post"))


def test_a_replay_is_an_endpoint_that_shows_one_object_by_its_id() -> None:
    class Whole(Resource):
        @endpoint(response=BenchView)
        def get(self, context: Context[None]) -> Bench:
            """Show something."""
            raise NotImplementedError

        @endpoint(patch=BenchFields, response=BenchView)
        def patch(self, context: Context[None], patch: MergePatch) -> Bench:
            """Change something."""
            raise NotImplementedError

    with pytest.raises(TypeError):
        endpoint(response=BenchView, replay=Whole.get)(named("post"))


def test_a_result_without_an_id_is_not_found_again_by_its_id() -> None:
    class Colours(Resource):
        @endpoint(response=ContextView)
        def get(self, context: Context[None], id: UUID) -> Bench:
            """Show what has no id of its own."""
            raise NotImplementedError

    with pytest.raises(TypeError, match="id"):
        endpoint(response=ContextView, replay=Colours.get)(named("post"))
