"""What an operator reads at the terminal when Kafka is gone: one line with the reason, and a status that says so."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import weakref

import pytest

from operations.ports import reserve_block
from shared.events.cluster import Administrator
from tests.architecture.sources import ROOT
from tests.infrastructure import Infrastructure


@pytest.mark.slow
@pytest.mark.parametrize(
    ("service", "words"),
    [
        ("therapist_service", ["republish", "--check"]),
        ("therapist_service", ["republish"]),
        ("matching_service", ["rebuild"]),
    ],
)
def test_a_command_that_needs_kafka_says_in_one_line_that_it_does_not_answer(
    infrastructure: Infrastructure, service: str, words: list[str]
) -> None:
    nobody = f"127.0.0.1:{reserve_block(1)}"
    environment = {**os.environ, "KAFKA_BOOTSTRAP_SERVERS": nobody, "ENV_FILE": ""}
    done = subprocess.run(
        [sys.executable, "-m", service, *words],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith("Kafka does not answer: ")
    assert nobody in line


def test_a_client_that_has_asked_is_gone_before_a_rebuild_forks() -> None:
    """A child that inherits one waits for its threads, which are not there."""
    gc.disable()
    try:
        administrator = Administrator({"bootstrap.servers": "127.0.0.1:1", "log_level": 0})
        it = weakref.ref(administrator)
        del administrator
        assert it() is None
    finally:
        gc.enable()


@pytest.mark.slow
@pytest.mark.parametrize("words", [["ahead"], ["dead-letters"], ["republish", "--check"]])
def test_a_command_says_in_one_line_that_the_database_does_not_answer(
    infrastructure: Infrastructure, words: list[str]
) -> None:
    port = str(reserve_block(1))
    environment = {**os.environ, "DATABASE_PORT": port, "KAFKA_BOOTSTRAP_SERVERS": infrastructure.kafka()}
    done = subprocess.run(
        [sys.executable, "-m", "therapist_service", *words],
        cwd=ROOT,
        env=environment | {"ENV_FILE": ""},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == f"The database does not answer at 127.0.0.1:{port}."
    assert "Traceback" not in done.stderr
