"""What the account of each service may do at Kafka, and the check that it may.

A service publishes to its own topics, reads these and those of the events that it handles, and has a transactional id
and consumer groups of its own. Kafka refuses everything else: an event from another service's topic cannot be forged,
and nobody can take another service's events by joining its group.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future
from typing import Any

from confluent_kafka import KafkaError, KafkaException, TopicCollection
from confluent_kafka.admin import AclOperation, ResourcePatternType, ResourceType

from shared.events.cluster import KafkaReachable
from shared.events.event import TOPICS, source_of_topic, transactional_id
from shared.events.heartbeats import group_of

Right = tuple[ResourceType, str, ResourcePatternType, AclOperation]
"""A kind of resource, its name or the beginning of it, and what may be done."""


def rights_of(service: str, handled: Sequence[str]) -> set[Right]:
    """Returns everything that a service may do, which handles events of these topics."""
    own = [topic.name for topic in TOPICS.values() if topic.source == service]
    whole, prefix = ResourcePatternType.LITERAL, ResourcePatternType.PREFIXED
    read, write, describe = AclOperation.READ, AclOperation.WRITE, AclOperation.DESCRIBE
    # to publish and to read both include to describe; its own topics are read by `republish --check`
    rights: set[Right] = {(ResourceType.TOPIC, name, whole, write) for name in own}
    rights |= {(ResourceType.TOPIC, name, whole, read) for name in (*own, *handled)}
    # how far those have come whose events it handles
    rights |= {(ResourceType.GROUP, group_of(source_of_topic(name)), whole, describe) for name in handled}
    return rights | {
        (ResourceType.TRANSACTIONAL_ID, transactional_id(service), whole, write),
        (ResourceType.GROUP, service, whole, read),
        (ResourceType.GROUP, f"{service}-", prefix, read),
    }


def in_words(right: Right) -> str:
    """Returns a right as a text such as `read topic matching.events`; `*` stands for the rest of a name."""
    kind, name, pattern, operation = right
    more = "*" if pattern is ResourcePatternType.PREFIXED else ""
    return f"{operation.name} {kind.name} ".lower() + name + more


class KafkaRights(KafkaReachable):
    """The check that the cluster answers, and gives the account of a service every right that it needs.

    It asks Kafka what the account may do: a refusal itself would come only when there is something to publish or to
    read, in an error that does not say which topic. Who may use a transactional id cannot be asked for; without that
    right the relay fails, and says so.
    """

    def __init__(self, kafka: dict[str, Any], service: str, handled: Sequence[str]) -> None:
        super().__init__(kafka)
        self._account = kafka.get("sasl.username", "")
        self._wanted = sorted(rights_of(service, handled), key=str)

    def _find_problem(self) -> str | None:
        return super()._find_problem() or self._find_refusal()

    def _find_refusal(self) -> str | None:
        held = self._operations(ResourceType.TOPIC) | self._operations(ResourceType.GROUP)
        refused = [in_words(each) for each in self._wanted if each[3] not in held.get(each[:2], {each[3]})]
        return (
            f"Kafka does not allow the account {self._account} to {', '.join(refused)}."
            " `python -m shared.runtime.kafka_accounts prepare` gives each service its rights; `show` lists them, for a"
            " cluster whose accounts are made by hand."
            if refused
            else None
        )

    def _operations(self, kind: ResourceType) -> dict[tuple[ResourceType, str], set[AclOperation]]:
        """What the account may do with each topic or group; without those about which Kafka does not say it."""
        names = sorted({name for each, name, _, _ in self._wanted if each is kind})
        asked: dict[str, Future[Any]] = (
            self._admin.describe_topics(TopicCollection(names), include_authorized_operations=True, request_timeout=2)
            if kind is ResourceType.TOPIC
            else self._admin.describe_consumer_groups(names, include_authorized_operations=True, request_timeout=2)
        )
        if any(_is_unanswered(answer) for answer in asked.values()):
            self._forget_client()
        found = {(kind, name): _authorized(answer) for name, answer in asked.items()}
        return {place: operations for place, operations in found.items() if operations is not None}


_REFUSED = (KafkaError.TOPIC_AUTHORIZATION_FAILED, KafkaError.GROUP_AUTHORIZATION_FAILED)


def _is_unanswered(answer: Future[Any]) -> bool:
    """Whether Kafka has not answered in time."""
    problem = answer.exception()
    return isinstance(problem, KafkaException) and problem.args[0].code() == KafkaError._TIMED_OUT


def _authorized(answer: Future[Any]) -> set[AclOperation] | None:
    """The operations in an answer; None where it does not say, such as one about a topic that is not made yet."""
    try:
        return set(answer.result().authorized_operations or ()) or None
    except KafkaException as problem:
        return set() if problem.args[0].code() in _REFUSED else None
