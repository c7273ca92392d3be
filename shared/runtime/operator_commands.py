"""The commands of an operator at the terminal: `python -m <service> job | rebuild | republish | …`."""

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
from shared.events.cluster import command_configuration
from shared.events.comparison import Discrepancy, find_discrepancies
from shared.events.event import CLOCK_TOLERANCE
from shared.events.rebuild import rebuild
from shared.events.republish import Snapshots, publish_unknown_aggregates, republish, wait_until_published
from shared.events.rights import KafkaRights
from shared.runtime import clock, memory, registry, spans
from shared.runtime.command_settings import P, with_settings
from shared.runtime.jobs import run_once
from shared.runtime.service import Service
from shared.runtime.settings import ServiceSettings
from shared.runtime.terminal import print_line, show_progress
from shared.values.datetimes import parse_berlin_datetime
from shared.values.errors import NotAcceptable
from shared.values.lists import Part

AnyService: TypeAlias = Service[Any, Any]


@click.group()
def commands() -> None:
    """The commands of an operator."""


by_option = click.option("--by", type=click.UUID, metavar="ACCOUNT", help="Who does it: the id of an account.")
"""Of every command with which a person decides something; without it nobody is named as the author."""


def with_service(command: Callable[Concatenate[AnyService, ServiceSettings, P], None]) -> Callable[P, None]:
    """Returns the command as click calls it, with service, settings and database; an outage becomes a message."""

    @with_settings
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


def _kafka(service: AnyService, settings: ServiceSettings) -> dict[str, Any]:
    """The configuration of a client; raises `Unreachable` without an answer or without the rights of the service."""
    kafka = command_configuration(settings.kafka_client())
    KafkaRights(kafka, service.name, service.listeners.topics())()
    return kafka


def _datetime(text: str) -> datetime:
    try:
        return parse_berlin_datetime(text)
    except NotAcceptable as refused:
        raise click.BadParameter(str(refused)) from None


@commands.command("job")
@click.argument("name", required=False)
@click.option(
    "--now",
    type=_datetime,
    metavar="MOMENT",
    help="Do what is due then, in Berlin: 2026-12-01T09:00; changes the data as if it were then. Not before now.",
)
@with_service
def _job(service: AnyService, settings: ServiceSettings, name: str | None, now: datetime | None) -> None:
    """Run one job until it finds nothing more to do.

    Without a NAME the jobs are listed, with what they do.
    """
    jobs = {job.name: job for job in service.jobs(service.dependencies(settings))}
    if name is None:
        width = max(map(len, jobs), default=0)
        print_line("\n".join(f"{name:<{width}}  {jobs[name].does}" for name in sorted(jobs)) or "no jobs")
        return
    if name not in jobs:
        sys.exit(f"There is no job {name!r}; there are: {', '.join(sorted(jobs)) or 'none'}.")
    if now is not None:
        _check_time(now)
    spans.start(service.name, settings.otel_exporter_otlp_endpoint)
    done = 0
    try:
        while portion := run_once(jobs[name], now=now or clock.now()):
            done += portion
    finally:
        spans.stop()
    print_line(f"{name}: {done} done")


def _check_time(now: datetime) -> None:
    """Refuse a time that is past, outside of tests: what is done then would look older than what was done already.

    A later one is possible, but other services take no events of the future: it is for what publishes none, and for
    tests, which move the clocks of all services (docs/decisions/0056).
    """
    if clock.is_for_testing():
        return
    if now < clock.now():
        raise click.BadParameter("lies before the present time, which only tests may do", param_hint="'--now'")
    if now > clock.now() + CLOCK_TOLERANCE:
        click.echo("Other services set aside what the job publishes: for them it lies in the future.", err=True)


@commands.command("rebuild")
@with_service
def _rebuild(service: AnyService, settings: ServiceSettings) -> None:
    """Rebuild the copies from Kafka, while serving.

    Copies are the data of other services that this service keeps.
    """
    if not service.projections:
        sys.exit(f"{service.name} keeps no copies.")
    listeners = service.listeners.given(service.dependencies(settings))
    memory.freeze()
    done = rebuild(
        service.name,
        _kafka(service, settings),
        listeners,
        service.projections,
        batch_size=settings.consumer_batch_size,
        progress=lambda read, total: show_progress(f"{read} of at most {total} events"),
    )
    print_line(f"\nread {done.read} events; removed {done.removed} copies without any event")


@commands.command("republish")
@click.option("--check", is_flag=True, help="Only list the states on Kafka that this service never published.")
@with_service
def _republish(service: AnyService, settings: ServiceSettings, check: bool) -> None:
    """Publish events and states once more, while serving.

    For when Kafka has lost its data, or holds false states.
    """
    snapshots = service.snapshots and service.snapshots(service.dependencies(settings))
    kafka = _kafka(service, settings)
    if check:
        return _check(kafka, snapshots)
    spans.start(service.name, settings.otel_exporter_otlp_endpoint)
    try:
        done = republish(snapshots.read if snapshots else None, progress=_progress("{} states recorded"))
    finally:
        spans.stop()
    print_line(f"\nrecorded {done.states} states; {done.kept} events of the last days are sent again")
    if done.unreadable:
        print_line(f"{done.unreadable} states cannot be read and are left out; the log names them")
    wait_until_published(_progress("{} events wait to be published"))
    print_line("\nall of them are published")
    _publish_unknown_aggregates(kafka, snapshots)
    return None


def _publish_unknown_aggregates(kafka: dict[str, Any], snapshots: Snapshots | None) -> None:
    """Publish of each aggregate that only Kafka has that the service does not know it, so that others stop using it."""
    if snapshots is None or snapshots.unknown_aggregate is None:
        return
    unknown = [each.id for each in _discrepancies(kafka, snapshots) if each.own_sequence is None]
    if unknown:
        number = publish_unknown_aggregates(unknown, snapshots.unknown_aggregate)
        print_line(f"{number} aggregates on Kafka do not exist here; an event that says so is recorded for each")
        wait_until_published(_progress("{} events wait to be published"))


def _discrepancies(kafka: dict[str, Any], snapshots: Snapshots | None) -> list[Discrepancy]:
    if snapshots is None:
        return []
    return find_discrepancies(kafka, snapshots)


def _check(kafka: dict[str, Any], snapshots: Snapshots | None) -> None:
    found = _discrepancies(kafka, snapshots)
    for each in found:
        here = "no such aggregate here" if each.own_sequence is None else f"here {each.own_sequence}"
        print_line(f"{each.id}  sequence {each.kafka_sequence} on Kafka, {here}")
    print_line(f"{len(found)} states on Kafka that this service never published")
    if found:
        sys.exit(1)


@commands.command("ahead")
@with_service
def _ahead(service: AnyService, _settings: ServiceSettings) -> None:
    """List the copies that are ahead of their source.

    It ends when the source's service republishes.
    """
    with database.transaction() as session:
        found = copies.list_ahead(session)
    for row in found:
        numbers = f"sequence {row.known_sequence} here, {row.event_sequence} in the event"
        print_line(f"{row.copies} {row.id} {numbers} {row.noticed_at.isoformat()}")
    print_line(f"{service.name}: {len(found)} ahead of their source")


def _progress(line: str) -> Callable[[int], None]:
    return lambda number: show_progress(line.format(number))


@commands.command("dead-letters")
@click.argument("action", type=click.Choice(["list", "show", "replay", "discard"]), default="list")
@click.argument("id", type=click.UUID, required=False)
@click.option("--reason", help="Why it is replayed or discarded.")
@by_option
@with_service
def _dead_letters(
    service: AnyService, settings: ServiceSettings, action: str, id: UUID | None, reason: str | None, by: UUID | None
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
            print_line(json.dumps(dict(dead_letters.get(session, id)), default=_readable, indent=2))
        elif not reason:
            sys.exit("Say why, with --reason.")
        elif action == "discard":
            dead_letters.discard(session, id, reason=reason, by=by, now=clock.now())
        else:
            event = dead_letters.replay(session, id, reason=reason, by=by, now=clock.now())
            service.listeners.given(service.dependencies(settings)).apply(session, [event], now=clock.now())


def _list_dead_letters(session: database.Session) -> None:
    found = dead_letters.read_part(session, Part(200, dead_letters.LISTING.default), states=["waiting"])
    for row in found.rows:
        print_line("  ".join([str(row.id), row.created_at.isoformat(), str(row.event_type), row.reason]))
    print_line(f"{found.total} dead letters")


def _readable(value: Any) -> str:
    return bytes(value).decode(errors="replace") if isinstance(value, bytes | memoryview) else str(value)
