"""How fast somebody may try passwords: counted in the database, so that it holds across processes.

Every attempt is counted before its password is looked at, and forgotten when it was right: many attempts at once cannot
pass before the first is counted. Three counters must let it pass: of the address, of the account, and of the account
from this address. Whether the account exists changes nothing.

Nobody is locked out for good: a delay never exceeds a few minutes. Who signed in from the same address before is not
held up by what others do to the account or from the address, only by the third counter.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.database import Session
from shared.errors import TooManyRequests
from user_service.domain.secret_values import SecretValues
from user_service.store import throttles


@dataclass(frozen=True)
class Limit:
    """So many attempts are free; after each further one the delay doubles, from a second up to the longest."""

    free: int
    longest: timedelta

    def delay(self, attempts: int) -> timedelta:
        """How long after this attempt the next one is not looked at."""
        beyond = attempts - self.free
        if beyond <= 0:
            return timedelta()
        return min(self.longest, timedelta(seconds=2 ** min(beyond - 1, 16)))


OF_ADDRESS = Limit(free=50, longest=timedelta(minutes=1))
"""A whole office may have one address."""
OF_ACCOUNT = Limit(free=20, longest=timedelta(minutes=1))
OF_ACCOUNT_FROM_ADDRESS = Limit(free=5, longest=timedelta(minutes=5))
FORGOTTEN_AFTER = timedelta(hours=24)
"""After this time without an attempt a counter begins anew."""


@dataclass(frozen=True)
class Attempt:
    """A counted attempt: the counters that counted it, and until when it made each of them refuse the next one."""

    delayed_until: Mapping[bytes, datetime]
    address_key: bytes
    now: datetime

    def forgive(self, session: Session) -> None:
        """The attempt was right: the counters of the account begin anew, that of the address is set back by one."""
        throttles.clear(session, self.delayed_until.keys() - {self.address_key}, now=self.now)
        of_address = {key: until for key, until in self.delayed_until.items() if key == self.address_key}
        throttles.take_back(session, of_address, now=self.now)

    def take_back(self, session: Session) -> None:
        """The attempt does not count: its password was not looked at."""
        throttles.take_back(session, self.delayed_until, now=self.now)


def count_attempt(
    session: Session, values: SecretValues, *, account: str, address: str, is_known: bool, now: datetime
) -> Attempt:
    """Count an attempt at an account from an address. Raises `TooManyRequests`, and counts nothing then.

    `account` is what it is known by, such as an e-mail address; `is_known`: its owner signed in from this address.
    """
    address_key = values.throttle_key("address", address)
    limits = {values.throttle_key("account from address", account, address): OF_ACCOUNT_FROM_ADDRESS}
    if not is_known:
        limits |= {address_key: OF_ADDRESS, values.throttle_key("account", account): OF_ACCOUNT}
    rows = throttles.lock(session, list(limits), now=now)
    next_at = max(row.next_at for row in rows)
    if next_at > now:
        seconds = math.ceil((next_at - now).total_seconds())
        raise TooManyRequests(
            "sign_in.too_many_attempts", "Too many attempts to sign in. Please wait a little.", retry_after=seconds
        )
    for row in rows:
        row.attempts = 1 if row.last_at < now - FORGOTTEN_AFTER else row.attempts + 1
        row.last_at, row.next_at = now, now + limits[row.key].delay(row.attempts)
    session.flush()
    return Attempt({row.key: row.next_at for row in rows}, address_key, now)


def forget_old(session: Session, now: datetime) -> int:
    """Remove counters that would begin anew; returns their number."""
    return throttles.prune(session, before=now - FORGOTTEN_AFTER)
