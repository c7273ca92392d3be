"""Endpoints to those of us who phone practices."""

from __future__ import annotations

from uuid import UUID

from communication_service.dependencies import Dependencies
from communication_service.domain import callers
from communication_service.domain.caller_schemas import CallerFields, CallerView
from communication_service.domain.lists import CALLERS
from shared.http import Context, Resource, endpoint
from shared.values.lists import Listed, ListRequest
from shared.values.schemas import MergePatch, QuerySchema


class CallerItem(Resource):
    """One caller."""

    @endpoint(response=CallerView)
    def get(self, context: Context[Dependencies], id: UUID) -> CallerView:
        """Show a caller with hours and absences."""
        return callers.get(context.session, id)

    @endpoint(patch=CallerFields, response=CallerView)
    def patch(self, context: Context[Dependencies], id: UUID, patch: MergePatch) -> CallerView:
        """Change a caller; planned calls that do not fit any more are planned anew, claimed ones stay."""
        return callers.change(
            context.session, id, patch, expected_versions=context.if_match, by=context.caller.id, now=context.now
        )

    @endpoint()
    def delete(self, context: Context[Dependencies], id: UUID) -> None:
        """Remove a caller; their planned calls are planned anew, those that they made stay theirs."""
        callers.remove(context.session, id, expected_versions=context.if_match, by=context.caller.id, now=context.now)


class CallerCollection(Resource):
    """All callers."""

    @endpoint(lists=CALLERS)
    def get(self, context: Context[Dependencies], wanted: ListRequest[QuerySchema]) -> Listed:
        """List callers by name."""
        return callers.list_part(context.session, wanted)

    @endpoint(body=CallerFields, response=CallerView, status=201, replay=CallerItem.get)
    def post(self, context: Context[Dependencies], body: CallerFields) -> CallerView:
        """Enter somebody who phones practices, with weekly hours and absences."""
        return callers.add(context.session, body, by=context.caller.id, now=context.now)
