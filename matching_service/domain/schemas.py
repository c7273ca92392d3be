"""What comes in and what goes out."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field

from matching_service.domain.local_times import instant_of
from matching_service.domain.match_schemas import ComparedValues
from shared.values.datetimes import Instant, IsoDate, PlausibleDate, PlausibleInstant
from shared.values.enums import (
    Channel,
    Direction,
    MatchCriterion,
    RequestHold,
    RequestOutcome,
    RequestStatus,
    RequestWait,
    WithdrawalReason,
)
from shared.values.errors import NotAcceptable
from shared.values.lists import Several
from shared.values.placement_enums import AuditEvent, PlacementFailure, StaffWithdrawalReason
from shared.values.readable import FOR_COORDINATORS
from shared.values.rules import rule_across
from shared.values.schemas import Changed, Distinct, EntityView, QuerySchema, Schema
from shared.values.text import Note, Reason
from shared.values.worded import Worded


class Override(Schema):
    """A criterion that staff set aside for one therapist, and why."""

    therapist_id: UUID
    """The therapist for whom the criterion is set aside."""
    rule: MatchCriterion
    """The criterion."""
    reason: Reason
    """Why it is set aside."""


class ContactList(Schema):
    """Whom to ask for a patient: what staff approve."""

    patient_id: UUID
    """The patient who searches a place."""
    therapist_ids: Annotated[list[UUID], Distinct(200), Field(min_length=1)]
    """Whom to ask, the first ones first."""
    overrides: Annotated[list[Override], Field(max_length=1000)] = []
    """Criteria to set aside for single therapists."""

    @rule_across("overrides")
    def _overrides_concern_the_list(self) -> None:
        """`overrides` concern therapists in `therapist_ids`."""
        listed = set(self.therapist_ids)
        others = [index for index, override in enumerate(self.overrides) if override.therapist_id not in listed]
        if others:
            fields = [f"overrides.{index}.therapist_id" for index in others]
            raise NotAcceptable("field.override_of_nobody", fields=fields)


class RefusedRule(Schema):
    """A therapist who is not asked, and one criterion because of which."""

    therapist_id: UUID
    """The therapist."""
    rule: MatchCriterion | None
    """The criterion that is not met; null where the therapist is not known."""


class RefusedTherapist(RefusedRule):
    """Why a therapist is not asked: one entry per criterion, and one without where the therapist is not known."""

    values: ComparedValues | None
    """What was compared; null where that is not known, or not any more."""
    detail: Worded
    """The same in words."""


class AppliedOverride(Schema):
    """A criterion that was set aside when the request was approved, and why."""

    rule: MatchCriterion
    """The criterion."""
    reason: str
    """Why it was set aside."""


class RequestFields(Schema):
    """What people may change of a placement request."""

    priority: Annotated[int, Field(ge=0, le=100, description="higher first")] = 0
    note: Annotated[Note | None, FOR_COORDINATORS] = None
    """What staff should know of this request."""


class RequestView(RequestFields, EntityView):
    """A placement request as clients see it."""

    patient_id: UUID
    """The patient who searches a place."""
    patient_reference: str | None
    """By what practices know the patient; null for one who was erased."""
    therapist_id: UUID
    """The therapist who is asked."""
    therapist_name: str | None
    """The therapist's name; null where nothing is known of the therapist any more."""
    therapist_city: str | None
    """Town of the practice."""
    status: Annotated[
        RequestStatus, Changed(by="POST /api/placement-requests/{id}/response, /place, /fail, /correct, /withdraw")
    ]
    """Where the request stands."""
    hold: RequestHold | None
    """Why nobody is asked for the moment; null where nothing holds it."""
    approved_by: UUID | None
    """The account of who approved it."""
    approved_at: Instant
    """When it was approved."""
    overrides: Annotated[list[AppliedOverride], FOR_COORDINATORS]
    """The criteria that were set aside for this therapist."""
    emailed_at: Instant | None
    """When the practice was last written to about it."""
    called_at: Instant | None
    """When the practice was last called about it."""
    responded_at: Instant | None
    """When the practice answered."""
    outcome: RequestOutcome | None
    """What the practice answered."""
    available_from: IsoDate | None
    """From which day there is a place, where the practice said so."""
    next_contact_after: IsoDate | None
    """The day from which a practice that said "later", or that was not reached, may be asked again."""
    withdrawn_reason: WithdrawalReason | None
    """Why it was withdrawn."""
    unmet_criteria: list[MatchCriterion]
    """What does not fit any more, of a request that is not over: the practice has moved, or something else changed."""
    merged_into: UUID | None
    """The request that goes on, where a person with two files was asked of this therapist twice; it takes answers."""
    placed_on: IsoDate | None
    """The day on which the patient took the place."""
    first_session_on: IsoDate | None
    """Day of the first session, where it is known."""
    confirmed_on: IsoDate | None
    """The day since which the place is known to work."""
    failed_on: IsoDate | None
    """The day on which the place failed."""
    failure_reason: PlacementFailure | None
    """Why it failed; null also where staff took the patient back into the search instead."""
    sessions_held: int | None
    """How many sessions there were until then, where that is known."""
    waits_for: Annotated[
        RequestWait | None,
        Field(
            description="null where it is over; for `inquiry`, `contact`, `answer` and `search_paused` the "
            "communication service says more, such as until when"
        ),
    ]
    waits_until: Annotated[IsoDate | None, Field(description="the last day on which it waits, where that is known")]


class Approval(Schema):
    """The requests that were made and the therapists who were refused."""

    items: list[RequestView]
    """The requests that were made."""
    refused: list[RefusedTherapist]
    """The therapists who are not asked, each with every reason."""


class RequestFilter(QuerySchema):
    """Which placement requests to list."""

    patient_id: Several[UUID] = []
    """Only those for one of these patients."""
    therapist_id: Several[UUID] = []
    """Only those to one of these therapists."""
    status: Several[RequestStatus] = []
    """Only those with one of these statuses."""
    unmet_criteria: Several[MatchCriterion] = []
    """Only those in which one of these does not fit any more."""
    still_fits: bool | None = None
    """false: only those in which something does not fit any more, whatever it is; true: only the others."""


class NewAnswer(Schema):
    """What the practice answered; without `occurred_at`, just now."""

    outcome: RequestOutcome
    """What the practice answered."""
    available_from: PlausibleDate | None = None
    """From which day there is a place, where the practice said so; not before the answer."""
    occurred_at: PlausibleInstant | None = None
    """When the practice answered, not before the day on which it was to be asked; without it and a day, just now."""
    occurred_on: PlausibleDate | None = None
    """On which day the practice answered, where the time is not known, as of a letter."""
    channel: Channel | None = None
    """How the practice answered."""
    direction: Direction | None = None
    """Whether the practice was asked, or came to us; without it, what comes in writing comes from the practice."""
    note: Note | None = None
    """What else was said."""

    @rule_across("occurred_at", "occurred_on")
    def _came_at_one_time(self) -> None:
        """Only one of `occurred_at` and `occurred_on` says when it came."""
        if self.occurred_at is not None and self.occurred_on is not None:
            raise NotAcceptable("field.time_or_day")

    @property
    def at(self) -> datetime | None:
        """When the practice answered, as far as it is said; of a day its first instant in Berlin."""
        return instant_of(self.occurred_at, self.occurred_on)


class NewPlace(Schema):
    """When the patient took the place, and when the first session is, where it is known."""

    placed_on: PlausibleDate | None = None
    """The day on which the patient took the place, not before the answer and not in the future; without it, today."""
    first_session_on: PlausibleDate | None = None
    """Day of the first session; not before the request."""


class Withdrawal(Schema):
    """Why the request is over."""

    reason: StaffWithdrawalReason
    """Why nobody needs to be asked any more."""


class AuditLogEntryView(Schema):
    """Something that happened to a placement request, and the status after it."""

    id: UUID
    """Identifies the entry."""
    occurred_at: Instant
    """When it happened."""
    recorded_at: Instant
    """When it was recorded."""
    recorded_by: Annotated[UUID | None, Field(description="null where it followed from something else")]
    caused_by: Annotated[
        UUID | None,
        Field(
            description="the entry from which it followed, of this request or of another one of the patient; of a "
            "correction the answer that it corrects"
        ),
    ]
    what: AuditEvent
    """What happened."""
    status: RequestStatus
    """The status of the request after it."""
    channel: str | None
    """By e-mail or by phone, where it was a contact."""
    outcome: RequestOutcome | None
    """What the practice answered."""
    available_from: IsoDate | None
    """From which day there is a place, where the practice said so."""
    reason: str | None
    """Why it happened."""
    note: Annotated[str | None, FOR_COORDINATORS]
    """What else was said."""
