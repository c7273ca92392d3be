"""Every event this service reacts to: copies of therapists, patients and places; requests that want to be asked."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from communication_service.domain import copies, erasures, placement_requests
from communication_service.domain.placement_requests import RequestFacts
from shared.database import Session
from shared.events.catalogue import (
    AddressGeocoded,
    PatientErased,
    PatientMerged,
    PatientPlaced,
    PatientRegistered,
    PatientStatusChanged,
    PatientTherapistsExcluded,
    PatientUpdated,
    RequestAccepted,
    RequestAnswered,
    RequestApproved,
    RequestCorrected,
    RequestHeld,
    RequestReleased,
    RequestReopened,
    RequestUnknown,
    RequestUpdated,
    RequestWithdrawn,
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
from shared.values.enums import RequestOutcome

TherapistEvent = TherapistRegistered | TherapistUpdated | TherapistBlocked | TherapistUnblocked | TherapistDeactivated
AnyTherapistEvent = TherapistEvent | TherapistMerged | TherapistRemoved
PatientEvent = PatientRegistered | PatientUpdated | PatientStatusChanged | PatientTherapistsExcluded
AnyPatientEvent = PatientEvent | PatientMerged | PatientErased
RequestEvent = (
    RequestApproved
    | RequestReopened
    | RequestHeld
    | RequestReleased
    | RequestWithdrawn
    | RequestAnswered
    | RequestAccepted
    | PatientPlaced
    | RequestCorrected
    | RequestUpdated
)


listeners = Listeners()


@listeners.locks_first
def lock_requests(session: Session, events: Sequence[Event]) -> None:
    """Lock the requests of these events by id: they come in any order, and staff's answers lock several too."""
    placement_requests.lock(
        session, {event.placement_request_id for event in events if isinstance(event, RequestEvent | RequestUnknown)}
    )


@listeners.projection(
    TherapistRegistered,
    TherapistUpdated,
    TherapistBlocked,
    TherapistUnblocked,
    TherapistDeactivated,
    TherapistMerged,
    TherapistRemoved,
)
def keep_therapists(session: Session, events: Sequence[AnyTherapistEvent], *, now: datetime) -> None:
    states = [(e.therapist, e.envelope) for e in events if isinstance(e, TherapistEvent)]
    merged = [event for event in events if isinstance(event, TherapistMerged)]
    removed = [event for event in events if isinstance(event, TherapistRemoved)]
    copies.keep_therapists(session, states, merged, removed, now=now)


@listeners.projection(AddressGeocoded)
def keep_places(session: Session, events: Sequence[AddressGeocoded], *, now: datetime) -> None:
    copies.keep_places(session, events, now=now)


@listeners.projection(
    PatientRegistered, PatientUpdated, PatientStatusChanged, PatientTherapistsExcluded, PatientMerged, PatientErased
)
def keep_patients(session: Session, events: Sequence[AnyPatientEvent], *, now: datetime) -> None:
    states = [(e.patient, e.envelope) for e in events if isinstance(e, PatientEvent)]
    merged = [event for event in events if isinstance(event, PatientMerged)]
    erased = [event for event in events if isinstance(event, PatientErased)]
    copies.keep_patients(session, states, merged, erased, now=now)


@listeners.projection(PatientErased)
def erase_patients(session: Session, events: Sequence[PatientErased], *, now: datetime) -> None:
    """All but the copies; a projection, so that it happens again wherever copies are made anew."""
    erasures.erase_patients(session, [e.patient_id for e in events], now=now)


@listeners.effect(RequestApproved, RequestReopened)
def ask(session: Session, event: RequestApproved | RequestReopened, *, now: datetime) -> None:
    placement_requests.ask(session, _facts(event), priority=event.priority, now=now)


@listeners.effect(RequestHeld)
def hold(session: Session, event: RequestHeld, *, now: datetime) -> None:
    placement_requests.hold(session, _facts(event), event.hold, now=now)


@listeners.effect(RequestReleased)
def release(session: Session, event: RequestReleased, *, now: datetime) -> None:
    placement_requests.hold(session, _facts(event), None, now=now)


@listeners.effect(RequestAnswered)
def record_answer(session: Session, event: RequestAnswered, *, now: datetime) -> None:
    is_final = event.outcome != RequestOutcome.LATER
    # one of ours may be on its way to matching, which takes it after "later"
    placement_requests.stop_asking(session, _facts(event), outcome=event.outcome, is_answered=is_final or None, now=now)


@listeners.effect(RequestAccepted)
def record_acceptance(session: Session, event: RequestAccepted, *, now: datetime) -> None:
    accepted = RequestOutcome.ACCEPTED
    placement_requests.stop_asking(
        session, _facts(event), outcome=accepted, is_accepted=True, is_answered=True, now=now
    )


@listeners.effect(PatientPlaced)
def record_placement(session: Session, event: PatientPlaced, *, now: datetime) -> None:
    placement_requests.stop_asking(session, _facts(event), outcome=RequestOutcome.ACCEPTED, is_answered=True, now=now)


@listeners.effect(RequestWithdrawn)
def withdraw(session: Session, event: RequestWithdrawn, *, now: datetime) -> None:
    placement_requests.withdraw(session, _facts(event), event.reason, now=now)


@listeners.effect(RequestCorrected)
def forget_answer(session: Session, event: RequestCorrected, *, now: datetime) -> None:
    # how the request stands is said by the next event
    is_accepted = event.outcome == RequestOutcome.ACCEPTED
    placement_requests.forget_answer(session, _facts(event), is_accepted=is_accepted, now=now)


@listeners.effect(RequestUpdated)
def follow_update(session: Session, event: RequestUpdated, *, now: datetime) -> None:
    placement_requests.apply_update(session, _facts(event), event, now=now)


@listeners.effect(RequestUnknown)
def end_unknown(session: Session, event: RequestUnknown, *, now: datetime) -> None:
    placement_requests.end_unknown(session, event.placement_request_id, event.envelope, now=now)


def _facts(event: RequestEvent) -> RequestFacts:
    return RequestFacts(
        id=event.placement_request_id,
        patient_id=event.patient_id,
        therapist_id=event.therapist_id,
        envelope=event.envelope,
    )
