"""Endpoints to distances."""

from __future__ import annotations

from geocoding_service import jobs
from geocoding_service.dependencies import Dependencies
from geocoding_service.domain import distances
from geocoding_service.domain.schemas import DistanceMatrixRequest, DistanceMatrixView, DistanceQuery, DistanceView
from shared.http import READ_ONLY, Context, Resource, endpoint


def _route_one(context: Context[Dependencies], query: DistanceQuery) -> None:
    """Ask a router, before a transaction is open, where that is allowed."""
    jobs.route_for_request(query, context.dependencies, now=context.now)


def _route_all(context: Context[Dependencies], body: DistanceMatrixRequest) -> None:
    """Ask a router, before a transaction is open, where that is wanted and allowed."""
    jobs.route_for_request(body, context.dependencies, now=context.now)


class DistanceResource(Resource):
    """The distance between two points."""

    @endpoint(query=DistanceQuery, response=DistanceView, statuses=(404,), before_transaction=_route_one)
    def get(self, context: Context[Dependencies], query: DistanceQuery, fetched: None = None) -> DistanceView:
        """Show a distance: the straight line, and the route with its travel time.

        Where a router may be asked, it is; otherwise, and while it does not answer, route and time are estimated from
        the straight line, by means of travel and length. Places outside Germany are not known.
        """
        has_router = query.mode in context.dependencies.routers
        why = distances.why_not_routed(query, context.dependencies.route_rules, has_router=has_router)
        return distances.show(context.session, query, not_routed=why, now=context.now)


class DistanceMatrixResource(Resource):
    """The distances between many points."""

    @endpoint(body=DistanceMatrixRequest, response=DistanceMatrixView, replay=READ_ONLY, before_transaction=_route_all)
    def post(
        self, context: Context[Dependencies], body: DistanceMatrixRequest, fetched: None = None
    ) -> DistanceMatrixView:
        """Estimate the distances from every origin to every destination, at most 10,000 routes.

        With `routed` a router is asked, where one may be, for at most 500 routes; `not_routed` says why it is not.
        """
        has_router = body.mode in context.dependencies.routers
        why = distances.why_not_routed(body, context.dependencies.route_rules, has_router=has_router)
        return distances.show_matrix(context.session, body, not_routed=why, now=context.now)
