"""Every address of this service, and who may call it."""

from __future__ import annotations

from geocoding_service.api.distances import DistanceMatrixResource, DistanceResource
from geocoding_service.api.places import GeocodeResource, ReverseGeocodeResource
from geocoding_service.api.public_holidays import HolidayCollection
from shared.http import Route
from shared.security.authentication import SIGNED_IN

ROUTES = [
    Route("/api/geocode", GeocodeResource, get=SIGNED_IN),
    Route("/api/reverse-geocode", ReverseGeocodeResource, get=SIGNED_IN),
    Route("/api/distance", DistanceResource, get=SIGNED_IN),
    Route("/api/distance-matrix", DistanceMatrixResource, post=SIGNED_IN),
    Route("/api/holidays", HolidayCollection, get=SIGNED_IN),
]
