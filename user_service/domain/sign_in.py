"""Signing in: the attempt is counted, the password is looked at without a transaction, the session begins.

What a refusal says, and how long it takes, is the same whether or not the account exists.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from datetime import datetime

from shared.database import Session
from shared.errors import Unauthenticated
from shared.values.account_enums import AccountChangeKind
from shared.values.contacts import normalised_email
from user_service.domain import access_tokens, account_log, one_time_passwords, sessions, throttling
from user_service.domain.access_tokens import IssuerRules
from user_service.domain.schemas import AccessToken, MachineSignIn
from user_service.domain.secret_values import SecretValues, hash_of
from user_service.domain.sessions import ContinuedSession, Origin
from user_service.domain.throttling import Attempt
from user_service.settings import SessionRules
from user_service.store import queries
from user_service.store.tables import Account


@dataclass(frozen=True)
class SignInClaim:
    """A counted attempt to sign in, and the hash that the password must have; None where nobody can sign in."""

    email_key: str
    password_hash: str | None
    hash_parameters: frozenset[str]
    """Those of all stored passwords: whose is compared must not show in the time."""
    needs_otp: bool
    known_address: str | None
    """From where it comes, if the account's owner has signed in from there before."""
    attempt: Attempt


@dataclass(frozen=True)
class SecondFactor:
    """What was entered beside the password, and the attempt that was counted for it; None where nothing was."""

    given: str | None
    attempt: Attempt | None


@dataclass(frozen=True)
class SignedIn:
    """What somebody gets who signed in or continued a session."""

    access_token: AccessToken
    refresh_token: str
    expires_at: datetime
    """When the refresh token runs out, if it is not used before."""


def has_signed_in_from(session: Session, email: str, origin: Origin) -> bool:
    """Whether the owner of this account has signed in from there before."""
    return queries.was_used_from(session, normalised_email(email), origin.address)


def claim(
    session: Session, email: str, origin: Origin, values: SecretValues, *, signed_in_from_here: bool, now: datetime
) -> SignInClaim:
    """Count an attempt to sign in, before its password is looked at. Raises `TooManyRequests`.

    `signed_in_from_here`: its owner has signed in from there before.
    """
    key = normalised_email(email)
    queries.hold_account(session, key)
    attempt = throttling.count_attempt(
        session, values, account=key, address=origin.address, signed_in_from_here=signed_in_from_here, now=now
    )
    account_log.add_delay(session, key, attempt, detail=origin.address, now=now)
    found = queries.account_of_email(session, key)
    account = found if found and found.active else None
    return SignInClaim(
        key,
        account.password_hash if account else None,
        hash_parameters=queries.hash_parameters(session),
        needs_otp=account is not None and account.otp_confirmed_at is not None,
        known_address=origin.address if signed_in_from_here else None,
        attempt=attempt,
    )


def claim_second(
    session: Session, claimed: SignInClaim, given: str | None, values: SecretValues, *, now: datetime
) -> SecondFactor:
    """Count an attempt at the one-time password of somebody whose password was right. Raises `TooManyRequests`.

    Where it is needed and none was entered, the attempt to sign in is not counted: it is the first of two steps.
    """
    if given is not None:
        queries.hold_account(session, claimed.email_key)
        attempt = throttling.count_one_time_password(
            session,
            values,
            account=claimed.email_key,
            password_hash=claimed.password_hash,
            known_address=claimed.known_address,
            now=now,
        )
        account_log.add_delay(session, claimed.email_key, attempt, detail="one-time password", now=now)
        return SecondFactor(given, attempt)
    if claimed.needs_otp:
        claimed.attempt.take_back(session)
    return SecondFactor(None, None)


def complete(
    session: Session,
    claimed: SignInClaim,
    second: SecondFactor,
    origin: Origin,
    rules: SessionRules,
    values: SecretValues,
    *,
    renewed_hash: str | None,
    now: datetime,
) -> ContinuedSession:
    """Begin the session of somebody whose password was right.

    Raises `Unauthenticated` where that changed meanwhile, and where a one-time password is missing or wrong.
    """
    account = queries.account_of_email(session, claimed.email_key, lock=True)
    if account is None or not account.active or account.password_hash != claimed.password_hash:
        raise refused()
    one_time_passwords.check(session, account, second.given, values, now=now)
    for attempt in filter(None, (claimed.attempt, second.attempt)):
        attempt.forgive(session)
    account.password_hash = renewed_hash or account.password_hash
    account.last_signed_in_at = now
    account_log.add(session, account.id, AccountChangeKind.SIGNED_IN, by=account.id, now=now)
    return sessions.start(session, account, origin, rules, now=now)


def refused() -> Unauthenticated:
    """The refusal of every sign-in, whatever is wrong."""
    return Unauthenticated("sign_in.refused")


def tokens_of(
    session: Session, continued: ContinuedSession, rules: IssuerRules, values: SecretValues, *, now: datetime
) -> SignedIn:
    """A new access token of a session, with the refresh token that continues it."""
    begun = continued.session
    token = access_tokens.issue(session, continued.account, session_id=begun.id, rules=rules, values=values, now=now)
    return SignedIn(token, continued.refresh_token, begun.expires_at)


def of_machine(
    session: Session, given: MachineSignIn, rules: IssuerRules, values: SecretValues, *, now: datetime
) -> AccessToken:
    """An access token of a machine account. Raises `Unauthenticated`.

    Attempts are not counted: nobody guesses 256 bits, and several processes may sign in at once.
    """
    account = queries.machine(session, given.client_id)
    if not _is_secret_of(account, given.client_secret) or account is None:
        raise Unauthenticated("sign_in.machine_refused")
    account.last_signed_in_at = now
    return access_tokens.issue(session, account, session_id=None, rules=rules, values=values, now=now)


def _is_secret_of(account: Account | None, secret: str) -> bool:
    stored = account.secret_hash if account and account.active else None
    return hmac.compare_digest(stored or b"", hash_of(secret))
