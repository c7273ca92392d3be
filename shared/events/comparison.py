"""What Kafka says of a service's aggregates beside what the service knows: `python -m <service> republish --check`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from shared.database import transaction
from shared.events.ends import read_to_ends
from shared.events.event import CATALOGUE, PARTITIONS, Envelope, Topic
from shared.events.reading import read_message
from shared.events.republish import PORTION, Snapshots, States
from shared.runtime import clock


@dataclass(frozen=True)
class Stranger:
    """An aggregate of which Kafka holds a state that its service never said."""

    id: UUID
    said: int
    """The sequence that whoever reads all of Kafka holds in the end."""
    known: int | None
    """The service's own; None for an aggregate that it does not have."""


def strangers(kafka: dict[str, Any], snapshots: Snapshots) -> list[Stranger]:
    """Every aggregate of which Kafka's readers hold more than its service said; changes nothing.

    One that the service does not have, and of which it has said so since, is none. Raises `Unreachable` when Kafka does
    not answer or falls silent.
    """
    # Kafka first: what the service says meanwhile is known when it is asked
    held = _held(kafka, snapshots.topic)
    known = dict(_known(snapshots.read))
    unknown = snapshots.unknown
    return [
        Stranger(id, last.sequence, known.get(id))
        for id, last in sorted(held.items())
        if last.sequence > known.get(id, 0) and not (id not in known and unknown and last.type == unknown(id).name)
    ]


def _known(states: States) -> Iterator[tuple[UUID, int]]:
    after = UUID(int=0)
    while True:
        with transaction() as session:
            found = states(session, after=after, limit=PORTION, now=clock.now())
            portion = [(aggregate.id, aggregate.sequence) for aggregate, _ in found]
        yield from portion
        if len(portion) < PORTION:
            return
        after = portion[-1][0]


def _held(kafka: dict[str, Any], topic: Topic) -> dict[UUID, Envelope]:
    """What came last of each aggregate for whoever reads the whole topic, as `shared.database.copies` keeps it.

    What the source has republished overrules, also while a stranger before it lies there still.
    """
    types = {each for each in CATALOGUE.values() if each.topic == topic}
    held: dict[UUID, Envelope] = {}
    for messages in read_to_ends(kafka, [topic.name], range(PARTITIONS), at_most=1000):
        for message in messages:
            received = read_message(message, types, clock.now())
            if received is not None and received.event is not None:
                told = received.event.envelope
                if _counts(told, held.get(told.subject)):
                    held[told.subject] = told
    return held


def _counts(told: Envelope, known: Envelope | None) -> bool:
    if known is None or known.sequence <= told.sequence:
        return True
    return told.republished and known.time < told.time
