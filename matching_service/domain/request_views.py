"""Placement requests as clients see them: with their texts decrypted, and what they wait for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from matching_service.domain import states
from matching_service.domain.names import Names, names_of
from matching_service.domain.schemas import RequestView
from matching_service.store.tables import PlacementRequest
from shared.database import Session
from shared.security.patient_texts import LostText, PatientTexts

_OF_ROW = RequestView.model_fields.keys() - {
    *("note", "overrides", "waits_for", "waits_until"),
    *("patient_reference", "therapist_name", "therapist_city"),
}


def view(session: Session, texts: PatientTexts, request: PlacementRequest) -> RequestView:
    """The view of a stored request."""
    return views(session, texts, [request])[0]


def views(session: Session, texts: PatientTexts, requests: Sequence[PlacementRequest]) -> list[RequestView]:
    """The views of stored requests; their texts are decrypted together."""
    encrypted = [(text, each.id) for each in requests for text in (each.note, each.override_reasons)]
    found = texts.decrypt(session, encrypted)
    patients, therapists = ([getattr(each, side) for each in requests] for side in ("patient_id", "therapist_id"))
    names = names_of(session, patients=patients, therapists=therapists)
    return [_view(each, texts, found, names) for each in requests]


def _view(
    request: PlacementRequest, texts: PatientTexts, found: Mapping[bytes | None, Any], names: Names
) -> RequestView:
    known = {name: getattr(request, name) for name in _OF_ROW}
    waits_for, waits_until = states.waits(known["status"], known["hold"], known["next_contact_after"])
    return RequestView.of(
        known
        | names.of_patient(request.patient_id)
        | names.of_therapist(request.therapist_id)
        | {"waits_for": waits_for, "waits_until": waits_until}
        | {"note": None if request.note is None else texts.worded(found[request.note])}
        | {"overrides": _overrides(request, texts, found)}
    )


def _overrides(
    request: PlacementRequest, texts: PatientTexts, found: Mapping[bytes | None, Any]
) -> list[dict[str, str]]:
    """Which criteria staff set aside, and why; the criteria stay known when the reasons are lost."""
    rules = request.overridden_rules
    reasons = found.get(request.override_reasons, [])
    if isinstance(reasons, LostText):
        reasons = [texts.worded(reasons)] * len(rules)
    return [{"rule": rule, "reason": reason} for rule, reason in zip(rules, reasons, strict=True)]
