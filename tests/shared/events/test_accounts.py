"""Each service does at Kafka what it needs, with an account of its own, and is refused everything else."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import Any
from uuid import uuid4

import pytest
from confluent_kafka import Consumer as KafkaConsumer
from confluent_kafka import (
    KafkaError,
    KafkaException,
    Message,
    Producer,
    TopicPartition,
)
from confluent_kafka.admin import (
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialUpsertion,
)
from confluent_kafka.cimpl import NewTopic

from shared.database import database_clock, new_id
from shared.errors import Unreachable
from shared.events.accounts import MECHANISM, set_rights
from shared.events.cluster import Administrator, KafkaReachable
from shared.events.event import PARTITIONS, TOPICS, transactional_id
from shared.events.freshness import Freshness
from shared.events.heartbeats import QUICK_END, Heartbeat, Heartbeats, group_of
from shared.events.lag import Lag
from shared.events.relay import Relay
from shared.events.rights import KafkaRights, in_words, rights_of
from shared.events.topic_reader import read_to_ends
from shared.runtime import registry
from shared.runtime.health import ReadinessCheck
from shared.runtime.kafka_accounts import KafkaAccountSettings, handled_topics, prepare
from testkit.private_platform import PrivatePlatform, private_platform
from tests.architecture.sources import SERVICES
from tests.shared.events.conftest import consuming, until
from tests.shared.events.publishing import RecordingListeners, commit_events, message, publish, relay, withdrawn

HANDLED = handled_topics()
SOURCES = {topic.name: topic.source for topic in TOPICS.values()}
UNHEARD = [
    (service, topic)
    for service in SERVICES
    for topic, source in SOURCES.items()
    if source != service and topic not in HANDLED[service]
]
OTHERS = list(zip(SERVICES, [*SERVICES[1:], SERVICES[0]], strict=True))
"""Each service with one of the others: what it may follows from one function, whichever the other is."""

each_service = pytest.mark.parametrize("service", SERVICES)
each_unheard = pytest.mark.parametrize(("service", "topic"), UNHEARD)
each_other = pytest.mark.parametrize(("service", "other"), OTHERS)


@pytest.fixture(scope="module")
def platform() -> Iterator[PrivatePlatform]:
    """A broker with accounts and topics."""
    with private_platform(KAFKA_SECURITY_PROTOCOL="SASL_PLAINTEXT") as platform:
        platform.up(["kafka", "topics"])
        yield platform


@pytest.fixture
def client(platform: PrivatePlatform) -> Callable[[str], dict[str, Any]]:
    """The configuration of a client as the processes of a service have it."""

    def of(service: str) -> dict[str, Any]:
        return {**registry.settings_of(service).of(platform.settings).kafka_client(), "log_level": 0}

    return of


Client = Callable[[str], dict[str, Any]]


def refusal(attempt: Callable[[], Any]) -> str:
    """The name of the error with which Kafka answers; empty where it does what is asked."""
    try:
        attempt()
    except KafkaException as problem:
        return str(problem.args[0].name())
    return ""


def reports(reader: KafkaConsumer, error: str) -> bool:
    """Whether a consumer reports this error, perhaps after others; it gets no message before."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        if (each := reader.poll(0.2)) is not None:
            problem = each.error()
            if problem is None:
                return False
            if problem.name() == error:
                return True
    return False


def errors_of_writing(kafka: dict[str, Any], topics: Iterable[str]) -> dict[str, str]:
    """The error of a message to each topic, by its name; empty where Kafka has taken it."""
    producer, answers = Producer(kafka), {}

    def note(problem: KafkaError | None, sent: Message) -> None:
        answers[sent.topic() or ""] = problem.name() if problem is not None else ""

    for topic in topics:
        producer.produce(topic, key=b"k", value=b"{}", on_delivery=note)
    assert producer.flush(20) == 0
    return answers


def comes_in(kafka: dict[str, Any]) -> bool:
    """Whether Kafka answers to this client."""
    try:
        return KafkaReachable(kafka)()
    except Unreachable:
        return False


def own_topics(service: str) -> list[str]:
    return [topic for topic, source in SOURCES.items() if source == service]


# --- what is refused --------------------------------------------------------------------------------------------------


@each_service
def test_a_service_cannot_write_events_of_another(client: Client, service: str) -> None:
    foreign = {topic for topic, source in SOURCES.items() if source != service}
    assert errors_of_writing(client(service), foreign) == dict.fromkeys(foreign, "TOPIC_AUTHORIZATION_FAILED")


def test_a_refused_attempt_is_in_kafkas_log_with_the_account(platform: PrivatePlatform, client: Client) -> None:
    errors_of_writing(client("geocoding_service"), ["patient.events"])
    log = platform.paths.log("kafka")
    until(lambda: "User:geocoding_service is Denied operation = WRITE" in log.read_text())


@each_unheard
def test_a_service_cannot_read_what_it_does_not_handle(client: Client, service: str, topic: str) -> None:
    """Also not in a group of its own."""
    reader = KafkaConsumer({**client(service), "group.id": f"{service}-reading-{uuid4()}"})
    reader.subscribe([topic])
    assert reports(reader, "TOPIC_AUTHORIZATION_FAILED")
    reader.close()
    assert topic not in AdminClient(client(service)).list_topics(timeout=10).topics, "not even that it exists"


@each_other
def test_a_service_cannot_be_the_relay_of_another(client: Client, service: str, other: str) -> None:
    """It would fence the other's relay, which could not publish any more."""
    producer = Producer({**client(service), "transactional.id": transactional_id(other)})
    assert refusal(lambda: producer.init_transactions(10)) == "TRANSACTIONAL_ID_AUTHORIZATION_FAILED"


@pytest.mark.parametrize("protocol", ["consumer", "classic"])
@each_other
def test_a_service_cannot_join_the_group_of_another(client: Client, service: str, other: str, protocol: str) -> None:
    """A member is given partitions; what it commits there, the other would never handle."""
    thief = KafkaConsumer({**client(service), "group.id": other, "group.protocol": protocol})
    thief.subscribe([*HANDLED[service], *own_topics(service)] or [*SOURCES])
    assert reports(thief, "GROUP_AUTHORIZATION_FAILED")
    thief.close()


@each_other
def test_a_service_cannot_move_the_offsets_of_another(
    platform: PrivatePlatform, client: Client, service: str, other: str
) -> None:
    """It would make the other skip events, without being a member."""
    topic = (HANDLED[service] or [*SOURCES])[0]
    assert not can_commit(platform, client(service), other, topic)
    if HANDLED[service]:
        until(lambda: can_commit(platform, client(service), f"{service}-{uuid4()}", topic))


def test_a_service_cannot_report_for_another(platform: PrivatePlatform, client: Client) -> None:
    """With a false heartbeat e-mails would go out although a withdrawal waits in an outbox."""
    theirs = group_of("patient_service")
    assert not can_commit(platform, client("communication_service"), theirs, "patient.events")
    until(lambda: can_commit(platform, client("patient_service"), theirs, "patient.events"))


def can_commit(platform: PrivatePlatform, kafka: dict[str, Any], group: str, topic: str) -> bool:
    """Whether a client that is no member can move an offset of the group; librdkafka does not say why it cannot."""
    place = TopicPartition(topic, 0, 1_000_000)
    moving = KafkaConsumer({**kafka, **QUICK_END, "group.id": group})
    with suppress(KafkaException):
        moving.commit(offsets=[place], asynchronous=False)
    seen = KafkaConsumer({**platform.kafka_client(), "group.id": group}).committed([place], timeout=10)
    return bool(seen[0].offset == place.offset)


def all_results(futures: dict[Any, Any]) -> None:
    for future in futures.values():
        future.result(20)


def everything_allowed(service: str) -> AclBinding:
    return AclBinding(
        ResourceType.TOPIC, "*", ResourcePatternType.LITERAL,
        f"User:{service}", "*", AclOperation.ALL, AclPermissionType.ALLOW,
    )  # fmt: skip


TAKE_OVER: dict[str, Callable[[AdminClient, str], Any]] = {
    "make a topic": lambda admin, _: all_results(admin.create_topics([NewTopic("own.events", 1, 1)])),
    "delete its own topic": lambda admin, _: all_results(admin.delete_topics(["therapist.events"])),
    "give itself rights": lambda admin, service: all_results(admin.create_acls([everything_allowed(service)])),
    "delete a group": lambda admin, _: all_results(admin.delete_consumer_groups(["matching_service"])),
    "become another": lambda admin, _: all_results(
        admin.alter_user_scram_credentials(
            [
                UserScramCredentialUpsertion(
                    "patient_service", ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, 4096), b"stolen"
                )
            ]
        )
    ),
}


@pytest.mark.parametrize("what", TAKE_OVER)
def test_a_service_is_no_administrator(client: Client, what: str) -> None:
    attempt = TAKE_OVER[what]
    said = refusal(lambda: attempt(AdminClient(client("therapist_service")), "therapist_service"))
    assert said.endswith("_AUTHORIZATION_FAILED"), what


@pytest.mark.parametrize(
    "change",
    [
        {"security.protocol": "PLAINTEXT", "sasl.mechanism": "", "sasl.username": "", "sasl.password": ""},
        {"sasl.password": "guessed"},
        {"sasl.username": "matching_service"},
        {"sasl.username": "administrator"},
        {"sasl.username": "administrator", "sasl.mechanism": "PLAIN"},
        {"sasl.mechanism": "PLAIN"},
        {"sasl.username": "ANONYMOUS"},
    ],
)
def test_nobody_comes_in_without_an_account_and_its_password(client: Client, change: dict[str, str]) -> None:
    chosen = {name: value for name, value in (client("therapist_service") | change).items() if value != ""}
    assert not comes_in(chosen)


# --- what is possible -------------------------------------------------------------------------------------------------


@each_service
def test_a_service_writes_its_own_topics(client: Client, service: str) -> None:
    topics = own_topics(service)
    assert errors_of_writing(client(service), topics) == dict.fromkeys(topics, "")
    producer = Producer({**client(service), "transactional.id": transactional_id(service)})
    assert refusal(lambda: producer.init_transactions(20)) == ""


@each_service
def test_a_service_reads_what_it_handles_in_its_groups(client: Client, service: str) -> None:
    """As a member of its group, beside it (`rebuild`, `republish --check`), and its own lag."""
    kafka, topics = client(service), HANDLED[service]
    for topic in (*topics, *own_topics(service)):
        for _ in read_to_ends(kafka, [topic], range(PARTITIONS), service=service, at_most=100):
            pass
    if topics:
        Lag(kafka, service, topics).measure()
        member = KafkaConsumer({**kafka, "group.id": service, "group.protocol": "consumer"})
        member.subscribe(topics)
        until(lambda: member.poll(0.1) is None and len(member.assignment()) == len(topics) * PARTITIONS)
        member.commit(offsets=[TopicPartition(topics[0], 0, 0)], asynchronous=False)
        member.close()


@pytest.mark.usefixtures("committing")
def test_relay_consumer_and_heartbeats_work_with_the_accounts(client: Client, platform: PrivatePlatform) -> None:
    kafka, subject = client("therapist_service"), new_id()
    recording = RecordingListeners([subject])
    commit_events(subject, 1, 2, 3)
    publishing: Relay = relay(kafka)
    assert publishing.step() == 3
    # these listeners are those of two services: as the communication service, which handles both topics
    publish(client("matching_service"), message(withdrawn(subject, 4)))
    reading = client("communication_service")
    with consuming(reading, recording.listeners, f"communication_service-{uuid4()}"):
        until(lambda: recording.copies == [1, 2, 3] and recording.effects == [4])
    heartbeats = Heartbeats(reading)
    until(
        lambda: publishing.step() == 0 and "therapist.events" in heartbeats.read(["therapist.events"], wait_seconds=5)
    )


@pytest.mark.usefixtures("committing")
def test_freshness_is_measured_with_the_account(client: Client) -> None:
    sources = {SOURCES[topic] for topic in HANDLED["patient_service"]}
    relays = {source: Heartbeats(client(source)) for source in sources}
    fresh = Freshness(client("patient_service"), "patient_service", HANDLED["patient_service"], limit_seconds=3)

    def is_measured() -> bool:
        for source, heartbeats in relays.items():
            heartbeats.write(own_topics(source), Heartbeat(published_until=database_clock()))
        fresh.measure()
        return "does not answer" not in fresh._problem and "no relay has reported" not in fresh._problem

    until(is_measured)


# --- rights follow from the services ----------------------------------------------------------------------------------


def test_a_right_that_is_not_needed_any_more_is_taken_and_a_missing_one_given(
    platform: PrivatePlatform, client: Client
) -> None:
    admin = Administrator(platform.kafka_client())
    assert set_rights(admin, HANDLED) == (0, 0), "`make up` has made them"
    of_listeners = rights_of("patient_service", HANDLED["patient_service"]) - rights_of("patient_service", [])
    try:
        assert set_rights(admin, HANDLED | {"patient_service": []}) == (0, len(of_listeners))
        until(lambda: "matching.events" not in AdminClient(client("patient_service")).list_topics(timeout=10).topics)
        reader = KafkaConsumer({**client("patient_service"), "group.id": f"patient_service-{uuid4()}"})
        reader.subscribe(["matching.events"])
        assert reports(reader, "TOPIC_AUTHORIZATION_FAILED")
        reader.close()
    finally:
        assert set_rights(admin, HANDLED) == (len(of_listeners), 0)
    until(lambda: "matching.events" in AdminClient(client("patient_service")).list_topics(timeout=10).topics)


def test_readiness_names_each_right_that_the_account_does_not_have(platform: PrivatePlatform, client: Client) -> None:
    """What nobody has tried yet, too: the refusal of an event would be noticed when there is one."""
    admin, service = Administrator(platform.kafka_client()), "patient_service"

    def problem() -> str:
        check = ReadinessCheck("kafka", KafkaRights(client(service), service, HANDLED[service]))
        return check.run()[1].get("problem", "")

    assert problem() == ""
    everything = AclBindingFilter(
        ResourceType.ANY, None, ResourcePatternType.ANY,
        f"User:{service}", None, AclOperation.ANY, AclPermissionType.ANY,
    )  # fmt: skip
    all_results(admin.delete_acls([everything]))
    try:
        needed = {in_words(each) for each in rights_of(service, HANDLED[service])}
        unknown = {f"write transactional_id {transactional_id(service)}"}
        until(lambda: {each for each in needed if each not in problem()} == unknown)
        assert f"the account {service} " in problem()
        assert "kafka_accounts prepare" in problem()
        set_rights(admin, HANDLED | {service: []})
        until(lambda: "write topic patient.events" not in problem())
        assert "read topic matching.events" in problem()
    finally:
        set_rights(admin, HANDLED)
    until(lambda: problem() == "")


def test_a_new_password_counts_after_the_accounts_are_prepared_again(platform: PrivatePlatform, client: Client) -> None:
    settings = platform.settings | {"GEOCODING_SERVICE_KAFKA_PASSWORD": "another-one"}
    assert prepare(KafkaAccountSettings.of(settings), HANDLED) == (0, 0)
    kafka = client("geocoding_service")
    until(lambda: comes_in(kafka | {"sasl.password": "another-one"}))
    assert not comes_in(kafka)
    prepare(KafkaAccountSettings.of(platform.settings), HANDLED)
    until(lambda: comes_in(kafka))


def test_two_that_prepare_at_once_leave_the_same_rights(platform: PrivatePlatform) -> None:
    settings, problems = KafkaAccountSettings.of(platform.settings), []

    def run() -> None:
        try:
            prepare(settings, HANDLED)
        except Unreachable as problem:
            problems.append(problem)

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert problems == []
    assert set_rights(Administrator(platform.kafka_client()), HANDLED) == (0, 0)
    assert MECHANISM is ScramMechanism.SCRAM_SHA_512
