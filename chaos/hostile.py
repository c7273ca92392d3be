"""Hostile input during the load: messages that are no events, files that are no imports, requests that stall.

Everything that was sent is recorded, so that the auditor can check its outcome.
"""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from random import Random
from urllib.parse import unquote, urlsplit
from uuid import uuid4

import requests
from confluent_kafka import Message, Producer

from shared.events.event import TOPICS
from testkit.private_platform import PrivatePlatform

Position = tuple[str, int, int]
"""Topic, partition and offset of a message."""

LONGEST_SILENCE = 10.0
"""Seconds within which a live process must answer `/health/live`, whatever its clients do; many, since the campaign
uses both processors completely."""
STALLED_CLIENTS = 12
"""More than a web process has threads."""
HOLD_SECONDS = 4.0

HEADER = b"POST /api/patients HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
STALLED: tuple[bytes, ...] = (
    b"",
    b"G",
    HEADER,
    HEADER + b"Content-Length: 1000\r\n\r\n{",
    HEADER + b"Transfer-Encoding: chunked\r\n\r\n5\r\n{",
)
"""Beginnings of requests whose client then sends nothing more."""


def hostile_messages() -> Mapping[str, bytes]:
    """Returns messages that no service can read, by a short name."""
    return {
        "not JSON": b"\xff\xfe\x00",
        "empty": b"",
        "deep list": b"[" * 100_000,
        "deep object": b'{"data":' * 50_000,
        "long number": b'{"specversion": "1.0", "sequence": ' + b"9" * 5_000 + b"}",
        "infinite number": b'{"specversion": "1.0", "sequence": 1e999, "data": NaN}',
        "NUL in a key": b'{"a\\u0000b": "\\u0000", "type": "patient.updated"}',
        "half a surrogate": b'{"type": "patient.updated", "id": "\\ud800"}',
        "not an object": b'"patient.updated"',
        "much of nothing": b" " * 900_000,
        "what unpacks to too much": bytes(8_000_000),
    }


def hostile_files() -> Mapping[str, bytes]:
    """Returns import files that cannot be applied, or not completely, by a short name; none is large."""
    around = (
        b'{"metadata": {"timestamp": "2026-11-20T04:00:00Z", "source": "116117.de", "version": "1.0"}, "changes": %s}'
    )
    lists = b'{"additions": [%s], "modifications": [], "deletions": []}'
    return {
        "not JSON": b"\xff\xfe\x00",
        "a list": b"[]",
        "deep": b"[" * 100_000,
        "cut off": (around % (lists % b"{}"))[:-20],
        "a record that is a number": around % (lists % b"1e999"),
        "hostile records": around
        % (lists % b'{"last_name": "\\ud800"}, {"external_id": "\\u0000"}, null, {"x": [[[[]]]]}'),
        "no lists": around % b"null",
    }


@dataclass
class Sent:
    """The hostile input that was sent, and the web processes that did not answer meanwhile."""

    messages: dict[Position, str] = field(default_factory=dict)
    """Every message that Kafka accepted, with its name."""
    files: dict[str, str] = field(default_factory=dict)
    """Every file that was written, with the name of its content."""
    stalled: int = 0
    """The number of incomplete requests."""
    silent: list[str] = field(default_factory=list)
    """Live processes that did not answer in time, each as a sentence."""


class HostileLoad:
    """Threads that send hostile input until `finish`."""

    def __init__(self, platform: PrivatePlatform, seed: int) -> None:
        self.sent = Sent()
        self._platform, self._seed = platform, seed
        self._stop = threading.Event()
        self._at_work: list[Future[None]] = []
        self._threads = ThreadPoolExecutor(max_workers=3, thread_name_prefix="hostile")

    def start(self) -> None:
        """Begin; returns at once."""
        works = (self._send_messages, self._write_files, self._stall)
        self._at_work = [self._threads.submit(work, Random(f"{self._seed} {work.__name__}")) for work in works]

    def finish(self) -> None:
        """Stop; an error of one of the threads is raised here."""
        self._stop.set()
        for each in self._at_work:
            each.result()

    def _in_turn(self, names: list[str], chance: Random, pause: float) -> Iterator[str]:
        """Yields the names in random order, each once per round, with pauses, until `finish`."""
        while True:
            for name in chance.sample(names, len(names)):
                if self._stop.wait(pause * chance.uniform(0.5, 1.5)):
                    return
                yield name

    def _send_messages(self, chance: Random) -> None:
        kafka = {**self._platform.kafka_client(), "log_level": 2}
        # without it a broker that dies makes two of one message, and only one of them is reported
        packed = {"message.max.bytes": 10_000_000, "batch.size": 10_000_000, "enable.idempotence": True}
        producers = [Producer({**kafka, **packed, "compression.type": codec}) for codec in ("gzip", "lz4", "zstd")]
        values = hostile_messages()
        topics = sorted(topic.name for topic in TOPICS.values())
        for name in self._in_turn(list(values), chance, 0.4):
            key = chance.choice([None, b"", b"\x00", uuid4().bytes, str(uuid4()).encode()])
            if key is None:
                key = f"no id {chance.random()}".encode()  # compacted topics refuse a message without a key
            producer = chance.choice(producers)
            producer.produce(chance.choice(topics), values[name], key, on_delivery=self._on_delivery(name))
            producer.poll(0)
        for each in producers:
            each.flush(30)

    def _on_delivery(self, name: str) -> Callable[[object, Message], None]:
        def record(problem: object, message: Message) -> None:
            topic, partition, offset = message.topic(), message.partition(), message.offset()
            if problem is None and topic is not None and partition is not None and offset is not None:
                self.sent.messages[topic, partition, offset] = name

        return record

    def _write_files(self, chance: Random) -> None:
        folder = Path(unquote(urlsplit(self._platform.settings["IMPORT_URL"]).path))
        folder.mkdir(parents=True, exist_ok=True)
        contents, number = hostile_files(), count()
        begin = datetime.now(UTC)
        for name in self._in_turn(list(contents), chance, 3.0):
            at = begin + timedelta(seconds=next(number))
            file = f"therapists_{at:%Y%m%d_%H%M%S}.json"
            # one blank more each time: a file with the same content would be skipped
            part = folder / f".{file}.part"
            part.write_bytes(contents[name] + b" " * len(self.sent.files))
            os.replace(part, folder / file)
            self.sent.files[file] = name

    def _stall(self, chance: Random) -> None:
        addresses = {
            part.name: part.address for part in self._platform.process_specs if part.address.startswith("http")
        }
        for name in self._in_turn(list(addresses), chance, 1.0):
            with _half_requests(addresses[name], chance) as opened:
                self.sent.stalled += opened
                if opened == STALLED_CLIENTS and name.endswith(".web"):
                    self._expect_an_answer(name, addresses[name])
                self._stop.wait(HOLD_SECONDS)

    def _expect_an_answer(self, name: str, address: str) -> None:
        """Record the process as silent when it does not answer, unless it ended or was restarted meanwhile."""
        pid, began = self._platform.process(name).pid, time.monotonic()
        try:
            requests.get(f"{address}/health/live", timeout=LONGEST_SILENCE)
        except requests.Timeout:
            if pid is not None and self._platform.process(name).pid == pid:
                waited = time.monotonic() - began
                self.sent.silent.append(f"{name} did not answer within {waited:.0f} s, with {STALLED_CLIENTS} stalled")
        except requests.ConnectionError:
            pass  # it was killed


@contextmanager
def _half_requests(address: str, chance: Random) -> Iterator[int]:
    """Opens connections with incomplete requests until the end of the block; yields their number."""
    host, port = urlsplit(address).hostname or "127.0.0.1", urlsplit(address).port or 80
    with ExitStack() as opened:
        number = 0
        for _ in range(STALLED_CLIENTS):
            try:
                connection = opened.enter_context(closing(socket.create_connection((host, port), timeout=2)))
                connection.sendall(chance.choice(STALLED))
                number += 1
            except OSError:
                break
        yield number
