"""Endpoints to a patient's consents."""

from __future__ import annotations

from uuid import UUID

from patient_service.api.dependencies import FileResource, keys, reader
from patient_service.domain import consents
from patient_service.domain.schemas import ConsentView, NewConsent
from shared.database import transaction
from shared.http import endpoint, once
from shared.runtime import clock


class Consents(FileResource):
    """A patient's consents; the patient shows them all."""

    @endpoint(body=NewConsent, answer=ConsentView, status=201)
    def post(self, id: UUID, body: NewConsent) -> ConsentView:
        """Record a consent."""
        who, now = reader(), clock.now()
        with transaction() as session:
            return once(
                session,
                lambda: consents.give(session, keys(), id, body, reader=who, now=now),
                recall=lambda known: consents.get(session, keys(), id, known, reader=who, now=now),
            )


class Consent(FileResource):
    """One consent."""

    @endpoint(answer=ConsentView)
    def get(self, id: UUID, consent_id: UUID) -> ConsentView:
        """Show a consent; noted in the access log."""
        with transaction() as session:
            return consents.get(session, keys(), id, consent_id, reader=reader(), now=clock.now())


class ConsentWithdrawal(FileResource):
    """The end of a consent."""

    @endpoint(answer=ConsentView)
    def post(self, id: UUID, consent_id: UUID) -> ConsentView:
        """Withdraw a consent from today on."""
        who, now = reader(), clock.now()
        with transaction() as session:
            return once(
                session,
                lambda: consents.withdraw(session, keys(), id, consent_id, reader=who, now=now),
                recall=lambda known: consents.get(session, keys(), id, known, reader=who, now=now),
            )
