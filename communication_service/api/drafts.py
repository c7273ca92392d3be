"""Endpoints to what staff decide about e-mails before they go."""

from __future__ import annotations

from uuid import UUID

from communication_service.api.emails import EmailItem
from communication_service.api.texts import texts
from communication_service.dependencies import Dependencies
from communication_service.domain import drafts
from communication_service.domain.schemas import EmailView
from shared.http import Context, Resource, endpoint


class EmailApproveResource(Resource):
    """The approval of a draft."""

    @endpoint(response=EmailView, replay=EmailItem.get)
    def post(self, context: Context[Dependencies], id: UUID) -> EmailView:
        """Approve a draft: it goes at its turn."""
        return drafts.approve(context.session, texts(context), id, by=context.caller.id, now=context.now)


class EmailSendResource(Resource):
    """The wish that an e-mail goes soon."""

    @endpoint(response=EmailView, replay=EmailItem.get)
    def post(self, context: Context[Dependencies], id: UUID) -> EmailView:
        """Send an e-mail as soon as it may go, outside of the hours for sending too; a draft is approved."""
        return drafts.send(context.session, texts(context), id, by=context.caller.id, now=context.now)


class EmailCancelResource(Resource):
    """The end of an e-mail that has not gone out."""

    @endpoint(response=EmailView, replay=EmailItem.get)
    def post(self, context: Context[Dependencies], id: UUID) -> EmailView:
        """Never send a confirmation or a withdrawal; of an inquiry, withdraw the requests instead."""
        return drafts.cancel(context.session, texts(context), id, by=context.caller.id, now=context.now)
