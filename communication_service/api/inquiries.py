"""Endpoints to inquiries, and to all contacts with a practice."""

from __future__ import annotations

from uuid import UUID

from communication_service.dependencies import Dependencies
from communication_service.domain import contact_log, emails
from communication_service.domain.contact_log_schemas import ContactLogPage, ContactLogQuery
from communication_service.domain.schemas import InquiryFilter, InquiryPage, InquiryView
from shared.http import Context, Resource, endpoint


class InquiryItem(Resource):
    """One inquiry."""

    @endpoint(response=InquiryView)
    def get(self, context: Context[Dependencies], id: UUID) -> InquiryView:
        """Show an inquiry: its channel, its requests, what it waits for."""
        return emails.get_inquiry(context.session, id)


class InquiryCollection(Resource):
    """All inquiries."""

    @endpoint(query=InquiryFilter, response=InquiryPage)
    def get(self, context: Context[Dependencies], query: InquiryFilter) -> InquiryPage:
        """List inquiries, newest first."""
        return emails.list_inquiries(context.session, query)


class ContactHistoryCollection(Resource):
    """What happened between us and a practice."""

    @endpoint(query=ContactLogQuery, response=ContactLogPage)
    def get(self, context: Context[Dependencies], id: UUID, query: ContactLogQuery) -> ContactLogPage:
        """List the e-mails and calls with a therapist, newest first."""
        return contact_log.list_page(context.session, id, query)
