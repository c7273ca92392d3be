"""A tiny service with one noun, to try the endpoints on: benches in a park."""

from __future__ import annotations

import base64
import sys
import threading
from datetime import date, datetime
from typing import Any, ClassVar
from uuid import UUID

from flask import Flask, Response
from pydantic import SecretStr
from sqlalchemy import DateTime, MetaData, select
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from shared.database import NAMES, Aggregate, Session, new_id, transaction
from shared.database.tables import idempotency
from shared.errors import Conflict, LostUpdate, NotFound, RuleBroken, Unreachable
from shared.http import Answer, Resource, Route, endpoint, if_match, once, service_app
from shared.runtime import clock
from shared.runtime.settings import ServiceSettings
from shared.runtime.web import serve
from shared.security.authentication import ANYONE, COORDINATORS, READERS, purpose
from shared.values.datetimes import Instant, IsoDate
from shared.values.schemas import EntityView, MergePatch, Page, PageQuery, QuerySchema, Schema

SLOW_STARTED, SLOW_MAY_END = threading.Event(), threading.Event()
"""A bench named "slow" says that it is being built, and waits until it may be finished."""

DIGEST_KEY = base64.b64encode(bytes(32)).decode()


class Settings(ServiceSettings):
    """This service's settings."""

    service: ClassVar[str] = "bench_service"


class Tables(DeclarativeBase):
    """This service's tables."""

    metadata = MetaData(naming_convention=NAMES)
    type_annotation_map = {datetime: DateTime(timezone=True)}


class Bench(Aggregate, Tables):
    """A bench as it is stored."""

    __tablename__ = "bench"

    name: Mapped[str] = mapped_column(unique=True)
    seats: Mapped[int] = mapped_column(default=2)
    built_on: Mapped[date | None]


idempotency.to_metadata(Tables.metadata)


class BenchFields(Schema):
    """What people write about a bench."""

    name: str
    seats: int = 2
    built_on: IsoDate | None = None


class BenchView(EntityView, BenchFields):
    """A bench as it is shown."""


class BenchFilter(PageQuery):
    """Which benches are listed."""

    seats: int | None = None
    names: list[str] | None = None


class Force(QuerySchema):
    """Past a suspected duplicate."""

    force: bool = False


class Nap(Schema):
    """Somebody sleeps on a bench."""

    until: Instant | None = None


class Naps(Schema):
    """Those who sleep, and those who may not."""

    items: list[BenchView]
    refused: list[str]


class NewNaps(Schema):
    """Who wants to sleep."""

    names: list[str]


def registered(session: Session, new: BenchFields) -> Bench:
    if new.name == "forbidden":
        raise RuleBroken("bench.forbidden", "Not this one.")
    if new.name == "slow":
        SLOW_STARTED.set()
        SLOW_MAY_END.wait(10)
    bench = Bench(**new.model_dump())
    session.add(bench)
    session.flush()
    return bench


def found(session: Session, id: UUID) -> Bench:
    bench = session.get(Bench, id)
    if bench is None:
        raise NotFound("bench")
    return bench


class Benches(Resource):
    """The collection."""

    @endpoint(query=BenchFilter, answer=Page[BenchView])
    def get(self, query: BenchFilter) -> Page[Any]:
        """List benches.

        In the order in which they were built.
        """
        with transaction() as session:
            benches = session.scalars(select(Bench).order_by(Bench.id).offset(query.offset).limit(query.limit)).all()
            total = len(session.scalars(select(Bench.id)).all())
            items = [BenchView.of(bench) for bench in benches]
            return Page[BenchView](items=items, total=total, limit=query.limit, offset=query.offset)

    @endpoint(body=BenchFields, query=Force, answer=BenchView, status=201)
    def post(self, body: BenchFields, query: Force) -> Bench:
        """Build a bench."""
        with transaction() as session:
            return once(session, lambda: registered(session, body), lambda id: found(session, id))


class OneBench(Resource):
    """One bench."""

    @endpoint(answer=BenchView)
    def get(self, id: UUID) -> Bench:
        """Show a bench."""
        with transaction() as session:
            return found(session, id)

    @endpoint(patch=BenchFields, answer=BenchView)
    def patch(self, id: UUID, patch: MergePatch) -> Bench:
        """Change a bench."""
        expected = if_match()
        with transaction() as session:
            bench = found(session, id)
            if expected is not None and bench.version not in expected:
                raise LostUpdate("bench.changed", "Somebody changed this bench since you read it.")
            for name, value in patch.changes_to(BenchView.of(bench)).items():
                setattr(bench, name, value)
            bench.version += 1
            return bench

    @endpoint()
    def delete(self, id: UUID) -> None:
        """Take a bench away."""
        with transaction() as session:
            session.delete(found(session, id))


class BenchNap(Resource):
    """Sleeping on a bench."""

    @endpoint(body=Nap, answer=BenchView)
    def post(self, id: UUID, body: Nap) -> Bench:
        """Sleep."""
        with transaction() as session:
            return found(session, id)


class ManyNaps(Resource):
    """Several sleepers at once: an answer that is not one object."""

    @endpoint(body=NewNaps, answer=Naps, status=201)
    def post(self, body: NewNaps) -> Naps:
        """Sleep together."""

        def built() -> Naps:
            benches = [registered(session, BenchFields(name=name)) for name in body.names if name != "snorer"]
            return Naps(items=[BenchView.of(bench) for bench in benches], refused=["snorer"])

        def again(note: Any) -> Naps:
            return Naps(items=[BenchView.of(found(session, UUID(id))) for id in note["ids"]], refused=note["refused"])

        def noted(naps: Naps) -> Any:
            return {"ids": [str(item.id) for item in naps.items], "refused": naps.refused}

        with transaction() as session:
            return once(session, built, again, noted)


class Plain(Resource):
    """Endpoints that need no database."""

    @endpoint(answer=Schema, query=QuerySchema)
    def get(self, query: QuerySchema) -> Schema:
        """Answer nothing."""
        return Schema()

    @endpoint(body=BenchFields, answer=BenchView, status=201)
    def post(self, body: BenchFields) -> BenchView:
        """Repeat what was sent."""
        now = clock.now()
        return BenchView(id=new_id(), created_at=now, updated_at=now, version=5, **body.model_dump())

    @endpoint(status=202, answer=Schema)
    def put(self) -> Answer:
        """Go on working."""
        return Answer(Schema(), location="/api/plain/work/1")

    @endpoint()
    def delete(self) -> None:
        """Do nothing."""


FAILURES: dict[str, Exception] = {
    "conflict": Conflict("bench.taken", "Somebody sits there."),
    "unreachable": Unreachable("park.closed", "The park is closed."),
    "bug": KeyError("Erika Mustermann"),
    "lost": LostUpdate("bench.changed", "Changed."),
}


class Failing(Resource):
    """Endpoints that fail."""

    @endpoint()
    def get(self, how: str) -> None:
        """Fail."""
        raise FAILURES[how]


class Misshapen(Resource):
    """An endpoint whose answer is not what it promised."""

    @endpoint(answer=BenchView)
    def get(self) -> object:
        """Answer something else."""
        return object()


class Paper(Resource):
    """An endpoint that answers with something else than JSON."""

    @endpoint(answer=BenchView, media_types=("text/csv",))
    def get(self) -> Response:
        """Print."""
        return Response(f"name;{purpose()}\n", content_type="text/csv")


ROUTES = [
    Route("/api/benches", Benches, get=READERS, post=COORDINATORS),
    Route("/api/benches/<uuid:id>", OneBench, get=READERS, patch=COORDINATORS, delete=COORDINATORS),
    Route("/api/benches/<uuid:id>/nap", BenchNap, post=COORDINATORS),
    Route("/api/naps", ManyNaps, post=COORDINATORS),
    Route("/api/plain", Plain, get=READERS, post=COORDINATORS, put=COORDINATORS, delete=COORDINATORS),
    Route("/api/failing/<how>", Failing, get=READERS),
    Route("/api/misshapen", Misshapen, get=READERS),
    Route("/api/paper", Paper, get=ANYONE),
]


def settings(**overrides: Any) -> ServiceSettings:
    fields: dict[str, Any] = {
        "database_password": SecretStr("unused"),
        "port": 8999,
        "digest_key": SecretStr(DIGEST_KEY),
    }
    return Settings(**{"_env_file": None} | fields | overrides)


def create_app(routes: list[Route] = ROUTES, **more: Any) -> Flask:
    return service_app(
        "bench_service",
        settings(),
        routes,
        title="Benches",
        description="Benches in a park.",
        **more,
    )


if __name__ == "__main__":
    serve(create_app, settings(port=int(sys.argv[1]), web_processes=int(sys.argv[2])))
