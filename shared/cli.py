"""The terminal of every service: `python -m <service> web | worker | job NAME | rebuild | republish | parked …`."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from flask import Flask

from shared import clock, copies, db, logs, memory, spans, web
from shared.errors import PlatformError
from shared.events import parking
from shared.events.comparing import Stranger, strangers
from shared.events.rebuild import rebuild
from shared.events.republish import deny, republish, until_published
from shared.jobs import run_once
from shared.kafka import for_a_command
from shared.settings import ServiceSettings, read
from shared.terminal import say
from shared.values.moments import moment_in_berlin
from shared.values.refusals import NotAcceptable
from shared.worker import Worker


@dataclass(frozen=True)
class Service:
    """What a service's `__main__.py` hands over: its name, its settings and how its two processes are made."""

    name: str
    settings: type[ServiceSettings]
    create_app: Callable[[Any], Flask]
    create_worker: Callable[[Any], Worker]


def main(service: Service, arguments: list[str] | None = None) -> None:
    """Do what the command line says; ends the process with a message when it cannot."""
    options = _parser(service).parse_args(arguments)
    settings = read(service.settings)
    logs.configure(service.name, options.command, settings.log_level)
    db.connect(settings.database_url, pool_size=settings.database_pool_size)
    try:
        options.do(service, settings, options)
    except PlatformError as problem:
        sys.exit(problem.message)


def _parser(service: Service) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=f"python -m {service.name}", description=f"The {service.name} at the terminal."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("web", help="answer HTTP requests").set_defaults(do=_web)
    commands.add_parser("worker", help="consume and relay events, run the jobs").set_defaults(do=_worker)

    job = commands.add_parser("job", help="run one job until it finds nothing more to do")
    job.add_argument("name", nargs="?", help="without it, the jobs are listed")
    job.add_argument("--now", type=_moment, help="pretend it is this moment in Berlin, such as 2026-12-01T09:00")
    job.set_defaults(do=_job)

    commands.add_parser(
        "rebuild", help="write the copies of other services' data anew from Kafka, while serving"
    ).set_defaults(do=_rebuild)
    republishing = commands.add_parser(
        "republish",
        help="tell the others anew what is, where Kafka has lost its data or says what is not, while serving",
    )
    republishing.add_argument("--check", action="store_true", help="only say what Kafka holds that was never said here")
    republishing.set_defaults(do=_republish)

    commands.add_parser(
        "ahead", help="copies that are ahead of their source, until the source's service republishes"
    ).set_defaults(do=_ahead)

    parked = commands.add_parser("parked", help="events that could not be handled: list, show, replay or discard")
    parked.add_argument("action", nargs="?", choices=["list", "show", "replay", "discard"], default="list")
    parked.add_argument("id", nargs="?", type=UUID)
    parked.add_argument("--reason", help="why it is replayed or discarded")
    parked.set_defaults(do=_parked)
    return parser


def _moment(text: str) -> datetime:
    try:
        return moment_in_berlin(text)
    except NotAcceptable as refused:
        raise argparse.ArgumentTypeError(str(refused)) from None


def _web(service: Service, settings: ServiceSettings, _: argparse.Namespace) -> None:
    web.serve(lambda: service.create_app(settings), settings)


def _worker(service: Service, settings: ServiceSettings, _: argparse.Namespace) -> None:
    service.create_worker(settings).run()


def _job(service: Service, settings: ServiceSettings, options: argparse.Namespace) -> None:
    jobs = {job.name: job for job in service.create_worker(settings).jobs}
    if options.name is None:
        say("\n".join(sorted(jobs)) or "no jobs")
        return
    if options.name not in jobs:
        sys.exit(f"There is no job {options.name!r}; there are: {', '.join(sorted(jobs)) or 'none'}.")
    spans.start(service.name, settings.otel_exporter_otlp_endpoint)
    done = 0
    try:
        while portion := run_once(jobs[options.name], now=options.now or clock.now()):
            done += portion
    finally:
        spans.stop()
    say(f"{options.name}: {done} done")


def _rebuild(service: Service, settings: ServiceSettings, _: argparse.Namespace) -> None:
    worker = service.create_worker(settings)
    if not worker.copies:
        sys.exit(f"{service.name} keeps no copies.")
    memory.settle()
    done = rebuild(
        service.name,
        for_a_command(settings.kafka_client()),
        worker.listeners,
        worker.copies,
        batch_size=settings.consumer_batch_size,
        progress=lambda read, total: print(f"\r{read} of at most {total} events", end="", file=sys.stderr, flush=True),
    )
    say(f"\nread {done.read} events; removed {done.removed} copies that no event speaks of")


def _republish(service: Service, settings: ServiceSettings, options: argparse.Namespace) -> None:
    worker = service.create_worker(settings)
    if options.check:
        return _check(settings, worker)
    for_a_command(settings.kafka_client())
    spans.start(service.name, settings.otel_exporter_otlp_endpoint)
    try:
        done = republish(worker.states, progress=_progress("{} states recorded"))
    finally:
        spans.stop()
    say(f"\nrecorded {done.states} states; {done.kept} events of the last days are sent again")
    until_published(_progress("{} events wait to be published"))
    say("\nall of them are published")
    _deny(settings, worker)
    return None


def _deny(settings: ServiceSettings, worker: Worker) -> None:
    """Let what others believe to be the service's, and is not, end there."""
    if worker.denial is None:
        return
    unknown = [each.id for each in _strangers(settings, worker) if each.known is None]
    if unknown:
        say(f"{deny(unknown, worker.denial)} on Kafka are not known here, which is said of each")
        until_published(_progress("{} events wait to be published"))


def _strangers(settings: ServiceSettings, worker: Worker) -> list[Stranger]:
    if worker.topic is None or worker.states is None:
        return []
    return strangers(for_a_command(settings.kafka_client()), worker.topic, worker.states, worker.denial)


def _check(settings: ServiceSettings, worker: Worker) -> None:
    found = _strangers(settings, worker)
    for each in found:
        here = "which is not known here" if each.known is None else f"here {each.known}"
        say(f"{each.id}  Kafka says {each.said}, {here}")
    say(f"{len(found)} states on Kafka that were never said here")
    if found:
        sys.exit(1)


def _ahead(service: Service, _settings: ServiceSettings, _: argparse.Namespace) -> None:
    with db.transaction() as session:
        found = copies.ahead(session)
    for row in found:
        numbers = f"knows {row.known_sequence}, was told {row.told_sequence}"
        say(f"{row.copies} {row.id} {numbers} {row.noticed_at.isoformat()}")
    say(f"{service.name}: {len(found)} ahead of their source")


def _progress(line: str) -> Callable[[int], None]:
    return lambda number: print(f"\r{line.format(number)}", end="\x1b[K", file=sys.stderr, flush=True)


def _parked(service: Service, settings: ServiceSettings, options: argparse.Namespace) -> None:
    if options.action != "list" and options.id is None:
        sys.exit("Which one? Give its id.")
    if options.action in ("replay", "discard") and not options.reason:
        sys.exit("Say why, with --reason.")
    with db.transaction() as session:
        if options.action == "list":
            rows, total = parking.listed(session, state="parked", limit=200, offset=0)
            for row in rows:
                say("  ".join([str(row["id"]), row["parked_at"].isoformat(), str(row["event_type"]), row["reason"]]))
            say(f"{total} parked")
        elif options.action == "show":
            say(json.dumps(dict(parking.get(session, options.id)), default=_readable, indent=2))
        elif options.action == "discard":
            parking.discard(session, options.id, reason=options.reason, now=clock.now())
        else:
            event = parking.take_up(session, options.id, reason=options.reason, now=clock.now())
            service.create_worker(settings).listeners.apply(session, [event], now=clock.now())


def _readable(value: Any) -> str:
    return bytes(value).decode(errors="replace") if isinstance(value, bytes | memoryview) else str(value)
