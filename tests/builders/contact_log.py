"""Contacts of a patient: as events bring them, and as staff add them over HTTP."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from flask.testing import FlaskClient

from shared.database import new_id
from shared.events.catalogue import CallRecorded, EmailSent, PracticeAnswer
from shared.runtime import clock
from tests.builders.events import happened
from tests.conftest import MONDAY

HOUR = timedelta(hours=1)


def log_of(client: FlaskClient, patient: Any, query: str = "") -> list[dict[str, Any]]:
    answer = client.get(f"/api/patients/{patient}/contact-log{query}")
    assert answer.status_code == 200, answer.text
    return list(answer.json["items"])


def add(client: FlaskClient, patient: Any, therapist: Any, **fields: Any) -> Any:
    """A letter that went out an hour ago, unless a field says otherwise."""
    entry = {
        "occurred_at": (clock.now() - HOUR).isoformat(),
        "channel": "letter",
        "direction": "outbound",
        "therapist_id": str(therapist),
        "result": "sent",
    }
    return client.post(f"/api/patients/{patient}/contact-log", json=entry | fields)


def called(request: Any, result: str, outcome: str | None = None, *, hours: int, direction: str = "outbound") -> Any:
    at = MONDAY + hours * HOUR
    answers = [PracticeAnswer(placement_request_id=request.id, outcome=outcome)] if outcome else []
    event = CallRecorded(
        phone_call_id=new_id(),
        therapist_id=request.therapist_id,
        direction=direction,
        result=result,
        occurred_at=at,
        placement_request_ids=[request.id],
        answers=answers,
    )
    return happened(event, time=at)


def emailed(request: Any, kind: str, *, hours: int) -> Any:
    at = MONDAY + hours * HOUR
    event = EmailSent(email_id=new_id(), kind=kind, placement_request_ids=[request.id], sent_at=at)
    return happened(event, time=at)
