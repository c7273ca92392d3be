"""A tiny service with one noun, to try the endpoints on: benches in a park."""

from __future__ import annotations

import base64
import sys
import threading
from collections.abc import Collection
from datetime import date, datetime
from typing import Any, ClassVar
from uuid import UUID

from flask import Flask, Response
from pydantic import SecretStr
from sqlalchemy import DateTime, MetaData, func, select
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from shared.database import NAMES, Aggregate, Session, first_version, new_id
from shared.database.listing import Listing
from shared.database.tables import idempotency
from shared.errors import (
    Conflict,
    LostUpdate,
    NotFound,
    PlatformError,
    RuleBroken,
    TooManyRequests,
    Unauthenticated,
    Unreachable,
)
from shared.http import READ_ONLY, Context, Replay, Resource, ResponseReference, Route, endpoint, service_app
from shared.runtime.settings import ServiceSettings
from shared.runtime.web import serve
from shared.security.authentication import ANYONE, COORDINATORS, READERS
from shared.values.datetimes import Instant, IsoDate
from shared.values.lists import Listed, ListOf, ListRequest, Page, PageQuery, Several, part_of
from shared.values.schemas import EntityView, MergePatch, QuerySchema, Schema

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


def register(session: Session, new: BenchFields) -> Bench:
    if new.name == "forbidden":
        raise RuleBroken("bench.forbidden")
    if new.name == "slow":
        SLOW_STARTED.set()
        SLOW_MAY_END.wait(10)
    bench = Bench(**new.model_dump())
    session.add(bench)
    session.flush()
    return bench


def find(session: Session, id: UUID) -> Bench:
    bench = session.get(Bench, id)
    if bench is None:
        raise NotFound("bench")
    return bench


def list_page(session: Session, query: BenchFilter) -> Page[Any]:
    benches = session.scalars(select(Bench).order_by(Bench.id).offset(query.offset).limit(query.limit)).all()
    total = len(session.scalars(select(Bench.id)).all())
    items = [BenchView.of(bench) for bench in benches]
    return Page[BenchView](items=items, total=total, limit=query.limit, offset=query.offset, next=None, counts=None)


def change(session: Session, id: UUID, patch: MergePatch, *, expected_versions: Collection[int] | None) -> Bench:
    bench = find(session, id)
    if expected_versions is not None and bench.version not in expected_versions:
        raise LostUpdate("bench.changed")
    for name, value in patch.changes_to(BenchView.of(bench)).items():
        setattr(bench, name, value)
    bench.version += 1
    return bench


def sleep_together(session: Session, new: NewNaps) -> Naps:
    benches = [register(session, BenchFields(name=name)) for name in new.names if name != "snorer"]
    return Naps(items=[BenchView.of(bench) for bench in benches], refused=["snorer"])


class BenchItem(Resource):
    """One bench."""

    @endpoint(response=BenchView)
    def get(self, context: Context[None], id: UUID) -> Bench:
        """Show a bench."""
        return find(context.session, id)

    @endpoint(patch=BenchFields, response=BenchView)
    def patch(self, context: Context[None], id: UUID, patch: MergePatch) -> Bench:
        """Change a bench."""
        return change(context.session, id, patch, expected_versions=context.if_match)

    @endpoint()
    def delete(self, context: Context[None], id: UUID) -> None:
        """Take a bench away."""
        context.session.delete(find(context.session, id))


class BenchCollection(Resource):
    """The collection."""

    @endpoint(query=BenchFilter, response=Page[BenchView])
    def get(self, context: Context[None], query: BenchFilter) -> Page[Any]:
        """List benches.

        In the order in which they were built.
        """
        return list_page(context.session, query)

    @endpoint(body=BenchFields, query=Force, response=BenchView, status=201, replay=BenchItem.get)
    def post(self, context: Context[None], body: BenchFields, query: Force) -> Bench:
        """Build a bench."""
        return register(context.session, body)


class BenchNapResource(Resource):
    """Sleeping on a bench."""

    @endpoint(body=Nap, response=BenchView, replay=BenchItem.get)
    def post(self, context: Context[None], id: UUID, body: Nap) -> Bench:
        """Sleep."""
        return find(context.session, id)


def _reference(naps: Naps) -> ResponseReference:
    return {"ids": [str(item.id) for item in naps.items], "refused": naps.refused}


def _find_naps(context: Context[None], reference: ResponseReference) -> Naps:
    items = [BenchView.of(find(context.session, UUID(id))) for id in reference["ids"]]
    return Naps(items=items, refused=reference["refused"])


class NapCollection(Resource):
    """Several sleepers at once: a response that is not one object."""

    @endpoint(body=NewNaps, response=Naps, status=201, replay=Replay(reference=_reference, find=_find_naps))
    def post(self, context: Context[None], body: NewNaps) -> Naps:
        """Sleep together."""
        return sleep_together(context.session, body)


class PlainResource(Resource):
    """Endpoints that need no database."""

    @endpoint(response=Schema, query=QuerySchema, transaction=False)
    def get(self, context: Context[None], query: QuerySchema) -> Schema:
        """Answer nothing."""
        return Schema()

    @endpoint(body=BenchFields, response=BenchView, status=201, replay=READ_ONLY, transaction=False)
    def post(self, context: Context[None], body: BenchFields) -> BenchView:
        """Repeat what was sent."""
        made = first_version(by=context.caller.id, now=context.now) | {"version": 5}
        return BenchView(id=new_id(), **made, **body.model_dump())

    @endpoint(status=202, response=Schema, location="/api/plain/jobs/1", transaction=False)
    def put(self, context: Context[None]) -> Schema:
        """Go on working."""
        return Schema()

    @endpoint(transaction=False)
    def delete(self, context: Context[None]) -> None:
        """Do nothing."""


class WithoutStatus(PlatformError):
    """An error that `problems.STATUS` does not name."""


FAILURES: dict[str, Exception] = {
    "conflict": Conflict("bench.taken"),
    "unreachable": Unreachable("park.closed"),
    "bug": KeyError("Erika Mustermann"),
    "unknown-caller": Unauthenticated("visitor.unknown"),
    "too-often": TooManyRequests("bench.too_often", retry_after=17),
    "lost": LostUpdate("bench.changed"),
    "without-status": WithoutStatus("bench.odd"),
}


class FailingResource(Resource):
    """Endpoints that fail."""

    @endpoint(transaction=False)
    def get(self, context: Context[None], how: str) -> None:
        """Fail."""
        raise FAILURES[how]


class MisshapenResource(Resource):
    """An endpoint whose answer is not what it promised."""

    @endpoint(response=BenchView, transaction=False)
    def get(self, context: Context[None]) -> object:
        """Answer something else."""
        return object()


class SeatFilter(QuerySchema):
    """Which benches of the catalogue are listed."""

    seats: Several[int] = []
    """Only those with so many seats."""
    name: str | None = None
    """Only the one with this name."""


BenchLabel = part_of("BenchLabel", BenchView, "id", "name", about="What names a bench.")
ORDERS = Listing(
    sorts={
        "created_at": (Bench.id,),
        "seats": (Bench.seats, Bench.id),
        "name": (Bench.name, Bench.id),
        "built_on": (func.coalesce(Bench.built_on, date(9999, 12, 31)), Bench.id),
    },
    default="-created_at",
    identity=Bench.id,
    counts={"seats": Bench.seats},
)
CATALOGUE = ListOf(ORDERS, SeatFilter, full=BenchView, row=BenchView, label=BenchLabel)
PARTS_READ: list[ListRequest[SeatFilter]] = []
"""What was asked of the catalogue."""
UNREADABLE = "unreadable"
"""A part of the catalogue with a bench of this name cannot be read."""


def read_catalogue(session: Session, wanted: ListRequest[SeatFilter]) -> Listed:
    PARTS_READ.append(wanted)
    benches = select(Bench)
    if wanted.filters.seats:
        benches = benches.where(Bench.seats.in_(wanted.filters.seats))
    if wanted.filters.name is not None:
        benches = benches.where(Bench.name == wanted.filters.name)
    found = ORDERS.read(session, benches, wanted.part)
    if any(bench.name == UNREADABLE for bench in found.rows):
        raise Unreachable("database.unreachable")
    return found.shown(found.rows)


class CatalogueCollection(Resource):
    """Benches as a list with everything that a list can do."""

    @endpoint(lists=CATALOGUE)
    def get(self, context: Context[None], wanted: ListRequest[SeatFilter]) -> Listed:
        """List benches, newest first."""
        return read_catalogue(context.session, wanted)


class OtherCatalogueCollection(Resource):
    """The same under another address."""

    @endpoint(lists=CATALOGUE)
    def get(self, context: Context[None], wanted: ListRequest[SeatFilter]) -> Listed:
        """List benches elsewhere."""
        return read_catalogue(context.session, wanted)


class PaperResource(Resource):
    """An endpoint that answers with something else than JSON."""

    @endpoint(response=BenchView, media_types=("text/csv",), transaction=False)
    def get(self, context: Context[None]) -> Response:
        """Print."""
        return Response(f"name;{context.purpose}\n", content_type="text/csv")


ROUTES = [
    Route("/api/benches", BenchCollection, get=READERS, post=COORDINATORS),
    Route("/api/benches/<uuid:id>", BenchItem, get=READERS, patch=COORDINATORS, delete=COORDINATORS),
    Route("/api/benches/<uuid:id>/nap", BenchNapResource, post=COORDINATORS),
    Route("/api/catalogue", CatalogueCollection, get=READERS),
    Route("/api/other-catalogue", OtherCatalogueCollection, get=READERS),
    Route("/api/naps", NapCollection, post=COORDINATORS),
    Route("/api/plain", PlainResource, get=READERS, post=COORDINATORS, put=COORDINATORS, delete=COORDINATORS),
    Route("/api/failing/<how>", FailingResource, get=READERS),
    Route("/api/misshapen", MisshapenResource, get=READERS),
    Route("/api/paper", PaperResource, get=ANYONE),
]


def settings(**overrides: Any) -> ServiceSettings:
    fields: dict[str, Any] = {
        "database_password": SecretStr("unused"),
        "kafka_password": SecretStr("unused"),
        "port": 8999,
        "digest_key": SecretStr(DIGEST_KEY),
        "auth": "none",
    }
    return Settings(**{"_env_file": None} | fields | overrides)


def create_app(routes: list[Route] = ROUTES, *, chosen: dict[str, Any] | None = None, **more: Any) -> Flask:
    return service_app(
        "bench_service",
        settings(**(chosen or {})),
        routes,
        title="Benches",
        description="Benches in a park.",
        **more,
    )


if __name__ == "__main__":
    given = dict(each.split("=", 1) for each in sys.argv[3:])
    chosen = settings(port=int(sys.argv[1]), web_processes=int(sys.argv[2]), **given)
    serve(lambda: create_app(chosen=given), chosen)
