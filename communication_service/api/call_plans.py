"""Endpoints to plans of calls."""

from __future__ import annotations

from uuid import UUID

from communication_service.dependencies import Dependencies
from communication_service.domain import call_plans
from communication_service.domain.call_plan_schemas import CallPlanFilter, CallPlanView
from communication_service.domain.lists import CALL_PLANS
from shared.http import Context, Resource, endpoint
from shared.values.lists import Listed, ListRequest


class CallPlanItem(Resource):
    """One plan of calls."""

    @endpoint(response=CallPlanView)
    def get(self, context: Context[Dependencies], id: UUID) -> CallPlanView:
        """Show a plan of calls: how much of callers' time it uses, and which practices are not called, and why."""
        return call_plans.get(context.session, id)


class CallPlanCollection(Resource):
    """All plans of calls."""

    @endpoint(lists=CALL_PLANS)
    def get(self, context: Context[Dependencies], wanted: ListRequest[CallPlanFilter]) -> Listed:
        """List plans of calls of the last four weeks, newest first."""
        return call_plans.list_part(context.session, wanted)

    @endpoint(response=CallPlanView, status=202, replay=CallPlanItem.get)
    def post(self, context: Context[Dependencies]) -> CallPlanView:
        """Have the calls of the next seven days planned anew; calls are planned anew by themselves after a change.

        Look at the address in `Location` for what came of it. Where a plan is being made already, that one is shown.
        """
        return call_plans.have_planned(context.session, by=context.caller.id, now=context.now)
