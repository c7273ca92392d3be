"""Endpoints from addresses to places and back. They need no transaction: the tables are files."""

from __future__ import annotations

from geocoding_service.domain import lookup
from geocoding_service.domain.schemas import AreaView, GeocodeQuery, Location, ReverseGeocodeQuery
from shared.http import Resource, endpoint
from shared.values.places import Place


class Geocode(Resource):
    """Where an address lies."""

    @endpoint(query=GeocodeQuery, answer=Location, statuses=(404,))
    def get(self, query: GeocodeQuery) -> Location:
        """Find an address.

        In parts (`street, house_number, postal_code, city`) or in one line (`q`). The answer is the middle of the
        postal code's area or, where that is not known, of the city; streets are not known yet. The federal state is
        null where the postal code lies in two and no city says in which.
        """
        return lookup.locate(query)


class ReverseGeocode(Resource):
    """What lies at a place."""

    @endpoint(query=ReverseGeocodeQuery, answer=AreaView, statuses=(404,))
    def get(self, query: ReverseGeocodeQuery) -> AreaView:
        """Find the postal code area nearest to a place."""
        return lookup.area_at(Place(query.latitude, query.longitude))
