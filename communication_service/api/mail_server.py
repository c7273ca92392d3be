"""The endpoint to what is known of the mail server."""

from __future__ import annotations

from communication_service.dependencies import Dependencies
from communication_service.domain import mail_server
from communication_service.domain.schemas import MailServerView
from shared.http import Context, Resource, endpoint


class MailServerResource(Resource):
    """The mail server."""

    @endpoint(response=MailServerView)
    def get(self, context: Context[Dependencies]) -> MailServerView:
        """Say whether e-mails go out; if not, since when, what the mail server said, and when it is tried again."""
        return mail_server.show(context.session)
