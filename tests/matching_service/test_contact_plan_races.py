"""Two who decide about plans at once: nothing is made twice, and no plan is proposed that does not know of another."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy.orm import Session

from matching_service import jobs
from matching_service.domain import contact_plans, plan_solving
from matching_service.domain.contact_plan_schemas import ContactPlanView, NewContactPlan
from matching_service.settings import DEFAULT_PLAN_RULES
from matching_service.store.tables import ContactPlan, PlacementRequest
from shared.database import transaction
from shared.errors import Conflict
from shared.runtime import clock
from shared.values.contact_plan_enums import ContactPlanStatus
from shared.values.datetimes import berlin_day
from shared.values.schemas import MergePatch
from tests.builders.contact_plans import WEDNESDAY, a_callable_therapist, a_stored_plan, make_requests
from tests.builders.matching import RULES, a_known_patient
from tests.concurrency import at_once, in_turn, while_uncommitted

pytestmark = pytest.mark.usefixtures("real_commits")


def begin(session: Session) -> ContactPlanView:
    today = berlin_day(WEDNESDAY)
    return contact_plans.begin(session, NewContactPlan(), rules=DEFAULT_PLAN_RULES, by=None, today=today, now=WEDNESDAY)


def approve(session: Session, plan_id: UUID) -> ContactPlanView:
    today = berlin_day(WEDNESDAY)
    return contact_plans.approve(session, plan_id, expected_versions=None, by=None, today=today, now=WEDNESDAY)


def _status(plan_id: UUID) -> str:
    with transaction() as session:
        return session.get_one(ContactPlan, plan_id).status


def test_decisions_at_the_same_moment() -> None:
    """Two begin a plan; two approve one while another is computed; two workers make its requests."""
    with transaction() as session:
        patient, therapist = a_known_patient(session), a_callable_therapist(session)
        plan, _ = a_stored_plan(session, patient, therapist)
        other, _ = a_stored_plan(session, patient, therapist)
    refused = in_turn(begin, begin)
    assert isinstance(refused, Conflict)
    assert refused.code == "contact_plan.being_made"
    computed = refused.existing_id
    assert computed is not None

    def approved_meanwhile(question: Any) -> Any:
        again = in_turn(lambda session: approve(session, plan), lambda session: approve(session, plan))
        assert again.status == ContactPlanStatus.APPROVING
        return plan_solving.solve(question)

    assert jobs.make_contact_plan(RULES, WEDNESDAY, solve=approved_meanwhile) == 1
    assert _status(computed) == ContactPlanStatus.WAITING, "it is not proposed: it does not know of the requests"
    assert isinstance(in_turn(lambda _: None, lambda session: approve(session, other)), Conflict)
    at_once([make_requests] * 3)
    assert _status(plan) == ContactPlanStatus.APPROVED
    with transaction() as session:
        (request,) = session.query(PlacementRequest).all()
        assert (request.patient_id, request.therapist_id) == (patient, therapist)
    assert jobs.make_contact_plan(RULES, WEDNESDAY, solve=plan_solving.solve) == 1
    assert _status(computed) == ContactPlanStatus.PROPOSED


def test_a_claim_is_kept_while_a_plan_is_solved() -> None:
    """However long that takes: nobody else takes the plan meanwhile."""
    with transaction() as session:
        plan = begin(session).id

    def claimed_until() -> Any:
        with transaction() as session:
            return session.get_one(ContactPlan, plan).claimed_until

    def solves_for_long(question: Any) -> Any:
        first, given_up_at = claimed_until(), clock.monotonic() + 150
        while claimed_until() == first:
            assert clock.monotonic() < given_up_at, "the claim was not renewed"
        return plan_solving.solve(question)

    often = timedelta(seconds=0.01)
    assert jobs.make_contact_plan(RULES, WEDNESDAY, solve=solves_for_long, renewed_every=often) == 1
    assert _status(plan) == ContactPlanStatus.PROPOSED


def test_a_plan_that_is_changed_while_it_is_approved() -> None:
    with transaction() as session:
        plan, request = a_stored_plan(session, a_known_patient(session), a_callable_therapist(session))

    def change() -> Any:
        with transaction() as session:
            known = contact_plans.get(session, plan)
            assert known.removed_request_ids == []
            asked = {"expected_versions": None, "by": None, "today": berlin_day(WEDNESDAY), "now": WEDNESDAY}
            return contact_plans.change(session, plan, _patch(request), rules=RULES, **asked)

    refused = while_uncommitted(lambda session: approve(session, plan), change)
    assert isinstance(refused, Conflict)
    assert refused.code == "contact_plan.not_proposed"


def _patch(request: UUID) -> Any:
    return MergePatch(changes={"removed_request_ids": [request]}, read_only={})
