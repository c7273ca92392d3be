"""Every event this service reacts to."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from patient_service.domain import locations, searches
from shared.crypto import Keys
from shared.db import Session
from shared.events.catalogue import AddressGeocoded, PatientPlaced, RequestAccepted
from shared.events.consumer import Listeners


def listeners(keys: Keys) -> Listeners:
    """The listeners of this service; they open patients' files with these keys."""
    heard = Listeners()

    @heard.projection(AddressGeocoded)
    def keep_answers(session: Session, events: Sequence[AddressGeocoded], *, now: datetime) -> None:  # noqa: ARG001
        locations.remember(session, events)

    @heard.effect(RequestAccepted)
    def note_first_place(session: Session, event: RequestAccepted, *, now: datetime) -> None:
        searches.note_first_place(session, event.patient_id, event.accepted_on, now=now)

    @heard.effect(PatientPlaced)
    def begin_therapy(session: Session, event: PatientPlaced, *, now: datetime) -> None:
        searches.begin_therapy(session, keys, event.patient_id, now=now)

    return heard
