"""Every URL of this service, and who may call it."""

from __future__ import annotations

from geocoding_service.api.distances import DistanceMatrixResource, DistanceResource
from geocoding_service.api.patient_data import PATIENT_DATA
from geocoding_service.api.places import GeocodeResource, PostalCodeItem, ReverseGeocodeResource
from geocoding_service.api.public_holidays import HolidayCollection
from shared.http import Route
from shared.security.authentication import CALLERS, IMPORTERS

PLACES = CALLERS | IMPORTERS
"""Who works with addresses."""

ROUTES = [
    Route("/api/geocode", GeocodeResource, get=PLACES, post=PLACES),
    Route("/api/reverse-geocode", ReverseGeocodeResource, get=PLACES),
    Route("/api/postal-codes/<code>", PostalCodeItem, get=PLACES),
    Route("/api/distance", DistanceResource, get=PLACES),
    Route("/api/distance-matrix", DistanceMatrixResource, post=PLACES),
    Route("/api/holidays", HolidayCollection, get=PLACES),
    PATIENT_DATA,
]
