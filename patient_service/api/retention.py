"""Endpoints to closed cases that were kept for long enough; `PatientItem` and the bulk endpoint erase them."""

from __future__ import annotations

from uuid import UUID

from patient_service.api.access_log import reader
from patient_service.api.patients import PatientItem
from patient_service.dependencies import Dependencies
from patient_service.domain import retention
from patient_service.domain.schemas import DeclinedErasure, PatientView
from shared.http import Context, Resource, endpoint


class PatientErasureDeclineResource(Resource):
    """That a patient is kept whose erasure is proposed."""

    @endpoint(body=DeclinedErasure, response=PatientView, replay=PatientItem.get)
    def post(self, context: Context[Dependencies], id: UUID, body: DeclinedErasure) -> PatientView:
        """Keep a patient whose erasure is proposed; that is not proposed again for a time, and the history says why."""
        needed = context.dependencies
        days = needed.declined_erasures_rest_days
        return retention.decline(
            context.session, needed.keys, id, body, days=days, reader=reader(context), now=context.now
        )
