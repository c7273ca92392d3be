"""Every address of this service, and who may call it."""

from __future__ import annotations

from geocoding_service.api.distances import Distance, DistanceMatrix
from geocoding_service.api.places import Geocode, ReverseGeocode
from geocoding_service.api.public_holidays import Holidays
from shared.http import Route
from shared.security.authentication import SIGNED_IN

ROUTES = [
    Route("/api/geocode", Geocode, get=SIGNED_IN),
    Route("/api/reverse-geocode", ReverseGeocode, get=SIGNED_IN),
    Route("/api/distance", Distance, get=SIGNED_IN),
    Route("/api/distance-matrix", DistanceMatrix, post=SIGNED_IN),
    Route("/api/holidays", Holidays, get=SIGNED_IN),
]
