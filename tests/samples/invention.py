"""Events that might have happened, to clearly invented people: every field filled, none with its default."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from hashlib import sha256
from typing import Annotated, Any, get_args, get_origin
from uuid import UUID

from pydantic import AwareDatetime, BaseModel

from shared.events.event import Event, EventEnvelope, source_of
from tests.events import document

MOMENT = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
DAY = date(2026, 12, 1)
WEEK = {"monday": [{"start": "09:00", "end": "12:00"}], "thursday": [{"start": "14:00", "end": "18:30"}]}

BY_NAME: dict[str, Any] = {
    "salutation": "Frau",
    "title": "Dr.",
    "first_name": "Mara",
    "last_name": "Muster-Beispiel",
    "gender": "female",
    "street": "Musterweg",
    "house_number": "1a",
    "postal_code": "52062",
    "city": "Aachen",
    "latitude": 50.77707715,
    "longitude": 6.08644479,
    "precision": "postal_code",
    "federal_state": "NW",
    "source": "OpenStreetMap contributors, ODbL 1.0",
    "phone": "+4924100000001",
    "mobile": "+4915100000001",
    "email": "praxis@muster.example.org",
    "accreditation": "statutory",
    "procedures": ["VT", "TP"],
    "preferred_procedures": ["VT"],
    "age_groups": ["adult"],
    "settings": ["individual", "group"],
    "languages": ["de", "tr"],
    "phone_hours": WEEK,
    "working_hours": WEEK,
    "availability": WEEK,
    "holidays": [{"from": "2026-12-21", "to": "2027-01-03"}],
    "contact_preference": "email_only",
    "reference": "P-7K3M-2Q",
    "age": 34,
    "insurance_type": "statutory",
    "diagnosis_block": "F30-F39",
    "max_distance_km": 25.0,
    "max_travel_minutes": 45,
    "travel_mode": "bicycle",
    "preferred_therapist_gender": "female",
    "previous_status": "open",
    "owner_kind": "therapist",
    "priority": 2,
    "hold": "search_paused",
    "outcome": "later",
    "channel": "email",
    "kind": "inquiry",
    "direction": "outbound",
    "result": "reached",
}
BY_NAME_IN: dict[tuple[str, str], Any] = {
    ("PublicTherapist", "status"): "blocked",
    ("PublicTherapist", "seat_share"): 0.5,
    ("PublicCapacityStatement", "state"): "waiting_list",
    ("PublicCapacityStatement", "source"): "practice",
    ("PublicPreferences", "diagnoses"): ["F30-F39"],
    ("PublicPreferences", "genders"): ["female", "diverse"],
    ("PublicPatient", "status"): "searching",
    ("RequestUpdated", "status"): "queued",
    ("RequestWithdrawn", "reason"): "search_ended",
}
BY_TYPE: dict[Any, Any] = {
    str: "invented", bool: True, int: 3, float: 1.5, date: DAY, datetime: MOMENT, AwareDatetime: MOMENT,
}  # fmt: skip


def invented(event: type[Event]) -> dict[str, Any]:
    """A CloudEvents document of this event, as it would have been published; the same one each time."""
    payload = _filled(event)
    subject = payload.get("owner_id") or _first_id(payload)
    envelope = EventEnvelope(
        id=_id(f"event {event.name}"),
        type=event.name,
        source=source_of(event),
        subject=subject,
        sequence=1,
        time=MOMENT,
        correlation_id="sample",
        traceparent=f"00-{1:032x}-{1:016x}-01",
    )
    written: dict[str, Any] = json.loads(document(event.model_validate(payload).with_envelope(envelope)))
    return written


def _filled(model: type[BaseModel]) -> dict[str, Any]:
    return {name: _value(model.__name__, name, field.annotation) for name, field in model.model_fields.items()}


def _value(owner: str, name: str, kind: Any) -> Any:
    if get_origin(kind) is Annotated:
        return _value(owner, name, get_args(kind)[0])
    if (owner, name) in BY_NAME_IN:
        return BY_NAME_IN[owner, name]
    if name in BY_NAME:
        return BY_NAME[name]
    kinds = [each for each in get_args(kind) if each is not type(None)]
    if getattr(kind, "__origin__", None) is list:
        return [_value(owner, name.removesuffix("s"), kinds[0])]
    if getattr(kind, "__origin__", None) is dict:
        return {"invented": _value(owner, name, kinds[1])}
    if kinds:
        return _value(owner, name, kinds[0])
    if isinstance(kind, str):
        return kind  # of a Literal
    if kind is UUID:
        return _id(f"{owner if name == 'id' else ''} {name}")
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return _filled(kind)
    return BY_TYPE[kind]


def _first_id(payload: dict[str, Any]) -> UUID:
    """The aggregate's id stands first, in the payload or in the state it carries."""
    first = next(iter(payload.values()))
    found: UUID = first["id"] if isinstance(first, dict) else first
    return found


def _id(of: str) -> UUID:
    """An id of version 7 that looks invented and is always the same for the same thing."""
    return UUID(f"01933f0e-7c3a-7000-8000-{sha256(of.encode()).hexdigest()[:12]}")
