"""Endpoint for the export: all that this service holds about one patient."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from communication_service.api.texts import texts
from communication_service.dependencies import Dependencies
from communication_service.domain import patient_data
from communication_service.domain.patient_data import CommunicationData
from shared.http import Context
from shared.http.patient_data import patient_data_route


def _held(context: Context[Dependencies], ids: Sequence[UUID]) -> CommunicationData:
    return patient_data.read(context.session, texts(context), ids)


PATIENT_DATA = patient_data_route(CommunicationData, _held)
