"""Endpoints to e-mails."""

from __future__ import annotations

from uuid import UUID

from communication_service.api.rules import contact_rules
from communication_service.domain import emails
from communication_service.domain.schemas import EmailFilter, EmailPage, EmailResponse, EmailView, Resolution
from shared.database import transaction
from shared.http import Resource, endpoint, once
from shared.runtime import clock


class Emails(Resource):
    """All e-mails."""

    @endpoint(query=EmailFilter, answer=EmailPage)
    def get(self, query: EmailFilter) -> EmailPage:
        """List e-mails, newest first."""
        with transaction() as session:
            return emails.listed(session, query)


class Email(Resource):
    """One e-mail."""

    @endpoint(answer=EmailView)
    def get(self, id: UUID) -> EmailView:
        """Show an e-mail: its letter, where it stands and why it waits."""
        with transaction() as session:
            return emails.get(session, id)


class EmailAnswer(Resource):
    """A practice's answer to an e-mail."""

    @endpoint(body=EmailResponse, answer=EmailView)
    def post(self, id: UUID, body: EmailResponse) -> EmailView:
        """Record what the practice answered, request by request.

        409 where a request has an answer already, unless that was "later"; then nothing is recorded.
        """

        def record() -> EmailView:
            emails.await_turn(session, id)
            return emails.answer(session, id, body, now=clock.now())

        with transaction() as session:
            return once(session, record, recall=lambda known: emails.get(session, known))


class EmailDoubt(Resource):
    """The doubt about an e-mail."""

    @endpoint(body=Resolution, answer=EmailView)
    def post(self, id: UUID, body: Resolution) -> EmailView:
        """Say whether an e-mail in doubt was sent; one that was not is written anew at its turn."""
        with transaction() as session:
            return once(
                session,
                lambda: emails.resolve(session, id, body, rules=contact_rules(), now=clock.now()),
                recall=lambda known: emails.get(session, known),
            )
