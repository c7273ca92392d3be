"""Endpoints to distances."""

from __future__ import annotations

from geocoding_service.domain import schemas, ways
from geocoding_service.domain.schemas import DistanceMatrixRequest, DistanceQuery, Way
from shared.http import Resource, endpoint


class Distance(Resource):
    """The way between two points."""

    @endpoint(query=DistanceQuery, answer=Way, statuses=(404,))
    def get(self, query: DistanceQuery) -> Way:
        """Estimate a way from the straight line, with detour factors and speeds by means of travel."""
        return ways.between(query)


class DistanceMatrix(Resource):
    """The ways between many points."""

    @endpoint(body=DistanceMatrixRequest, answer=schemas.DistanceMatrix)
    def post(self, body: DistanceMatrixRequest) -> schemas.DistanceMatrix:
        """Estimate the ways from every origin to every destination, at most 100 times 100."""
        return ways.matrix(body)
