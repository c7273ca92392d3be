"""Endpoints to distances."""

from __future__ import annotations

from geocoding_service.domain import distances
from geocoding_service.domain.schemas import DistanceMatrixRequest, DistanceMatrixView, DistanceQuery, DistanceView
from shared.http import READ_ONLY, Context, Resource, endpoint


class DistanceResource(Resource):
    """The distance between two points."""

    @endpoint(query=DistanceQuery, response=DistanceView, statuses=(404,), transaction=False)
    def get(self, context: Context[None], query: DistanceQuery) -> DistanceView:
        """Estimate a distance from the straight line, with detour factors and speeds by means of travel."""
        return distances.estimate(query)


class DistanceMatrixResource(Resource):
    """The distances between many points."""

    @endpoint(body=DistanceMatrixRequest, response=DistanceMatrixView, replay=READ_ONLY, transaction=False)
    def post(self, context: Context[None], body: DistanceMatrixRequest) -> DistanceMatrixView:
        """Estimate the distances from every origin to every destination, at most 10,000 ways."""
        return distances.estimate_matrix(body)
