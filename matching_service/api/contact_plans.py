"""Endpoints to weekly contact plans."""

from __future__ import annotations

from uuid import UUID

from matching_service.dependencies import Dependencies
from matching_service.domain import contact_plans
from matching_service.domain.contact_plan_schemas import (
    ContactPlanFields,
    ContactPlanFilter,
    ContactPlanView,
    NewContactPlan,
    PlannedPatientFilter,
    PlannedRequestFilter,
)
from matching_service.domain.lists import CONTACT_PLANS, PLANNED_PATIENTS, PLANNED_REQUESTS
from shared.http import Context, Resource, endpoint
from shared.values.lists import Listed, ListRequest
from shared.values.schemas import MergePatch


class ContactPlanItem(Resource):
    """One contact plan."""

    @endpoint(response=ContactPlanView)
    def get(self, context: Context[Dependencies], id: UUID) -> ContactPlanView:
        """Show a contact plan, and how far it is."""
        return contact_plans.get(context.session, id)

    @endpoint(patch=ContactPlanFields, response=ContactPlanView)
    def patch(self, context: Context[Dependencies], id: UUID, patch: MergePatch) -> ContactPlanView:
        """Take requests out of a proposed plan, put them back, or add others that fit.

        Who does not fit is refused by the criterion: a criterion is set aside, with a reason, where a contact list is
        approved. The numbers of the plan follow; what staff add has a channel and a chance, as what is computed.
        """
        return contact_plans.change(
            context.session,
            id,
            patch,
            rules=context.dependencies.rules,
            expected_versions=context.if_match,
            by=context.caller.id,
            today=context.today,
            now=context.now,
        )


class ContactPlanCollection(Resource):
    """All contact plans."""

    @endpoint(lists=CONTACT_PLANS)
    def get(self, context: Context[Dependencies], wanted: ListRequest[ContactPlanFilter]) -> Listed:
        """List contact plans, newest first."""
        return contact_plans.list_part(context.session, wanted)

    @endpoint(body=NewContactPlan, response=ContactPlanView, status=202, replay=ContactPlanItem.get)
    def post(self, context: Context[Dependencies], body: NewContactPlan) -> ContactPlanView:
        """Have the contacts of a week planned for everybody who searches: who is asked for whom.

        Look at the address in `Location` for how far it is. Nobody is asked before the plan is approved. 409 while
        another plan is being made.
        """
        return contact_plans.begin(
            context.session,
            body,
            rules=context.dependencies.plan_rules,
            by=context.caller.id,
            today=context.today,
            now=context.now,
        )


class ContactPlanApproveResource(Resource):
    """The approval of a contact plan."""

    @endpoint(response=ContactPlanView, status=202, location="/api/contact-plans/{id}", replay=ContactPlanItem.get)
    def post(self, context: Context[Dependencies], id: UUID) -> ContactPlanView:
        """Approve a contact plan: its requests become placement requests, as far as the rules allow it then.

        That is now, also where its week has yet to begin: practices are asked as soon as they can be. Requests are
        made in the order of waiting; look at the address in `Location` for how far that is. Approving it again
        changes nothing. Every other proposed plan is superseded.
        """
        return contact_plans.approve(
            context.session,
            id,
            expected_versions=context.if_match,
            by=context.caller.id,
            today=context.today,
            now=context.now,
        )


class ContactPlanCancelResource(Resource):
    """The end of a contact plan that nobody approved."""

    @endpoint(response=ContactPlanView, replay=ContactPlanItem.get)
    def post(self, context: Context[Dependencies], id: UUID) -> ContactPlanView:
        """Cancel a contact plan before its approval, also while it is computed: another one can be made at once.

        Cancelling it again changes nothing. Of a plan that was approved, withdraw the placement requests instead.
        """
        return contact_plans.cancel(
            context.session, id, expected_versions=context.if_match, by=context.caller.id, now=context.now
        )


class ContactPlanRequestCollection(Resource):
    """The requests of a contact plan."""

    @endpoint(lists=PLANNED_REQUESTS)
    def get(self, context: Context[Dependencies], id: UUID, wanted: ListRequest[PlannedRequestFilter]) -> Listed:
        """List the requests of a plan by patients, those first who have waited longest."""
        return contact_plans.list_requests(context.session, id, wanted)


class ContactPlanPatientCollection(Resource):
    """The patients of a contact plan."""

    @endpoint(lists=PLANNED_PATIENTS)
    def get(self, context: Context[Dependencies], id: UUID, wanted: ListRequest[PlannedPatientFilter]) -> Listed:
        """List how a plan leaves each patient, and what was missing; those first who have waited longest."""
        return contact_plans.list_patients(context.session, id, wanted)
