"""Which therapists fit a patient, best first, each with its reasons."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any, Final
from uuid import UUID

from matching_service.domain import explaining, rules
from matching_service.domain.criteria import Criteria, of_patient
from matching_service.domain.schemas import Candidate, Matches, MatchQuestion, OtherCriteria
from matching_service.domain.scoring import (
    POINTS_FOR_AVAILABILITY,
    POINTS_FOR_CERTAINTY,
    POINTS_FOR_NEARNESS,
    POINTS_LOST_PER_UNKNOWN,
    score_parts,
)
from matching_service.store import queries
from matching_service.store.matching import Question, Weights, best_therapists
from shared.database import Executor
from shared.errors import Conflict, NotFound
from shared.values.datetimes import start_of_berlin_day
from shared.values.enums import MatchRule

METRES_A_KILOMETRE: Final = 1000
WEIGHTS: Final = Weights(
    nearness=POINTS_FOR_NEARNESS,
    available=POINTS_FOR_AVAILABILITY,
    certainty=POINTS_FOR_CERTAINTY,
    per_unknown=POINTS_LOST_PER_UNKNOWN,
)


def unknown_patient() -> NotFound:
    """The refusal where no copy of the patient has arrived."""
    return NotFound(
        "patient", "There is no such patient here; one who was registered just now may take a moment to arrive."
    )


def find(executor: Executor, question: MatchQuestion, *, today: date) -> Matches:
    """The therapists who fit, how many each rule excludes, and what could be relaxed.

    Raises `NotFound` for a patient whose copy is not here, `Conflict` while it is not known where the patient lives or
    how far away a place may be.
    """
    patient = queries.patient(executor, question.patient_id)
    if patient is None:
        raise unknown_patient()
    criteria = with_overrides(of_patient(patient), question.overrides)
    radius_km = _radius(criteria)
    asked_for = explaining.rules_asked_for(criteria)
    found = best_therapists(
        executor, _question(patient.id, criteria, radius_km, today=today), WEIGHTS, limit=question.limit
    )
    return Matches(
        patient_id=patient.id,
        candidates=[
            _candidate(row, criteria, asked_for, rank=rank, radius_km=radius_km, today=today)
            for rank, row in enumerate(found.best, start=1)
        ],
        total=found.failures.get(frozenset(), 0),
        excluded=explaining.excluded(found.failures, distance_unknown=found.distance_unknown),
        relax=explaining.relaxations(found.failures, criteria),
    )


def with_overrides(criteria: Criteria, other: OtherCriteria) -> Criteria:
    """The criteria with those replaced that were sent."""
    sent: dict[str, Any] = {name: getattr(other, name) for name in other.model_fields_set}
    changes: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in sent.items()}
    return replace(criteria, **changes)


def _radius(criteria: Criteria) -> float:
    if criteria.place is None:
        raise Conflict(
            "patient.place_unknown",
            "It is not known where this patient lives: the postal code is missing, unknown, or still being looked up.",
        )
    if criteria.radius_km is None:
        raise Conflict(
            "patient.distance_limit_missing", "Say how far away a place may be: max_distance_km or max_travel_minutes."
        )
    return criteria.radius_km


def _question(patient_id: UUID, criteria: Criteria, radius_km: float, *, today: date) -> Question:
    assert criteria.place is not None
    wide = replace(criteria, **explaining.wider(criteria)).radius_km or radius_km
    return Question(
        patient_id=patient_id,
        place=criteria.place,
        radius=radius_km * METRES_A_KILOMETRE,
        wide=wide * METRES_A_KILOMETRE,
        seat_needed=criteria.needs_statutory_seat,
        insurance_unknown=criteria.insurance_type is None and not criteria.reimbursement_case,
        procedures=criteria.preferred_procedures,
        age_groups=criteria.age_groups,
        settings=criteria.settings,
        gender=criteria.preferred_therapist_gender,
        languages=criteria.needed_languages,
        availability=criteria.availability,
        excluded=criteria.excluded_therapist_ids,
        refused_since=start_of_berlin_day(rules.first_day_of_recent_refusals(today)),
        search_began=criteria.search_began,
    )


def _candidate(
    row: Any, criteria: Criteria, asked_for: frozenset[MatchRule], *, rank: int, radius_km: float, today: date
) -> Candidate:
    kilometres = row.metres / METRES_A_KILOMETRE
    checks = rules.checks(row, criteria, distance_km=kilometres, asked=rules.NEVER_ASKED, today=today)
    parts = score_parts(
        checks, distance_km=kilometres, radius_km=radius_km, potentially_available=row.potentially_available
    )
    return Candidate(
        therapist_id=row.id,
        name=row.name,
        postal_code=row.postal_code,
        city=row.city,
        rank=rank,
        score=round(row.score, 1),
        score_parts=parts,
        distance_km=round(kilometres, 1),
        travel_minutes=rules.minutes_of(kilometres, criteria.travel_mode),
        checks=checks,
        reasons=explaining.reasons(row, checks, criteria, distance_km=kilometres, asked_for=asked_for),
    )
