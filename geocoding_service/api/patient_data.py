"""Endpoint for the export: all that this service holds about one patient."""

from __future__ import annotations

from uuid import UUID

from geocoding_service.domain import patient_data
from geocoding_service.domain.patient_data import GeocodingData
from shared.http import Context
from shared.http.patient_data import patient_data_route


def _held(context: Context[None], id: UUID) -> GeocodingData:
    return patient_data.read(context.session, id)


PATIENT_DATA = patient_data_route(GeocodingData, _held)
