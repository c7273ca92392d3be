"""The question of matching and its answer, as clients see them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field

from matching_service.domain.forecast_schemas import Contactable
from matching_service.domain.scoring import ScoreParts
from shared.values.descriptions import described
from shared.values.enums import CheckResult, MatchCriterion, PreferredGender, Procedure, TravelMode
from shared.values.identifiers import Language
from shared.values.lists import MAX_LIMIT
from shared.values.schemas import Distinct, Schema
from shared.values.weekly import WeeklyHours


class OtherCriteria(Schema):
    """Criteria to use in place of the patient's own, for this question only; `null` means no wish or unknown."""

    max_distance_km: Annotated[float, Field(gt=0, le=1000)] | None = None
    """How far away a practice may be, in kilometres in a straight line."""
    max_travel_minutes: Annotated[int, Field(gt=0, le=1440)] | None = None
    """How long the route may take, from door to door."""
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


MOST_ASKED_ABOUT = 50
"""Of so many therapists one question may ask why they fit or not."""


class MatchQuestion(Schema):
    """The patient, the number of therapists to show, and criteria to use in place of the patient's own."""

    patient_id: UUID
    """The patient for whom therapists are searched."""
    limit: Annotated[int, Field(ge=1, le=MAX_LIMIT)] = CANDIDATES_SHOWN
    """How many therapists to show, the best first."""
    overrides: OtherCriteria = OtherCriteria()
    """Criteria to use in place of the patient's own; those that are not named stay."""
    therapist_ids: Annotated[list[UUID], Distinct(MOST_ASKED_ABOUT)] = []
    """Therapists of whom the answer says in `asked_about` whether they fit and why not, wherever they are."""
    contacts: bool = False
    """Whether candidates say how and when each can be contacted."""


@described
@dataclass(slots=True)
class ComparedValues:
    """What a criterion compares, by the names of the fields; a side that it does not look at is empty."""

    patient: dict[str, Any]
    """What the search says: the patient's fields, or `overrides` in their place."""
    therapist: dict[str, Any]
    """What is known of the therapist; null and empty lists mean unknown."""


@described
@dataclass(slots=True)
class CriterionCheck:
    """What one criterion says of one therapist for one patient."""

    # not frozen: an answer has hundreds, and to freeze each takes longer than to put it into words

    rule: MatchCriterion
    """The criterion."""
    result: CheckResult
    """Whether the therapist meets it, or that this is not known."""
    values: ComparedValues
    """What was compared, of both sides."""
    detail: str
    """The same in words."""


@described
@dataclass(slots=True)
class MatchReason:
    """One reason for a therapist."""

    code: str
    """What kind of reason it is, whatever the language: `reason.route`, `criterion.gender`."""
    params: dict[str, Any]
    """Its values; of a criterion its `rule`, whose check has them."""
    text: str
    """The same in words."""


@described
@dataclass(frozen=True, slots=True)
class Candidate:
    """A therapist who may be asked: every check, the score with its parts, and the reasons in words."""

    # no schema: an answer has 50 of them, made from checked copies, and to validate each took longer than the query

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
    """Points by which they are ordered, out of the sum of the weights that are set: 100 unless they were changed."""
    score_parts: ScoreParts
    """Where the points come from."""
    distance_km: float
    """How far away the practice is, in kilometres in a straight line."""
    travel_minutes: int
    """How long the route takes, from door to door."""
    checks: list[CriterionCheck]
    """What each criterion says."""
    reasons: list[MatchReason]
    """Why the therapist fits, the weightiest first; what is not known last."""
    working_hours_overlap: WeeklyHours
    """When the practice treats and the patient has time; null where one of the two is unknown."""
    contact: Contactable | None
    """How and when the practice can be contacted; null unless `contacts` was sent."""
    bearing_deg: int | None
    """In which direction the practice lies from the patient: degrees clockwise from north, 0 to 359.

    null where both are at one place.
    """


@described
@dataclass(frozen=True, slots=True)
class AskedAbout:
    """Whether a therapist who was asked about fits, and why."""

    therapist_id: UUID
    """The therapist."""
    name: str | None
    """The therapist's name; null where nobody is known here by this id."""
    postal_code: str | None
    """Postal code of the practice."""
    city: str | None
    """Town of the practice."""
    fits: bool
    """Whether no criterion fails."""
    distance_km: float | None
    """How far away the practice is, in kilometres in a straight line; null where that is not known."""
    travel_minutes: int | None
    """How long the route takes, from door to door."""
    checks: list[CriterionCheck]
    """What each criterion says, those first that fail."""


class NearestTherapist(Schema):
    """The nearest therapist who fits but for the distance."""

    therapist_id: UUID
    """The therapist."""
    name: str
    """The therapist's name."""
    city: str | None
    """Town of the practice."""
    distance_km: float
    """How far away the practice is, in kilometres in a straight line."""
    travel_minutes: int
    """How long the route takes, from door to door."""


class Relaxation(Schema):
    """What the patient could give up: one criterion, or two at once where no single one would bring in anybody."""

    rules: list[MatchCriterion]
    """The criteria that would be given up."""
    code: str
    """What is suggested, whatever the language: `relaxation.gender`, or `relaxation.pair` for two at once."""
    params: dict[str, Any]
    """What the patient has now; of a pair the `code` and `params` of its `first` and `second` concession."""
    text: str
    """The same in words."""
    adds: int
    """How many more therapists would fit."""
    overrides: dict[str, Any]
    """What to send as `overrides` to see them, with those of this question."""


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
    """What would bring in more therapists, most first."""
    asked_about: list[AskedAbout]
    """The therapists of `therapist_ids`, in that order."""
    nearest: NearestTherapist | None
    """Where nobody fits: the nearest who does but for the distance, if there is one within 1000 km; else null."""
