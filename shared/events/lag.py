"""Whether what lies on Kafka reaches a service: what its consumer group has not read, and for how long nothing moves.

A partition can stand still without any error: a transaction that somebody leaves open holds back all that comes after
it, and a stranger who joins the group is given partitions that he need not read. Both are seen here, from outside.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from confluent_kafka import ConsumerGroupTopicPartitions, IsolationLevel, KafkaException, TopicPartition
from confluent_kafka.admin._listoffsets import OffsetSpec

from shared.errors import Unreachable
from shared.events.cluster import Administrator, KafkaReachable
from shared.events.event import PARTITIONS
from shared.runtime import clock, metrics
from shared.runtime.duties import LASTING_SECONDS
from shared.runtime.jobs import Job

EVERY = timedelta(seconds=15)
LATEST: OffsetSpec = OffsetSpec.latest()  # type: ignore[no-untyped-call]
EARLIEST: OffsetSpec = OffsetSpec.earliest()  # type: ignore[no-untyped-call]
ANSWER_SECONDS = 10.0
MOST_NAMED = 3
"""Partitions that a problem names; it says how many there are."""


class Offsets(NamedTuple):
    """Where a partition begins, up to where the group has read it, what can be read of it, and its end."""

    first: int
    committed: int
    readable: int
    end: int

    @property
    def position(self) -> int:
        """The offset that the group reads next; what retention has removed is not waited for."""
        return max(self.first, self.committed)

    @property
    def waiting(self) -> int:
        """Offsets that the group has not read, of open transactions too."""
        return max(0, self.end - self.position)


@dataclass(frozen=True)
class Standing:
    """A partition of which something has not been read, and since when (monotonic clock) its position is the same."""

    offsets: Offsets
    since: float


class Lag:
    """What a consumer group has not read of its topics: measured as a job, asked as a readiness check."""

    def __init__(
        self, kafka: KafkaReachable, group: str, topics: Sequence[str], *, patience: float = LASTING_SECONDS
    ) -> None:
        """`patience`: seconds for which a partition may stand still with something unread."""
        self._kafka, self._group, self._patience = kafka, group, patience
        self._partitions = [TopicPartition(topic, number) for topic in topics for number in range(PARTITIONS)]
        self._standing: dict[tuple[str, int], Standing] = {}

    def job(self) -> Job:
        """The job that measures it."""

        def run(_: datetime) -> int:
            self.measure()
            return 0

        return Job("measure-lag", EVERY, run)

    def measure(self) -> None:
        """Ask Kafka and set the metrics; raises `Unreachable` when Kafka does not answer."""
        try:
            found = _offsets(self._kafka.administrator, self._group, self._partitions)
        except KafkaException as problem:
            raise Unreachable("kafka.unreachable", self._kafka.administrator.why(problem)) from problem
        moment = clock.monotonic()
        self._standing = {
            place: Standing(offsets, self._since(place, offsets, moment))
            for place, offsets in found.items()
            if offsets.waiting
        }
        metrics.consumer_lag.set(sum(each.offsets.waiting for each in self._standing.values()))
        metrics.consumer_stands_seconds.set(max((moment - each.since for each in self._standing.values()), default=0))

    def _since(self, place: tuple[str, int], offsets: Offsets, moment: float) -> float:
        before = self._standing.get(place)
        return before.since if before and before.offsets.position == offsets.position else moment

    def moves(self) -> bool:
        """True; raises `Unreachable` that names the partitions of which nothing was read for long, and why not."""
        moment = clock.monotonic()
        stuck = [
            (place, each) for place, each in sorted(self._standing.items()) if moment - each.since >= self._patience
        ]
        if not stuck:
            return True
        named = "; ".join(_in_words(place, each, moment) for place, each in stuck[:MOST_NAMED])
        more = f"; and {len(stuck) - MOST_NAMED} more partitions" if len(stuck) > MOST_NAMED else ""
        raise Unreachable("events.not_read", named + more)


def _in_words(place: tuple[str, int], standing: Standing, moment: float) -> str:
    offsets, (topic, partition) = standing.offsets, place
    if offsets.position >= offsets.readable:
        why = "a transaction that somebody left open holds them back"
    else:
        why = "the member of the group that has this partition does not read them"
    return (
        f"{topic} {partition}: nothing read for {moment - standing.since:.0f} s from offset {offsets.position}, {why}"
    )


def _offsets(admin: Administrator, group: str, partitions: Sequence[TopicPartition]) -> dict[tuple[str, int], Offsets]:
    # the ends first: what is read meanwhile must not look like more than there was
    end = _ends(admin, partitions, LATEST, IsolationLevel.READ_UNCOMMITTED)
    readable = _ends(admin, partitions, LATEST, IsolationLevel.READ_COMMITTED)
    first = _ends(admin, partitions, EARLIEST, IsolationLevel.READ_UNCOMMITTED)
    committed = _committed(admin, group, partitions)
    return {place: Offsets(first[place], committed.get(place, 0), readable[place], end[place]) for place in end}


def _ends(
    admin: Administrator, partitions: Sequence[TopicPartition], which: OffsetSpec, isolation: IsolationLevel
) -> dict[tuple[str, int], int]:
    asked = admin.list_offsets(
        dict.fromkeys(partitions, which), isolation_level=isolation, request_timeout=ANSWER_SECONDS
    )
    return {(place.topic, place.partition): future.result().offset for place, future in asked.items()}


def _committed(admin: Administrator, group: str, partitions: Sequence[TopicPartition]) -> dict[tuple[str, int], int]:
    asked = admin.list_consumer_group_offsets(
        [ConsumerGroupTopicPartitions(group, list(partitions))], request_timeout=ANSWER_SECONDS
    )
    answer = asked[group].result()
    # a negative offset says that nothing was committed yet
    return {(each.topic, each.partition): each.offset for each in answer.topic_partitions if each.offset >= 0}
