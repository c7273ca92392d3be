"""Endpoints to inquiries, and to all contacts with a practice."""

from __future__ import annotations

from uuid import UUID

from communication_service.domain import contact_log, emails
from communication_service.domain.schemas import (
    ContactLogPage,
    ContactLogQuery,
    InquiryFilter,
    InquiryPage,
    InquiryView,
)
from shared.database import transaction
from shared.http import Resource, endpoint


class Inquiries(Resource):
    """All inquiries."""

    @endpoint(query=InquiryFilter, answer=InquiryPage)
    def get(self, query: InquiryFilter) -> InquiryPage:
        """List inquiries, newest first."""
        with transaction() as session:
            return emails.inquiries(session, query)


class Inquiry(Resource):
    """One inquiry."""

    @endpoint(answer=InquiryView)
    def get(self, id: UUID) -> InquiryView:
        """Show an inquiry: its channel, its requests, what it waits for."""
        with transaction() as session:
            return emails.inquiry(session, id)


class ContactHistory(Resource):
    """What happened between us and a practice."""

    @endpoint(query=ContactLogQuery, answer=ContactLogPage)
    def get(self, id: UUID, query: ContactLogQuery) -> ContactLogPage:
        """List the e-mails and calls with a therapist, newest first."""
        with transaction() as session:
            return contact_log.of_therapist(session, id, query)
