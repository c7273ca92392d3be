"""Consumer lag: what a service's consumer group has not read, and for how long a partition makes no progress.

A partition can stall without any error: a transaction that somebody leaves open blocks all messages after it, and
another program that joins the group is assigned partitions that it need not read. Both are detected here, by comparing
offsets.

The requests are made by a consumer that joins no group. `AdminClient.list_offsets` was tried: called while no broker
answered, it timed out for ever after, and ended the process with a failed assertion (librdkafka 2.16).
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from confluent_kafka import OFFSET_BEGINNING, OFFSET_END, KafkaException, TopicPartition
from confluent_kafka import Consumer as KafkaConsumer

from shared.errors import Outage
from shared.events.event import PARTITIONS
from shared.runtime import clock, metrics
from shared.runtime.duties import LASTING_SECONDS
from shared.runtime.jobs import Job

EVERY = timedelta(seconds=15)
ANSWER_SECONDS = 10.0
MOST_NAMED = 3
"""The most partitions that a problem names; of the others it says the number."""

Partition = tuple[str, int]
"""A topic and the number of a partition."""


class Offsets(NamedTuple):
    """The first offset of a partition, the group's committed offset, and the end."""

    first: int
    committed: int
    end: int

    @property
    def position(self) -> int:
        """The offset that the group reads next; offsets that retention has removed do not count."""
        return max(self.first, self.committed)

    @property
    def waiting(self) -> int:
        """The number of offsets that the group has not read, those of open transactions included."""
        return max(0, self.end - self.position)


@dataclass(frozen=True)
class PartitionLag:
    """The offsets of a partition with unread messages, and since when (monotonic clock) its position is unchanged."""

    offsets: Offsets
    since: float
    is_blocked: bool = False
    """Whether an open transaction comes before the unread messages."""


class Lag:
    """The lag of a consumer group: a job measures it, a readiness check reports a stalled partition."""

    def __init__(
        self, kafka: dict[str, Any], group: str, topics: Sequence[str], *, stuck_after: float = LASTING_SECONDS
    ) -> None:
        """`stuck_after`: seconds without progress after which a partition with unread messages counts as stuck."""
        self._configuration = {**kafka, "group.id": group, "enable.auto.commit": False, "log_level": 0}
        self._stuck_after = stuck_after
        self._partitions = [(topic, number) for topic in topics for number in range(PARTITIONS)]
        self._reader: KafkaConsumer | None = None
        self._lags: dict[Partition, PartitionLag] = {}

    def job(self) -> Job:
        """The job that measures it."""

        def run(_: datetime) -> int:
            self.measure()
            return 0

        return Job("measure-lag", EVERY, run)

    def measure(self) -> None:
        """Ask Kafka and set the metrics; raises `Unreachable` when Kafka does not answer."""
        if not self._partitions:
            return
        try:
            self._lags = self._measure_all()
        except KafkaException as problem:
            self._drop_reader()
            raise Outage("kafka.unreachable", str(problem.args[0])) from problem
        moment = clock.monotonic()
        metrics.consumer_lag.set(sum(each.offsets.waiting for each in self._lags.values()))
        metrics.consumer_stalled_seconds.set(max((moment - each.since for each in self._lags.values()), default=0))

    def check_progress(self) -> bool:
        """Returns True; raises `Unreachable` that names the stuck partitions and why nothing is read of them."""
        moment = clock.monotonic()
        stuck = {partition: each for partition, each in sorted(self._lags.items()) if self._is_stuck(each, moment)}
        if not stuck:
            return True
        named = "; ".join(_describe(partition, each, moment) for partition, each in list(stuck.items())[:MOST_NAMED])
        more = f"; and {len(stuck) - MOST_NAMED} more partitions" if len(stuck) > MOST_NAMED else ""
        raise Outage("events.not_read", named + more)

    def _is_stuck(self, lag: PartitionLag, moment: float) -> bool:
        return moment - lag.since >= self._stuck_after

    def _measure_all(self) -> dict[Partition, PartitionLag]:
        self._reader = reader = self._reader or self._new_reader(read="read_uncommitted")
        # the ends first: messages that arrive meanwhile must not count as lag
        end = offsets_of(reader, self._partitions, OFFSET_END)
        first = offsets_of(reader, self._partitions, OFFSET_BEGINNING)
        committed = committed_offsets(reader, self._partitions)
        moment, lags = clock.monotonic(), {}
        for partition in self._partitions:
            offsets = Offsets(first[partition], committed[partition], end[partition])
            if offsets.waiting:
                lags[partition] = PartitionLag(offsets, self._since(partition, offsets, moment))
        return lags | self._blocked({p: each for p, each in lags.items() if self._is_stuck(each, moment)})

    def _since(self, partition: Partition, offsets: Offsets, moment: float) -> float:
        before = self._lags.get(partition)
        return before.since if before and before.offsets.position == offsets.position else moment

    def _blocked(self, stuck: dict[Partition, PartitionLag]) -> dict[Partition, PartitionLag]:
        """The stuck partitions of which nothing can be read because a transaction is open."""
        if not stuck:
            return {}
        with closing(self._new_reader(read="read_committed")) as reader:
            readable = offsets_of(reader, list(stuck), OFFSET_END)
        return {
            partition: PartitionLag(each.offsets, each.since, is_blocked=True)
            for partition, each in stuck.items()
            if each.offsets.position >= readable[partition]
        }

    def _new_reader(self, *, read: str) -> KafkaConsumer:
        return KafkaConsumer({**self._configuration, "isolation.level": read})

    def _drop_reader(self) -> None:
        if self._reader is not None:
            self._reader.close()
            self._reader = None


def _describe(partition: Partition, lag: PartitionLag, moment: float) -> str:
    topic, number = partition
    if lag.is_blocked:
        why = "an open transaction blocks the rest"
    else:
        why = "the worker that has this partition makes no progress, or another program in the group has it"
    seconds = f"{moment - lag.since:.0f} s"
    return f"{topic} {number}: nothing read for {seconds} from offset {lag.offsets.position}, {why}"


def offsets_of(
    reader: KafkaConsumer, partitions: Sequence[Partition], which: int, *, wait_seconds: float = ANSWER_SECONDS
) -> dict[Partition, int]:
    """Returns the first or the end offset of each partition; Kafka accepts either in place of a time.

    Raises `KafkaException` when Kafka does not answer.
    """
    wanted = [TopicPartition(*partition, which) for partition in partitions]
    return _offsets_or_raise(reader.offsets_for_times(wanted, timeout=wait_seconds))


def committed_offsets(
    reader: KafkaConsumer, partitions: Sequence[Partition], *, wait_seconds: float = ANSWER_SECONDS
) -> dict[Partition, int]:
    """Returns the offset that the reader's group committed for each partition; a negative one where it has not.

    Raises `KafkaException` when Kafka does not answer.
    """
    wanted = [TopicPartition(*partition) for partition in partitions]
    return _offsets_or_raise(reader.committed(wanted, timeout=wait_seconds))


def _offsets_or_raise(answers: Sequence[TopicPartition]) -> dict[Partition, int]:
    for each in answers:
        if each.error is not None:
            raise KafkaException(each.error)
    return {(each.topic, each.partition): each.offset for each in answers}
