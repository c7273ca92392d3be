"""A client of Kafka that writes what Python's cannot: librdkafka itself, with bytes for a header's name."""

from __future__ import annotations

import ctypes
from collections.abc import Mapping
from pathlib import Path

import confluent_kafka

TOPIC, VALUE, KEY, FLAGS, HEADER, END = 1, 4, 5, 7, 9, 0
"""The kinds of arguments of `rd_kafka_producev`."""
COPY = 2


def produce_with_header(
    kafka: Mapping[str, str], topic: str, key: bytes, *, value: bytes, name: bytes, times: int
) -> None:
    """Write so many messages with one header of this name, and wait until the broker has them."""
    library = ctypes.CDLL(str(next(Path(confluent_kafka.__file__).parents[1].glob("confluent_kafka.libs/librdkafka*"))))
    library.rd_kafka_conf_new.restype = library.rd_kafka_new.restype = ctypes.c_void_p
    said, long = ctypes.create_string_buffer(512), ctypes.c_size_t(512)
    configuration = ctypes.c_void_p(library.rd_kafka_conf_new())
    for option, chosen in kafka.items():
        made = library.rd_kafka_conf_set(configuration, option.encode(), chosen.encode(), said, long)
        assert made == 0, said.value
    producer = ctypes.c_void_p(library.rd_kafka_new(0, configuration, said, long))
    arguments = [
        TOPIC, topic.encode(),
        VALUE, value, ctypes.c_size_t(len(value)),
        KEY, key, ctypes.c_size_t(len(key)),
        FLAGS, COPY,
        HEADER, name, b"x", ctypes.c_ssize_t(1),
        END,
    ]  # fmt: skip
    for _ in range(times):
        assert library.rd_kafka_producev(producer, *arguments) == 0
    assert library.rd_kafka_flush(producer, 10_000) == 0
    library.rd_kafka_destroy(producer)
