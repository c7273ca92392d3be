"""How fast somebody may try passwords: counted in the database, so that it holds across processes.

Every attempt is counted before its password is looked at, and forgotten when it was right: many attempts at once cannot
pass before the first is counted. Three counters must let it pass: of the address, of the account, and of the account
from this address. Whether the account exists changes nothing. The counter of the address counts every attempt.

Nobody is locked out for good: a delay never exceeds a few minutes, or an hour for one-time passwords, which can only
be tried with the right password. A person who signed in from the same address before is not delayed by what others do
to the account or from the address, only by the third counter, and has an own counter of one-time passwords there.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType

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
OF_ONE_TIME_PASSWORD = Limit(free=5, longest=timedelta(hours=1))
"""Of an account whose password is known. One guess in 333,000 is right, and hardly more than 24 a day are looked at."""
RESETS_OF_ACCOUNT = Limit(free=3, longest=timedelta(hours=1))
"""Nobody may fill somebody's mailbox; the owner has the links that were sent before."""
RESETS_FROM_ADDRESS = Limit(free=20, longest=timedelta(minutes=1))
FORGOTTEN_AFTER = timedelta(hours=24)
"""After this time without an attempt a counter begins anew."""


@dataclass(frozen=True)
class Attempt:
    """A counted attempt: the counters that counted it, and until when it made each of them refuse the next one."""

    delayed_until: Mapping[bytes, datetime]
    address_key: bytes | None
    begins_delay: bool
    """Whether it was the first one beyond the free ones: the next attempt at the account has to wait."""
    now: datetime

    def forgive(self, session: Session) -> None:
        """The attempt was right: the counters of the account begin anew, that of the address is set back by one."""
        throttles.clear(session, self.delayed_until.keys() - {self.address_key}, now=self.now)
        of_address = {key: until for key, until in self.delayed_until.items() if key == self.address_key}
        throttles.take_back(session, of_address, now=self.now)

    def take_back(self, session: Session) -> None:
        """Set all its counters back by one: its password was not checked, or was right and a second step follows."""
        throttles.take_back(session, self.delayed_until, now=self.now)


def count_attempt(
    session: Session, values: SecretValues, *, account: str, address: str, signed_in_from_here: bool, now: datetime
) -> Attempt:
    """Count an attempt at an account from an address. Raises `TooManyRequests`, and counts nothing then.

    `account` is what it is known by, such as an e-mail address; `signed_in_from_here`: its owner did so before.
    """
    address_key = values.throttle_key("address", address)
    here = {values.throttle_key("account from address", account, address): OF_ACCOUNT_FROM_ADDRESS}
    everywhere = {address_key: OF_ADDRESS, values.throttle_key("account", account): OF_ACCOUNT}
    if signed_in_from_here:
        return _count(session, here, only_counted={address_key: OF_ADDRESS}, address_key=address_key, now=now)
    return _count(session, here | everywhere, address_key=address_key, now=now)


def count_one_time_password(
    session: Session,
    values: SecretValues,
    *,
    account: str,
    password_hash: str | None,
    known_address: str | None = None,
    now: datetime,
) -> Attempt:
    """Count an attempt at a one-time password or a recovery code. Raises `TooManyRequests`, and counts nothing then.

    With each `password_hash` it begins anew: somebody who had the password before delays nobody any more.
    `known_address`: the address of the attempt where the account's owner signed in from there before.
    """
    where = [known_address] if known_address else []
    key = values.throttle_key("one-time password of account", account, password_hash or "", *where)
    return _count(session, {key: OF_ONE_TIME_PASSWORD}, now=now)


def count_reset(session: Session, values: SecretValues, *, account: str, address: str, now: datetime) -> None:
    """Count a request for a password reset. Raises `TooManyRequests`, and counts nothing then."""
    of_account = values.throttle_key("reset of account", account)
    from_address = values.throttle_key("reset from address", address)
    _count(session, {of_account: RESETS_OF_ACCOUNT, from_address: RESETS_FROM_ADDRESS}, now=now)


def forgive(session: Session, values: SecretValues, *, account: str, address: str, now: datetime) -> None:
    """Let the owner of an account sign in from here at once: they have just proved who they are by e-mail."""
    keys = (values.throttle_key("account", account), values.throttle_key("account from address", account, address))
    throttles.clear(session, keys, now=now)


def _count(
    session: Session,
    limits: Mapping[bytes, Limit],
    *,
    only_counted: Mapping[bytes, Limit] = MappingProxyType({}),
    address_key: bytes | None = None,
    now: datetime,
) -> Attempt:
    """Count in each of these. Raises `TooManyRequests` where one of the `limits` refuses."""
    every = {**limits, **only_counted}
    rows = throttles.lock(session, list(every), now=now)
    delayed_until = max(row.next_at for row in rows if row.key in limits)
    if delayed_until > now:
        seconds = math.ceil((delayed_until - now).total_seconds())
        raise TooManyRequests("sign_in.too_many_attempts", retry_after=seconds)
    counted = {row.key: 1 if row.last_at < now - FORGOTTEN_AFTER else row.attempts + 1 for row in rows}
    next_at = {key: now + every[key].delay(attempts) for key, attempts in counted.items()}
    throttles.save(session, counted, next_at, now=now)
    begins_delay = any(counted[key] == limits[key].free + 1 for key in limits.keys() - {address_key})
    return Attempt(next_at, address_key, begins_delay, now)


def forget_old(session: Session, now: datetime) -> int:
    """Remove counters that would begin anew; returns their number."""
    return throttles.prune(session, before=now - FORGOTTEN_AFTER)
