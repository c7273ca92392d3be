"""Every event this service reacts to."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from patient_service.domain import locations, searches
from shared.crypto import Keys
from shared.db import Session
from shared.events.catalogue import AddressGeocoded, PatientPlaced, RequestAccepted
from shared.events.consumer import Listeners


def create(keys: Keys) -> Listeners:
    """The listeners of this service; they open patients' files with these keys."""
    listeners = Listeners()

    @listeners.projection(AddressGeocoded)
    def keep_answers(session: Session, events: Sequence[AddressGeocoded], *, now: datetime) -> None:  # noqa: ARG001
        locations.remember(session, events)

    @listeners.effect(RequestAccepted)
    def note_first_place(session: Session, event: RequestAccepted, *, now: datetime) -> None:
        searches.note_first_place(session, event.patient_id, event.accepted_on, now=now)

    @listeners.effect(PatientPlaced)
    def begin_therapy(session: Session, event: PatientPlaced, *, now: datetime) -> None:
        searches.begin_therapy(session, keys, event.patient_id, now=now)

    return listeners
