"""Endpoints to inquiries, and to all contacts with a practice."""

from __future__ import annotations

from uuid import UUID

from communication_service.api.texts import texts
from communication_service.dependencies import Dependencies
from communication_service.domain import contact_log, emails
from communication_service.domain.lists import CONTACTS, INQUIRIES
from communication_service.domain.schemas import InquiryFilter, InquiryView
from shared.http import Context, Resource, endpoint
from shared.values.lists import Listed, ListRequest
from shared.values.schemas import QuerySchema


class InquiryItem(Resource):
    """One inquiry."""

    @endpoint(response=InquiryView)
    def get(self, context: Context[Dependencies], id: UUID) -> InquiryView:
        """Show an inquiry: its channel, its requests, what it waits for."""
        return emails.get_inquiry(context.session, id)


class InquiryCollection(Resource):
    """All inquiries."""

    @endpoint(lists=INQUIRIES)
    def get(self, context: Context[Dependencies], wanted: ListRequest[InquiryFilter]) -> Listed:
        """List inquiries, newest first."""
        return emails.list_inquiries(context.session, wanted)


class ContactHistoryCollection(Resource):
    """What happened between us and a practice."""

    @endpoint(lists=CONTACTS)
    def get(self, context: Context[Dependencies], id: UUID, wanted: ListRequest[QuerySchema]) -> Listed:
        """List the e-mails and calls with a therapist, newest first."""
        return contact_log.list_part(context.session, texts(context), id, wanted)
