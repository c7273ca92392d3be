"""Every event this service reacts to: addresses of patients and therapists are located by its tables.

What a geocoder knows better is a job's (docs/decisions/0041): no listener asks anybody.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from geocoding_service.domain import addresses
from shared.database import Session
from shared.events.catalogue import (
    PatientErased,
    PatientMerged,
    PatientRegistered,
    PatientStatusChanged,
    PatientTherapistsExcluded,
    PatientUpdated,
    TherapistBlocked,
    TherapistDeactivated,
    TherapistMerged,
    TherapistRegistered,
    TherapistRemoved,
    TherapistUnblocked,
    TherapistUpdated,
)
from shared.events.event import Event
from shared.events.listeners import Listeners

listeners = Listeners()

PatientEvent = PatientRegistered | PatientUpdated | PatientStatusChanged | PatientTherapistsExcluded
TherapistEvent = TherapistRegistered | TherapistUpdated | TherapistBlocked | TherapistUnblocked | TherapistDeactivated

TherapistGone = TherapistMerged | TherapistRemoved

# All are projections, although they record events: an import brings 40,000 therapists, and a projection is given a
# whole poll at once. Nothing happens twice: a sequence that is not newer than the known one changes nothing, and to
# erase once more is to confirm it once more.


@listeners.locks_first
def lock_addresses(session: Session, events: Sequence[Event]) -> None:
    """Let nobody else change these addresses where several projections have some: together they keep no order."""
    groups = [
        {event.patient.id for event in events if isinstance(event, PatientEvent)},
        {event.patient_id for event in events if isinstance(event, PatientMerged)},
        {event.patient_id for event in events if isinstance(event, PatientErased)},
        {event.therapist.id for event in events if isinstance(event, TherapistEvent)},
        {event.therapist_id for event in events if isinstance(event, TherapistGone)},
    ]
    if len([each for each in groups if each]) > 1:
        addresses.lock(session, set().union(*groups))


@listeners.projection(PatientRegistered, PatientUpdated, PatientStatusChanged, PatientTherapistsExcluded)
def keep_addresses_of_patients(session: Session, events: Sequence[PatientEvent], *, now: datetime) -> None:
    """Locate the postal codes of patients that changed."""
    addresses.keep_addresses_of_patients(session, [(e.patient, e.envelope) for e in events], now=now)


@listeners.projection(PatientMerged)
def forget_addresses_of_merged_patients(session: Session, events: Sequence[PatientMerged], *, now: datetime) -> None:
    """Keep no postal code of patients who are no more."""
    addresses.forget_addresses_of_patients(session, [(e.patient_id, e.envelope) for e in events], now=now)


@listeners.projection(TherapistRegistered, TherapistUpdated, TherapistBlocked, TherapistUnblocked, TherapistDeactivated)
def keep_addresses_of_therapists(session: Session, events: Sequence[TherapistEvent], *, now: datetime) -> None:
    """Locate the addresses of therapists that changed; also where coordinates are known, for the federal state."""
    addresses.keep_addresses_of_therapists(session, [(e.therapist, e.envelope) for e in events], now=now)


@listeners.projection(TherapistMerged, TherapistRemoved)
def forget_addresses_of_therapists(session: Session, events: Sequence[TherapistGone], *, now: datetime) -> None:
    """Keep no address of therapists who are no more."""
    addresses.forget_addresses_of_therapists(session, [(e.therapist_id, e.envelope) for e in events], now=now)


@listeners.projection(PatientErased)
def erase_addresses_of_patients(session: Session, events: Sequence[PatientErased], *, now: datetime) -> None:
    """Erase the addresses of patients who were erased."""
    addresses.erase_addresses_of_patients(session, [event.envelope for event in events], now=now)
