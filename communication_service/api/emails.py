"""Endpoints to e-mails."""

from __future__ import annotations

from uuid import UUID

from communication_service.api.texts import texts
from communication_service.dependencies import Dependencies
from communication_service.domain import drafts, emails
from communication_service.domain.draft_schemas import DraftText, NewDraft
from communication_service.domain.lists import EMAILS
from communication_service.domain.schemas import EmailFilter, EmailResponse, EmailView, Resolution
from shared.http import Context, Resource, endpoint
from shared.values.lists import Listed, ListRequest
from shared.values.schemas import MergePatch


class EmailItem(Resource):
    """One e-mail."""

    @endpoint(response=EmailView)
    def get(self, context: Context[Dependencies], id: UUID) -> EmailView:
        """Show an e-mail: its text, where it stands and why it waits; noted in the files of those whom it names."""
        return emails.get(context.session, texts(context), id, by=context.caller.id, now=context.now)

    @endpoint(patch=DraftText, response=EmailView)
    def patch(self, context: Context[Dependencies], id: UUID, patch: MergePatch) -> EmailView:
        """Change the text of a draft that staff wrote."""
        return drafts.change(
            context.session,
            texts(context),
            id,
            patch,
            expected_versions=context.if_match,
            by=context.caller.id,
            now=context.now,
        )


class EmailCollection(Resource):
    """All e-mails."""

    @endpoint(lists=EMAILS)
    def get(self, context: Context[Dependencies], wanted: ListRequest[EmailFilter]) -> Listed:
        """List e-mails, newest first."""
        return emails.list_part(context.session, texts(context), wanted, by=context.caller.id, now=context.now)

    @endpoint(body=NewDraft, response=EmailView, status=201, statuses=(404,), replay=EmailItem.get)
    def post(self, context: Context[Dependencies], body: NewDraft) -> EmailView:
        """Write an e-mail to the practice of a request, which waits as a draft.

        409 where the practice was not asked for the patient, or is not written to; a confirmation wants an answer.
        """
        rules = context.dependencies.rules
        return drafts.create(context.session, texts(context), body, rules=rules, by=context.caller.id, now=context.now)


class EmailResponseResource(Resource):
    """A practice's answer to an e-mail."""

    @endpoint(body=EmailResponse, response=EmailView, replay=EmailItem.get, lock_before=emails.lock)
    def post(self, context: Context[Dependencies], id: UUID, body: EmailResponse) -> EmailView:
        """Record what the practice answered, request by request.

        409 where a request has an answer already, unless that was "later"; then nothing is recorded. An answer to an
        e-mail in doubt proves that it was sent.
        """
        rules = context.dependencies.rules
        return emails.answer(
            context.session, texts(context), id, body, rules=rules, by=context.caller.id, now=context.now
        )


class EmailResolveResource(Resource):
    """The doubt about an e-mail."""

    @endpoint(body=Resolution, response=EmailView, replay=EmailItem.get)
    def post(self, context: Context[Dependencies], id: UUID, body: Resolution) -> EmailView:
        """Say whether an e-mail in doubt was sent; one that was not is written anew at its turn."""
        rules = context.dependencies.rules
        return emails.resolve(
            context.session, texts(context), id, body, rules=rules, by=context.caller.id, now=context.now
        )
