"""Events of communication_service."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from pydantic import ConfigDict, Field

from shared.events.catalogue.payloads import Count, Ids, Payload, Weekly
from shared.events.event import Event
from shared.values.datetimes import PlausibleDate, PlausibleInstant


class InquiryComposed(Event, name="communication.inquiry_composed"):
    """Requests were put into one contact with one therapist, which was not made yet."""

    inquiry_id: UUID
    therapist_id: UUID
    channel: str
    placement_request_ids: Ids


class InquiryDissolved(Event, name="communication.inquiry_dissolved"):
    """A contact will not take place as planned; its requests are to be composed again."""

    inquiry_id: UUID
    therapist_id: UUID
    placement_request_ids: Ids


class EmailSent(Event, name="communication.email_sent"):
    """The mail server accepted the e-mail, which was to a therapist's practice or to a patient."""

    email_id: UUID
    inquiry_id: UUID | None = None
    therapist_id: UUID | None = None
    patient_id: UUID | None = None
    kind: str
    placement_request_ids: Ids
    sent_at: PlausibleInstant


class PracticeAnswer(Payload):
    """A practice's answer to one request; outcomes as in docs/api.md#closed-vocabularies, or not_discussed."""

    placement_request_id: UUID
    outcome: str
    available_from: PlausibleDate | None = None


Answers = Annotated[list[PracticeAnswer], Field(max_length=1000)]


class CallRecorded(Event, name="communication.call_recorded"):
    """A phone call took place or failed."""

    phone_call_id: UUID
    inquiry_id: UUID | None = None
    therapist_id: UUID
    direction: str
    result: str
    occurred_at: PlausibleInstant
    placement_request_ids: Ids
    answers: Answers = []
    recorded_by: UUID | None = None
    """The account of who recorded it: the log of each request names them."""


class CallCorrected(Event, name="communication.call_corrected"):
    """What was recorded of a phone call was a mistake: nothing of it counts."""

    phone_call_id: UUID
    inquiry_id: UUID | None = None
    therapist_id: UUID
    result: str
    occurred_at: PlausibleInstant
    """When the call was said to be, as in `communication.call_recorded`."""
    placement_request_ids: Ids
    answers: Answers = []
    """The answers that are taken back."""
    asked_again: Ids = []
    """Requests whose attempts this call had used up: they are called about once more."""
    corrected_by: UUID | None = None
    """The account of who corrected it."""


class EmailAnswered(Event, name="communication.email_answered"):
    """A practice answered an e-mail."""

    email_id: UUID
    therapist_id: UUID
    occurred_at: PlausibleInstant
    channel: str | None = None
    """How the answer came, as in docs/api.md#closed-vocabularies; null: in a letter of the practice."""
    answers: Answers
    recorded_by: UUID | None = None
    """The account of who recorded it; null: the practice did, by the link."""


class PlacesStated(Payload):
    """What a practice said of its places in one setting; states as in docs/api.md#closed-vocabularies."""

    model_config = ConfigDict(serialize_by_alias=True, validate_by_name=True, validate_by_alias=True)

    state: str
    from_: PlausibleDate | None = Field(default=None, alias="from")


class PracticeStated(Event, name="communication.practice_stated"):
    """A practice said something of itself by the link in an e-mail; what it did not speak of is null."""

    email_id: UUID
    therapist_id: UUID
    occurred_at: PlausibleInstant
    phone_hours: Weekly | None = None
    individual: PlacesStated | None = None
    group: PlacesStated | None = None
    no_contact: bool = False
    """Whether it wants nobody to write or to call any more."""


class EmailBounced(Event, name="communication.email_bounced"):
    """An e-mail that the mail server had accepted came back: it did not reach the practice, or the patient."""

    email_id: UUID
    inquiry_id: UUID | None = None
    therapist_id: UUID | None = None
    kind: str
    placement_request_ids: Ids
    sent_at: PlausibleInstant
    """As in `communication.email_sent`."""
    bounced_at: PlausibleInstant


class ReplyShown(Event, name="communication.reply_shown"):
    """Somebody was shown what a practice or a patient wrote back, or decided on it, or an e-mail that names a patient.

    Why (`X-Purpose`) stays where it was said: people write names there.
    """

    access_id: UUID
    """Of this access alone: nothing orders it and others to the same file."""
    patient_id: UUID
    action: str
    """As in the access log of the patient service: read."""
    accessed_by: UUID | None = None
    accessed_at: PlausibleInstant


class PracticeContactChanged(Event, name="communication.practice_contact_changed"):
    """How a practice can be contacted: its state, of which the newest event counts."""

    therapist_id: UUID
    email_suppressed: bool
    """Whether its address gets no inquiries."""
    email_again_on: PlausibleDate | None = None
    """The first day on which it may be written to again; null: at once."""
    call_again_on: PlausibleDate | None = None
    """The first day on which it is called since it was written to; null: at once."""
    planned_call_at: PlausibleInstant | None = None
    """When the next call to it is planned."""
    number_is_wrong: bool = False
    """Whether its numbers, as they are, were found to be wrong."""


class CallingDay(Payload):
    """How many minutes all callers together phone on a day, less absences and days without calls."""

    day: PlausibleDate
    minutes: Count


class CallingHoursChanged(Event, name="communication.calling_hours_changed"):
    """When callers phone: the state of all of them, of which the newest event counts."""

    calling_hours_id: UUID
    """The same in every event."""
    callers: Count
    """How many have hours; 0: calls are made on the agency's own line."""
    days: Annotated[list[CallingDay], Field(max_length=60)] = []
    """The next days, the present one first."""


class AttemptsUsedUp(Event, name="communication.attempts_used_up"):
    """Nobody was reached in any of the attempts."""

    inquiry_id: UUID
    therapist_id: UUID
    placement_request_ids: Ids


class PatientErasedFromCommunication(Event, name="communication.patient_erased"):
    """Communication has erased what it had of a patient who was erased; nothing that may yet go out speaks of them."""

    patient_id: UUID
