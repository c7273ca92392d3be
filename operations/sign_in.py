"""Signing in at the user service, for tools that call the platform: by default with the administrator of `.env`."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import requests

from operations.errors import OperationsError
from shared.runtime.hosts import own_host

RENEW_BEFORE_SECONDS: Final = 60.0
SIGN_IN_SECONDS: Final = 30.0
"""For how long a sign-in is tried: passwords are hashed one after the other, and some calls wait."""
BUSY: Final = frozenset({429, 503})


class NoSignIn(OperationsError):
    """The user service gives no token."""

    def __init__(self, text: str, *, status: int | None = None) -> None:
        super().__init__(text)
        self.status = status
        """With what it answered; None where it did not."""


@dataclass(frozen=True)
class PersonalSignIn:
    """What a person signs in with."""

    email: str
    password: str = field(repr=False)


def user_service_url(settings: Mapping[str, str]) -> str:
    """The address of the user service for this machine."""
    return f"http://{own_host(settings['BIND'])}:{settings['USER_SERVICE_PORT']}"


class AccessTokens:
    """The access token of one account, fetched when it is first needed and renewed before it runs out.

    May be used by several threads. While the user service cannot be reached, the last token is used further, since
    the services accept it (TOKEN_OUTAGE_GRACE).
    """

    def __init__(self, settings: Mapping[str, str], account: PersonalSignIn | None = None) -> None:
        """`account`: who signs in, the first administrator unless given."""
        self._settings = settings
        self._account = account or PersonalSignIn(settings.get("ADMIN_EMAIL", ""), settings.get("ADMIN_PASSWORD", ""))
        self._lock = threading.Lock()
        self._token = ""
        self._renew_at = 0.0

    def headers(self) -> dict[str, str]:
        """Returns the headers that a request needs; none where nobody has to sign in (AUTH=none)."""
        return {"Authorization": f"Bearer {self.current()}"} if self._settings["AUTH"] == "token" else {}

    def current(self) -> str:
        """Returns a token that is valid for some time. Raises `NoSignIn`."""
        with self._lock:
            if time.monotonic() >= self._renew_at:
                self._renew()
            return self._token

    def forget(self) -> None:
        """Sign in anew before the next request: the keys were replaced, and no token is valid any more."""
        self._renew_at = 0.0

    def _renew(self) -> None:
        try:
            answer = self._sign_in()
        except NoSignIn:
            if not self._token:
                raise
            self._renew_at = time.monotonic() + 1
            return
        self._token = str(answer["access_token"])
        lifetime = float(answer["expires_in"])
        self._renew_at = time.monotonic() + max(lifetime - RENEW_BEFORE_SECONDS, lifetime / 2)

    def _sign_in(self) -> Mapping[str, Any]:
        """Returns the answer of the user service; waits where it asks to."""
        deadline = time.monotonic() + SIGN_IN_SECONDS
        while True:
            answer = self._ask()
            if answer.ok:
                found: dict[str, Any] = answer.json()
                return found
            pause = float(answer.headers.get("Retry-After", 1))
            if answer.status_code not in BUSY or time.monotonic() + pause > deadline:
                refusal = f"{answer.url} was answered with {answer.status_code}: {answer.text[:500]}"
                raise NoSignIn(refusal, status=answer.status_code)
            time.sleep(pause)

    def _ask(self) -> requests.Response:
        url = f"{user_service_url(self._settings)}/api/auth/login"
        body = {"email": self._account.email, "password": self._account.password}
        try:
            return requests.post(url, json=body, timeout=SIGN_IN_SECONDS)
        except requests.RequestException as problem:
            raise NoSignIn(f"the user service at {url} does not answer: {type(problem).__name__}") from problem
