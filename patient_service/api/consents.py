"""Doors to a patient's consents."""

from __future__ import annotations

from uuid import UUID

from patient_service.api.at_hand import keys
from patient_service.domain import consents
from patient_service.domain.schemas import ConsentView, NewConsent
from shared import clock
from shared.api import Resource, door, once
from shared.db import transaction


class Consents(Resource):
    """A patient's consents; the patient shows them all."""

    @door(body=NewConsent, answer=ConsentView, status=201)
    def post(self, id: UUID, body: NewConsent) -> ConsentView:
        """Record a consent."""
        with transaction() as session:
            return once(
                session,
                lambda: consents.give(session, keys(), id, body, now=clock.now()),
                recall=lambda known: consents.get(session, id, known),
            )


class Consent(Resource):
    """One consent."""

    @door(answer=ConsentView)
    def get(self, id: UUID, consent_id: UUID) -> ConsentView:
        """Show a consent."""
        with transaction() as session:
            return consents.get(session, id, consent_id)


class ConsentWithdrawal(Resource):
    """The end of a consent."""

    @door(answer=ConsentView)
    def post(self, id: UUID, consent_id: UUID) -> ConsentView:
        """Withdraw a consent from today on."""
        with transaction() as session:
            return once(
                session,
                lambda: consents.withdraw(session, keys(), id, consent_id, now=clock.now()),
                recall=lambda known: consents.get(session, id, known),
            )
