"""Work that must not hold a transaction, such as hashing a password, and work on a schedule."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

from shared.database import transaction
from shared.runtime.jobs import Job
from user_service.dependencies import Dependencies
from user_service.domain import accounts, own_password, sessions, sign_in, signing_keys, throttling
from user_service.domain.passwords import HashingBusy, refuse_weak
from user_service.domain.schemas import NewPassword, NewUser, PersonSignIn
from user_service.domain.sessions import Origin
from user_service.domain.sign_in import SignedIn, SignInClaim
from user_service.domain.throttling import Attempt


def sign_in_person(given: PersonSignIn, origin: Origin, dependencies: Dependencies, *, now: datetime) -> SignedIn:
    """Sign a person in.

    Raises `TooManyRequests`, `HashingBusy`, and `Unauthenticated` with the same words whatever is wrong.
    """
    with transaction() as session:
        is_known = sign_in.is_known(session, given.email, origin)
    with dependencies.passwords.place(is_known=is_known):
        with transaction() as session:
            claimed = sign_in.claim(session, given.email, origin, dependencies.values, now=now)
        if not _is_right(claimed.password_hash, given.password, claimed.attempt, dependencies):
            raise sign_in.refused()
        renewed_hash = _renewed_hash(claimed, given.password, dependencies)
    with transaction() as session:
        begun = sign_in.complete(session, claimed, origin, dependencies.sessions, renewed_hash=renewed_hash, now=now)
        return sign_in.tokens_of(session, begun, dependencies.tokens, dependencies.values, now=now)


def _is_right(stored: str | None, password: str, attempt: Attempt, dependencies: Dependencies) -> bool:
    """Whether the password is right; an attempt whose password could not be looked at does not count."""
    try:
        return dependencies.passwords.is_right(stored, password)
    except HashingBusy:
        with transaction() as session:
            attempt.take_back(session)
        raise


def _renewed_hash(claimed: SignInClaim, password: str, dependencies: Dependencies) -> str | None:
    """A hash with the parameters that are wanted now, where the stored one has others; another time if all are busy."""
    if claimed.password_hash is None or not dependencies.passwords.is_outdated(claimed.password_hash):
        return None
    try:
        return dependencies.passwords.hash(password)
    except HashingBusy:
        return None


def renew_session(token: str | None, dependencies: Dependencies, *, now: datetime) -> SignedIn:
    """Exchange a refresh token; raises `Unauthenticated` where its session is over, which a used token ends."""
    with transaction() as session:
        continued = token and sessions.renew(session, token, dependencies.sessions, dependencies.values, now=now)
        tokens = continued and sign_in.tokens_of(session, continued, dependencies.tokens, dependencies.values, now=now)
    if not tokens:  # after the commit: that the session has ended must last
        raise sign_in.session_over()
    return tokens


def change_password(
    given: NewPassword,
    origin: Origin,
    dependencies: Dependencies,
    *,
    session_id: UUID | None,
    by: UUID | None,
    now: datetime,
) -> None:
    """Change one's own password. Raises `NotFound`, `TooManyRequests`, `HashingBusy`, `RuleBroken`."""
    with dependencies.passwords.place(is_known=True):
        with transaction() as session:
            claimed = own_password.claim(session, by, origin, dependencies.values, now=now)
        if not _is_right(claimed.password_hash, given.current_password, claimed.attempt, dependencies):
            raise own_password.wrong()
        refuse_weak(given.new_password, field="new_password", about=claimed.about)
        new_hash = dependencies.passwords.hash(given.new_password)
    with transaction() as session:
        own_password.complete(session, claimed, new_hash, session_id=session_id, now=now)


def create_administrator(
    new: NewUser, password: str, dependencies: Dependencies, *, only_first: bool, now: datetime
) -> bool:
    """Make an administrator who can sign in at once; False where `only_first` and there is one already.

    Raises `Conflict` for a known e-mail address, `RuleBroken` for a weak password.
    """
    refuse_weak(password, field="password", about=(new.email, new.name))
    password_hash = dependencies.passwords.hash(password)
    with transaction() as session:
        if only_first and accounts.has_administrator(session):
            return False
        accounts.create_administrator(session, new, password_hash, now=now)
    return True


def _keep_keys(dependencies: Dependencies, now: datetime) -> int:
    """Make the first key, and remove those whose tokens have run out."""
    with transaction() as session:
        signing_keys.current(session, dependencies.values, now=now)
        return signing_keys.remove_old(session, dependencies.tokens.times, now=now)


def _forget(now: datetime) -> int:
    """Remove old counters of attempts, and sessions that ended long ago."""
    with transaction() as session:
        return throttling.forget_old(session, now) + sessions.remove_old(session, now=now)


def jobs(dependencies: Dependencies) -> Sequence[Job]:
    """Every job of this service."""
    return (
        Job("keep-signing-keys", timedelta(minutes=1), partial(_keep_keys, dependencies)),
        Job("forget-sign-ins", timedelta(minutes=10), _forget),
    )
