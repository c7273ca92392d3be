"""Weekly contact plans, as staff ask for them, look at them, change and approve them (docs/decisions/0040)."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from matching_service.domain import acceptance, added_requests, plan_numbers, planned_request_states, states
from matching_service.domain.contact_plan_schemas import (
    ContactPlanFields,
    ContactPlanFilter,
    ContactPlanView,
    NewContactPlan,
    PlannedPair,
    PlannedPatientFilter,
    PlannedRequestFilter,
    default_week,
)
from matching_service.domain.contact_plan_views import patient_view, plan_view, request_view
from matching_service.domain.names import names_of
from matching_service.domain.search import Search
from matching_service.settings import AskAgainRules, ContactPlanRules
from matching_service.store import contact_plans as store
from matching_service.store import queries
from matching_service.store.matching import Judged
from matching_service.store.tables import ContactPlan, PatientCopy, PlannedPatient, PlannedRequest
from shared.database import Session, first_version, new_id
from shared.database.rows import check_version, require
from shared.errors import Conflict, FieldProblem, RuleBroken
from shared.values.contact_plan_enums import ContactPlanStatus
from shared.values.enums import PatientStatus
from shared.values.lists import Listed, ListRequest
from shared.values.schemas import InvalidFields, MergePatch, merged

A_WEEK: Final = timedelta(days=7)
MOST_AHEAD: Final = 2 * A_WEEK
"""A plan's requests are made when it is approved, and what is known of a later week says little."""


def begin(
    session: Session,
    new: NewContactPlan,
    *,
    rules: ContactPlanRules,
    by: UUID | None,
    today: date,
    now: datetime,
) -> ContactPlanView:
    """Have a plan made; a job computes it.

    Raises `RuleBroken` for a week that is over or far ahead, `Conflict` while another plan is being made.
    """
    week = new.week or default_week(today)
    if _is_over(week, today):
        raise RuleBroken("contact_plan.week_over", errors=[FieldProblem.of("week", "field.week_over")])
    if week > today + MOST_AHEAD:
        raise RuleBroken("contact_plan.week_far_ahead", errors=[FieldProblem.of("week", "field.week_far_ahead")])
    store.take_turn(session)
    for other in store.with_status(session, *states.PLAN_BEING_MADE):
        raise Conflict("contact_plan.being_made", existing_id=other.id)
    plan = ContactPlan(
        id=new_id(),
        week=week,
        max_requests_per_patient=new.max_requests_per_patient or rules.requests_per_patient,
        max_patients_per_therapist=new.max_patients_per_therapist or rules.patients_per_therapist,
        requests_for_everyone=rules.requests_for_everyone,
        max_calls=new.max_calls,
        **first_version(by=by, now=now),
    )
    states.begin_plan(plan)
    session.add(plan)
    session.flush()
    return _view(session, plan)


def _is_over(week: date, today: date) -> bool:
    return today >= week + A_WEEK


def get(session: Session, plan_id: UUID) -> ContactPlanView:
    """One plan. Raises `NotFound`."""
    return _view(session, require(store.one(session, plan_id), "contact_plan"))


def list_part(session: Session, wanted: ListRequest[ContactPlanFilter]) -> Listed:
    """A part of the plans."""
    found = store.plans(session, wanted.part, statuses=wanted.filters.status)
    return found.shown(_views(session, found.rows))


def list_requests(session: Session, plan_id: UUID, wanted: ListRequest[PlannedRequestFilter]) -> Listed:
    """A part of a plan's requests. Raises `NotFound`."""
    require(store.one(session, plan_id), "contact_plan")
    filters = wanted.filters
    found = store.requests(
        session,
        plan_id,
        wanted.part,
        patient_id=filters.patient_id,
        therapist_id=filters.therapist_id,
        state=filters.state,
        channel=filters.channel,
    )
    kept = queries.kept_therapists(session, {each.therapist_id for each in found.rows})
    names = names_of(session, patients=[each.patient_id for each in found.rows], therapists=kept.values())
    return found.shown([request_view(each, names, therapist_id=kept[each.therapist_id]) for each in found.rows])


def list_patients(session: Session, plan_id: UUID, wanted: ListRequest[PlannedPatientFilter]) -> Listed:
    """How a plan leaves its patients, a part of them. Raises `NotFound`."""
    require(store.one(session, plan_id), "contact_plan")
    filters = wanted.filters
    found = store.patients(
        session, plan_id, wanted.part, patient_id=filters.patient_id, gaps=filters.gap, lacks=filters.lacks
    )
    names = names_of(session, patients=[each.patient_id for each in found.rows])
    return found.shown([patient_view(each, names) for each in found.rows])


def _view(session: Session, plan: ContactPlan) -> ContactPlanView:
    return _views(session, [plan])[0]


def _views(session: Session, plans: Sequence[ContactPlan]) -> list[ContactPlanView]:
    edited: dict[UUID, list[PlannedRequest]] = {each.id: [] for each in plans}
    for each in store.edited(session, edited):
        edited[each.plan_id].append(each)
    return [plan_view(each, edited[each.id]) for each in plans]


# Changing


def change(
    session: Session,
    plan_id: UUID,
    patch: MergePatch,
    *,
    rules: AskAgainRules,
    expected_versions: Collection[int] | None,
    by: UUID | None,
    today: date,
    now: datetime,
) -> ContactPlanView:
    """Take requests out of a proposed plan, put them back, add others.

    Raises `NotFound`, `LostUpdate`, `Conflict` for a plan that is not proposed, and `InvalidFields` for a request that
    is none of the plan's, one that is in it already, a patient who does not search, and a therapist who does not fit.
    """
    plan = require(store.one(session, plan_id, lock=True), "contact_plan")
    check_version(plan, expected_versions, "contact_plan")
    current = _view(session, plan)
    wanted = merged(ContactPlanFields, current, patch.changes_to(current))
    if _as_sets(wanted) == _as_sets(current):
        return current
    if plan.status != ContactPlanStatus.PROPOSED:
        raise Conflict("contact_plan.not_proposed", status=ContactPlanStatus(plan.status))
    # the patients of those that are added are locked first: what is published of patients changes their requests
    _add(session, plan, current, wanted.added_requests, rules=rules, today=today)
    taken_out = _take_out(session, plan, current, wanted.removed_request_ids)
    added = {each.patient_id for each in (*wanted.added_requests, *current.added_requests)}
    plan_numbers.sum_up_anew(session, plan, taken_out | added)
    plan.count_change(by=by, now=now)
    session.flush()
    return _view(session, plan)


def _as_sets(fields: ContactPlanFields) -> tuple[set[UUID], set[tuple[UUID, UUID]]]:
    return set(fields.removed_request_ids), {_pair(each) for each in fields.added_requests}


def _pair(each: PlannedPair | PlannedRequest) -> tuple[UUID, UUID]:
    return each.patient_id, each.therapist_id


def _take_out(session: Session, plan: ContactPlan, current: ContactPlanView, wanted: Sequence[UUID]) -> set[UUID]:
    """Take these requests out and put others back; returns the patients of both."""
    concerned = {*wanted, *current.removed_request_ids}
    known = {each.id: each for each in store.requests_with_ids(session, plan.id, concerned) if not each.added_by_staff}
    unknown = [index for index, each in enumerate(wanted) if each not in known]
    if unknown:
        problems = (FieldProblem.of(f"removed_request_ids.{index}", "field.not_of_this_plan") for index in unknown)
        raise InvalidFields(problems)
    removed, removed_before = set(wanted), set(current.removed_request_ids)
    for id, each in known.items():
        if id in removed - removed_before:
            planned_request_states.take_out(each)
        elif id in removed_before - removed:
            planned_request_states.put_back(each)
    return {each.patient_id for each in known.values()}


def _add(
    session: Session,
    plan: ContactPlan,
    current: ContactPlanView,
    wanted: Sequence[PlannedPair],
    *,
    rules: AskAgainRules,
    today: date,
) -> None:
    pairs = [_pair(each) for each in wanted]
    before = {_pair(each) for each in current.added_requests}
    known = {_pair(each): each for each in store.requests_of_pairs(session, plan.id, {*pairs, *before})}
    new = [(index, pair) for index, pair in enumerate(pairs) if pair not in before]
    patients = _patients_to_add_for(session, new, known)
    judged = added_requests.judge(session, [pair for _, pair in new], patients, rules=rules, today=today)
    _refuse_who_does_not_fit(new, judged)
    for pair in before - set(pairs):
        session.delete(known[pair])
    _add_patients(session, plan, {patient for _, (patient, _) in new})
    for added in added_requests.planned(session, plan, judged, patients):
        planned_request_states.propose(added)
        session.add(added)


def _refuse_who_does_not_fit(
    new: Sequence[tuple[int, added_requests.Pair]],
    judged: Mapping[added_requests.Pair, tuple[Judged, Search]],
) -> None:
    problems = [each for index, pair in new for each in added_requests.problems(index, judged.get(pair))]
    if problems:
        raise InvalidFields(problems)


def _patients_to_add_for(
    session: Session,
    new: Sequence[tuple[int, added_requests.Pair]],
    known: Mapping[added_requests.Pair, PlannedRequest],
) -> Mapping[UUID, PatientCopy]:
    """The patients of these pairs, locked; raises `InvalidFields` for what cannot be added."""
    patients = queries.lock_patients(session, {patient for _, (patient, _) in new})
    problems = []
    for index, pair in new:
        patient = patients.get(pair[0])
        if pair in known:
            problems.append(FieldProblem.of(f"added_requests.{index}", "field.in_the_plan_already"))
        elif patient is None or patient.status != PatientStatus.SEARCHING:
            problems.append(FieldProblem.of(f"added_requests.{index}.patient_id", "field.not_searching"))
    if problems:
        raise InvalidFields(problems)
    return patients


def _add_patients(session: Session, plan: ContactPlan, ids: Collection[UUID]) -> None:
    """Those who began to search after the plan was made, so that their requests are made too."""
    known = {each.patient_id for each in store.planned_patients(session, plan.id, ids)}
    last = store.last_position(session, plan.id)
    for position, patient_id in enumerate(sorted(set(ids) - known), start=last + 1):
        row: dict[str, Any] = {"asked_already": 0, "candidates": 0, "planned": 0, "lacks": {}}
        session.add(PlannedPatient(plan_id=plan.id, patient_id=patient_id, position=position, **row))
        plan.patients += 1


# Approving


def approve(
    session: Session,
    plan_id: UUID,
    *,
    expected_versions: Collection[int] | None,
    by: UUID | None,
    today: date,
    now: datetime,
) -> ContactPlanView:
    """Have the requests of a plan made, now, also where its week has yet to begin; a job makes them.

    One that was approved already is shown as it is. Every other plan that is proposed is superseded, one that is
    computed begins again: neither knows of these requests. Raises `NotFound`, `LostUpdate`, `Conflict` for a plan that
    is not ready, is superseded, or whose week is over.
    """
    store.take_turn(session)
    require(store.one(session, plan_id), "contact_plan")
    plan = store.require_locked(session, plan_id)
    if plan.status in (ContactPlanStatus.APPROVING, ContactPlanStatus.APPROVED):
        return _view(session, plan)
    check_version(plan, expected_versions, "contact_plan")
    if plan.status != ContactPlanStatus.PROPOSED:
        raise Conflict("contact_plan.not_proposed", status=ContactPlanStatus(plan.status))
    if _is_over(plan.week, today):
        raise Conflict("contact_plan.too_late")
    _supersede_others(session, plan, now=now)
    states.approve_plan(plan, by=by, now=now)
    plan.count_change(by=by, now=now)
    session.flush()
    return _view(session, plan)


def cancel(
    session: Session,
    plan_id: UUID,
    *,
    expected_versions: Collection[int] | None,
    by: UUID | None,
    now: datetime,
) -> ContactPlanView:
    """Do without a plan that nobody has approved, also while it is computed; another one can be made at once.

    One that was cancelled already is shown as it is. Raises `NotFound`, `LostUpdate`, and `Conflict` for a plan that
    was approved, or is over otherwise.
    """
    store.take_turn(session)
    require(store.one(session, plan_id), "contact_plan")
    plan = store.require_locked(session, plan_id)
    if plan.status == ContactPlanStatus.CANCELLED:
        return _view(session, plan)
    check_version(plan, expected_versions, "contact_plan")
    if ContactPlanStatus.CANCELLED not in states.PLANS[ContactPlanStatus(plan.status)]:
        raise Conflict("contact_plan.not_cancellable", status=ContactPlanStatus(plan.status))
    states.cancel_plan(plan, now=now)
    plan.count_change(by=by, now=now)
    session.flush()
    return _view(session, plan)


def _supersede_others(session: Session, plan: ContactPlan, *, now: datetime) -> None:
    for other in store.with_status(session, ContactPlanStatus.PROPOSED, ContactPlanStatus.COMPUTING):
        if other.status == ContactPlanStatus.COMPUTING:
            states.compute_plan_anew(other, now=now)
        elif other.id != plan.id:
            states.supersede_plan(other, now=now)


def forget_unpublished_diagnoses(session: Session, patient_ids: Collection[UUID]) -> None:
    """Remove from all plans what follows from the diagnosis of a patient of whom none is published any more.

    The caller holds the patients' locks.
    """
    store.forget_preferences(session, patient_ids, chance_without=acceptance.without_preference)


def forget(session: Session, patient_ids: Collection[UUID]) -> None:
    """Remove patients from all plans; the caller holds their locks."""
    store.forget(session, patient_ids)
