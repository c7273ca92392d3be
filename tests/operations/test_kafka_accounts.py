"""The Kafka of `make up` with accounts: where its secrets stand, and what a change of settings does to its data."""

from __future__ import annotations

import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil
import pytest

from shared.errors import Unreachable
from shared.events.cluster import Administrator, KafkaReachable
from shared.events.event import TOPICS
from shared.runtime import registry
from testkit.private_platform import ROOT, PrivatePlatform, private_platform
from tests.shared.events.conftest import until

pytestmark = pytest.mark.slow

WITH_ACCOUNTS = {"KAFKA_SECURITY_PROTOCOL": "SASL_PLAINTEXT"}
PARTS = ("kafka", "topics")


@contextmanager
def command_lines() -> Iterator[set[str]]:
    """Collects the command line of every process of this machine that begins before the end of the block."""
    found: set[str] = set()
    stop, older = threading.Event(), set(psutil.pids())

    def look() -> None:
        while not stop.wait(0.02):
            for pid in set(psutil.pids()) - older:
                with suppress(psutil.Error):
                    found.add("\n".join(psutil.Process(pid).cmdline()))

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield found
    finally:
        stop.set()
        thread.join()


def comes_in(kafka: dict[str, Any]) -> bool:
    try:
        return KafkaReachable(kafka)()
    except Unreachable:
        return False


@contextmanager
def with_other_settings(before: PrivatePlatform, **changes: str) -> Iterator[PrivatePlatform]:
    """The same platform with its data, started anew with these settings."""
    before.down()
    after = PrivatePlatform(ROOT, before.settings | changes, before.paths.state)
    try:
        after.up(PARTS)
        yield after
    finally:
        after.down()


def names_of_topics(platform: PrivatePlatform) -> set[str]:
    return set(Administrator(platform.kafka_client()).list_topics(timeout=10).topics)


@pytest.fixture(scope="module")
def started() -> Iterator[tuple[PrivatePlatform, set[str]]]:
    """A Kafka whose data was made with accounts, and every command line that was there meanwhile."""
    with private_platform(**WITH_ACCOUNTS) as platform:
        with command_lines() as seen:
            platform.up(PARTS)
        yield platform, seen


def test_no_password_of_kafka_stands_in_a_command_line_or_where_others_can_read_it(
    started: tuple[PrivatePlatform, set[str]],
) -> None:
    """Neither while its data is made, nor when accounts are, nor later."""
    platform, seen = started
    secrets = [
        value for name, value in platform.settings.items() if name.endswith(("_KAFKA_PASSWORD", "_ADMIN_PASSWORD"))
    ]
    assert any("kafka.tools.StorageTool" in line for line in seen), "seen while its data was made"
    assert any("shared.runtime.kafka_accounts" in line for line in seen)
    assert not [line for line in seen if any(secret in line for secret in secrets)]
    holding = [each for each in files_of(platform) if any(secret.encode() in each.read_bytes() for secret in secrets)]
    assert [each.name for each in holding] == ["server.properties"]
    assert stat.S_IMODE(holding[0].stat().st_mode) == 0o600


def files_of(platform: PrivatePlatform) -> list[Path]:
    """What the platform has written: configuration, data, logs."""
    return [each for each in platform.paths.state.rglob("*") if each.is_file()]


def test_the_administrators_new_password_counts_after_a_restart(started: tuple[PrivatePlatform, set[str]]) -> None:
    """Nobody who has lost `.env` loses Kafka's data."""
    before, _ = started
    old = before.kafka_client()
    with with_other_settings(before, KAFKA_ADMIN_PASSWORD="another-one") as after:
        assert {topic.name for topic in TOPICS.values()} <= names_of_topics(after)
        assert not comes_in(old)


def test_data_that_was_made_without_accounts_is_kept_when_they_are_switched_on() -> None:
    """And nobody comes in any more as before."""
    with private_platform(KAFKA_SECURITY_PROTOCOL="PLAINTEXT") as before:
        before.up(PARTS)
        without = before.kafka_client()
        with with_other_settings(before, **WITH_ACCOUNTS) as after:
            assert {topic.name for topic in TOPICS.values()} <= names_of_topics(after)
            assert not comes_in(without)
            own = registry.settings_of("matching_service").of(after.settings).kafka_client()
            until(lambda: comes_in(own))
