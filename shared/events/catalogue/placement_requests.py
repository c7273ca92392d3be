"""Events of matching_service."""

from __future__ import annotations

from uuid import UUID

from shared.events.catalogue.payloads import Count
from shared.events.event import Event
from shared.values.datetimes import PlausibleDate, PlausibleInstant


class RequestEvent(Event):
    """What all events of one request say: about which patient and whom it is."""

    placement_request_id: UUID
    patient_id: UUID
    therapist_id: UUID


class RequestApproved(RequestEvent, name="matching.request_approved"):
    """Staff approved that this therapist is asked for a place for this patient."""

    priority: Count = 0
    approved_at: PlausibleInstant


class RequestReopened(RequestEvent, name="matching.request_reopened"):
    """A request is to be asked again: the date agreed for it has come, its contact failed, its answer was wrong, or
    nobody was reached and staff approved it anew."""

    priority: Count = 0
    approved_at: PlausibleInstant


class RequestHeld(RequestEvent, name="matching.request_held"):
    """A request that was not sent yet must wait: the search is paused or another practice offered a place."""

    hold: str


class RequestReleased(RequestEvent, name="matching.request_released"):
    """A held request may be sent again."""


class RequestAnswered(RequestEvent, name="matching.request_answered"):
    """A practice answered; the request is not asked again for now."""

    outcome: str
    available_from: PlausibleDate | None = None


class RequestAccepted(RequestEvent, name="matching.request_accepted"):
    """A practice offers a place to this patient."""

    accepted_on: PlausibleDate


class RequestCorrected(RequestEvent, name="matching.request_corrected"):
    """The answer that was recorded was a mistake, and what followed from it is taken back.

    How the request stands now is said by the next event.
    """

    outcome: str | None = None
    """The right answer; none where the practice has not answered."""


class RequestWithdrawn(RequestEvent, name="matching.request_withdrawn"):
    """A request is over without an answer."""

    reason: str


class PatientPlaced(RequestEvent, name="matching.patient_placed"):
    """A patient takes up a place: the search is over."""

    placed_on: PlausibleDate


class PlaceConfirmed(RequestEvent, name="matching.place_confirmed"):
    """A place works: after the first sessions patient and practice go on."""

    confirmed_on: PlausibleDate


class PlaceFailed(RequestEvent, name="matching.place_failed"):
    """A place failed: the patient is back in the search, without this therapist."""

    failed_on: PlausibleDate


class PlaceTakenBack(RequestEvent, name="matching.place_taken_back"):
    """A place had been recorded by mistake: the patient never took it up."""


class RequestUpdated(RequestEvent, name="matching.request_updated"):
    """The current state of a placement request, published by `republish`, or where it became another patient's."""

    status: str
    hold: str | None = None
    priority: Count = 0
    inquiry_id: UUID | None = None
    """The newest contact of which matching has handled an event."""
    emailed_on: PlausibleDate | None = None


class RequestUnknown(Event, name="matching.request_unknown"):
    """A placement request of which Kafka has events does not exist in matching; published by `republish`."""

    placement_request_id: UUID


class PatientErasedFromMatching(Event, name="matching.patient_erased"):
    """Matching has erased what it had of a patient who was erased, and has withdrawn what was still asked."""

    patient_id: UUID


class ContactEntered(Event, name="matching.contact_entered"):
    """Staff entered a contact with a practice by hand: the evidence of a search refers to the therapist.

    The correction of an entry is none; it is of the same practice. Whose search it is, nobody else needs to know.
    """

    contact_id: UUID
    therapist_id: UUID
    occurred_at: PlausibleInstant


class ContactLogShown(Event, name="matching.contact_log_shown"):
    """Somebody was shown the contact log of a patient, which is a part of the patient's file, or added to it.

    Why (`X-Purpose`) stays where it was said: people write names there.
    """

    access_id: UUID
    """Of this access alone: nothing orders it and others to the same file."""
    patient_id: UUID
    action: str
    """As in the access log of the patient service: read, exported, changed."""
    accessed_by: UUID | None = None
    accessed_at: PlausibleInstant
