"""Rules about events: nobody talks to nobody, and what was once published can be read for ever."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from shared.events import catalogue
from shared.events.event import CATALOGUE, Event, StateEvent, decode, decode_envelope
from tests.house.sources import ROOT, SERVICES, calls_in, names_in, sources

SAMPLES = ROOT / "tests" / "samples" / "events"
OURS = sorted((e for e in CATALOGUE.values() if e.__module__ == catalogue.__name__), key=lambda e: e.name)


@pytest.mark.parametrize("event", OURS, ids=lambda e: e.name)
def test_every_event_is_recorded_somewhere(event: type[Event]) -> None:
    """An event nobody records is dead code that listeners wait for."""
    assert any(event.__name__ in names_in(path) for s in SERVICES for path in sources(f"{s}/domain"))


@pytest.mark.parametrize("event", OURS, ids=lambda e: e.name)
def test_every_event_is_heard_somewhere(event: type[Event]) -> None:
    """An event nobody hears is traffic without a reason, or a forgotten listener."""
    heard = any(
        re.search(rf"listeners\.(effect|projection)\([^)]*\b{event.__name__}\b", (ROOT / s / "listeners.py").read_text())
        or _heard_by_group(event, ROOT / s / "listeners.py")
        for s in SERVICES
        if (ROOT / s / "listeners.py").exists()
    )
    assert heard


def _heard_by_group(event: type[Event], path: Path) -> bool:
    """Listeners may name a group of events declared in the same file: `@listeners.effect(*STATES)`."""
    grouped = any("*" in call or "listeners." in call for _, call in calls_in(path))
    return grouped and event.__name__ in names_in(path)


@pytest.mark.parametrize("event", OURS, ids=lambda e: e.name)
def test_every_events_sample_still_parses(event: type[Event]) -> None:
    """Samples are what old versions of us published: they lie on Kafka and must be readable for ever."""
    files = sorted(SAMPLES.glob(f"{event.name}.*.json"))
    assert files, f"no sample of {event.name}: write tests/samples/events/{event.name}.1.json"
    for file in files:
        envelope, payload = decode_envelope(file.read_bytes())
        parsed = json.loads(decode(envelope, payload).model_dump_json())
        assert _holds(parsed, payload), f"{file.name}: a field was dropped or changed its meaning"


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
    """Kafka keeps what it gets: a name, an address or a diagnosis must never reach it (domain.md, data protection)."""
    if not event.name.startswith(("patient.", "matching.", "communication.")):
        return
    forbidden = {"first_name", "last_name", "date_of_birth", "street", "email", "phone", "diagnoses", "insurance_number",
                 "note", "anamnesis", "practice_summary", "contact_persons"}  # fmt: skip
    schema = json.dumps(event.model_json_schema())
    assert not {name for name in forbidden if f'"{name}"' in schema}
