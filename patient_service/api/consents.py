"""Endpoints to a patient's consents."""

from __future__ import annotations

from uuid import UUID

from patient_service.api.access_log import reader
from patient_service.dependencies import Dependencies
from patient_service.domain import consents
from patient_service.domain.schemas import ConsentView, NewConsent
from shared.http import Context, Resource, endpoint


class ConsentItem(Resource):
    """One consent."""

    @endpoint(response=ConsentView)
    def get(self, context: Context[Dependencies], id: UUID, consent_id: UUID) -> ConsentView:
        """Show a consent; noted in the access log."""
        keys = context.dependencies.keys
        return consents.get(context.session, keys, id, consent_id, reader=reader(context), now=context.now)


class ConsentCollection(Resource):
    """A patient's consents; the patient shows them all."""

    @endpoint(body=NewConsent, response=ConsentView, status=201, replay=ConsentItem.get)
    def post(self, context: Context[Dependencies], id: UUID, body: NewConsent) -> ConsentView:
        """Record a consent."""
        keys = context.dependencies.keys
        return consents.give(context.session, keys, id, body, reader=reader(context), now=context.now)


class ConsentWithdrawResource(Resource):
    """The end of a consent."""

    @endpoint(response=ConsentView, replay=ConsentItem.get)
    def post(self, context: Context[Dependencies], id: UUID, consent_id: UUID) -> ConsentView:
        """Withdraw a consent from today on."""
        keys = context.dependencies.keys
        return consents.withdraw(context.session, keys, id, consent_id, reader=reader(context), now=context.now)
