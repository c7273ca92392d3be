"""What `make up` refuses before it starts anything: what a process would refuse, and what does not fit together."""

from pathlib import Path

import pytest

from operations import env_file
from operations.errors import OperationsError
from operations.settings_check import check
from testkit.private_platform import private_settings

OWN_ACCOUNTS = {"KAFKA_SECURITY_PROTOCOL": "SASL_PLAINTEXT"}


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"POSTGRES_PORT": "many"}, "POSTGRES_PORT: Input should be a valid integer"),
        ({"POSTGRES_PORT": "6432"}, "POSTGRES_PORT and DATABASE_PORT"),
        ({"PATIENT_SERVICE_PORT": "8102"}, "THERAPIST_SERVICE_PORT"),
        ({"LOCAL_PARTS": "postgres"}, "LOCAL_PARTS"),
        ({"KAFKA_SECURITY_PROTOCOL": "SASL_SSL"}, "LOCAL_PARTS"),
        (OWN_ACCOUNTS | {"KAFKA_SASL_USERNAME": "everybody"}, "KAFKA_SASL_USERNAME must be empty"),
        (OWN_ACCOUNTS | {"KAFKA_SASL_MECHANISM": "PLAIN"}, "KAFKA_SASL_MECHANISM must be SCRAM-SHA-512"),
        (OWN_ACCOUNTS | {"KAFKA_ADMIN_MECHANISM": "SCRAM-SHA-512"}, "KAFKA_ADMIN_MECHANISM must be PLAIN"),
        ({"KAFKA_ADMIN_PASSWORD": 'with"quotes'}, "KAFKA_ADMIN_PASSWORD: Value error, may have letters"),
        ({"KAFKA_ADMIN_PASSWORD": ""}, "KAFKA_ADMIN_PASSWORD is empty"),
        ({"MATCHING_SERVICE_KAFKA_PASSWORD": ""}, "MATCHING_SERVICE_KAFKA_PASSWORD is empty"),
        ({"POSTGRES_HOST": "db.example.org"}, "take postgresql out"),
        ({"BIND": "192.0.2.7", "POSTGRES_HOST": "192.0.2.7"}, "POSTGRES_HOST names 192.0.2.7"),
        ({"BIND": "192.0.2.7", "DATABASE_HOST": "192.0.2.7"}, "DATABASE_HOST names 192.0.2.7"),
        ({"BIND": "192.0.2.7", "SMTP_HOST": "192.0.2.7"}, "SMTP_HOST names 192.0.2.7"),
        ({"KAFKA_BOOTSTRAP_SERVERS": "192.0.2.7:9092"}, "take kafka out"),
        ({"SMTP_TLS": "starttls"}, "SMTP_TLS"),
        ({"LOCAL_PARTS": "", "SMTP_HOST": "mail.example.org", "SMTP_PASSWORD": "x"}, "SMTP_PASSWORD in clear"),
        ({"LOCAL_PARTS": "", "SMTP_HOST": "mail.example.org", "SMTP_USERNAME": "x"}, "SMTP_PASSWORD in clear"),
        ({"MASTER_KEY": ""}, "MASTER_KEY"),
        ({"ALLOWED_HOSTS": "localhost:8001"}, "ALLOWED_HOSTS"),
        ({"DATABASE_OWNER_PASSWORD": "generate:password"}, "DATABASE_OWNER_PASSWORD: Value error, still has the value"),
        ({"CONTACT_CALL_MINUTES": "7"}, "CONTACT_CALL_MINUTES: Input should be a multiple of 5"),
        ({"LOG_LEVEL": "LOUD"}, "LOG_LEVEL: Input should be"),
        ({"IMPORT_PATIENCE_SECONDS": ""}, "IMPORT_PATIENCE_SECONDS: "),
        ({"RELAY_POLL_SECONDS": "0"}, "RELAY_POLL_SECONDS: "),
    ],
)
def test_settings_that_cannot_work_are_refused_by_name(checkout: Path, change: dict[str, str], named: str) -> None:
    env_file.complete(checkout)
    with pytest.raises(OperationsError, match=named):
        check(env_file.load(checkout, change), checkout)


def test_a_setting_of_all_services_is_refused_once_and_no_value_is_shown(checkout: Path) -> None:
    """Values may be secrets, also of other settings: people paste them into the wrong line."""
    env_file.complete(checkout)
    with pytest.raises(OperationsError) as refused:
        check(env_file.load(checkout, {"DIGEST_KEY": "hunter2", "WEB_THREADS": "hunter3"}), checkout)
    assert str(refused.value).count("DIGEST_KEY") == str(refused.value).count("WEB_THREADS") == 1
    assert "hunter" not in str(refused.value)


@pytest.mark.parametrize("change", [{}, OWN_ACCOUNTS, {"KAFKA_SECURITY_PROTOCOL": "PLAINTEXT"}])
def test_the_generated_settings_work(checkout: Path, change: dict[str, str]) -> None:
    env_file.complete(checkout)
    check(env_file.load(checkout, change), checkout)


def test_two_private_platforms_share_no_port_and_no_secret(checkout: Path) -> None:
    secrets = [name for name, setting in env_file.declared(checkout).items() if setting.is_secret]
    first, second = (private_settings(checkout / name, checkout) for name in "ab")
    ports = [{*env_file.local_ports(one).values()} for one in (first, second)]
    assert not ports[0] & ports[1]
    assert not {first[name] for name in secrets} & {second[name] for name in secrets}
    check(first, checkout)


THREE = {
    "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:9092,127.0.0.1:9192,127.0.0.1:9292",
    "KAFKA_REPLICATION_FACTOR": "3",
    "KAFKA_MIN_INSYNC_REPLICAS": "2",
}


def test_every_address_of_kafka_is_a_node_with_two_ports_of_its_own(checkout: Path) -> None:
    env_file.complete(checkout)
    three = env_file.load(checkout, THREE)
    check(three, checkout)
    ports = [set(node.values()) for node in env_file.kafka_ports(three)]
    assert ports == [{9092, 9093}, {9192, 9094}, {9292, 9095}]
    assert set.union(*ports) <= {*env_file.local_ports(three).values()}


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:9092, 127.0.0.1:9192"}, "KAFKA_BOOTSTRAP_SERVERS"),
        ({"KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:9092,127.0.0.1:9192"}, "KAFKA_REPLICATION_FACTOR=3"),
        ({"KAFKA_MIN_INSYNC_REPLICAS": "4"}, "KAFKA_MIN_INSYNC_REPLICAS"),
        ({"KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:9092,127.0.0.1:9093,127.0.0.1:9094"}, "given to"),
    ],
)
def test_kafka_nodes_that_cannot_work_are_refused(checkout: Path, change: dict[str, str], named: str) -> None:
    env_file.complete(checkout)
    with pytest.raises(OperationsError, match=named):
        check(env_file.load(checkout, THREE | change), checkout)


def test_a_private_platform_may_have_three_brokers(checkout: Path) -> None:
    three = private_settings(checkout, checkout, brokers=3)
    check(three, checkout)
    assert len(env_file.kafka_ports(three)) == 3
    assert (three["KAFKA_REPLICATION_FACTOR"], three["KAFKA_MIN_INSYNC_REPLICAS"]) == ("3", "2")
