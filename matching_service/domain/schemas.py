"""What comes in and what goes out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field

from matching_service.domain.scoring import ScoreParts
from shared.values.datetimes import Instant, IsoDate, PlausibleDate, PlausibleInstant
from shared.values.enums import (
    CheckResult,
    MatchCriterion,
    PreferredGender,
    Procedure,
    RequestHold,
    RequestOutcome,
    RequestStatus,
    RequestWait,
    TravelMode,
    WithdrawalReason,
)
from shared.values.errors import NotAcceptable
from shared.values.identifiers import Language
from shared.values.lists import MAX_LIMIT, Several
from shared.values.placement_enums import PlacementFailure
from shared.values.readable import FOR_COORDINATORS
from shared.values.rules import rule_across
from shared.values.schemas import Changed, Distinct, EntityView, QuerySchema, Schema
from shared.values.text import Note, Reason
from shared.values.weekly import WeeklyHours
from shared.values.worded import Worded


class OtherCriteria(Schema):
    """Criteria to use in place of the patient's own, for this question only; `null` means no wish or unknown."""

    max_distance_km: Annotated[float, Field(gt=0, le=1000)] | None = None
    """How far away a practice may be, in kilometres on the way."""
    max_travel_minutes: Annotated[int, Field(gt=0, le=1440)] | None = None
    """How long the way may take, from door to door."""
    travel_mode: TravelMode = TravelMode.CAR
    """How the patient travels."""
    reimbursement_case: bool = False
    """Whether the insurer pays back treatment in a private practice."""
    open_to_group_therapy: bool = False
    """Whether group therapy is acceptable too."""
    preferred_therapist_gender: PreferredGender = PreferredGender.ANY
    """The therapist's gender that is wanted."""
    preferred_procedures: Annotated[list[Procedure], Distinct(50)] = []
    """Procedures that are wanted; none: all are acceptable."""
    languages: Annotated[list[Language], Distinct(50)] = []
    """Languages in which therapy is possible; with `de`, or none, nothing is required."""
    availability: WeeklyHours = None
    """When the patient has time for sessions."""


CANDIDATES_SHOWN = 20
"""How many candidates staff see unless they ask for more; a contact list is shorter, and each comes with reasons."""


class MatchQuestion(Schema):
    """The patient, the number of therapists to show, and criteria to use in place of the patient's own."""

    patient_id: UUID
    """The patient for whom therapists are searched."""
    limit: Annotated[int, Field(ge=1, le=MAX_LIMIT)] = CANDIDATES_SHOWN
    """How many therapists to show, the best first."""
    overrides: OtherCriteria = OtherCriteria()
    """Criteria to use in place of the patient's own; those that are not named stay."""


@dataclass(slots=True)
class CriterionCheck:
    """What one criterion says of one therapist for one patient, in words for staff.

    Not frozen: an answer has hundreds, and to freeze each takes longer than to put it into words.
    """

    rule: MatchCriterion
    """The criterion."""
    result: CheckResult
    """Whether the therapist meets it, or that this is not known."""
    detail: str
    """The same in words."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A therapist who may be asked: every check, the score with its parts, and the reasons in words.

    No schema: an answer has 50 of them, made from checked copies, and to validate each took longer than the query.
    """

    therapist_id: UUID
    """The therapist."""
    name: str
    """The therapist's name."""
    postal_code: str | None
    """Postal code of the practice."""
    city: str | None
    """Town of the practice."""
    rank: int
    """Place in the order of all who fit, counted from 1."""
    score: float
    """Points by which they are ordered, the sum of the parts: at most 100, unless the settings weigh otherwise."""
    score_parts: ScoreParts
    """Where the points come from."""
    distance_km: float
    """How far away the practice is, in kilometres in a straight line."""
    travel_minutes: int
    """How long the way takes, from door to door."""
    checks: list[CriterionCheck]
    """What each criterion says."""
    reasons: list[str]
    """Why the therapist fits, in words."""


class Relaxation(Schema):
    """One criterion that, if it alone were given up, would bring in so many therapists; `overrides` shows them."""

    rule: MatchCriterion
    """The criterion that would be given up."""
    adds: int
    """How many more therapists would fit."""
    suggestion: str
    """The same in words."""
    overrides: dict[str, Any]
    """What to send as `overrides` to see them."""


class MatchesView(Schema):
    """Therapists for one patient, best first.

    `total` counts all who fit. `excluded` counts, within the patient's radius, the therapists whom each criterion
    excludes: who fails two criteria is counted under both. `distance_unknown` there counts all active therapists
    without a place.
    """

    patient_id: UUID
    """The patient for whom they were searched."""
    candidates: list[Candidate]
    """The therapists, best first, as many as were asked for."""
    total: int
    """How many therapists fit."""
    excluded: dict[MatchCriterion, int]
    """How many therapists each criterion excludes."""
    relax: list[Relaxation]
    """Which criteria exclude many, where few therapists fit."""


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
        others = [place for place, override in enumerate(self.overrides) if override.therapist_id not in listed]
        if others:
            fields = [f"overrides.{place}.therapist_id" for place in others]
            raise NotAcceptable("field.override_of_nobody", fields=fields)


class RefusedTherapist(Schema):
    """Why a therapist is not asked: one entry per criterion, and one without where the therapist is not known."""

    therapist_id: UUID
    """The therapist."""
    rule: MatchCriterion | None
    """The criterion that is not met; null where the therapist is not known."""
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
    therapist_id: UUID
    """The therapist who is asked."""
    status: Annotated[
        RequestStatus, Changed(by="POST /api/placement-requests/{id}/response, /place, /fail, /correct or /withdraw")
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


class NewAnswer(Schema):
    """What the practice answered; without `occurred_at`, just now."""

    outcome: RequestOutcome
    """What the practice answered."""
    available_from: PlausibleDate | None = None
    """From which day there is a place, where the practice said so."""
    occurred_at: PlausibleInstant | None = None
    """When the practice answered; without it, just now."""
    note: Note | None = None
    """What else was said."""


class NewPlace(Schema):
    """When the first session is, where it is known."""

    first_session_on: PlausibleDate | None = None
    """Day of the first session."""


class Withdrawal(Schema):
    """Why the request is over."""

    reason: WithdrawalReason
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
    what: str
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
