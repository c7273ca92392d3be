"""Recording events: the documents that go to Kafka, written into one statement."""

from __future__ import annotations

import json
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from shared.database import new_id
from shared.database.tables import outbox
from shared.events.catalogue import PublicTherapist, TherapistRegistered, TherapistUpdated
from shared.events.event import LARGEST_EVENT, decode, decode_envelope
from shared.events.outbox import record_all
from shared.runtime.tracing import new_trace_context, use_trace_context
from tests.conftest import MONDAY
from tests.events import document


def test_what_is_recorded_is_the_event_as_a_document_by_the_book(session: Session) -> None:
    strange = PublicTherapist(id=new_id(), last_name="O'Brien \"\\ \u2028 Ünal 💚 {%s} :rows")
    plain = PublicTherapist(id=new_id(), last_name="Lang", phone_hours={"monday": [{"start": "09:00", "end": "10:00"}]})
    events = [
        (strange.id, 1, TherapistRegistered(therapist=strange)),
        (plain.id, 7, TherapistUpdated(therapist=plain)),
    ]
    with use_trace_context(new_trace_context("what-staff-asked-for")) as cause:
        record_all(session, events, now=MONDAY)
    rows = session.execute(select(outbox).where(outbox.c.key.in_([strange.id, plain.id])).order_by(outbox.c.position))
    for row, (subject, sequence, event) in zip(rows, events, strict=True):
        envelope, payload = decode_envelope(row.value.encode())
        assert (row.event_id, row.topic, row.key, row.sequence) == (envelope.id, "therapist.events", subject, sequence)
        assert decode(envelope, payload).model_dump() == event.model_dump()
        assert json.loads(row.value) == json.loads(document(event.with_envelope(envelope)))
        assert (envelope.time, envelope.correlation_id) == (MONDAY, cause.correlation_id)


def test_an_event_that_the_broker_would_refuse_is_refused_before_it_holds_up_others(session: Session) -> None:
    most: dict[str, Any] = {name: ["ü" * 320] * 300 for name in ("procedures", "age_groups", "settings", "languages")}
    week = {day: [{"start": "ü" * 320, "end": "ü" * 320}] * 1000 for day in ("monday", "tuesday")}
    large = PublicTherapist(id=new_id(), last_name="Lang", phone_hours=week, **most)
    assert len(large.model_dump_json().encode()) > LARGEST_EVENT
    with pytest.raises(ValueError, match="too large"):
        record_all(session, [(large.id, 1, TherapistRegistered(therapist=large))], now=MONDAY)


def test_an_event_about_another_aggregate_is_refused_where_it_is_published(session: Session) -> None:
    """No reader would accept it: it would become a dead letter of every listener."""
    one = PublicTherapist(id=new_id(), last_name="Lang")
    with pytest.raises(ValueError, match="another aggregate"):
        record_all(session, [(new_id(), 1, TherapistRegistered(therapist=one))], now=MONDAY)
