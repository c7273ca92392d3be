"""Compares the states that Kafka holds with those of the service: `python -m <service> republish --check`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from shared.database import transaction
from shared.events.event import CATALOGUE, PARTITIONS, Event, EventEnvelope, KafkaTopic
from shared.events.message_reader import read_message
from shared.events.republish import PORTION, CurrentStates, Snapshots, UnknownAggregate
from shared.events.topic_reader import read_to_ends
from shared.runtime import clock


@dataclass(frozen=True)
class Discrepancy:
    """An aggregate of which Kafka holds a state that its service never published."""

    id: UUID
    kafka_sequence: int
    """The sequence of the last state for a consumer that reads the whole topic."""
    own_sequence: int | None
    """The service's own sequence; None for an aggregate that it does not have."""


def find_discrepancies(kafka: dict[str, Any], snapshots: Snapshots) -> list[Discrepancy]:
    """Returns every aggregate whose sequence on Kafka is higher than that of its service; changes nothing.

    An aggregate that the service does not have is left out where the service has published so since. Raises
    `Unreachable` when Kafka does not answer or sends nothing more.
    """
    # Kafka first: what the service publishes meanwhile is in its tables when these are read
    on_kafka = _last_envelopes(kafka, snapshots.topic)
    own = dict(_own_sequences(snapshots.read))
    return [
        Discrepancy(id, last.sequence, own.get(id))
        for id, last in sorted(on_kafka.items())
        if last.sequence > own.get(id, 0) and not (id not in own and _says_unknown(last, snapshots.unknown_aggregate))
    ]


def subjects_of(kafka: dict[str, Any], topic: KafkaTopic, kind: type[Event]) -> set[UUID]:
    """Returns the aggregates about which an event of this type lies on Kafka; raises `Unreachable`."""
    return {
        received.event.envelope.subject
        for messages in read_to_ends(kafka, [topic.name], range(PARTITIONS), service=topic.source, at_most=1000)
        for message in messages
        if (received := read_message(message, {kind}, clock.now())) is not None and received.event is not None
    }


def _says_unknown(last: EventEnvelope, unknown_aggregate: UnknownAggregate | None) -> bool:
    return unknown_aggregate is not None and last.type == unknown_aggregate(last.subject).name


def _own_sequences(states: CurrentStates) -> Iterator[tuple[UUID, int]]:
    after = UUID(int=0)
    while True:
        with transaction() as session:
            found = states(session, after=after, limit=PORTION, now=clock.now())
            portion = [(aggregate.id, aggregate.sequence) for aggregate, _ in found]
        yield from portion
        if len(portion) < PORTION:
            return
        after = portion[-1][0]


def _last_envelopes(kafka: dict[str, Any], topic: KafkaTopic) -> dict[UUID, EventEnvelope]:
    """The envelope of each aggregate's newest event, by the rule of `shared.database.copies`.

    A republished state replaces a later sequence before it, also while that event is still on Kafka.
    """
    types = {each for each in CATALOGUE.values() if each.topic == topic}
    newest: dict[UUID, EventEnvelope] = {}
    for messages in read_to_ends(kafka, [topic.name], range(PARTITIONS), service=topic.source, at_most=1000):
        for message in messages:
            received = read_message(message, types, clock.now())
            if received is not None and received.event is not None:
                envelope = received.event.envelope
                if _replaces(envelope, newest.get(envelope.subject)):
                    newest[envelope.subject] = envelope
    return newest


def _replaces(envelope: EventEnvelope, newest: EventEnvelope | None) -> bool:
    if newest is None or newest.sequence <= envelope.sequence:
        return True
    return envelope.republished and newest.time < envelope.time
