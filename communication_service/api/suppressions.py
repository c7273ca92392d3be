"""Endpoints to addresses that get no inquiries."""

from __future__ import annotations

from uuid import UUID

from communication_service.domain import suppressions
from communication_service.domain.schemas import NewSuppression, SuppressionPage, SuppressionView
from shared.database import transaction
from shared.http import Resource, endpoint, insist_on_match, once
from shared.runtime import clock
from shared.values.schemas import PageQuery


class EmailSuppressions(Resource):
    """All suppressed addresses."""

    @endpoint(query=PageQuery, answer=SuppressionPage)
    def get(self, query: PageQuery) -> SuppressionPage:
        """List addresses that get no inquiries, newest first; one may stand for several sources."""
        with transaction() as session:
            return suppressions.listed(session, query)

    @endpoint(body=NewSuppression, answer=SuppressionView, status=201)
    def post(self, body: NewSuppression) -> SuppressionView:
        """Write no more inquiries to an address, for everybody who uses it."""
        with transaction() as session:
            return once(
                session,
                lambda: suppressions.add(session, body, now=clock.now()),
                recall=lambda known: suppressions.get(session, known),
            )


class EmailSuppression(Resource):
    """One suppressed address."""

    @endpoint(answer=SuppressionView)
    def get(self, id: UUID) -> SuppressionView:
        """Show a suppressed address."""
        with transaction() as session:
            return suppressions.get(session, id)

    @endpoint()
    def delete(self, id: UUID) -> None:
        """Take back one reason why an address gets no inquiries; it gets them again when none is left."""
        with transaction() as session:
            insist_on_match(suppressions.get(session, id).version)
            suppressions.remove(session, id, now=clock.now())
