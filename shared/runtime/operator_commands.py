"""What an operator does with a service at the terminal: `python -m <service> job | rebuild | republish | …`."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from datetime import datetime
from functools import wraps
from typing import Any, Concatenate, TypeAlias
from uuid import UUID

import click
from sqlalchemy.exc import SQLAlchemyError

from shared import database
from shared.database import copies
from shared.events import dead_letters
from shared.events.cluster import for_a_command
from shared.events.comparison import Stranger, strangers
from shared.events.rebuild import rebuild
from shared.events.republish import Snapshots, deny, republish, until_published
from shared.runtime import clock, memory, registry, spans
from shared.runtime.jobs import run_once
from shared.runtime.prepared import P, prepared
from shared.runtime.service import Service
from shared.runtime.settings import ServiceSettings
from shared.runtime.terminal import say
from shared.values.datetimes import moment_in_berlin
from shared.values.errors import NotAcceptable

AnyService: TypeAlias = Service[Any, Any]


@click.group()
def commands() -> None:
    """What an operator does with a service."""


def _of_service(command: Callable[Concatenate[AnyService, ServiceSettings, P], None]) -> Callable[P, None]:
    """The command with its service, settings and database; a database that does not answer becomes a message."""

    @prepared
    @wraps(command)
    def run(settings: ServiceSettings, /, *given: P.args, **options: P.kwargs) -> None:
        database.connect(settings.database_url, pool_size=settings.database_pool_size)
        try:
            command(registry.load(settings.service), settings, *given, **options)
        except SQLAlchemyError as problem:
            if not database.is_trouble(problem):
                raise
            url = settings.database_url
            sys.exit(f"The database does not answer at {url.host}:{url.port}.")

    return run


def _moment(text: str) -> datetime:
    try:
        return moment_in_berlin(text)
    except NotAcceptable as refused:
        raise click.BadParameter(str(refused)) from None


@commands.command("job")
@click.argument("name", required=False)
@click.option("--now", type=_moment, metavar="MOMENT", help="Pretend it is this in Berlin: 2026-12-01T09:00.")
@_of_service
def _job(service: AnyService, settings: ServiceSettings, name: str | None, now: datetime | None) -> None:
    """Run one job until it finds nothing more to do.

    Without a NAME the jobs are listed.
    """
    jobs = {job.name: job for job in service.jobs(service.dependencies(settings))}
    if name is None:
        say("\n".join(sorted(jobs)) or "no jobs")
        return
    if name not in jobs:
        sys.exit(f"There is no job {name!r}; there are: {', '.join(sorted(jobs)) or 'none'}.")
    spans.start(service.name, settings.otel_exporter_otlp_endpoint)
    done = 0
    try:
        while portion := run_once(jobs[name], now=now or clock.now()):
            done += portion
    finally:
        spans.stop()
    say(f"{name}: {done} done")


@commands.command("rebuild")
@_of_service
def _rebuild(service: AnyService, settings: ServiceSettings) -> None:
    """Write the copies anew from Kafka, while serving.

    Copies are what this service keeps of other services' data.
    """
    if not service.projections:
        sys.exit(f"{service.name} keeps no copies.")
    listeners = service.listeners.given(service.dependencies(settings))
    memory.settle()
    done = rebuild(
        service.name,
        for_a_command(settings.kafka_client()),
        listeners,
        service.projections,
        batch_size=settings.consumer_batch_size,
        progress=lambda read, total: print(f"\r{read} of at most {total} events", end="", file=sys.stderr, flush=True),
    )
    say(f"\nread {done.read} events; removed {done.removed} copies that no event speaks of")


@commands.command("republish")
@click.option("--check", is_flag=True, help="Only say what Kafka holds that was never said here.")
@_of_service
def _republish(service: AnyService, settings: ServiceSettings, check: bool) -> None:
    """Tell the others anew what is, while serving.

    For when Kafka has lost its data, or says what is not.
    """
    snapshots = service.snapshots and service.snapshots(service.dependencies(settings))
    if check:
        return _check(settings, snapshots)
    for_a_command(settings.kafka_client())
    spans.start(service.name, settings.otel_exporter_otlp_endpoint)
    try:
        done = republish(snapshots.read if snapshots else None, progress=_progress("{} states recorded"))
    finally:
        spans.stop()
    say(f"\nrecorded {done.states} states; {done.kept} events of the last days are sent again")
    until_published(_progress("{} events wait to be published"))
    say("\nall of them are published")
    _deny(settings, snapshots)
    return None


def _deny(settings: ServiceSettings, snapshots: Snapshots | None) -> None:
    """Let what others believe to be the service's, and is not, end there."""
    if snapshots is None or snapshots.unknown is None:
        return
    unknown = [each.id for each in _strangers(settings, snapshots) if each.known is None]
    if unknown:
        say(f"{deny(unknown, snapshots.unknown)} on Kafka are not known here, which is said of each")
        until_published(_progress("{} events wait to be published"))


def _strangers(settings: ServiceSettings, snapshots: Snapshots | None) -> list[Stranger]:
    if snapshots is None:
        return []
    return strangers(for_a_command(settings.kafka_client()), snapshots)


def _check(settings: ServiceSettings, snapshots: Snapshots | None) -> None:
    found = _strangers(settings, snapshots)
    for each in found:
        here = "which is not known here" if each.known is None else f"here {each.known}"
        say(f"{each.id}  Kafka says {each.said}, {here}")
    say(f"{len(found)} states on Kafka that were never said here")
    if found:
        sys.exit(1)


@commands.command("ahead")
@_of_service
def _ahead(service: AnyService, _settings: ServiceSettings) -> None:
    """List the copies that are ahead of their source.

    They are until the source's service republishes.
    """
    with database.transaction() as session:
        found = copies.ahead(session)
    for row in found:
        numbers = f"knows {row.known_sequence}, was told {row.told_sequence}"
        say(f"{row.copies} {row.id} {numbers} {row.noticed_at.isoformat()}")
    say(f"{service.name}: {len(found)} ahead of their source")


def _progress(line: str) -> Callable[[int], None]:
    return lambda number: print(f"\r{line.format(number)}", end="\x1b[K", file=sys.stderr, flush=True)


@commands.command("dead-letters")
@click.argument("action", type=click.Choice(["list", "show", "replay", "discard"]), default="list")
@click.argument("id", type=click.UUID, required=False)
@click.option("--reason", help="Why it is replayed or discarded.")
@_of_service
def _dead_letters(
    service: AnyService, settings: ServiceSettings, action: str, id: UUID | None, reason: str | None
) -> None:
    """List, show, replay or discard dead letters.

    Dead letters are the events that could not be handled.
    """
    with database.transaction() as session:
        if action == "list":
            _list_dead_letters(session)
        elif id is None:
            sys.exit("Which one? Give its id.")
        elif action == "show":
            say(json.dumps(dict(dead_letters.get(session, id)), default=_readable, indent=2))
        elif not reason:
            sys.exit("Say why, with --reason.")
        elif action == "discard":
            dead_letters.discard(session, id, reason=reason, now=clock.now())
        else:
            event = dead_letters.replay(session, id, reason=reason, now=clock.now())
            service.listeners.given(service.dependencies(settings)).apply(session, [event], now=clock.now())


def _list_dead_letters(session: database.Session) -> None:
    rows, total = dead_letters.list_page(session, state="waiting", limit=200, offset=0)
    for row in rows:
        say("  ".join([str(row["id"]), row["created_at"].isoformat(), str(row["event_type"]), row["reason"]]))
    say(f"{total} dead letters")


def _readable(value: Any) -> str:
    return bytes(value).decode(errors="replace") if isinstance(value, bytes | memoryview) else str(value)
