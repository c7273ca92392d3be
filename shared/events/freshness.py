"""How fresh a service's copies are, and the jobs that wait while they are not: those that act on what others said.

A sample is an instant and the ends of all partitions just after it. As soon as the offsets committed by the service's
group have reached these ends, everything that was on Kafka at that instant is handled, whichever worker of the group
had to handle it. Under constant traffic the newest samples are never reached, but older ones are. With the heartbeats
of the relays (`shared.events.heartbeats`) that is carried over to what the other services committed to their databases.

The ends are those of `read_uncommitted`: behind an open transaction there may be committed events.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from math import inf
from typing import Any

from confluent_kafka import OFFSET_BEGINNING, OFFSET_END, KafkaException
from confluent_kafka import Consumer as KafkaConsumer

from shared.database import database_clock
from shared.errors import Outage
from shared.events.event import PARTITIONS
from shared.events.heartbeats import Heartbeat, Heartbeats
from shared.events.lag import Partition, committed_offsets, offsets_of
from shared.runtime import clock, metrics
from shared.runtime.jobs import Job
from shared.runtime.logs import logger

log = logger(__name__)

EVERY = timedelta(seconds=0.5)
ANSWER_SECONDS = 2.0
MOST_SAMPLES = 20
"""The most samples that wait to be reached; at two each second an older one would prove nothing fresh."""
LOGGED_AFTER_SECONDS = 10.0
"""How long jobs wait before the log says so: a worker that starts has to read first."""


@dataclass(frozen=True)
class Sample:
    """What is certain once the group's offsets have reached these ends."""

    taken: float
    """When the sample was taken, on the monotonic clock of this process."""
    at: datetime
    """The same instant on the database's clock, which heartbeats use."""
    published_until: datetime
    """Every service that we listen to had published all that it committed before this instant."""
    handled_until: datetime | None
    """And had handled everything that was committed before this instant by those that it listens to itself."""
    ends: Mapping[Partition, int]

    def is_reached(self, positions: Mapping[Partition, int]) -> bool:
        """Whether nothing that was on Kafka when the sample was taken is unread at these positions."""
        return all(positions[partition] >= end for partition, end in self.ends.items())

    def age(self, moment: float) -> float:
        """Returns for how many seconds nothing is certain about the others, if the sample is reached."""
        if self.handled_until is None:
            return inf
        until = min(self.at, self.published_until, self.handled_until)
        return moment - self.taken + (self.at - until).total_seconds()


class Samples:
    """The samples that are not reached yet, and the newest one that was."""

    def __init__(self) -> None:
        self.reached: Sample | None = None
        self._waiting: deque[Sample] = deque(maxlen=MOST_SAMPLES)

    def add(self, sample: Sample) -> None:
        """Add a sample that is newer than all others."""
        self._waiting.append(sample)

    def compare(self, positions: Mapping[Partition, int]) -> None:
        """Find the newest sample that is reached at these positions; older ones are of no use then."""
        for index in reversed(range(len(self._waiting))):
            if self._waiting[index].is_reached(positions):
                self.reached = self._waiting[index]
                self._waiting = deque(list(self._waiting)[index + 1 :], maxlen=MOST_SAMPLES)
                return


class Freshness:
    """Measures how fresh a group's copies are: a job of every worker, which keeps other jobs from working on old ones.

    Nothing is asked of Kafka when a job wants to work: the last measurement says until when the copies are fresh.
    """

    def __init__(self, kafka: dict[str, Any], group: str, topics: Sequence[str], *, limit_seconds: float) -> None:
        """`limit_seconds`: for how long at most a job may work on copies about whose freshness nothing new is known."""
        self._kafka = {**kafka, "group.id": group, "enable.auto.commit": False, "log_level": 0}
        self._topics = topics
        self._partitions = [(topic, number) for topic in topics for number in range(PARTITIONS)]
        self._limit_seconds = limit_seconds
        self._clients: tuple[KafkaConsumer, Heartbeats] | None = None
        self._samples = Samples()
        self._problem = "nothing was measured yet"
        self._stale_since: float | None = None
        self._is_logged = False

    def job(self) -> Job:
        """The job that measures it."""

        def run(_: datetime) -> int:
            self.measure()
            return 0

        return Job("measure-freshness", EVERY, run)

    def guard(self, job: Job) -> Job:
        """Returns the job as it runs in a worker: one that needs current events does nothing while they are not."""
        if not job.needs_current_events:
            return job
        return replace(job, run=lambda now: job.run(now) if self.is_current() else 0)

    def is_current(self) -> bool:
        """Whether the copies are fresh enough to act on them."""
        return self.age() <= self._limit_seconds

    def check(self) -> bool:
        """Returns True; raises `Unreachable` that says why jobs wait."""
        if self.is_current():
            return True
        raise Outage("events.not_current", f"jobs wait that act on other services' events: {self._problem}")

    def age(self) -> float:
        """Returns for how many seconds others may have said something that this service does not know yet."""
        reached = self._samples.reached
        return inf if reached is None else reached.age(clock.monotonic())

    def handled_until(self) -> datetime | None:
        """Returns the instant, on the database's clock, until which the other services' events are certainly handled.

        How far those have come with the events that they handle themselves does not count: services listen to each
        other in a circle.
        """
        reached = self._samples.reached
        return reached.published_until if reached else None

    def measure(self) -> None:
        """Ask Kafka; without an answer nothing is current."""
        try:
            self._measure()
        except KafkaException as problem:
            # a client may be of no use after an outage
            self._clients = self._samples.reached = None
            self._problem = f"Kafka does not answer ({problem.args[0].name()})"
        metrics.events_behind_seconds.set(self.age())
        self._log_change()

    def _measure(self) -> None:
        taken, at = clock.monotonic(), database_clock()
        if not self._topics:
            self._samples.reached = Sample(taken, at, published_until=at, handled_until=at, ends={})
            return
        reader, heartbeats = self._clients = self._clients or self._new_clients()
        # the heartbeats first: what they say is published is then below the ends
        sources = heartbeats.read(self._topics, wait_seconds=ANSWER_SECONDS)
        ends = offsets_of(reader, self._partitions, OFFSET_END, wait_seconds=ANSWER_SECONDS)
        if silent := sorted(set(self._topics) - set(sources)):
            self._problem = f"no relay has reported for {', '.join(silent)}"
            return
        self._samples.add(_sample(taken, at, sources.values(), ends))
        positions = self._positions(reader, ends)
        self._samples.compare(positions)
        self._problem = _describe(sources, ends, positions, at)

    def _positions(self, reader: KafkaConsumer, ends: Mapping[Partition, int]) -> dict[Partition, int]:
        """The offset that the group reads next in each partition; offsets that retention has removed do not count."""
        committed = committed_offsets(reader, self._partitions, wait_seconds=ANSWER_SECONDS)
        unread = [partition for partition, end in ends.items() if committed[partition] < end]
        if not unread:
            return committed
        first = offsets_of(reader, unread, OFFSET_BEGINNING, wait_seconds=ANSWER_SECONDS)
        return committed | {partition: max(first[partition], committed[partition]) for partition in unread}

    def _new_clients(self) -> tuple[KafkaConsumer, Heartbeats]:
        reader = KafkaConsumer({**self._kafka, "isolation.level": "read_uncommitted"})
        return reader, Heartbeats({key: value for key, value in self._kafka.items() if key != "group.id"})

    def _log_change(self) -> None:
        moment = clock.monotonic()
        if self.is_current():
            if self._is_logged:
                log.info("events.current_again")
            self._stale_since, self._is_logged = None, False
            return
        self._stale_since = self._stale_since or moment
        if not self._is_logged and moment - self._stale_since >= LOGGED_AFTER_SECONDS:
            log.warning("events.not_current", reason=self._problem)
            self._is_logged = True


def _sample(taken: float, at: datetime, sources: Iterable[Heartbeat], ends: Mapping[Partition, int]) -> Sample:
    heartbeats = list(sources)
    handled = [each.handled_until for each in heartbeats if each.handled_until is not None]
    return Sample(
        taken,
        at,
        published_until=min(at, *(each.published_until for each in heartbeats)),
        handled_until=min(handled) if len(handled) == len(heartbeats) else None,
        ends=ends,
    )


def _describe(
    sources: Mapping[str, Heartbeat], ends: Mapping[Partition, int], positions: Mapping[Partition, int], at: datetime
) -> str:
    """What keeps the copies from being fresh: the topic that is furthest behind, in each of the three ways."""
    unread = {partition: end - positions[partition] for partition, end in ends.items() if positions[partition] < end}
    published = {topic: (at - each.published_until).total_seconds() for topic, each in sources.items()}
    handled = {topic: _seconds_since(each.handled_until, at) for topic, each in sources.items()}
    oldest, slowest = max(published, key=published.__getitem__), max(handled, key=handled.__getitem__)
    return (
        f"{sum(unread.values())} offsets are unread here; the relay of {oldest} reported {published[oldest]:.0f} s ago;"
        f" the service of {slowest} has handled what others said until {handled[slowest]:.0f} s ago"
    )


def _seconds_since(instant: datetime | None, at: datetime) -> float:
    return inf if instant is None else (at - instant).total_seconds()
