"""Endpoint for the export: all that this service holds about one patient."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from geocoding_service.domain import patient_data
from geocoding_service.domain.patient_data import GeocodingData
from shared.http import Context
from shared.http.patient_data import patient_data_route


def _held(context: Context[None], ids: Sequence[UUID]) -> GeocodingData:
    return patient_data.read(context.session, ids)


PATIENT_DATA = patient_data_route(GeocodingData, _held)
