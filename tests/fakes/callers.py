"""A sign-in that recognises the same caller in every request."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from flask import Flask

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


def called_by(app: Flask, caller: Caller) -> Flask:
    """Returns the application, all of whose requests this caller sends from now on."""
    app.extensions["sign_in"] = FixedCaller(caller)
    return app
