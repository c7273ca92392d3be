import base64
import shutil
import stat
from pathlib import Path

import pytest

from operations import settings
from operations.failures import Failure
from tests.operations.conftest import ROOT

SECRETS = [name for name, setting in settings.declared(ROOT).items() if setting.is_secret]


def test_the_first_start_writes_a_file_that_only_its_owner_reads(checkout: Path) -> None:
    settings.complete(checkout)
    assert stat.S_IMODE((checkout / ".env").stat().st_mode) == 0o600
    assert [file.name for file in checkout.glob(".env*")].count(".env") == 1


def test_secrets_are_generated_and_all_different(checkout: Path) -> None:
    settings.complete(checkout)
    values = [settings.load(checkout, {})[name] for name in SECRETS]
    assert len(set(values)) == len(values) >= 8
    assert min(map(len, values)) >= 32
    assert len(base64.b64decode(settings.load(checkout, {})["MASTER_KEY"])) == 32


def test_a_second_start_changes_nothing(checkout: Path) -> None:
    settings.complete(checkout)
    before = (checkout / ".env").read_text()
    assert settings.complete(checkout) == settings.complete(checkout, offset=0) == []
    assert (checkout / ".env").read_text() == before


def test_another_offset_moves_the_ports_that_nobody_has_put_elsewhere_by_hand(checkout: Path) -> None:
    settings.complete(checkout, offset=1000)
    file = checkout / ".env"
    file.write_text(file.read_text().replace("POSTGRES_PORT=6433", "POSTGRES_PORT=5555"))
    before = settings.load(checkout, {})
    moved = settings.complete(checkout, offset=2000)
    now = settings.load(checkout, {})
    assert set(moved) == {name for name in now if now[name] != before[name]}
    assert settings.offset_of(checkout) == 2000
    assert (now["DATABASE_PORT"], now["POSTGRES_PORT"]) == ("8432", "5555")
    assert now["KAFKA_BOOTSTRAP_SERVERS"] == "127.0.0.1:11092"
    assert now["MASTER_KEY"] == before["MASTER_KEY"]
    assert settings.complete(checkout) == settings.complete(checkout, offset=2000) == []
    assert settings.warnings(checkout) == []


def test_a_copied_example_becomes_a_file_of_our_own(checkout: Path) -> None:
    shutil.copy(checkout / ".env.example", checkout / ".env")
    settings.complete(checkout, offset=1000)
    loaded = settings.load(checkout, {})
    assert stat.S_IMODE((checkout / ".env").stat().st_mode) == 0o600
    assert not [name for name, value in loaded.items() if "generate:" in value or "@checkout@" in value]
    assert (loaded["PORT_OFFSET"], loaded["DATABASE_PORT"]) == ("1000", "7432")


def test_what_was_copied_and_then_edited_keeps_the_edits_and_gets_secrets(checkout: Path) -> None:
    text = (checkout / ".env.example").read_text().replace("LOG_LEVEL=INFO", "LOG_LEVEL=DEBUG")
    (checkout / ".env").write_text(text)
    assert set(settings.complete(checkout)) == {*SECRETS, "IMPORT_URL"}
    loaded = settings.load(checkout, {})
    assert loaded["LOG_LEVEL"] == "DEBUG"
    assert loaded["IMPORT_URL"] == f"file://{checkout}/.state/imports"
    assert len({loaded[name] for name in SECRETS}) == len(SECRETS)
    assert stat.S_IMODE((checkout / ".env").stat().st_mode) == 0o600
    assert settings.complete(checkout) == []


def test_an_offset_moves_every_port_and_nothing_else(checkout: Path) -> None:
    settings.complete(checkout, offset=1000)
    moved = settings.load(checkout, {})
    assert (moved["DATABASE_PORT"], moved["POSTGRES_PORT"], moved["PATIENT_SERVICE_PORT"]) == ("7432", "6433", "9001")
    assert moved["KAFKA_BOOTSTRAP_SERVERS"] == "127.0.0.1:10092"
    assert moved["PATIENTS_PER_CONTACT"] == "6"


def test_a_setting_declared_later_is_added_with_the_offset_of_the_first_start(checkout: Path) -> None:
    settings.complete(checkout, offset=1000)
    master_key = settings.load(checkout, {})["MASTER_KEY"]
    with (checkout / ".env.example").open("a") as example:
        example.write("USER_SERVICE_PORT=8006\nUSER_SERVICE_DATABASE_PASSWORD=generate:password\n")
    assert settings.complete(checkout) == ["USER_SERVICE_PORT", "USER_SERVICE_DATABASE_PASSWORD"]
    now = settings.load(checkout, {})
    assert now["USER_SERVICE_PORT"] == "9006"
    assert len(now["USER_SERVICE_DATABASE_PASSWORD"]) >= 32
    assert now["MASTER_KEY"] == master_key


def test_the_environment_wins_over_the_file(checkout: Path) -> None:
    settings.complete(checkout)
    loaded = settings.load(checkout, {"POSTGRES_PORT": "6000", "HOME": "/somewhere"})
    assert loaded["POSTGRES_PORT"] == "6000"
    assert "HOME" not in loaded


def test_quotes_and_comments_are_not_part_of_a_value() -> None:
    text = "# a comment\nA=1  # one\nB='two # words'\nC=a#b\nD=\n"
    assert settings.parse(text) == [("A", "1"), ("B", "two # words"), ("C", "a#b"), ("D", "")]


def test_an_unknown_setting_is_reported_with_what_may_have_been_meant(checkout: Path) -> None:
    settings.complete(checkout)
    with (checkout / ".env").open("a") as file:
        file.write("KAFKA_BOTSTRAP_SERVERS=127.0.0.1:9092\n")
    (warning,) = settings.warnings(checkout)
    assert "KAFKA_BOTSTRAP_SERVERS" in warning
    assert "did you mean KAFKA_BOOTSTRAP_SERVERS?" in warning


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"POSTGRES_PORT": "many"}, "POSTGRES_PORT=many"),
        ({"POSTGRES_PORT": "6432"}, "POSTGRES_PORT and DATABASE_PORT"),
        ({"PATIENT_SERVICE_PORT": "8102"}, "THERAPIST_SERVICE_PORT"),
        ({"LOCAL_PARTS": "postgres"}, "LOCAL_PARTS"),
        ({"KAFKA_SECURITY_PROTOCOL": "SASL_SSL"}, "LOCAL_PARTS"),
        ({"POSTGRES_HOST": "db.example.org"}, "take postgresql out"),
        ({"SMTP_TLS": "starttls"}, "SMTP_TLS"),
        ({"LOCAL_PARTS": "", "SMTP_HOST": "mail.example.org", "SMTP_PASSWORD": "x"}, "SMTP_PASSWORD in clear"),
        ({"LOCAL_PARTS": "", "SMTP_HOST": "mail.example.org", "SMTP_USERNAME": "x"}, "SMTP_PASSWORD in clear"),
        ({"MASTER_KEY": ""}, "MASTER_KEY"),
        ({"ALLOWED_HOSTS": "localhost:8001"}, "ALLOWED_HOSTS"),
        ({"DATABASE_OWNER_PASSWORD": "generate:password"}, "DATABASE_OWNER_PASSWORD=generate:password is no secret"),
    ],
)
def test_settings_that_cannot_work_are_refused_by_name(checkout: Path, change: dict[str, str], named: str) -> None:
    settings.complete(checkout)
    with pytest.raises(Failure, match=named):
        settings.check(settings.load(checkout, change), checkout)


def test_the_generated_settings_work(checkout: Path) -> None:
    settings.complete(checkout)
    settings.check(settings.load(checkout, {}), checkout)


def test_two_private_platforms_share_no_port_and_no_secret(checkout: Path) -> None:
    first, second = (settings.private(checkout / name, checkout) for name in "ab")
    ports = [{*settings.local_ports(one).values()} for one in (first, second)]
    assert not ports[0] & ports[1]
    assert not {first[name] for name in SECRETS} & {second[name] for name in SECRETS}
    settings.check(first, checkout)


THREE = {
    "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:9092,127.0.0.1:9192,127.0.0.1:9292",
    "KAFKA_REPLICATION_FACTOR": "3",
    "KAFKA_MIN_INSYNC_REPLICAS": "2",
}


def test_every_address_of_kafka_is_a_node_with_two_ports_of_its_own(checkout: Path) -> None:
    settings.complete(checkout)
    three = settings.load(checkout, THREE)
    settings.check(three, checkout)
    ports = [set(node.values()) for node in settings.kafka_ports(three)]
    assert ports == [{9092, 9093}, {9192, 9094}, {9292, 9095}]
    assert set.union(*ports) <= {*settings.local_ports(three).values()}


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
    settings.complete(checkout)
    with pytest.raises(Failure, match=named):
        settings.check(settings.load(checkout, THREE | change), checkout)


def test_a_private_platform_may_have_three_brokers(checkout: Path) -> None:
    three = settings.private(checkout, checkout, brokers=3)
    settings.check(three, checkout)
    assert len(settings.kafka_ports(three)) == 3
    assert (three["KAFKA_REPLICATION_FACTOR"], three["KAFKA_MIN_INSYNC_REPLICAS"]) == ("3", "2")
