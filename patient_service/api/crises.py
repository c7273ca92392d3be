"""Endpoints to a patient's crisis."""

from __future__ import annotations

from uuid import UUID

from patient_service.api.access_log import reader
from patient_service.api.patients import PatientItem
from patient_service.dependencies import Dependencies
from patient_service.domain import crisis
from patient_service.domain.schemas import CrisisNote, CrisisReason, PatientView
from shared.http import Context, Resource, endpoint


class PatientCrisisAcknowledgeResource(Resource):
    """That somebody takes care of a crisis."""

    @endpoint(body=CrisisNote, response=PatientView, replay=PatientItem.get)
    def post(self, context: Context[Dependencies], id: UUID, body: CrisisNote) -> PatientView:
        """Acknowledge a crisis, perhaps with a note: it is not among the unacknowledged ones any more."""
        keys = context.dependencies.keys
        return crisis.acknowledge(context.session, keys, id, body, reader=reader(context), now=context.now)


class PatientCrisisFlagResource(Resource):
    """A crisis that somebody has recognised."""

    @endpoint(body=CrisisReason, response=PatientView, replay=PatientItem.get)
    def post(self, context: Context[Dependencies], id: UUID, body: CrisisReason) -> PatientView:
        """Mark a patient as being in a crisis, whatever the file says; also one that was acknowledged before."""
        keys = context.dependencies.keys
        return crisis.flag(context.session, keys, id, body, reader=reader(context), now=context.now)


class PatientCrisisClearResource(Resource):
    """The end of a crisis, or a false alarm."""

    @endpoint(body=CrisisReason, response=PatientView, replay=PatientItem.get)
    def post(self, context: Context[Dependencies], id: UUID, body: CrisisReason) -> PatientView:
        """Take a crisis back, and keep why; a new text with suicidal thoughts raises it again."""
        keys = context.dependencies.keys
        return crisis.clear(context.session, keys, id, body, reader=reader(context), now=context.now)
