"""Endpoints for people who have the link of an e-mail, or ask for one. They are open to anyone: the link proves it."""

from __future__ import annotations

from shared.http import NOT_REPLAYED, Context, Resource, endpoint
from shared.values.account_enums import OneTimeTokenPurpose
from user_service import jobs
from user_service.api.callers import where_tokens_are_ours
from user_service.api.responses import origin_of
from user_service.dependencies import Dependencies
from user_service.domain import account_emails
from user_service.domain.schemas import PasswordChoice, PasswordResetRequest


class AcceptedInvitationResource(Resource):
    """The acceptance of an invitation."""

    @endpoint(body=PasswordChoice, replay=NOT_REPLAYED, transaction=False)
    @where_tokens_are_ours
    def post(self, context: Context[Dependencies], body: PasswordChoice) -> None:
        """Choose the first password, with the token in the link of an invitation; then one can sign in."""
        purpose = OneTimeTokenPurpose.INVITATION
        jobs.choose_password(body, purpose, origin_of(context), context.dependencies, now=context.now)


class PasswordResetCollection(Resource):
    """Requests for a new password."""

    @endpoint(body=PasswordResetRequest, replay=NOT_REPLAYED, statuses=(429,))
    @where_tokens_are_ours
    def post(self, context: Context[Dependencies], body: PasswordResetRequest) -> None:
        """Send an e-mail with a link to this address, if an account has it; the response does not say whether."""
        values = context.dependencies.values
        account_emails.request_reset(context.session, body, origin_of(context), values, now=context.now)


class CompletedPasswordResetResource(Resource):
    """The choice of a new password."""

    @endpoint(body=PasswordChoice, replay=NOT_REPLAYED, transaction=False)
    @where_tokens_are_ours
    def post(self, context: Context[Dependencies], body: PasswordChoice) -> None:
        """Choose a new password, with the token in the link of a password reset; all sessions end.

        One-time passwords stay as they are.
        """
        purpose = OneTimeTokenPurpose.PASSWORD_RESET
        jobs.choose_password(body, purpose, origin_of(context), context.dependencies, now=context.now)
