"""Rules about events: nobody talks to nobody, and what was once published can be read for ever."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest

from operations import event_document
from shared.events.catalogue import (
    ImportCompleted,
    ImportFailed,
    ImportHeld,
    PatientMerged,
    RequestUpdated,
    TherapistMerged,
    TherapistRemoved,
)
from shared.events.document import events
from shared.events.event import Event, StateEvent, decode, decode_envelope
from shared.runtime import registry
from tests.architecture.sources import ROOT, SERVICES, calls_in, sources
from tests.events import document
from tests.samples import published

OURS = events()


def test_every_event_is_recorded_somewhere() -> None:
    """An event nobody records is dead code that listeners wait for."""
    assert {event.name for event in OURS} - set(event_document.senders()) == set()


FOR_THE_OUTSIDE: dict[type[Event], str] = {
    ImportCompleted: "a scraper, or who watches it, learns that its file was applied, without an account here",
    ImportHeld: "a chat or pager of the agency asks a person to decide; no service may decide it",
    ImportFailed: "a chat or pager of the agency asks a person to look; no service can mend a file",
}
"""Events that no service handles, with who reads them instead."""


def test_every_event_is_handled_somewhere() -> None:
    """An event nobody handles is traffic without a reason, or a forgotten listener."""
    unhandled = {event.name for event in OURS} - set(event_document.handlers())
    assert unhandled == {event.name for event in FOR_THE_OUTSIDE}


@pytest.mark.parametrize("event", OURS, ids=lambda e: e.name)
def test_every_event_and_every_field_has_a_sample(event: type[Event]) -> None:
    """A field that no sample holds could be renamed tomorrow, and nobody would notice before it is lost."""
    assert published.without_sample(event) == set(), "`make events` writes the samples that are missing"


@pytest.mark.parametrize("file", sorted(published.SAMPLES.glob("*.json")), ids=lambda file: file.stem)
def test_every_sample_can_still_be_read_whole(file: Path) -> None:
    """Samples are what old versions of us published: they lie on Kafka and must be readable for ever."""
    envelope, payload = decode_envelope(file.read_bytes())
    assert envelope.type == file.name.rpartition(".")[0].rpartition(".")[0]
    again = json.loads(document(decode(envelope, payload)))
    assert _holds(again, json.loads(file.read_text())), f"{file.name}: a field was dropped or changed its meaning"


def test_no_event_changed_in_a_way_that_its_readers_cannot_follow() -> None:
    """Events evolve by adding optional fields: Kafka keeps old ones, and old code reads new ones while we deploy."""
    assert published.broken(published.recorded_shapes(), published.shapes()) == []


def test_every_published_shape_is_recorded() -> None:
    """What is not written down cannot be held to: `make events` writes it."""
    assert published.recorded_shapes() == published.shapes()


def test_the_asyncapi_document_says_what_the_code_does() -> None:
    """A document that is not written from the code is wrong soon: `make events` writes it."""
    assert event_document.FILE.read_text() == event_document.render(), "docs/asyncapi.json is stale: `make events`"


def test_nobody_reads_the_headers_of_a_message() -> None:
    """Where a name is no UTF-8, confluent_kafka returns a list with a hole, and the process dies."""
    found = [
        f"{path.relative_to(ROOT)}:{line}"
        for path in sources("shared", *SERVICES)
        for line, call in calls_in(path)
        if call.endswith("message.headers")
    ]
    assert found == []


def _holds(parsed: object, published: object) -> bool:
    """Whether everything that was published is still there."""
    if isinstance(published, dict) and isinstance(parsed, dict):
        return all(key in parsed and _holds(parsed[key], value) for key, value in published.items())
    return parsed == published


@pytest.mark.parametrize("event", OURS, ids=lambda e: e.name)
def test_an_event_knows_its_topic(event: type[Event]) -> None:
    """A compacted topic forgets all but the last event: each must carry the whole state."""
    assert event.topic.compacted == issubclass(event, StateEvent)


@pytest.mark.parametrize("event", OURS, ids=lambda e: e.name)
def test_no_event_carries_what_identifies_or_describes_a_patient(event: type[Event]) -> None:
    """A name, an address or a diagnosis must never reach Kafka (docs/domain.md#data-protection-events)."""
    if not event.name.startswith(("patient.", "matching.", "communication.")):
        return
    forbidden = {"first_name", "last_name", "date_of_birth", "street", "email", "phone", "diagnoses", "note",
                 "insurance_number", "anamnesis", "practice_summary", "contact_persons"}  # fmt: skip
    schema = json.dumps(event.model_json_schema())
    assert not {name for name in forbidden if f'"{name}"' in schema}


COMPARED: dict[type[Event], str] = {
    RequestUpdated: "communication_service",
    PatientMerged: "matching_service",
    TherapistMerged: "matching_service",
    TherapistRemoved: "matching_service",
}
"""States on which somebody acts, but only where they handled something else.

Tried in tests/communication_service/test_requests_ahead.py and, in any order, in
tests/across_services/test_states_agree.py; tests/matching_service/test_merging.py, test_merged_therapists.py and
test_consequences.py.
"""


@pytest.mark.parametrize("service", SERVICES)
def test_states_can_be_republished_without_an_effect(service: str, settings: Any) -> None:
    """Kafka may lose its data: then states are published with events that have effects nowhere."""
    declared = registry.load(service)
    snapshots = declared.snapshots and declared.snapshots(declared.dependencies(settings))
    records_states = {e.name for e in OURS if issubclass(e, StateEvent)} & {
        name for name, sender in event_document.senders().items() if sender == service
    }
    state_events = _published_by(snapshots.read) if snapshots else []
    if not COMPARED.keys() & state_events:
        assert bool(state_events) == bool(records_states)
    acts = {
        (event, other)
        for event in state_events
        for other in SERVICES
        if registry.load(other).listeners.effects.get(event)
    }
    assert acts - set(COMPARED.items()) == set(), "they would act on it once more"


def _published_by(states: Any) -> Sequence[type[Event]]:
    """The types of the events that `republish` records; a function that returns one of several names them all."""
    function = states.func if isinstance(states, partial) else states
    (pair,) = get_args(get_type_hints(function)["return"])
    state_event = get_args(pair)[1]
    return get_args(state_event) or [state_event]


def test_the_last_state_of_every_patient_can_be_republished(settings_of: Callable[[str], Any]) -> None:
    """A state that only one event has, such as that a patient is no more, would be lost with Kafka's data."""
    patient_service = registry.load("patient_service")
    dependencies = patient_service.dependencies(settings_of("patient_service"))
    snapshots = patient_service.snapshots and patient_service.snapshots(dependencies)
    assert snapshots is not None
    without_data = {
        e for e in OURS if issubclass(e, StateEvent) and e.topic == snapshots.topic
    } - _with_public_patient()
    assert without_data <= set(_published_by(snapshots.read))


def _with_public_patient() -> set[type[Event]]:
    return {each for each in OURS if "patient" in each.model_fields}
