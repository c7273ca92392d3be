"""Signing in at the user service, for tools that call the platform: by default with the administrator of `.env`."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from types import TracebackType
from typing import Any, Final, Self

import click
import requests
from tenacity import RetryCallState, stop_before_delay

from operations.errors import OperationsError
from shared.runtime.hosts import own_url
from shared.runtime.retries import retrying

RENEW_BEFORE_SECONDS: Final = 60.0
SIGN_IN_SECONDS: Final = 30.0
"""For how long a sign-in is tried: passwords are hashed one after the other, and some calls wait."""
BUSY: Final = frozenset({429, 503})

SENTENCES: Final = {
    "sign_in.refused": "the sign-in of {email} was refused: write the password that is valid now as ADMIN_PASSWORD in"
    " .env (and the address as ADMIN_EMAIL)",
    "sign_in.otp_needed": "{email} uses one-time passwords: put OTP=123456, with the one that the app shows now, before"
    " the command",
    "sign_in.otp_refused": "the one-time password of {email} was refused: each is accepted once, so wait up to 30"
    " seconds for the next one",
}
"""What a person at the terminal can do about it, by the code of the refusal."""


def code_of(answer: requests.Response) -> str:
    """The code of a refusal; empty where it is none, or has none."""
    try:
        return "" if answer.ok else str(answer.json()["code"])
    except (ValueError, KeyError, TypeError):
        return ""


class NoSignIn(OperationsError):
    """The user service gives no token."""

    def __init__(self, text: str, answer: requests.Response | None = None) -> None:
        super().__init__(text)
        self.status = None if answer is None else answer.status_code
        """With what it answered; None where it did not."""
        self.needs_otp = answer is not None and code_of(answer) == "sign_in.otp_needed"
        self.retry_after = 1.0 if answer is None else float(answer.headers.get("Retry-After", 1))
        """Seconds after which it may be asked again."""


@dataclass(frozen=True)
class PersonalSignIn:
    """What a person signs in with."""

    email: str
    password: str = field(repr=False)
    otp: str = field(default="", repr=False)
    """A one-time password or a recovery code, for an account that uses them."""

    def body(self) -> dict[str, str]:
        """Returns the body of the request."""
        return {"email": self.email, "password": self.password} | ({"otp": self.otp} if self.otp else {})


def user_service_url(settings: Mapping[str, str]) -> str:
    """The address of the user service for this machine."""
    return own_url(settings["BIND"], settings["USER_SERVICE_PORT"])


def first_administrator(settings: Mapping[str, str]) -> PersonalSignIn:
    """The account of `.env`, with the one-time password in the environment variable OTP: `make demo OTP=123456`."""
    return PersonalSignIn(
        settings.get("ADMIN_EMAIL", ""), settings.get("ADMIN_PASSWORD", ""), os.environ.get("OTP", "")
    )


class AccessTokens:
    """The access token of one account, fetched when it is first needed and renewed before it runs out.

    One session: a one-time password is asked for once. As a context it signs out at its end; the last token is
    valid until it expires. May be used by several threads. While the user service cannot be reached, the last token is
    used further, since the services accept it (TOKEN_OUTAGE_GRACE).
    """

    def __init__(
        self, settings: Mapping[str, str], account: PersonalSignIn | None = None, *, is_attended: bool = True
    ) -> None:
        """`account`: who signs in, the first administrator unless given.

        `is_attended`: whether a person at the terminal may be asked for a one-time password.
        """
        self._is_attended = is_attended
        self._settings = settings
        self._account = account or first_administrator(settings)
        self._lock = threading.Lock()
        self._token = ""
        self._cookie = ""
        self._renew_at = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, place: TracebackType | None
    ) -> None:
        self.sign_out()

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
        """Get another token before the next request: the keys were replaced, and no token is valid any more."""
        self._renew_at = 0.0

    def sign_out(self) -> None:
        """End the session, so that it is not listed until it ends by itself; nothing happens without one."""
        with self._lock:
            if self._cookie:
                try:
                    self._ask("/api/auth/logout")
                except NoSignIn:
                    return  # the user service is away: the session ends by itself
                self._cookie = ""
                self._renew_at = 0.0

    def _renew(self) -> None:
        try:
            answer = self._continued() or self._signed_in()
        except NoSignIn:
            if not self._token:
                raise
            self._renew_at = time.monotonic() + 1
            return
        # kept by hand: where people use https, the cookie is not meant for the address on this machine
        self._cookie = answer.headers.get("Set-Cookie", "").partition(";")[0]
        found: dict[str, Any] = answer.json()
        self._token = str(found["access_token"])
        lifetime = float(found["expires_in"])
        self._renew_at = time.monotonic() + max(lifetime - RENEW_BEFORE_SECONDS, lifetime / 2)

    def _continued(self) -> requests.Response | None:
        """The answer in the same session; None where there is none, or it is over."""
        try:
            return _patiently(self._ask, "/api/auth/refresh") if self._cookie else None
        except NoSignIn as refused:
            if refused.status != HTTPStatus.UNAUTHORIZED:
                raise
            return None

    def _signed_in(self) -> requests.Response:
        """The answer to a sign-in; a person at the terminal is asked for the one-time password that is missing."""
        try:
            return _patiently(self._ask, "/api/auth/login", self._account.body())
        except NoSignIn as refused:
            if not (refused.needs_otp and self._is_attended and sys.stdin.isatty()):
                raise
        otp = click.prompt(f"One-time password of {self._account.email}", err=True)
        return _patiently(self._ask, "/api/auth/login", replace(self._account, otp=otp).body())

    def _ask(self, path: str, body: Mapping[str, str] | None = None) -> requests.Response:
        url = f"{user_service_url(self._settings)}{path}"
        headers = {"Cookie": self._cookie} if self._cookie else {}
        try:
            answer = requests.post(url, json=body, headers=headers, timeout=SIGN_IN_SECONDS)
        except requests.RequestException as problem:
            raise NoSignIn(f"the user service at {url} does not answer: {type(problem).__name__}") from problem
        if answer.ok:
            return answer
        raise NoSignIn(self._refusal(url, answer), answer)

    def _refusal(self, url: str, answer: requests.Response) -> str:
        """What was refused and what to do, as a sentence; as it came where it has none of these codes."""
        unknown = f"{url} was answered with {answer.status_code}: {answer.text[:500]}"
        sentence = SENTENCES.get(code_of(answer))
        return sentence.format(email=self._account.email) if sentence else unknown


def _pause(state: RetryCallState) -> float:
    problem = state.outcome.exception() if state.outcome else None
    return problem.retry_after if isinstance(problem, NoSignIn) else 0


_patiently: Final = retrying(
    lambda problem: isinstance(problem, NoSignIn) and problem.status in BUSY,
    stop=stop_before_delay(SIGN_IN_SECONDS),
    wait=_pause,
)
"""Asks again when the user service says; what it refuses for good is not asked again."""
