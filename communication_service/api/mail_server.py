"""The endpoint to what is known of the mail server."""

from __future__ import annotations

from communication_service.domain import mail_server
from communication_service.domain.schemas import MailServerView
from shared.database import transaction
from shared.http import Resource, endpoint


class MailServer(Resource):
    """The mail server."""

    @endpoint(answer=MailServerView)
    def get(self) -> MailServerView:
        """Say whether e-mails go out; if not, since when, what the mail server said, and when it is tried again."""
        with transaction() as session:
            return mail_server.shown(session)
