"""Whether staff may add requests to a plan: by the criteria of matching, as an approval will judge them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from uuid import UUID

from matching_service.domain import acceptance, week_capacity
from matching_service.domain.criteria import CRITERIA_QUERY
from matching_service.domain.explaining import failures_of
from matching_service.domain.search import Search, of_patient
from matching_service.domain.week_capacity import PracticeLimits, Week
from matching_service.settings import AskAgainRules
from matching_service.store import plan_candidates, queries
from matching_service.store.matching import Judged
from matching_service.store.tables import ContactPlan, PatientCopy, PlannedRequest
from shared.database import Session, new_id
from shared.errors import FieldProblem

Pair = tuple[UUID, UUID]
"""A patient and a therapist."""


def planned(
    session: Session,
    plan: ContactPlan,
    judged: Mapping[Pair, tuple[Judged, Search]],
    patients: Mapping[UUID, PatientCopy],
) -> Iterator[PlannedRequest]:
    """Requests of a plan for pairs that fit, each with its channel and chance, as a computed one has them."""
    week = Week(plan.week)
    # nobody's days between e-mails are asked for: staff add requests to practices that were written to lately, too
    limits = PracticeLimits(plan.max_patients_per_therapist, days_between_emails=0)
    rows = plan_candidates.some_practices(session, {id for _, id in judged}, week_began=week.began)
    for (patient_id, therapist_id), (found, search) in judged.items():
        row = rows[therapist_id]
        practice = week_capacity.practice(row, {}, week, limits)
        radius = round(search.radius_metres or 1)
        is_preferred = patients[patient_id].diagnosis_block in row.preferred_diagnoses
        yield PlannedRequest(
            id=new_id(),
            plan_id=plan.id,
            patient_id=patient_id,
            therapist_id=therapist_id,
            added_by_staff=True,
            channel=practice.channel,
            chance=acceptance.of_pair(
                practice.chance,
                unknown=len(found.unknown),
                metres=min(round(found.therapist.metres), radius),
                radius=radius,
                is_preferred=int(is_preferred),
            ),
            metres=round(found.therapist.metres),
            is_hinted=practice.is_hinted,
            is_preferred=is_preferred,
            unknown=sorted(found.unknown),
        )


def judge(
    session: Session,
    pairs: Sequence[Pair],
    patients: Mapping[UUID, PatientCopy],
    *,
    rules: AskAgainRules,
    today: date,
) -> dict[Pair, tuple[Judged, Search]]:
    """What is known of each pair whose therapist is known here."""
    found = {}
    for id in {patient for patient, _ in pairs}:
        patient = patients[id]
        excluded = queries.with_kept_therapists(session, patient.excluded_therapist_ids)
        search = of_patient(patient, excluded=excluded, rules=rules, today=today)
        theirs = [therapist for of, therapist in pairs if of == id]
        for therapist, judged in CRITERIA_QUERY.each(session, search, theirs).items():
            found[id, therapist] = (judged, search)
    return found


def problems(index: int, judged: tuple[Judged, Search] | None) -> Iterator[FieldProblem]:
    """Why the pair at this index cannot be added: staff ask with a reason what a plan does not, outside of it."""
    field = f"added_requests.{index}.therapist_id"
    if judged is None:
        yield FieldProblem.of(field, "field.nobody_known")
        return
    for failure in failures_of(*judged):
        yield FieldProblem.of(field, "field.criterion_fails", rule=failure.rule, detail=failure.detail)
