"""A client that repeats each request until it is acknowledged."""

from __future__ import annotations

import time
from typing import Any
from uuid import uuid4

import requests

from chaos.journal import Journal
from operations.sign_in import AccessTokens, NoSignIn
from testkit.api_client import ApiClient, Document

GIVE_UP_SECONDS = 120.0


class AcknowledgedClient:
    """Asks the services until they answer, and counts what they never answered."""

    def __init__(self, api: ApiClient, journal: Journal) -> None:
        self.api, self.journal = api, journal

    def ask(
        self, method: str, service: str, path: str, body: Document | None = None, *, tokens: AccessTokens | None = None
    ) -> Any:
        """Returns the JSON answer to a request, repeated with one idempotency key until there is one.

        None for a refusal. `tokens`: who asks, the first administrator unless given.
        """
        answer = self._answered(method, service, path, tokens or self.api.tokens, json=body)
        return answer.json() if answer is not None and answer.content else {} if answer is not None else None

    def submit(self, service: str, path: str, form: dict[str, str]) -> str | None:
        """Returns the page that answers a form which anybody may send, repeated until there is one."""
        answer = self._answered("POST", service, path, None, data=form)
        return None if answer is None else answer.text

    def _answered(
        self, method: str, service: str, path: str, tokens: AccessTokens | None, **more: Any
    ) -> requests.Response | None:
        url, key, deadline = self.api.url(service, path), str(uuid4()), time.monotonic() + GIVE_UP_SECONDS
        while time.monotonic() < deadline:
            try:
                headers = {"Idempotency-Key": key} | tokens.headers() if tokens else {}
                answer = requests.request(method, url, headers=headers, timeout=10, **more)
            except (requests.RequestException, NoSignIn):
                time.sleep(0.2)
                continue
            if answer.ok:
                return answer
            if answer.status_code < 500 and "idempotency_key.running" not in answer.text:
                return None
            time.sleep(0.2)
        self.journal.gave_up += 1
        return None
