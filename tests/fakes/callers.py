"""A sign-in that recognises the same caller in every request."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from flask import Flask

from shared.errors import Unauthenticated
from shared.runtime.health import ReadinessCheck
from shared.security.authentication import Caller

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment


class FixedCaller:
    """Every request is sent by this caller."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    def caller(self, environ: WSGIEnvironment) -> Caller:
        """Returns the caller."""
        return self._caller

    def checks(self) -> Sequence[ReadinessCheck]:
        """Nothing is needed."""
        return ()

    def stop(self) -> None:
        """Nothing runs."""


class OneToken(FixedCaller):
    """Requests that bring this token are sent by this caller, all others by nobody who is known."""

    def __init__(self, token: str, caller: Caller) -> None:
        super().__init__(caller)
        self.headers = {"Authorization": f"Bearer {token}"}

    def caller(self, environ: WSGIEnvironment) -> Caller:
        """Returns the caller; raises `Unauthenticated` for a request without the token."""
        if environ.get("HTTP_AUTHORIZATION") != self.headers["Authorization"]:
            raise Unauthenticated("token.missing", "Sign in first.")
        return self._caller


def called_by(app: Flask, caller: Caller) -> Flask:
    """Returns the application, all of whose requests this caller sends from now on."""
    app.extensions["sign_in"] = FixedCaller(caller)
    return app
