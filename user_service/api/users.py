"""Endpoints to the accounts of people, for administrators, and to the names of all accounts, for everybody."""

from __future__ import annotations

from uuid import UUID

from shared.http import Context, Resource, endpoint
from shared.values.lists import Listed, ListRequest
from shared.values.schemas import MergePatch, QuerySchema
from user_service.api.callers import recently_signed_in
from user_service.dependencies import Dependencies
from user_service.domain import account_emails, account_log, accounts, one_time_passwords, sessions
from user_service.domain.lists import ACCOUNT_NAMES, CHANGES, SESSIONS, USERS
from user_service.domain.schemas import (
    AccountNameFilter,
    NewUser,
    UserFields,
    UserFilter,
    UserView,
)


class AccountNameCollection(Resource):
    """The names of all accounts."""

    @endpoint(lists=ACCOUNT_NAMES)
    def get(self, context: Context[Dependencies], wanted: ListRequest[AccountNameFilter]) -> Listed:
        """List whose accounts there are, by name: of people and machines, deleted ones included.

        For everybody who signs in: whom to put in charge of a patient, and who did what a log names.
        """
        return accounts.list_names(context.session, wanted)


class UserItem(Resource):
    """One person's account."""

    @endpoint(response=UserView)
    def get(self, context: Context[Dependencies], id: UUID) -> UserView:
        """Show a person's account."""
        return accounts.get(context.session, id)

    @endpoint(patch=UserFields, response=UserView)
    @recently_signed_in
    def patch(self, context: Context[Dependencies], id: UUID, patch: MergePatch) -> UserView:
        """Change a person's account; deactivating it ends its sessions. 409 for the last administrator."""
        return accounts.change(
            context.session,
            id,
            patch,
            expected_versions=context.if_match,
            by=context.caller.id,
            now=context.now,
        )

    @endpoint()
    @recently_signed_in
    def delete(self, context: Context[Dependencies], id: UUID) -> None:
        """Close an account for good; its id and name stay in logs. 409 for the last administrator."""
        accounts.delete(context.session, id, expected_versions=context.if_match, by=context.caller.id, now=context.now)


class UserCollection(Resource):
    """All accounts of people."""

    @endpoint(lists=USERS)
    def get(self, context: Context[Dependencies], wanted: ListRequest[UserFilter]) -> Listed:
        """List the accounts of people by name."""
        return accounts.list_part(context.session, wanted)

    @endpoint(body=NewUser, response=UserView, status=201, replay=UserItem.get)
    @recently_signed_in
    def post(self, context: Context[Dependencies], body: NewUser) -> UserView:
        """Make an account for a person; they cannot sign in before they have chosen a password."""
        return accounts.create(context.session, body, by=context.caller.id, now=context.now)


class InvitationResource(Resource):
    """The invitation of a person."""

    @endpoint(response=UserView, status=202, location="/api/users/{id}", replay=UserItem.get)
    @recently_signed_in
    def post(self, context: Context[Dependencies], id: UUID) -> UserView:
        """Send a person an e-mail with a link, by which they choose their password; 409 where they have one.

        A person who is invited again gets another e-mail, unless the one before still waits to be sent; each link is
        valid until one of them is used.
        """
        return account_emails.invite(context.session, id, by=context.caller.id, now=context.now)


class UserOtpResource(Resource):
    """The one-time passwords of a person."""

    @endpoint()
    @recently_signed_in
    def delete(self, context: Context[Dependencies], id: UUID) -> None:
        """Turn off the one-time passwords of a person who has lost device and recovery codes; 403 for one's own."""
        one_time_passwords.turn_off_for(
            context.session, id, expected_versions=context.if_match, by=context.caller.id, now=context.now
        )


class UserSessionCollection(Resource):
    """The sessions of a person."""

    @endpoint(lists=SESSIONS)
    def get(self, context: Context[Dependencies], id: UUID, wanted: ListRequest[QuerySchema]) -> Listed:
        """List a person's active sessions, newest first."""
        return sessions.list_part(context.session, id, wanted, current=context.caller.session_id, now=context.now)

    @endpoint()
    @recently_signed_in
    def delete(self, context: Context[Dependencies], id: UUID) -> None:
        """End all sessions of a person; at other services access tokens are valid for some minutes more."""
        sessions.revoke(context.session, id, expected_versions=context.if_match, by=context.caller.id, now=context.now)


class UserSessionItem(Resource):
    """One session of a person."""

    @endpoint()
    @recently_signed_in
    def delete(self, context: Context[Dependencies], id: UUID, session_id: UUID) -> None:
        """End one session of a person; 404 where it is over."""
        sessions.revoke(
            context.session,
            id,
            only=session_id,
            expected_versions=context.if_match,
            by=context.caller.id,
            now=context.now,
        )


class UserHistoryResource(Resource):
    """The log of an account."""

    @endpoint(lists=CHANGES)
    def get(self, context: Context[Dependencies], id: UUID, wanted: ListRequest[QuerySchema]) -> Listed:
        """List what happened to an account, of a person or a machine, oldest first; also of a deleted one."""
        return account_log.list_part(context.session, id, wanted)
