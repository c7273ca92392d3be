"""The worker process: consumer, relay and jobs, each in a thread of its own; health and metrics on their own port."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any

from shared import database
from shared.database.schema import is_current
from shared.events import dead_letters
from shared.events.consumer import Consumer
from shared.events.freshness import Freshness
from shared.events.lag import Lag
from shared.events.listeners import Listeners
from shared.events.relay import Relay
from shared.events.rights import KafkaRights
from shared.runtime import clock, memory, spans
from shared.runtime.duties import Duty, check_duties
from shared.runtime.health import ReadinessCheck, health_app, serve_in_thread
from shared.runtime.housekeeping import FORGET_KEYS, HOUSEKEEPING
from shared.runtime.jobs import Job, run_until
from shared.runtime.logs import logger
from shared.runtime.service import Service
from shared.runtime.settings import ServiceSettings

log = logger(__name__)

SWITCH_SECONDS = 0.001
"""So long a thread that the database has answered waits for one that computes; Python's own 5 ms are as long as the
answer took, and an import, whose records are parsed meanwhile, spent a fifth of its time so."""
SECONDS_TO_FINISH = 7
"""Of the ten seconds that a process has to end; the rest is for the last spans and log lines."""

Work = Callable[[threading.Event, Duty], None]
"""Does the work of a duty until the event is set."""


@dataclass
class Worker:
    """Everything one worker process of a service does."""

    settings: ServiceSettings
    listeners: Listeners = field(default_factory=Listeners)
    jobs: Sequence[Job] = ()
    ready_checks: Sequence[ReadinessCheck] = ()
    relay: type[Relay] = Relay

    def run(self) -> None:
        """Work until SIGTERM or SIGINT; then finish the in-flight work and return within ten seconds."""
        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        spans.start(self.settings.service, self.settings.otel_exporter_otlp_endpoint)
        kafka = self.settings.kafka_client()
        lag = Lag(kafka, self.settings.service, self.listeners.topics())
        fresh = self._freshness()
        duties = self._duties(lag, fresh)
        checks = [
            ReadinessCheck("database", database.database_answers),
            ReadinessCheck("schema", lambda: is_current(self.settings.service)),
            ReadinessCheck("kafka", KafkaRights(kafka, self.settings.service, self.listeners.topics())),
            ReadinessCheck("duties", lambda: check_duties(duties)),
            ReadinessCheck("events", lag.check_progress),
            *self._freshness_checks(fresh),
            *self.ready_checks,
        ]
        memory.freeze()
        sys.setswitchinterval(SWITCH_SECONDS)
        end_health = serve_in_thread(
            self.settings.hosts.guard(health_app(checks, dead_letters.READINESS_FIGURES)),
            self.settings.bind,
            self.settings.worker_port,
        )
        threads = [_supervised(duty, work, stop) for duty, work in duties.items()]
        log.info("worker.started", pid=os.getpid())
        stop.wait()
        deadline = clock.monotonic() + SECONDS_TO_FINISH
        threads += [_release_in_thread(job, job.release) for job in self.jobs if job.release is not None]
        for thread in threads:
            thread.join(max(0.0, deadline - clock.monotonic()))
        end_health()
        spans.stop()
        late = [thread.name for thread in threads if thread.is_alive()]
        log.info("worker.stopped", unfinished=late)
        if late:
            # they hold a transaction that rolls back or a lease that ends
            os._exit(1)

    def _freshness(self) -> Freshness:
        settings = self.settings
        return Freshness(
            settings.kafka_client(),
            settings.service,
            self.listeners.topics(),
            limit_seconds=settings.current_events_seconds,
        )

    def _freshness_checks(self, fresh: Freshness) -> list[ReadinessCheck]:
        """Not decisive: a worker that starts anew would not know more, and everything else goes on."""
        waits = any(job.needs_current_events for job in self.jobs)
        return [ReadinessCheck("current_events", fresh.check, decisive=False)] if waits else []

    def _duties(self, lag: Lag, fresh: Freshness) -> dict[Duty, Work]:
        settings = self.settings
        kafka = settings.kafka_client()

        def relay(stop: threading.Event, duty: Duty) -> None:
            self.relay(
                settings.service,
                kafka,
                batch_size=settings.relay_batch_size,
                poll_seconds=settings.relay_poll_seconds,
                lease_seconds=settings.relay_lease_seconds,
                handled_until=fresh.handled_until,
                duty=duty,
            ).run(stop)

        def consume(stop: threading.Event, duty: Duty) -> None:
            Consumer(settings.service, kafka, self.listeners, batch_size=settings.consumer_batch_size, duty=duty).run(
                stop
            )

        duties: dict[Duty, Work] = {Duty("relay"): relay, Duty("consumer"): consume}
        for job in (*self.jobs, HOUSEKEEPING, FORGET_KEYS, lag.job(), fresh.job()):
            duties[Duty(f"job {job.name}")] = partial(run_until, fresh.guard(job))
        return duties


def worker(service: Service[Any, Any], settings: ServiceSettings) -> Worker:
    """The worker of a service, as its `service.py` declares it."""
    dependencies = service.dependencies(settings)
    return Worker(
        settings,
        listeners=service.listeners.given(dependencies),
        jobs=service.jobs(dependencies),
        ready_checks=[*service.ready_checks, *service.needs(settings)],
    )


def _supervised(duty: Duty, work: Work, stop: threading.Event) -> threading.Thread:
    """A thread that does the work until `stop`; work that fails is logged, counted and started again."""

    def keep_working() -> None:
        while not stop.is_set():
            try:
                work(stop, duty)
            except BaseException as problem:  # also those that are no Exception: nothing else would start it again
                log.exception("worker.duty_failed", duty=duty.name)
                duty.record_failure(problem)
                stop.wait(1)

    thread = threading.Thread(target=keep_working, name=duty.name, daemon=True)
    thread.start()
    return thread


def _release_in_thread(job: Job, release: Callable[[datetime], None]) -> threading.Thread:
    """Returns a started thread that releases what the job has claimed; the job's own thread may be waiting."""

    def run() -> None:
        try:
            release(clock.now())
        except Exception:
            log.exception("job.not_released", job=job.name)

    thread = threading.Thread(target=run, name=f"release {job.name}", daemon=True)
    thread.start()
    return thread
