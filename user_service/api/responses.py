"""What requests of this service bring beside their bodies, and responses with the cookie of a session."""

from __future__ import annotations

from flask import Response

from shared.http import Context
from user_service.dependencies import Dependencies
from user_service.domain.sessions import Origin
from user_service.domain.sign_in import SignedIn

COOKIE = "refresh_token"
COOKIE_ABOUT = (
    "The refresh token of a session. `POST /api/auth/login` sets it, each `POST /api/auth/refresh` replaces it; a "
    "browser keeps it from scripts (`HttpOnly`) and from other sites (`SameSite=Strict`)."
)
COOKIE_PATH = "/api/auth"
"""Only the endpoints that need it are sent the cookie."""


def origin_of(context: Context[Dependencies]) -> Origin:
    """From where the request was sent."""
    client = context.client
    return Origin(client.address(context.dependencies.trusted_proxies), client.user_agent)


def refresh_token_of(context: Context[Dependencies]) -> str | None:
    """The refresh token in the request's cookie."""
    return context.client.cookies.get(COOKIE)


def signed_in(tokens: SignedIn, context: Context[Dependencies]) -> Response:
    """The access token as JSON; the refresh token in a cookie that no script can read and no other site can send."""
    response = Response(tokens.access_token.model_dump_json(), content_type="application/json")
    response.set_cookie(
        COOKIE,
        tokens.refresh_token,
        max_age=max(0, int((tokens.expires_at - context.now).total_seconds())),
        path=COOKIE_PATH,
        secure=context.dependencies.has_tls,
        httponly=True,
        samesite="Strict",
    )
    return response


def signed_out(context: Context[Dependencies]) -> Response:
    """An empty response that removes the cookie."""
    response = Response(status=204)
    del response.headers["Content-Type"]
    response.delete_cookie(
        COOKIE, path=COOKIE_PATH, secure=context.dependencies.has_tls, httponly=True, samesite="Strict"
    )
    return response
