"""How a service proves to others who it is: with an access token that it gets for its machine account."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from threading import Lock
from typing import Annotated, Final
from urllib.parse import urlencode

from pydantic import Field, SecretStr, ValidationError
from pydantic_core import to_json

from shared.errors import Unreachable
from shared.runtime import clock, http_client
from shared.runtime.http_client import Answer, BadAnswer
from shared.values.schemas import RecordSchema

RENEW_BEFORE_SECONDS: Final = 60.0
"""A token is renewed when it is valid for no longer than this, or than half of its time."""
LARGEST: Final = 16 * 1024
"""Bytes of an answer with a token."""
BETWEEN_ATTEMPTS: Final = 1.0
"""Seconds until the issuer is asked again that did not answer, while the last token is used further."""


class NoServiceToken(Unreachable):
    """The issuer gives this service no token; `why` is for operators."""

    def __init__(self, why: str) -> None:
        super().__init__("service_token.unreachable")
        self.why = why

    def __str__(self) -> str:
        return self.why


class GivenToken(RecordSchema):
    """What the issuer answers."""

    access_token: Annotated[str, Field(min_length=1, max_length=8192, pattern=r"^[\x21-\x7e]+$")]
    """The token."""
    expires_in: Annotated[float, Field(gt=0, le=86_400)]
    """For how many seconds it is valid."""


@dataclass(frozen=True)
class ServiceSignIn:
    """With what, and where, a service signs in."""

    url: str
    client_id: str
    client_secret: SecretStr
    is_oauth: bool = False
    """Whether it is another issuer than the user service, which takes a form (RFC 6749, 4.4)."""

    def send(self, seconds: float) -> Answer:
        """Returns the issuer's answer. Raises `BadAnswer`, `OSError`."""
        fields = {"client_id": self.client_id, "client_secret": self.client_secret.get_secret_value()}
        if self.is_oauth:
            media_type = "application/x-www-form-urlencoded"
            body = urlencode({"grant_type": "client_credentials", **fields}).encode()
        else:
            media_type, body = "application/json", to_json(fields)
        headers = {"Accept": "application/json", "Content-Type": media_type}
        return http_client.send("POST", self.url, headers=headers, body=body, largest=LARGEST, seconds=seconds)


@dataclass
class ServiceTokens:
    """The access token of this service's machine account, renewed before it runs out; threads may share it.

    While the issuer does not answer, the last token is used further: the services accept it (TOKEN_OUTAGE_GRACE).
    """

    sign_in: ServiceSignIn | None
    """None where nobody has to sign in (AUTH=none)."""
    _token: str | None = field(default=None, init=False, repr=False)
    _renew_at: float = field(default=float("-inf"), init=False)
    _lock: Lock = field(default_factory=Lock, init=False, repr=False)

    def current(self, seconds: float) -> str | None:
        """Returns a token, fetched within so many seconds where it must be; None where none is needed.

        Raises `NoServiceToken`.
        """
        if self.sign_in is None:
            return None
        with self._lock:
            if clock.monotonic() >= self._renew_at:
                self._renew(self.sign_in, seconds)
            return self._token

    def forget(self, token: str) -> None:
        """Get another token before the next call: this one was not accepted."""
        with self._lock:
            if self._token == token:
                self._token, self._renew_at = None, float("-inf")

    def _renew(self, sign_in: ServiceSignIn, seconds: float) -> None:
        try:
            given = _read(lambda: sign_in.send(seconds))
        except NoServiceToken:
            if self._token is None:
                raise
            self._renew_at = clock.monotonic() + BETWEEN_ATTEMPTS
            return
        self._token = given.access_token
        early = min(RENEW_BEFORE_SECONDS, given.expires_in / 2)
        self._renew_at = clock.monotonic() + given.expires_in - early


def _read(send: Callable[[], Answer]) -> GivenToken:
    try:
        answer = send()
    except OSError as problem:
        raise NoServiceToken(f"the issuer of tokens does not answer: {type(problem).__name__}") from problem
    except BadAnswer as problem:
        raise NoServiceToken(f"the issuer of tokens: {problem}") from problem
    if answer.status != HTTPStatus.OK:
        raise NoServiceToken(f"the issuer of tokens answers with the status {answer.status}")
    try:
        return GivenToken.model_validate_json(answer.body)
    except ValidationError:  # its own words are left out: they may quote a token
        raise NoServiceToken("the issuer's answer has no token") from None
