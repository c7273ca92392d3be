"""From an approved plan to placement requests: patient by patient, by the same `approve` as lists made by hand.

A few patients at a time are a transaction, of which only one is at work: what was committed is never done again, and a
worker that is killed leaves nothing behind. The rules judge anew, so who was blocked meanwhile is refused by name.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from itertools import groupby
from typing import Final
from uuid import UUID

from matching_service.domain import placement_requests, states
from matching_service.domain.planned_request_states import make, refuse
from matching_service.domain.schemas import Approval, ContactList
from matching_service.settings import AskAgainRules
from matching_service.store import contact_plans as store
from matching_service.store import queries
from matching_service.store.tables import ContactPlan, PlannedPatient, PlannedRequest
from shared.database import ChangedMeanwhile, Session
from shared.errors import PlatformError
from shared.security.patient_texts import PatientTexts
from shared.texts import Sentence
from shared.values.contact_plan_enums import PlannedRequestState

PORTION: Final = 20
"""So many patients are a transaction: their locks, and those of the therapists, are held that long."""


def make_requests(session: Session, texts: PatientTexts, *, rules: AskAgainRules, today: date, now: datetime) -> int:
    """Make the next requests of the plan that was approved; returns how much was done, 0 where nothing is left."""
    if not store.take_turn_to_make_requests(session):
        return 0
    plan = store.next_approving(session)
    if plan is None:
        return 0
    patients = store.next_patients(session, plan.id, limit=PORTION)
    wanted = _lock(session, plan.id, patients)
    for patient_id, theirs in wanted.items():
        _ask(session, texts, plan, patient_id, theirs, rules=rules, today=today, now=now)
    _note(session, plan.id, patients, [each for theirs in wanted.values() for each in theirs], now=now)
    return 1


def _lock(
    session: Session, plan_id: UUID, patients: Collection[PlannedPatient]
) -> Mapping[UUID, Sequence[PlannedRequest]]:
    """What is proposed for each of these patients; read anew with everybody locked, as everywhere in one order.

    Who was erased while we waited is in no plan any more. Raises `ChangedMeanwhile` where a therapist was merged.
    """
    ids = [each.patient_id for each in patients]
    therapists = {each.therapist_id for each in store.proposed_for(session, plan_id, ids)}
    with_kept = queries.with_therapists_they_were_merged_into(session, therapists)
    queries.share_therapists(session, with_kept)
    if not queries.with_therapists_they_were_merged_into(session, therapists) <= with_kept:
        raise ChangedMeanwhile  # to lock the rest now would break the order
    queries.lock_patients(session, ids)
    proposed = sorted(store.proposed_for(session, plan_id, ids), key=lambda each: (ids.index(each.patient_id), each.id))
    return {patient: list(theirs) for patient, theirs in groupby(proposed, key=lambda each: each.patient_id)}


def _ask(
    session: Session,
    texts: PatientTexts,
    plan: ContactPlan,
    patient_id: UUID,
    proposed: Sequence[PlannedRequest],
    *,
    rules: AskAgainRules,
    today: date,
    now: datetime,
) -> None:
    kept = queries.kept_therapists(session, {each.therapist_id for each in proposed})
    asked = _one_of_each(proposed, kept)
    wanted = ContactList(patient_id=patient_id, therapist_ids=list(asked))
    try:
        with session.begin_nested():
            approved = placement_requests.approve(
                session, texts, wanted, rules=rules, by=plan.approved_by, today=today, now=now
            )
    except PlatformError as refusal:
        for index, each in enumerate(asked.values()):
            refuse(each, _why(refusal, index))
    else:
        _follow(asked, approved)


def _one_of_each(proposed: Sequence[PlannedRequest], kept: Mapping[UUID, UUID]) -> dict[UUID, PlannedRequest]:
    """The requests by who is asked: of a therapist who was merged the kept one, and only once.

    Of several requests to one therapist the others are refused.
    """
    asked: dict[UUID, PlannedRequest] = {}
    for each in proposed:
        if asked.setdefault(kept[each.therapist_id], each) is not each:
            refuse(each, [Sentence.of("plan_refusal.merged_therapist")])
    return asked


def _follow(asked: Mapping[UUID, PlannedRequest], approved: Approval) -> None:
    made = {each.therapist_id: each.id for each in approved.items}
    for therapist_id, each in asked.items():
        if therapist_id in made:
            make(each, made[therapist_id])
        else:
            refuse(each, [why.detail for why in approved.refused if why.therapist_id == therapist_id])


def _why(refusal: PlatformError, index: int) -> list[Sentence]:
    """Why the therapist at this index of the list is not asked: the reasons of their own, or the one for all."""
    own = [each.sentence for each in refusal.errors if each.field == f"therapist_ids.{index}"]
    return own or [refusal.sentence]


def _note(
    session: Session,
    plan_id: UUID,
    patients: Sequence[PlannedPatient],
    requests: Sequence[PlannedRequest],
    *,
    now: datetime,
) -> None:
    session.flush()
    done = store.save_done(session, plan_id, [each.patient_id for each in patients], now=now)
    plan = store.require_locked(session, plan_id)
    plan.patients_done += done
    plan.made += sum(each.state == PlannedRequestState.MADE for each in requests)
    plan.refused += sum(each.state == PlannedRequestState.REFUSED for each in requests)
    plan.updated_at = now
    if len(patients) < PORTION:
        states.complete_plan(plan, now=now)
