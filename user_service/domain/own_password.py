"""A person changes their own password: they prove the present one, and all other sessions end."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from shared.database import Session
from shared.errors import FieldProblem, RuleBroken
from shared.values.account_enums import AccountChangeKind, OneTimeTokenPurpose, SessionEnd
from user_service.domain import account_log, links, sessions, throttling
from user_service.domain.secret_values import SecretValues
from user_service.domain.sessions import Origin
from user_service.domain.throttling import Attempt
from user_service.store import queries
from user_service.store.tables import Account


@dataclass(frozen=True)
class PasswordClaim:
    """A counted attempt to prove the present password, and what must be known to judge the new one."""

    account_id: UUID
    password_hash: str | None
    about: tuple[str, ...]
    attempt: Attempt


def claim(
    session: Session, account_id: UUID | None, origin: Origin, values: SecretValues, *, now: datetime
) -> PasswordClaim:
    """Count an attempt as one to sign in: nobody with a stolen access token may try passwords without a limit.

    Raises `NotFound`, `TooManyRequests`.
    """
    account = sessions.get_person(session, account_id)
    key = account.email_key or ""
    queries.hold_account(session, key)
    signed_in_from_here = queries.was_used_from(session, key, origin.address)
    attempt = throttling.count_attempt(
        session, values, account=key, address=origin.address, signed_in_from_here=signed_in_from_here, now=now
    )
    account_log.add_delay(session, key, attempt, detail=origin.address, now=now)
    return PasswordClaim(account.id, account.password_hash, known_of(account), attempt)


def known_of(account: Account) -> tuple[str, ...]:
    """What everybody knows of a person, and a password must not be made of."""
    return tuple(filter(None, (account.email, account.name)))


def wrong() -> RuleBroken:
    """The refusal of a present password that is not right."""
    return RuleBroken("password.wrong", errors=[FieldProblem.of("current_password", "field.password_wrong")])


def complete(
    session: Session, claimed: PasswordClaim, new_hash: str, *, session_id: UUID | None, now: datetime
) -> None:
    """Store the new password; all other sessions end. Raises `RuleBroken` where it was changed meanwhile."""
    account = sessions.get_person(session, claimed.account_id, lock=True)
    if account.password_hash != claimed.password_hash:
        raise wrong()
    claimed.attempt.forgive(session)
    set_password(session, account, new_hash, change=AccountChangeKind.PASSWORD_CHANGED, now=now)
    sessions.end(session, account.id, SessionEnd.PASSWORD_CHANGED, except_for=session_id, by=account.id, now=now)


CHANGE = {
    OneTimeTokenPurpose.INVITATION: AccountChangeKind.INVITATION_ACCEPTED,
    OneTimeTokenPurpose.PASSWORD_RESET: AccountChangeKind.PASSWORD_RESET,
}


def choose(
    session: Session,
    token: str,
    purpose: OneTimeTokenPurpose,
    new_hash: str,
    origin: Origin,
    values: SecretValues,
    *,
    now: datetime,
) -> None:
    """Store the password that the owner of a link has chosen; the account's sessions end, the link is used.

    Somebody who was delayed by attempts of others can sign in from there at once. Raises `RuleBroken` where the
    link was used meanwhile.
    """
    account = links.use(session, token, purpose, now=now)
    set_password(session, account, new_hash, change=CHANGE[purpose], now=now)
    throttling.forgive(session, values, account=account.email_key or "", address=origin.address, now=now)
    sessions.end(session, account.id, SessionEnd.PASSWORD_CHANGED, by=account.id, now=now)


def set_password(
    session: Session, account: Account, new_hash: str, *, change: AccountChangeKind, now: datetime
) -> None:
    """Store the hash of a new password of this locked account, with an entry in its log; older links are revoked."""
    account.password_hash, account.password_changed_at = new_hash, now
    account.count_change(by=account.id, now=now)
    session.flush()
    account_log.add(session, account.id, change, by=account.id, now=now)
    links.discard(session, account.id)
