"""Plans, their requests and their patients as clients see them, with reasons in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from uuid import UUID

from matching_service.domain.acceptance import WHOLE
from matching_service.domain.contact_plan_schemas import ContactPlanView, PlannedPatientView, PlannedRequestView
from matching_service.domain.criterion_texts import SHORTEST_SHOWN_KM
from matching_service.domain.names import Names
from matching_service.domain.search import METRES_A_KILOMETRE
from matching_service.store.tables import ContactPlan, PlannedPatient, PlannedRequest
from shared.texts import Number, Sentence
from shared.values.contact_plan_enums import ContactLack, PlannedRequestState
from shared.values.enums import MatchCriterion
from shared.values.worded import Explanation


def plan_view(plan: ContactPlan, edited: Sequence[PlannedRequest]) -> ContactPlanView:
    """The view of a plan with what staff changed in it."""
    computed = {"removed_request_ids", "added_requests", "expected_acceptances"}
    known = {name: getattr(plan, name) for name in ContactPlanView.model_fields.keys() - computed}
    return ContactPlanView.of(
        known
        | {
            "removed_request_ids": [each.id for each in edited if each.state == PlannedRequestState.REMOVED],
            "added_requests": [_pair(each) for each in edited if each.added_by_staff],
            "expected_acceptances": round(plan.expected / WHOLE, 1),
        }
    )


def _pair(request: PlannedRequest) -> dict[str, Any]:
    return {"patient_id": request.patient_id, "therapist_id": request.therapist_id}


def request_view(request: PlannedRequest, names: Names, *, therapist_id: UUID) -> PlannedRequestView:
    """The view of a planned request, with the reasons for this therapist; `therapist_id`: who stands for them now."""
    named = names.of_patient(request.patient_id) | names.of_therapist(therapist_id)
    computed = {"therapist_id", "chance", "distance_km", "reasons", "why_refused", *named}
    known = {name: getattr(request, name) for name in PlannedRequestView.model_fields.keys() - computed}
    kilometres = None if request.metres is None else request.metres / METRES_A_KILOMETRE
    return PlannedRequestView.of(
        known
        | named
        | {
            "therapist_id": therapist_id,
            "chance": None if request.chance is None else request.chance / WHOLE,
            "distance_km": None if kilometres is None else round(kilometres, 1),
            "reasons": list(_reasons(request, kilometres)),
            "why_refused": [Explanation.by(Sentence.from_json(each)) for each in request.refusal or ()],
        }
    )


def _reasons(request: PlannedRequest, kilometres: float | None) -> Iterator[Explanation]:
    if request.added_by_staff:
        yield Explanation.by(Sentence.of("plan_reason.by_hand"))
    if request.is_hinted:
        yield Explanation.by(Sentence.of("reason.potentially_available"))
    if request.is_preferred:
        yield Explanation.by(Sentence.of("plan_reason.preferred"))
    if kilometres is not None:
        yield Explanation.by(_distance(kilometres), distance_km=round(kilometres, 1))
    if request.chance is not None:
        chance = Sentence.of("plan_reason.chance", percent=Number(f"{request.chance * 100 / WHOLE:.1f}"))
        yield Explanation.by(chance, chance=request.chance / WHOLE)
    if request.unknown:
        unknown = Sentence.of("reason.unknown", criteria=[MatchCriterion(each) for each in request.unknown])
        yield Explanation.by(unknown, rules=request.unknown)


def _distance(kilometres: float) -> Sentence:
    if kilometres < SHORTEST_SHOWN_KM:
        return Sentence.of("plan_reason.distance.short")
    return Sentence.of("plan_reason.distance", km=Number(f"{kilometres:.1f}"))


def patient_view(patient: PlannedPatient, names: Names) -> PlannedPatientView:
    """The view of how a plan leaves a patient."""
    named = names.of_patient(patient.patient_id)
    known = {name: getattr(patient, name) for name in PlannedPatientView.model_fields.keys() - {"explanation", *named}}
    return PlannedPatientView.of(known | named | {"explanation": list(_explanation(patient, patient.lacks))})


def _explanation(patient: PlannedPatient, lacks: Mapping[str, int]) -> Iterator[Explanation]:
    if patient.gap is not None:
        yield Explanation.by(Sentence.of(f"plan_gap.{patient.gap}"))
        yield from (Explanation.by(Sentence.from_json(each)) for each in patient.help)
    else:
        counts = {"planned": patient.planned, "candidates": patient.candidates}
        yield Explanation.by(Sentence.of("plan_result.planned", **counts))
    for lack in ContactLack:
        if number := lacks.get(lack):
            yield Explanation.by(Sentence.of(f"plan_lack.{lack}", number=number))
