"""Endpoints to distances."""

from __future__ import annotations

from geocoding_service.domain import ways
from geocoding_service.domain.schemas import DistanceMatrix, DistanceMatrixRequest, DistanceQuery, Way
from shared.http import READ_ONLY, Context, Resource, endpoint


class DistanceResource(Resource):
    """The way between two points."""

    @endpoint(query=DistanceQuery, response=Way, statuses=(404,), transaction=False)
    def get(self, context: Context[None], query: DistanceQuery) -> Way:
        """Estimate a way from the straight line, with detour factors and speeds by means of travel."""
        return ways.estimate(query)


class DistanceMatrixResource(Resource):
    """The ways between many points."""

    @endpoint(body=DistanceMatrixRequest, response=DistanceMatrix, replay=READ_ONLY, transaction=False)
    def post(self, context: Context[None], body: DistanceMatrixRequest) -> DistanceMatrix:
        """Estimate the ways from every origin to every destination, at most 100 times 100."""
        return ways.estimate_matrix(body)
