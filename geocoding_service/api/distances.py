"""Endpoints to distances."""

from __future__ import annotations

from geocoding_service.domain import distances
from geocoding_service.domain.schemas import DistanceMatrixRequest, DistanceMatrixView, DistanceQuery, DistanceView
from shared.http import Resource, endpoint


class Distance(Resource):
    """The distance between two points."""

    @endpoint(query=DistanceQuery, answer=DistanceView, statuses=(404,))
    def get(self, query: DistanceQuery) -> DistanceView:
        """Estimate a distance from the straight line, with detour factors and speeds by means of travel."""
        return distances.between(query)


class DistanceMatrix(Resource):
    """The distances between many points."""

    @endpoint(body=DistanceMatrixRequest, answer=DistanceMatrixView)
    def post(self, body: DistanceMatrixRequest) -> DistanceMatrixView:
        """Estimate the distances from every origin to every destination, at most 100 times 100."""
        return distances.matrix(body)
