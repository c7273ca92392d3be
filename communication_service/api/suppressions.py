"""Endpoints to addresses that get no inquiries."""

from __future__ import annotations

from uuid import UUID

from communication_service.dependencies import Dependencies
from communication_service.domain import suppressions
from communication_service.domain.lists import SUPPRESSIONS
from communication_service.domain.suppression_schemas import NewSuppression, SuppressionView
from shared.http import Context, Resource, endpoint
from shared.values.lists import Listed, ListRequest
from shared.values.schemas import QuerySchema


class EmailSuppressionItem(Resource):
    """One suppressed address."""

    @endpoint(response=SuppressionView)
    def get(self, context: Context[Dependencies], id: UUID) -> SuppressionView:
        """Show a suppressed address."""
        return suppressions.get(context.session, id)

    @endpoint()
    def delete(self, context: Context[Dependencies], id: UUID) -> None:
        """Take back one reason why an address gets no inquiries; it gets them again when none is left."""
        suppressions.remove(
            context.session, id, expected_versions=context.if_match, by=context.caller.id, now=context.now
        )


class EmailSuppressionCollection(Resource):
    """All suppressed addresses."""

    @endpoint(lists=SUPPRESSIONS)
    def get(self, context: Context[Dependencies], wanted: ListRequest[QuerySchema]) -> Listed:
        """List addresses that get no inquiries, newest first; one may stand for several sources."""
        return suppressions.list_part(context.session, wanted)

    @endpoint(body=NewSuppression, response=SuppressionView, status=201, replay=EmailSuppressionItem.get)
    def post(self, context: Context[Dependencies], body: NewSuppression) -> SuppressionView:
        """Write no more inquiries to an address, for everybody who uses it."""
        return suppressions.add(context.session, body, by=context.caller.id, now=context.now)
