"""Endpoints from addresses to places and back, and to postal codes."""

from __future__ import annotations

from collections.abc import Sequence

from geocoding_service import jobs
from geocoding_service.dependencies import Dependencies
from geocoding_service.domain import geocoder_requests, offline_geocoding
from geocoding_service.domain.schemas import (
    AreaView,
    GeocodeBatch,
    GeocodeQuery,
    Location,
    LocationList,
    PostalCodeView,
    ReverseGeocodeQuery,
)
from shared.http import READ_ONLY, Context, Resource, endpoint
from shared.values.geocoder_places import GeocoderPlace


def _look_up(context: Context[Dependencies], query: GeocodeQuery) -> None:
    """Ask the geocoder, before a transaction is open, where that is allowed."""
    jobs.look_up_for_request(query, context.dependencies, now=context.now)


def _address_at(context: Context[Dependencies], query: ReverseGeocodeQuery) -> Sequence[GeocoderPlace]:
    """Ask the geocoder, before a transaction is open, where that is allowed."""
    return jobs.address_at(query.place, context.dependencies, now=context.now)


class GeocodeResource(Resource):
    """Where addresses lie."""

    @endpoint(query=GeocodeQuery, response=Location, statuses=(404,), before_transaction=_look_up)
    def get(self, context: Context[Dependencies], query: GeocodeQuery, fetched: None = None) -> Location:
        """Find an address.

        In parts (`street, house_number, postal_code, city`) or in one line (`q`). The answer is where a geocoder knows
        the house or the street, if it was asked; else the middle of the postal code's area or, where that is not known,
        of the city. The federal state is null where the postal code lies in several and nothing says in which.
        """
        return geocoder_requests.locate(context.session, query, rules=context.dependencies.rules, now=context.now)

    # what it lets be looked up, the same question lets be looked up once only: a repeated key needs no replay
    @endpoint(body=GeocodeBatch, response=LocationList, replay=READ_ONLY)
    def post(self, context: Context[Dependencies], body: GeocodeBatch) -> LocationList:
        """Find up to 100 addresses at once, as far as they are known now.

        Where a geocoder may be asked for them, it is asked afterwards: `pending` says for which, and the same request
        has the better answers later.
        """
        return geocoder_requests.locate_all(context.session, body, rules=context.dependencies.rules, now=context.now)


class ReverseGeocodeResource(Resource):
    """What lies at a place."""

    @endpoint(
        query=ReverseGeocodeQuery,
        response=AreaView,
        statuses=(404,),
        before_transaction=_address_at,
    )
    def get(
        self, context: Context[Dependencies], query: ReverseGeocodeQuery, fetched: Sequence[GeocoderPlace] = ()
    ) -> AreaView:
        """Find the postal code area nearest to a place and, where a geocoder may be asked, the nearest address."""
        return geocoder_requests.show_place(query.place, fetched)


class PostalCodeItem(Resource):
    """One postal code."""

    @endpoint(response=PostalCodeView, transaction=False)
    def get(self, context: Context[Dependencies], code: str) -> PostalCodeView:
        """Show where a postal code is, its municipalities and federal states."""
        return offline_geocoding.show_postal_code(code)
