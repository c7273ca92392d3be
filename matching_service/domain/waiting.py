"""How long patients wait for a place: from the start of the search, with its pauses and without them."""

from __future__ import annotations

from datetime import date

from matching_service.store.tables import PatientCopy, PlacementRequest


def save_days_until_placed(request: PlacementRequest, patient: PatientCopy, *, placed_on: date) -> None:
    """Keep with the place how long the patient has searched, for reports: another search, or an erasure, leaves it."""
    if patient.search_started_on is None:
        return
    request.days_until_placed = max((placed_on - patient.search_started_on).days, 0)
    ongoing = 0 if patient.paused_since is None else (placed_on - patient.paused_since).days
    request.days_paused = min(max(patient.days_paused + ongoing, 0), request.days_until_placed)
