"""Endpoints from addresses to places and back. They need no transaction: the tables are files."""

from __future__ import annotations

from geocoding_service.domain import lookup
from geocoding_service.domain.schemas import AreaView, GeocodeQuery, Location, ReverseGeocodeQuery
from shared.http import Context, Resource, endpoint
from shared.values.places import Place


class GeocodeResource(Resource):
    """Where an address lies."""

    @endpoint(query=GeocodeQuery, response=Location, statuses=(404,), transaction=False)
    def get(self, context: Context[None], query: GeocodeQuery) -> Location:
        """Find an address.

        In parts (`street, house_number, postal_code, city`) or in one line (`q`). The answer is the middle of the
        postal code's area or, where that is not known, of the city; streets are not known yet. The federal state is
        null where the postal code lies in two and no city says in which.
        """
        return lookup.locate(query)


class ReverseGeocodeResource(Resource):
    """What lies at a place."""

    @endpoint(query=ReverseGeocodeQuery, response=AreaView, statuses=(404,), transaction=False)
    def get(self, context: Context[None], query: ReverseGeocodeQuery) -> AreaView:
        """Find the postal code area nearest to a place."""
        return lookup.find_area(Place(query.latitude, query.longitude))
