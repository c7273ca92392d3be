"""Endpoints to the caller's own account."""

from __future__ import annotations

from uuid import UUID

from shared.http import NOT_REPLAYED, Context, Resource, endpoint
from shared.values.lists import Listed, ListRequest
from shared.values.schemas import MergePatch, QuerySchema
from user_service import jobs
from user_service.api.responses import origin_of
from user_service.dependencies import Dependencies
from user_service.domain import accounts, sessions
from user_service.domain.lists import SESSIONS
from user_service.domain.schemas import MeView, NewPassword, OtpRemoval, OtpSetup, OtpSetupView, OwnFields


class MeResource(Resource):
    """The caller's account."""

    @endpoint(response=MeView, statuses=(404,))
    def get(self, context: Context[Dependencies]) -> MeView:
        """Show the caller's account; 404 for a caller who has none here."""
        return accounts.get_own(context.session, context.caller.id)

    @endpoint(patch=OwnFields, response=MeView, statuses=(404,))
    def patch(self, context: Context[Dependencies], patch: MergePatch) -> MeView:
        """Change one's own name; e-mail address and roles are for administrators."""
        return accounts.change_own(
            context.session, patch, expected_versions=context.if_match, by=context.caller.id, now=context.now
        )


class OwnPasswordResource(Resource):
    """The caller's password."""

    @endpoint(body=NewPassword, replay=NOT_REPLAYED, transaction=False, statuses=(404, 429))
    def post(self, context: Context[Dependencies], body: NewPassword) -> None:
        """Change one's own password; all other sessions end."""
        jobs.change_password(
            body,
            origin_of(context),
            context.dependencies,
            session_id=context.caller.session_id,
            by=context.caller.id,
            now=context.now,
        )


class OwnOtpResource(Resource):
    """The caller's one-time passwords."""

    @endpoint(
        body=OtpSetup, response=OtpSetupView, replay=NOT_REPLAYED, transaction=False, statuses=(403, 404, 409, 429)
    )
    def post(self, context: Context[Dependencies], body: OtpSetup) -> OtpSetupView:
        """Turn one-time passwords on: without `otp` a key is shown, with the first `otp` of it the recovery codes.

        From then on signing in needs one. All this is shown once. The sign-in must be of the last 15 minutes.
        """
        return jobs.set_up_otp(
            body,
            context.dependencies,
            session_id=context.caller.session_id,
            by=context.caller.id,
            now=context.now,
        )

    @endpoint(body=OtpRemoval, transaction=False, statuses=(403, 404, 429))
    def delete(self, context: Context[Dependencies], body: OtpRemoval) -> None:
        """Turn one's own one-time passwords off: with one of them, or a recovery code, that is valid now.

        The sign-in must be of the last 15 minutes. Who has lost device and codes asks an administrator.
        """
        jobs.turn_off_otp(
            body,
            context.dependencies,
            session_id=context.caller.session_id,
            expected_versions=context.if_match,
            by=context.caller.id,
            now=context.now,
        )


class OwnSessionCollection(Resource):
    """The caller's sessions."""

    @endpoint(lists=SESSIONS, statuses=(404,))
    def get(self, context: Context[Dependencies], wanted: ListRequest[QuerySchema]) -> Listed:
        """List the caller's active sessions, newest first."""
        me = context.caller
        return sessions.list_part(context.session, me.id, wanted, current=me.session_id, now=context.now)

    @endpoint(statuses=(404,))
    def delete(self, context: Context[Dependencies]) -> None:
        """End the caller's other sessions."""
        me = context.caller
        sessions.revoke(
            context.session,
            me.id,
            except_for=me.session_id,
            expected_versions=context.if_match,
            by=me.id,
            now=context.now,
        )


class OwnSessionItem(Resource):
    """One of the caller's sessions."""

    @endpoint()
    def delete(self, context: Context[Dependencies], id: UUID) -> None:
        """End one of the caller's sessions; 404 where it is over."""
        me = context.caller
        sessions.revoke(context.session, me.id, only=id, expected_versions=context.if_match, by=me.id, now=context.now)
