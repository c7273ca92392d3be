"""Whether what lies on Kafka reaches a service: what its consumer group has not read, and for how long nothing moves.

A partition can stand still without any error: a transaction that somebody leaves open holds back all that comes after
it, and a stranger who joins the group is given partitions that he need not read. Both are seen here, from outside.

The questions are asked by a consumer that joins no group. `AdminClient.list_offsets` was tried: asked while no broker
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

from shared.errors import Unreachable
from shared.events.event import PARTITIONS
from shared.runtime import clock, metrics
from shared.runtime.duties import LASTING_SECONDS
from shared.runtime.jobs import Job

EVERY = timedelta(seconds=15)
ANSWER_SECONDS = 10.0
MOST_NAMED = 3
"""Partitions that a problem names; it says how many there are."""

Place = tuple[str, int]
"""A topic and the number of a partition."""


class Offsets(NamedTuple):
    """Where a partition begins, up to where the group has read it, and its end."""

    first: int
    committed: int
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
class PartitionLag:
    """A partition of which something has not been read, and since when (monotonic clock) its position is the same."""

    offsets: Offsets
    since: float
    is_held_back: bool = False
    """Whether an open transaction lies before what has not been read."""


class Lag:
    """What a consumer group has not read of its topics: measured as a job, asked as a readiness check."""

    def __init__(
        self, kafka: dict[str, Any], group: str, topics: Sequence[str], *, stuck_after: float = LASTING_SECONDS
    ) -> None:
        """`stuck_after`: seconds for which a partition may stand still with something unread."""
        self._configuration = {**kafka, "group.id": group, "enable.auto.commit": False, "log_level": 0}
        self._patience = stuck_after
        self._places = [(topic, number) for topic in topics for number in range(PARTITIONS)]
        self._reader: KafkaConsumer | None = None
        self._standing: dict[Place, PartitionLag] = {}

    def job(self) -> Job:
        """The job that measures it."""

        def run(_: datetime) -> int:
            self.measure()
            return 0

        return Job("measure-lag", EVERY, run)

    def measure(self) -> None:
        """Ask Kafka and set the metrics; raises `Unreachable` when Kafka does not answer."""
        if not self._places:
            return
        try:
            self._standing = self._measured()
        except KafkaException as problem:
            self._drop_reader()
            raise Unreachable("kafka.unreachable", str(problem.args[0])) from problem
        moment = clock.monotonic()
        metrics.consumer_lag.set(sum(each.offsets.waiting for each in self._standing.values()))
        metrics.consumer_stalled_seconds.set(max((moment - each.since for each in self._standing.values()), default=0))

    def moves(self) -> bool:
        """True; raises `Unreachable` that names the partitions of which nothing was read for long, and why not."""
        moment = clock.monotonic()
        stuck = {place: each for place, each in sorted(self._standing.items()) if self._is_stuck(each, moment)}
        if not stuck:
            return True
        named = "; ".join(_in_words(place, each, moment) for place, each in list(stuck.items())[:MOST_NAMED])
        more = f"; and {len(stuck) - MOST_NAMED} more partitions" if len(stuck) > MOST_NAMED else ""
        raise Unreachable("events.not_read", named + more)

    def _is_stuck(self, standing: PartitionLag, moment: float) -> bool:
        return moment - standing.since >= self._patience

    def _measured(self) -> dict[Place, PartitionLag]:
        self._reader = reader = self._reader or self._made(read="read_uncommitted")
        # the end first: what is read meanwhile must not look like more than there was
        end, first = _offsets(reader, self._places, OFFSET_END), _offsets(reader, self._places, OFFSET_BEGINNING)
        committed = _committed(reader, self._places)
        moment, standing = clock.monotonic(), {}
        for place in self._places:
            offsets = Offsets(first[place], committed[place], end[place])
            if offsets.waiting:
                standing[place] = PartitionLag(offsets, self._since(place, offsets, moment))
        return standing | self._held_back({p: each for p, each in standing.items() if self._is_stuck(each, moment)})

    def _since(self, place: Place, offsets: Offsets, moment: float) -> float:
        before = self._standing.get(place)
        return before.since if before and before.offsets.position == offsets.position else moment

    def _held_back(self, stuck: dict[Place, PartitionLag]) -> dict[Place, PartitionLag]:
        """Those of which nothing more can be read, since a transaction is open."""
        if not stuck:
            return {}
        with closing(self._made(read="read_committed")) as reader:
            readable = _offsets(reader, list(stuck), OFFSET_END)
        return {
            place: PartitionLag(each.offsets, each.since, is_held_back=True)
            for place, each in stuck.items()
            if each.offsets.position >= readable[place]
        }

    def _made(self, *, read: str) -> KafkaConsumer:
        return KafkaConsumer({**self._configuration, "isolation.level": read})

    def _drop_reader(self) -> None:
        if self._reader is not None:
            self._reader.close()
            self._reader = None


def _in_words(place: Place, standing: PartitionLag, moment: float) -> str:
    topic, partition = place
    if standing.is_held_back:
        why = "a transaction that somebody left open holds them back"
    else:
        why = "the worker that has this partition does not get on, or somebody else in the group has it"
    seconds = f"{moment - standing.since:.0f} s"
    return f"{topic} {partition}: nothing read for {seconds} from offset {standing.offsets.position}, {why}"


def _offsets(reader: KafkaConsumer, places: Sequence[Place], which: int) -> dict[Place, int]:
    """The first or the last offset of each; Kafka takes either in place of a time."""
    wanted = [TopicPartition(*place, which) for place in places]
    return _checked(reader.offsets_for_times(wanted, timeout=ANSWER_SECONDS))


def _committed(reader: KafkaConsumer, places: Sequence[Place]) -> dict[Place, int]:
    wanted = [TopicPartition(*place) for place in places]
    # a negative offset says that nothing was committed yet
    return _checked(reader.committed(wanted, timeout=ANSWER_SECONDS))


def _checked(answers: Sequence[TopicPartition]) -> dict[Place, int]:
    for each in answers:
        if each.error is not None:
            raise KafkaException(each.error)
    return {(each.topic, each.partition): each.offset for each in answers}
