"""Writes the AsyncAPI 3.0 document of all events from the classes that publish and read them."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from shared.events import catalogue
from shared.events.event import (
    CATALOGUE,
    DAY_MS,
    LARGEST_SEQUENCE,
    LONGEST_TEXT,
    PARTITIONS,
    TOPICS,
    Event,
    KafkaTopic,
    source_of,
)
from shared.runtime.tracing import CORRELATION_ID, TRACEPARENT_00

Document = dict[str, Any]

KAFKA = "0.5.0"
"""The version of AsyncAPI's Kafka bindings."""

DESCRIPTION = """\
The events that the services of the platform publish. Every message is a CloudEvents 1.0 event in structured JSON; its \
key is the subject, so the events of one aggregate stay in order. A message may be delivered more than once, with the \
same `id`; `sequence` counts the events of its subject. Payloads only gain optional fields; readers ignore fields they \
do not know.

Written by `make events` from `shared/events/catalogue/`; a sample of each event is in `tests/samples/events`."""

ENVELOPE: Document = {
    "type": "object",
    "description": "The envelope of every payload (CloudEvents 1.0).",
    "required": ["specversion", "id", "source", "type", "subject", "time", "sequence", "correlationid", "traceparent",
                 "data"],
    "properties": {
        "specversion": {"type": "string", "const": "1.0"},
        "id": {"type": "string", "format": "uuid", "description": "The same when the same event is delivered again."},
        "source": {"type": "string", "maxLength": LONGEST_TEXT, "description": "The kind of its aggregate."},
        "type": {"type": "string", "description": "The event's name."},
        "subject": {"type": "string", "format": "uuid", "description": "The aggregate; also the message's key."},
        "time": {
            "type": "string",
            "format": "date-time",
            "description": "When it happened, in UTC; five minutes in the future it becomes a dead letter.",
        },
        "datacontenttype": {"type": "string", "const": "application/json"},
        "sequence": {
            "type": "integer",
            "minimum": 1,
            "maximum": LARGEST_SEQUENCE,
            "description": "Its place among the subject's events.",
        },
        "correlationid": {
            "type": "string",
            "pattern": f"^{CORRELATION_ID.pattern}$",
            "description": "The same id in the HTTP request and in every event, log line and e-mail that it caused.",
        },
        "traceparent": {
            "type": "string",
            "pattern": f"^{TRACEPARENT_00}$",
            "description": "The span that recorded the event (W3C Trace Context).",
        },
        "republished": {
            "type": "boolean",
            "description": "Only where true: the current state, which replaces a copy that is ahead of it.",
        },
        "data": {"type": "object", "description": "The payload."},
    },
}  # fmt: skip


def events() -> list[type[Event]]:
    """Returns every event of the platform, sorted by name."""
    declared = [event for event in CATALOGUE.values() if event.__module__.startswith(f"{catalogue.__name__}.")]
    return sorted(declared, key=lambda event: event.name)


def document(published_by: Mapping[str, str], handled_by: Mapping[str, Sequence[str]]) -> Document:
    """Returns the document; the arguments give the publishing and the handling services by the event's name."""
    found = events()
    return {
        "asyncapi": "3.0.0",
        "info": {"title": "Psychotherapy matching platform: events", "version": "1", "description": DESCRIPTION},
        "defaultContentType": "application/cloudevents+json",
        "channels": {topic.name: _channel(topic, found) for topic in TOPICS.values()},
        "operations": _operations(found, published_by, handled_by),
        "components": {
            "messages": {event.name: _message(event, published_by, handled_by) for event in found},
            "schemas": {"Envelope": ENVELOPE} | _payloads(found),
        },
    }


def _channel(topic: KafkaTopic, found: Iterable[type[Event]]) -> Document:
    if topic.compacted:
        kept = (
            "Compacted: keeps the newest event of every aggregate, so each carries the aggregate's whole public state."
        )
    else:
        kept = f"Facts, kept for {int(topic.configuration()['retention.ms']) // DAY_MS} days."
    settings: Document = {**topic.configuration(), "cleanup.policy": [topic.configuration()["cleanup.policy"]]}
    if "retention.ms" in settings:
        settings["retention.ms"] = int(settings["retention.ms"])
    return {
        "address": topic.name,
        "description": kept,
        "messages": {event.name: _reference("components/messages", event.name) for event in _on(topic, found)},
        "bindings": {
            "kafka": {
                "topic": topic.name,
                "partitions": PARTITIONS,
                "topicConfiguration": settings,
                "bindingVersion": KAFKA,
            }
        },
    }


def _on(topic: KafkaTopic, found: Iterable[type[Event]]) -> list[type[Event]]:
    return [event for event in found if event.topic == topic]


def _operations(
    found: Sequence[type[Event]], published_by: Mapping[str, str], handled_by: Mapping[str, Sequence[str]]
) -> Document:
    services = sorted({*published_by.values(), *(service for services in handled_by.values() for service in services)})
    operations: Document = {}
    for service in services:
        for topic in TOPICS.values():
            sends = [event for event in _on(topic, found) if published_by.get(event.name) == service]
            receives = [event for event in _on(topic, found) if service in handled_by.get(event.name, ())]
            if sends:
                operations[f"{service}.sends.{topic.name}"] = _operation("send", service, topic, sends)
            if receives:
                operations[f"{service}.receives.{topic.name}"] = _operation("receive", service, topic, receives)
    return operations


def _operation(action: str, service: str, topic: KafkaTopic, events: Iterable[type[Event]]) -> Document:
    operation: Document = {
        "action": action,
        "channel": _reference("channels", topic.name),
        "title": f"{service} {'publishes' if action == 'send' else 'handles'}",
        "messages": [_reference(f"channels/{topic.name}/messages", event.name) for event in events],
    }
    if action == "receive":
        group = {"type": "string", "enum": [service]}
        operation["bindings"] = {"kafka": {"groupId": group, "bindingVersion": KAFKA}}
    return operation


def _message(event: type[Event], published_by: Mapping[str, str], handled_by: Mapping[str, Sequence[str]]) -> Document:
    return {
        "name": event.name,
        "title": event.__name__,
        "summary": _summary(event),
        "description": f"Published by {published_by.get(event.name, 'no service')}; "
        f"handled by {', '.join(handled_by.get(event.name, ())) or 'no service'}.",
        "contentType": "application/cloudevents+json",
        "correlationId": {"location": "$message.payload#/correlationid"},
        "payload": {
            "allOf": [
                _reference("components/schemas", "Envelope"),
                {
                    "type": "object",
                    "properties": {
                        "type": {"const": event.name},
                        "source": {"const": source_of(event)},
                        "data": _reference("components/schemas", event.__name__),
                    },
                },
            ]
        },
        "bindings": {"kafka": {"key": {"type": "string", "format": "uuid"}, "bindingVersion": KAFKA}},
    }


def _payloads(found: Sequence[type[BaseModel]]) -> Document:
    """The schemas for readers: a field with a default may be missing in an older event."""
    _, schemas = models_json_schema(
        [(event, "validation") for event in found], ref_template="#/components/schemas/{model}"
    )
    payloads: Document = schemas["$defs"]
    return payloads


def _summary(event: type[Event]) -> str:
    return (inspect.getdoc(event) or "").partition("\n")[0]


def _reference(path: str, name: str) -> Document:
    return {"$ref": f"#/{path}/{name}"}
