"""Whom staff decided to ask for a patient."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from matching_service.domain import history, rules
from matching_service.domain.criteria import Criteria, of_patient
from matching_service.domain.holds import settle_holds
from matching_service.domain.matches import unknown_patient
from matching_service.domain.schemas import (
    Approved,
    ContactList,
    Refusal,
    RequestFields,
    RequestFilter,
    RequestPage,
    RequestView,
)
from matching_service.store import queries
from matching_service.store.tables import Patient, PlacementRequest
from shared.database import Session, new_id
from shared.errors import Conflict, FieldProblem, LostUpdate, NotFound
from shared.events.catalogue import RequestApproved
from shared.events.outbox import record
from shared.values.datetimes import berlin_day
from shared.values.enums import CheckResult, MatchRule, PatientStatus, RequestStatus
from shared.values.schemas import MergePatch, merged


def listed(session: Session, wanted: RequestFilter) -> RequestPage:
    """A page of placement requests, newest first."""
    found, total = queries.requests_where(session, **wanted.model_dump())
    return RequestPage(
        items=[RequestView.of(each) for each in found], total=total, limit=wanted.limit, offset=wanted.offset
    )


def get(session: Session, request_id: UUID) -> RequestView:
    """One placement request; raises `NotFound`."""
    request = queries.request(session, request_id)
    if request is None:
        raise NotFound("placement_request")
    return RequestView.of(request)


def change(
    session: Session, request_id: UUID, patch: MergePatch, *, expected_versions: Collection[int] | None, now: datetime
) -> RequestView:
    """Change priority or note. Raises `NotFound`, `LostUpdate`, and `InvalidFields` for fields that do not fit."""
    request = locked(session, request_id)
    if expected_versions is not None and request.version not in expected_versions:
        raise LostUpdate("placement_request.changed_meanwhile", "Somebody changed this request since you read it.")
    current = RequestView.of(request)
    wanted = merged(RequestFields, current, patch.changes_to(current))
    if (wanted.priority, wanted.note) != (current.priority, current.note):
        request.priority, request.note = wanted.priority, wanted.note
        touched(request, now=now)
    return RequestView.of(request)


def locked(session: Session, request_id: UUID) -> PlacementRequest:
    """The request with its patient's lock and its own; raises `NotFound`."""
    queries.lock_patients(session, queries.patients_of(session, [request_id]))
    for request in queries.lock_requests(session, [request_id]):
        return request
    raise NotFound("placement_request")


def touched(request: PlacementRequest, *, now: datetime) -> None:
    """Count a change that a person made."""
    request.version += 1
    request.updated_at = now


@dataclass(frozen=True)
class Judgement:
    """Whether a therapist may be asked: who refuses, and which rules staff set aside."""

    refusals: list[Refusal]
    overrides: list[dict[str, str]]


def approve(session: Session, wanted: ContactList, *, today: date, now: datetime) -> Approved:
    """Ask these therapists for this patient, as far as the rules allow it (docs/domain.md#contact-rule-3).

    Raises `NotFound` for a patient whose copy is not here, `Conflict` where the patient does not search or every
    therapist is refused; then its errors say why, per therapist.
    """
    queries.share_therapists(session, wanted.therapist_ids)
    patient = queries.lock_patients(session, [wanted.patient_id]).get(wanted.patient_id)
    if patient is None:
        raise unknown_patient()
    if patient.status != PatientStatus.SEARCHING:
        raise Conflict(
            "patient.not_searching",
            f"This patient's status is {patient.status}; only for one who is searching may practices be asked.",
        )
    judgements = _judge(session, patient, wanted, today=today)
    refused = [refusal for judgement in judgements.values() for refusal in judgement.refusals]
    allowed = {who: judgement for who, judgement in judgements.items() if not judgement.refusals}
    if not allowed:
        raise Conflict(
            "placement_request.all_refused",
            "None of these therapists can be asked for this patient.",
            errors=[_problem(refusal, wanted.therapist_ids) for refusal in refused],
        )
    made = [_make(session, patient.id, who, judgement.overrides, now=now) for who, judgement in allowed.items()]
    settle_holds(session, patient.id, patient.status, now=now)
    return Approved(items=[RequestView.of(request) for request in made], refused=refused)


def recall(session: Session, request_ids: Sequence[UUID], refused: Sequence[Refusal]) -> Approved:
    """What an approval answered the first time, with the requests as they are now."""
    found = queries.requests_with_ids(session, request_ids)
    return Approved(items=[RequestView.of(request) for request in found], refused=list(refused))


def _problem(refusal: Refusal, therapist_ids: Sequence[UUID]) -> FieldProblem:
    return FieldProblem(
        f"therapist_ids.{therapist_ids.index(refusal.therapist_id)}", f"{refusal.rule}: {refusal.detail}"
    )


def _make(
    session: Session, patient_id: UUID, therapist_id: UUID, overrides: list[dict[str, str]], *, now: datetime
) -> PlacementRequest:
    request = PlacementRequest(
        id=new_id(),
        patient_id=patient_id,
        therapist_id=therapist_id,
        status=RequestStatus.OPEN,
        priority=0,
        approved_at=now,
        overrides=overrides,
        created_at=now,
        updated_at=now,
        version=1,
    )
    session.add(request)
    event = RequestApproved(
        placement_request_id=request.id, patient_id=patient_id, therapist_id=therapist_id, approved_at=now
    )
    record(session, request, event, now=now)
    history.note(session, request, "approved", occurred_at=now, now=now)
    return request


def _judge(session: Session, patient: Patient, wanted: ContactList, *, today: date) -> dict[UUID, Judgement]:
    """Each therapist of the list by the rules of matching."""
    criteria = of_patient(patient)
    known = queries.therapists_with_distance(session, wanted.therapist_ids, from_place=criteria.place)
    asked = queries.asked_before(session, patient.id, wanted.therapist_ids, search_began=criteria.search_began)
    overridden = {(each.therapist_id, each.rule): each.reason for each in wanted.overrides}
    judgements = {}
    for therapist_id in wanted.therapist_ids:
        if therapist_id not in known:
            judgements[therapist_id] = _nobody_known(therapist_id)
            continue
        therapist, kilometres = known[therapist_id]
        failed = _failed(therapist, criteria, kilometres, _asked(asked.get(therapist_id)), today=today)
        stands = [c for c in failed if c.rule in rules.CANNOT_BE_OVERRIDDEN or (therapist_id, c.rule) not in overridden]
        judgements[therapist_id] = Judgement(
            refusals=[Refusal(therapist_id=therapist_id, rule=c.rule, detail=c.detail) for c in stands],
            overrides=[{"rule": c.rule, "reason": overridden[therapist_id, c.rule]} for c in failed if c not in stands],
        )
    return judgements


def _asked(before: queries.AskedBefore | None) -> rules.Asked:
    if before is None:
        return rules.NEVER_ASKED
    refused_on = None if before.refused_at is None else berlin_day(before.refused_at)
    return rules.Asked(before.is_open, refused_on, before.place_failed)


def _failed(
    therapist: Any, criteria: Criteria, kilometres: float | None, asked: rules.Asked, *, today: date
) -> list[rules.Check]:
    checks = rules.checks(therapist, criteria, distance_km=kilometres, asked=asked, today=today)
    return [check for check in checks if check.result == CheckResult.FAIL]


def _nobody_known(therapist_id: UUID) -> Judgement:
    detail = "There is no such therapist here; one who was entered just now may take a moment to arrive."
    return Judgement([Refusal(therapist_id=therapist_id, rule=MatchRule.STATUS, detail=detail)], [])
