"""Endpoints to what comes back by e-mail."""

from __future__ import annotations

from uuid import UUID

from communication_service.api.texts import texts
from communication_service.dependencies import Dependencies
from communication_service.domain import mail_replies, replacements
from communication_service.domain.lists import REPLIES
from communication_service.domain.mail_reply_schemas import (
    Replacements,
    ReplyAssignment,
    ReplyConfirmation,
    ReplyFilter,
    ReplyView,
)
from shared.http import Context, Resource, endpoint
from shared.values.lists import Listed, ListRequest


class ReplyItem(Resource):
    """One e-mail that came back."""

    @endpoint(response=ReplyView)
    def get(self, context: Context[Dependencies], id: UUID) -> ReplyView:
        """Show what came back, and what it seems to answer; that is noted in the files of the patients."""
        return mail_replies.get(context.session, texts(context), id, by=context.caller.id, now=context.now)


class ReplyCollection(Resource):
    """E-mails that came back."""

    @endpoint(lists=REPLIES)
    def get(self, context: Context[Dependencies], wanted: ListRequest[ReplyFilter]) -> Listed:
        """List what came back by e-mail, newest first, without what it says."""
        return mail_replies.list_part(context.session, wanted)


class ReplyConfirmResource(Resource):
    """The answer of a practice in an e-mail."""

    @endpoint(body=ReplyConfirmation, response=ReplyView, replay=ReplyItem.get)
    def post(self, context: Context[Dependencies], id: UUID, body: ReplyConfirmation) -> ReplyView:
        """Record what the practice answers; without `responses`, what is proposed for patients who need an answer.

        A yes must be in `responses`: after it the practice learns who the patient is. What is proposed is confirmed
        only with the `version` in which it was read.

        409 where that is decided or changed already, it is not known which e-mail is answered, or a request has an
        answer already.
        """
        return mail_replies.confirm(
            context.session,
            texts(context),
            id,
            body,
            rules=context.dependencies.rules,
            by=context.caller.id,
            now=context.now,
        )


class ReplyDismissResource(Resource):
    """That nothing follows from what came back."""

    @endpoint(response=ReplyView, replay=ReplyItem.get)
    def post(self, context: Context[Dependencies], id: UUID) -> ReplyView:
        """Say that nothing follows from it."""
        return mail_replies.dismiss(context.session, texts(context), id, by=context.caller.id, now=context.now)


class ReplyAssignResource(Resource):
    """Which e-mail is answered."""

    @endpoint(body=ReplyAssignment, response=ReplyView, replay=ReplyItem.get)
    def post(self, context: Context[Dependencies], id: UUID, body: ReplyAssignment) -> ReplyView:
        """Say which e-mail it answers; where it wants no more inquiries, the address of that e-mail gets none.

        An e-mail that came back is called about. 409 where that is decided already, or the e-mail was not sent yet.
        """
        return mail_replies.assign(
            context.session,
            texts(context),
            id,
            body,
            rules=context.dependencies.rules,
            by=context.caller.id,
            now=context.now,
        )


class ReplacementCollection(Resource):
    """Patients whom a practice may be offered instead."""

    @endpoint(response=Replacements)
    def get(self, context: Context[Dependencies], id: UUID) -> Replacements:
        """Name the patients whom the practice of an e-mail may be offered in place of one who needs no place there.

        They are in approved requests to it that have not gone out, who has waited longest first, each with what it
        waits for. An e-mail about them waits for the rule of contact; a call does not.
        """
        rules = context.dependencies.rules
        return replacements.of_email(context.session, id, rules=rules, now=context.now)
