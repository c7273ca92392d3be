"""Calls between services: only what must not be on Kafka is asked for over HTTP, in the moment in which it is needed.

No transaction is open while another service is called, and it is never trusted: its answer has limits of time and size,
must be JSON of the expected schema and whole. Whatever it lacks, the call ends as `ServiceUnreachable`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from threading import Lock
from typing import Final, TypeVar
from urllib.parse import urlencode

from tenacity import stop_before_delay

from shared.errors import Unreachable
from shared.runtime import clock, http_client, metrics, tracing
from shared.runtime.http_client import Answer, BadAnswer
from shared.runtime.logs import logger
from shared.runtime.retries import retrying
from shared.runtime.service_tokens import ServiceTokens
from shared.values.schemas import RecordSchema

log = logger(__name__)

PASSES: Final = frozenset(
    {
        HTTPStatus.TOO_MANY_REQUESTS,
        HTTPStatus.BAD_GATEWAY,
        HTTPStatus.SERVICE_UNAVAILABLE,
        HTTPStatus.GATEWAY_TIMEOUT,
    }
)
"""Statuses of a service that may answer in a moment."""
JSON: Final = "application/json"

Read = TypeVar("Read", bound=RecordSchema)


class ServiceUnreachable(Unreachable):
    """Other services do not answer as they should; `services` names them."""

    def __init__(self, *services: str) -> None:
        super().__init__("services.unreachable", services=", ".join(services))
        self.services = services
        self.members = {"services": list(services)}


class _Failed(Exception):
    """An attempt that brought nothing; the message is for operators and quotes nothing of the answer."""

    def __init__(self, why: str, *, may_pass: bool) -> None:
        super().__init__(why)
        self.may_pass = may_pass


@dataclass
class ServiceClient:
    """Asks one other service."""

    service: str
    url: str
    tokens: ServiceTokens
    seconds: float = 3.0
    """For a call with all its attempts."""
    retry_seconds: float = 3.0
    """For so long after its beginning an attempt that failed is followed by another one, so that a person
    who waits for a service that is away has an answer before they give up."""
    largest: int = 1024 * 1024
    """Bytes of an answer."""
    rest_seconds: float = 2.0
    """After a failure calls fail at once for so long: a service that hangs must not hold all threads of its callers."""
    _rests_until: float = field(default=float("-inf"), init=False)
    _lock: Lock = field(default_factory=Lock, init=False, repr=False)

    def get(
        self, path: str, answer: type[Read], *, query: Mapping[str, str] | None = None, purpose: str | None = None
    ) -> Read:
        """Returns what the service answers, without the fields that only a newer release of it knows.

        A GET changes nothing, so it is tried again while there is time, where that may help. `purpose`: why a patient's
        data is read, for the access log. Raises `ServiceUnreachable`.
        """
        if clock.monotonic() < self._rests_until:
            metrics.service_calls.labels(self.service, "not_tried").inc()
            raise ServiceUnreachable(self.service)
        address = f"{self.url}{path}?{urlencode(query)}" if query else f"{self.url}{path}"
        try:
            found = self._patiently(address, answer, purpose)
        except (_Failed, Unreachable) as failed:
            self._record_failure(path, failed)
            raise ServiceUnreachable(self.service) from failed
        metrics.service_calls.labels(self.service, "answered").inc()
        return found

    def _patiently(self, address: str, answer: type[Read], purpose: str | None) -> Read:
        ends_at = clock.monotonic() + self.seconds

        def attempt() -> Read:
            return _read(self._authorised(address, purpose, ends_at), answer)

        patiently = retrying(
            lambda problem: isinstance(problem, _Failed) and problem.may_pass,
            stop=stop_before_delay(min(self.seconds, self.retry_seconds)),
        )
        return patiently(attempt)

    def _authorised(self, address: str, purpose: str | None, ends_at: float) -> Answer:
        """The answer; a token that is not accepted any more (its keys were replaced) is exchanged once."""
        token = self.tokens.current(self._left(ends_at))
        found = self._send(address, purpose, token, ends_at)
        if found.status == HTTPStatus.UNAUTHORIZED and token is not None:
            self.tokens.forget(token)
            found = self._send(address, purpose, self.tokens.current(self._left(ends_at)), ends_at)
        return found

    def _send(self, address: str, purpose: str | None, token: str | None, ends_at: float) -> Answer:
        headers = {"Accept": JSON, "Accept-Encoding": "identity", **tracing.outgoing_headers()}
        headers |= {"Authorization": f"Bearer {token}"} if token else {}
        headers |= {"X-Purpose": purpose} if purpose else {}
        try:
            left = self._left(ends_at)
            return http_client.send("GET", address, headers=headers, largest=self.largest, seconds=left)
        except OSError as problem:
            raise _Failed(f"no answer: {type(problem).__name__}", may_pass=True) from problem
        except BadAnswer as problem:
            raise _Failed(str(problem), may_pass=False) from problem

    def _left(self, ends_at: float) -> float:
        return max(ends_at - clock.monotonic(), http_client.SHORTEST_WAIT)

    def _record_failure(self, path: str, failed: Exception) -> None:
        metrics.service_calls.labels(self.service, "failed").inc()
        # the path is left out: it names a patient by their id
        log.warning("service.not_answering", service=self.service, endpoint=path.split("/")[1:3], why=str(failed))
        with self._lock:
            self._rests_until = clock.monotonic() + self.rest_seconds


def _read(found: Answer, answer: type[Read]) -> Read:
    if found.status != HTTPStatus.OK:
        raise _Failed(f"the answer has the status {found.status}", may_pass=found.status in PASSES)
    if found.media_type != JSON or not found.is_whole:
        raise _Failed("the answer is no JSON, or does not say where it ends", may_pass=False)
    try:
        return answer.model_validate_json(found.body)
    except (ValueError, RecursionError):  # its own words are left out: they may quote the answer
        raise _Failed("the answer is no JSON, or of another schema", may_pass=False) from None
