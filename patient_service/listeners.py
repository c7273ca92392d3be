"""Every event this service reacts to."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from patient_service.dependencies import Dependencies
from patient_service.domain import accesses, copies, erasures, places, searches
from patient_service.domain.places import RecordedPlace
from shared.database import Session
from shared.events.catalogue import (
    AddressErased,
    AddressGeocoded,
    ContactLogShown,
    EmailSent,
    PatientErasedFromCommunication,
    PatientErasedFromMatching,
    PatientPlaced,
    PlaceConfirmed,
    PlaceFailed,
    PlaceTakenBack,
    ReplyShown,
    RequestAccepted,
    RequestCorrected,
    RequestWithdrawn,
)
from shared.events.event import Event
from shared.events.listeners import Listeners
from shared.values.datetimes import berlin_day
from shared.values.enums import RequestOutcome, WithdrawalReason

RequestEvent = (
    RequestAccepted
    | RequestCorrected
    | RequestWithdrawn
    | PatientPlaced
    | PlaceConfirmed
    | PlaceFailed
    | PlaceTakenBack
)

listeners = Listeners()


@listeners.locks_first
def lock_patients(session: Session, events: Sequence[Event]) -> None:
    """Lock the patients of these events, which come in any order."""
    named = (event.patient_id for event in events if isinstance(event, RequestEvent | EmailSent))
    searches.lock(session, {each for each in named if each is not None})


@listeners.projection(AddressGeocoded)
def keep_postal_codes(session: Session, events: Sequence[AddressGeocoded], *, now: datetime) -> None:  # noqa: ARG001
    """Keep whether patients' postal codes were found."""
    copies.keep_postal_codes(session, events)


@listeners.effect(RequestAccepted)
def record_first_place(session: Session, event: RequestAccepted, *, now: datetime) -> None:
    """Note when a practice first offered the patient a place."""
    places.record_offer(session, event.patient_id, event.placement_request_id, event.accepted_on, now=now)


@listeners.effect(RequestWithdrawn)
def take_offer_back(session: Session, event: RequestWithdrawn, *, now: datetime) -> None:
    """Forget the offer of a practice that never made one."""
    if event.reason == WithdrawalReason.ENTERED_BY_MISTAKE:
        places.take_offer_back(session, event.patient_id, event.placement_request_id, now=now)


@listeners.effect(RequestCorrected)
def correct_offer(session: Session, event: RequestCorrected, *, now: datetime) -> None:
    """Forget the offer of a practice whose acceptance was a mistake."""
    if event.outcome != RequestOutcome.ACCEPTED:
        places.take_offer_back(session, event.patient_id, event.placement_request_id, now=now)


@listeners.effect(PatientPlaced)
def begin_therapy(session: Session, event: PatientPlaced, *, dependencies: Dependencies, now: datetime) -> None:
    """Put the patient in therapy at the place that was taken."""
    place = RecordedPlace(event.placement_request_id, recorded_at=event.envelope.time)
    places.record_place(session, dependencies.keys, event.patient_id, place, now=now)


@listeners.effect(PlaceConfirmed)
def confirm_place(session: Session, event: PlaceConfirmed, *, dependencies: Dependencies, now: datetime) -> None:
    """Note that the place of the patient works."""
    places.confirm(
        session, dependencies.keys, event.patient_id, event.placement_request_id, event.confirmed_on, now=now
    )


@listeners.effect(PlaceFailed)
def search_again(session: Session, event: PlaceFailed, *, dependencies: Dependencies, now: datetime) -> None:
    """Take the patient back into the search."""
    places.fail(session, dependencies.keys, event.patient_id, event.placement_request_id, now=now)


@listeners.effect(PlaceTakenBack)
def take_place_back(session: Session, event: PlaceTakenBack, *, dependencies: Dependencies, now: datetime) -> None:
    """Let the search go on as before a place that was recorded by mistake."""
    places.take_back(session, dependencies.keys, event.patient_id, event.placement_request_id, now=now)


@listeners.effect(EmailSent)
def record_contact(session: Session, event: EmailSent, *, now: datetime) -> None:
    """Note when the patient was last written to; an e-mail to a practice names none."""
    if event.patient_id is not None:
        searches.record_contact(session, event.patient_id, berlin_day(event.sent_at), now=now)


@listeners.effect(ContactLogShown, ReplyShown)
def record_access(
    session: Session,
    event: ContactLogShown | ReplyShown,
    *,
    dependencies: Dependencies,
    now: datetime,  # noqa: ARG001
) -> None:
    """Record who was shown a patient's contact log, which matching has, or what came back from or about them."""
    accesses.record_elsewhere(
        session,
        dependencies.keys,
        event.patient_id,
        event.action,
        by=event.accessed_by,
        at=event.accessed_at,
    )


@listeners.projection(AddressErased)
def confirm_addresses(session: Session, events: Sequence[AddressErased], *, now: datetime) -> None:  # noqa: ARG001
    """Note that geocoding has erased what it had of patients."""
    erasures.confirm_addresses(session, events)


@listeners.effect(PatientErasedFromMatching)
def confirm_matching(session: Session, event: PatientErasedFromMatching, *, now: datetime) -> None:  # noqa: ARG001
    """Note that matching has erased what it had of a patient."""
    erasures.confirm(session, "matching_service", [(event.patient_id, event.envelope.time)])


@listeners.effect(PatientErasedFromCommunication)
def confirm_communication(session: Session, event: PatientErasedFromCommunication, *, now: datetime) -> None:  # noqa: ARG001
    """Note that communication has erased what it had of a patient."""
    erasures.confirm(session, "communication_service", [(event.patient_id, event.envelope.time)])
