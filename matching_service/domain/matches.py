"""Which therapists fit a patient, best first, each with its reasons."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime
from typing import Any, Final

from matching_service.domain import asked_about, contact_forecasts, explaining, far_away
from matching_service.domain.criteria import CRITERIA_QUERY
from matching_service.domain.criterion_texts import minutes_of
from matching_service.domain.forecast_schemas import Contactable
from matching_service.domain.hours import in_common
from matching_service.domain.known_patients import unknown_patient
from matching_service.domain.match_schemas import Candidate, MatchesView, MatchQuestion, OtherCriteria
from matching_service.domain.scoring import ScoreParts, points
from matching_service.domain.search import METRES_A_KILOMETRE, Search, of_patient
from matching_service.settings import DEFAULT_INTERVAL, DEFAULT_WEIGHTS, AskAgainRules, ScoreWeights
from matching_service.store import queries
from matching_service.store.matching import Judged
from shared.database import Executor
from shared.errors import Conflict, FieldProblem
from shared.texts import TextLanguage
from shared.values.datetimes import start_of_berlin_day
from shared.values.enums import MatchCriterion

FULL_CIRCLE: Final = 360


def find(
    executor: Executor,
    question: MatchQuestion,
    *,
    rules: AskAgainRules,
    today: date,
    now: datetime | None = None,
    weights: ScoreWeights = DEFAULT_WEIGHTS,
    days_apart: int = DEFAULT_INTERVAL.days_between_email_and_call,
    language: TextLanguage = TextLanguage.EN,
) -> MatchesView:
    """The therapists who fit, how many each criterion excludes, and what could be relaxed, in words of this language.

    `days_apart`: so many days lie between a letter and a call, for forecasts of contacts.

    Raises `NotFound` for a patient whose copy is not here, `Conflict` while it is not known where the patient lives or
    how far away a place may be.
    """
    patient = queries.patient(executor, question.patient_id)
    if patient is None:
        raise unknown_patient(executor, question.patient_id)
    excluded = queries.with_kept_therapists(executor, patient.excluded_therapist_ids)
    search = of_patient(patient, excluded=excluded, rules=rules, today=today)
    search = with_overrides(search, question.overrides)
    _require_a_circle(search)
    explainer = explaining.Explainer(search, language)
    found = CRITERIA_QUERY.best(executor, search, weights=weights.model_dump(), limit=question.limit)
    relax = explaining.relaxations(
        found.failures, search, language, sent=question.overrides.model_dump(mode="json", exclude_unset=True)
    )
    total = found.failures.get(frozenset(), 0)
    nearest = None if total else far_away.nearest(executor, search, weights=weights)
    if nearest is not None and not any(each.rules == [MatchCriterion.DISTANCE] for each in relax):
        relax.append(far_away.relaxation(executor, search, nearest, question, weights=weights, language=language))
    # the list comes with many questions: one more statement is executed only for who wants its answer
    ids = [each.therapist.id for each in found.best] if question.contacts else []
    instant = now or start_of_berlin_day(today)
    contacts = contact_forecasts.contactable(executor, ids, days_apart=days_apart, now=instant)
    return MatchesView(
        patient_id=patient.id,
        candidates=[
            _candidate(
                each,
                search,
                explainer,
                rank,
                contacts.get(each.therapist.id, contact_forecasts.NOBODY)[1] if ids else None,
            )
            for rank, each in enumerate(found.best, start=1)
        ],
        total=total,
        excluded=explaining.excluded(found.failures, distance_unknown=found.distance_unknown),
        relax=relax,
        asked_about=asked_about.judge(executor, search, question.therapist_ids, language),
        nearest=None if nearest is None else far_away.shown(nearest, search),
    )


def with_overrides(search: Search, other: OtherCriteria) -> Search:
    """The search with those criteria replaced that were sent."""
    sent: dict[str, Any] = {name: getattr(other, name) for name in other.model_fields_set}
    changes: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in sent.items()}
    return replace(search, **changes)


def _require_a_circle(search: Search) -> None:
    if search.place is None:
        raise Conflict("patient.place_unknown")
    if search.radius_km is None:
        problem = FieldProblem.of("overrides.max_distance_km", "field.required")
        raise Conflict("patient.distance_limit_missing", errors=[problem])


def _candidate(
    judged: Judged, search: Search, explainer: explaining.Explainer, rank: int, contact: Contactable | None
) -> Candidate:
    therapist, checks = judged.therapist, explainer.checks(judged)
    kilometres = therapist.metres / METRES_A_KILOMETRE
    return Candidate(
        therapist_id=therapist.id,
        name=therapist.name,
        postal_code=therapist.postal_code,
        city=therapist.city,
        rank=rank,
        score=points(therapist.score),
        score_parts=ScoreParts.of(therapist),
        distance_km=round(kilometres, 1),
        travel_minutes=minutes_of(kilometres, search.travel_mode),
        checks=checks,
        reasons=explainer.reasons(therapist, checks),
        working_hours_overlap=in_common(therapist.working_hours, search.availability),
        contact=contact,
        bearing_deg=None if therapist.bearing is None else round(therapist.bearing) % FULL_CIRCLE,
    )
