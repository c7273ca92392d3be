"""Endpoints to sign in and out, for people and machines. They are open to anyone: here one proves who one is."""

from __future__ import annotations

from flask import Response

from shared.http import NOT_REPLAYED, Context, Cookie, Resource, endpoint
from user_service import jobs
from user_service.api.callers import where_tokens_are_ours
from user_service.api.responses import COOKIE, COOKIE_ABOUT, origin_of, refresh_token_of, signed_in, signed_out
from user_service.dependencies import Dependencies
from user_service.domain import sessions, sign_in, signing_keys
from user_service.domain.schemas import AccessToken, JwksView, MachineSignIn, PersonSignIn


class LoginResource(Resource):
    """The sign-in of a person."""

    @endpoint(body=PersonSignIn, response=AccessToken, replay=NOT_REPLAYED, transaction=False, statuses=(401, 403, 429))
    @where_tokens_are_ours
    def post(self, context: Context[Dependencies], body: PersonSignIn) -> Response:
        """Sign in with e-mail address and password.

        The answer has an access token for some minutes; a cookie has the refresh token with which `/api/auth/refresh`
        gives the next one. What a refusal says is the same whether or not the account exists.
        """
        return signed_in(jobs.sign_in_person(body, origin_of(context), context.dependencies, now=context.now), context)


class RefreshResource(Resource):
    """The continuation of a session."""

    @endpoint(
        response=AccessToken,
        replay=NOT_REPLAYED,
        transaction=False,
        statuses=(401, 403),
        cookie=Cookie(COOKIE, COOKIE_ABOUT),
    )
    @where_tokens_are_ours
    def post(self, context: Context[Dependencies]) -> Response:
        """Exchange the refresh token in the cookie for a new one and a new access token.

        The same token again within ten seconds (two tabs, a lost response) is answered with the same successor as long
        as that was not used; any other use of an exchanged token ends the session.
        """
        token = refresh_token_of(context)
        return signed_in(jobs.renew_session(token, context.dependencies, now=context.now), context)


class LogoutResource(Resource):
    """The end of a session."""

    @endpoint(replay=NOT_REPLAYED, cookie=Cookie(COOKIE, COOKIE_ABOUT, is_needed=False))
    def post(self, context: Context[Dependencies]) -> Response:
        """End the session of the cookie and remove the cookie; without one nothing changes."""
        sessions.sign_out(context.session, refresh_token_of(context), now=context.now)
        return signed_out(context)


class MachineTokenResource(Resource):
    """The sign-in of a machine."""

    @endpoint(body=MachineSignIn, response=AccessToken, replay=NOT_REPLAYED, statuses=(401, 403))
    @where_tokens_are_ours
    def post(self, context: Context[Dependencies], body: MachineSignIn) -> AccessToken:
        """Sign in as a machine account, with its id and its secret; the token names its scopes."""
        dependencies = context.dependencies
        return sign_in.of_machine(context.session, body, dependencies.tokens, dependencies.values, now=context.now)


class JwksResource(Resource):
    """The public keys."""

    @endpoint(response=JwksView)
    def get(self, context: Context[Dependencies]) -> JwksView:
        """Show the keys with which access tokens are checked, also the one that will sign next."""
        dependencies = context.dependencies
        return signing_keys.show(context.session, dependencies.values, dependencies.tokens.times, now=context.now)
