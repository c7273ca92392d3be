"""The issuer's keys as one web process knows them: fetched ahead by a thread, so that no request waits for a network.

A request waits for the thread only where that may change its response: its token names a key that nobody knew a
moment ago, or ran out since the issuer was last reached (docs/faults.md, "Sign-in").
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from http import HTTPStatus
from threading import Condition, Thread
from types import MappingProxyType
from typing import Final

from shared.errors import Outage
from shared.runtime import clock, http_client, metrics
from shared.runtime.health import ReadinessCheck
from shared.runtime.logs import logger
from shared.runtime.retries import Backoff
from shared.security import jwks
from shared.security.jwks import KeysById

log = logger(__name__)

INTERVAL_SECONDS: Final = 60.0
"""Between two fetches while the issuer answers; a new key is published for longer before it signs."""
LONGEST_SECONDS: Final = 3.0
"""For one fetch."""
OVERDUE_SECONDS: Final = 2 * INTERVAL_SECONDS
"""After this time without an answer the issuer is taken as away, even if no attempt has failed."""
WAIT_SECONDS: Final = 2.0
"""For how long a request waits for a fetch that it caused."""
MOST_WAITING: Final = 2
"""Requests that wait at once: an issuer that hangs must not take every thread of a process."""

LONG_AGO: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class _State:
    """What the last attempts brought; replaced as a whole, so that a reader never sees half of it."""

    keys: KeysById = field(default_factory=lambda: MappingProxyType({}))
    contact: datetime = LONG_AGO
    """The last instant at which the issuer answered."""
    contact_monotonic: float = float("-inf")
    failed: bool = True


class TokenKeys:
    """The public keys of one issuer. Make it after a fork, and `start` it."""

    def __init__(self, url: str, *, grace_seconds: float, interval_seconds: float = INTERVAL_SECONDS) -> None:
        self._url, self._grace, self._interval = url, grace_seconds, interval_seconds
        self._state = _State()
        self._changed = Condition()
        self._begun = self._done = self._waiting = 0
        self._asked_at: dict[str, float] = {}
        """When a request last asked, by the reason."""
        self._is_asked = self._is_stopped = False
        self._thread = Thread(target=self._run, name="token keys", daemon=True)

    def start(self) -> None:
        """Begin to fetch in the background, until `stop`."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread."""
        with self._changed:
            self._is_stopped = True
            self._changed.notify_all()
        self._thread.join(2 * LONGEST_SECONDS)

    @property
    def by_id(self) -> KeysById:
        """The keys as they were last published; none before the first answer."""
        return self._state.keys

    @property
    def contact(self) -> datetime:
        """The last instant at which the issuer answered with keys."""
        return self._state.contact

    def expired_as_of(self, now: datetime) -> datetime:
        """Returns the instant that a token must not have run out at.

        That is `now`. While the issuer is away it is the last contact with it, for as long as the setting
        TOKEN_OUTAGE_GRACE allows: nobody can fetch a new token, and everybody who was signed in then continues.
        """
        state = self._state
        away = clock.monotonic() - state.contact_monotonic
        return min(now, state.contact) if _is_away(state) and away <= self._grace else now

    def ask_again(self, reason: str, *, at_most_every: float) -> None:
        """Let the thread fetch at once, and wait shortly for the answer.

        It is not asked again within so many seconds for the same reason: expired tokens, which may ask each second,
        must not keep a new key from being found.
        """
        with self._changed:
            if clock.monotonic() - self._asked_at.get(reason, float("-inf")) >= at_most_every:
                self._asked_at[reason], self._is_asked = clock.monotonic(), True
                self._changed.notify_all()
            awaited = self._begun + self._is_asked
            if self._done < awaited and self._waiting < MOST_WAITING:
                self._waiting += 1
                self._changed.wait_for(lambda: self._done >= awaited, WAIT_SECONDS)
                self._waiting -= 1

    def checks(self) -> list[ReadinessCheck]:
        """What readiness shows: without any key a process can admit nobody; an issuer that is away is only shown."""
        return [
            ReadinessCheck("token_keys", lambda: bool(self.by_id)),
            ReadinessCheck("token_issuer", self._answers, decisive=False),
        ]

    def _answers(self) -> bool:
        state = self._state
        if _is_away(state) and state.keys:
            away = clock.monotonic() - state.contact_monotonic
            raise Outage("token_issuer.away", f"no answer for {away:.0f} s, of {self._grace:.0f} s of grace")
        return not _is_away(state)

    def _run(self) -> None:
        backoff = Backoff()
        while not self._is_stopped:
            with self._changed:
                self._begun, self._is_asked = self._begun + 1, False
            pause = self._interval if self._fetch() else backoff.next()
            if not self._state.failed:
                backoff.reset()
            with self._changed:
                self._done = self._begun
                self._changed.notify_all()
                self._changed.wait_for(lambda: self._is_asked or self._is_stopped, pause)

    def _fetch(self) -> bool:
        """Fetch the keys once; returns whether that succeeded. What was known before stays known where it did not."""
        before = self._state
        try:
            published = jwks.parse(_fetch(self._url))
        except (OSError, http_client.BadAnswer, jwks.BadKeys) as problem:
            self._state = replace(before, failed=True)
            self._record_failure(before, problem)
            return False
        self._state = _State(MappingProxyType(dict(published.keys)), clock.now(), clock.monotonic(), failed=False)
        metrics.token_key_fetches.labels("fetched").inc()
        metrics.token_issuer_away_seconds.set(0)
        if before.failed or before.keys.keys() != published.keys.keys():
            write = log.warning if published.problems else log.info
            write("token_keys.fetched", keys=sorted(published.keys), left_out=published.problems)
        return True

    def _record_failure(self, before: _State, problem: Exception) -> None:
        metrics.token_key_fetches.labels("failed").inc()
        if before.keys:
            metrics.token_issuer_away_seconds.set(clock.monotonic() - before.contact_monotonic)
        if not before.failed or not self._done:
            # the class and our own sentences; the issuer's words stay out of the log
            known = str(problem) if isinstance(problem, http_client.BadAnswer | jwks.BadKeys) else ""
            log.warning("token_keys.not_fetched", problem=type(problem).__name__, why=known, url=self._url)


def _fetch(url: str) -> bytes:
    """The document at this address. Raises `BadAnswer`, or `OSError` where nothing answers in time."""
    wanted = {"Accept": "application/json"}
    answer = http_client.send("GET", url, headers=wanted, largest=jwks.LARGEST_DOCUMENT, seconds=LONGEST_SECONDS)
    if answer.status != HTTPStatus.OK:
        raise http_client.BadAnswer(f"the answer has the status {answer.status}")
    return answer.body


def _is_away(state: _State) -> bool:
    return state.failed or clock.monotonic() - state.contact_monotonic > OVERDUE_SECONDS
