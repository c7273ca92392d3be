"""Links in e-mails: each proves, once and for a while, that somebody reads what is sent to an account's address.

The token in it is stored as a digest. A change of the account's password or address
revokes it.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from shared.database import Session
from shared.errors import FieldProblem, RuleBroken
from shared.values.account_enums import AccountKind, OneTimeTokenPurpose
from user_service.domain.secret_values import hash_of, new_secret
from user_service.store import one_time_tokens as store
from user_service.store import queries
from user_service.store.tables import Account, OneTimeToken

PAGES = {
    OneTimeTokenPurpose.INVITATION: "accept-invitation",
    OneTimeTokenPurpose.PASSWORD_RESET: "reset-password",
}
"""The pages that take the token (user_service/api/account_pages.py)."""


def issue(
    session: Session, account: Account, purpose: OneTimeTokenPurpose, *, lifetime: timedelta, now: datetime
) -> str:
    """A new token of this account, valid beside those that it has."""
    token = new_secret()
    session.add(
        OneTimeToken(
            token_hash=hash_of(token),
            account_id=account.id,
            purpose=purpose.value,
            created_at=now,
            expires_at=now + lifetime,
        )
    )
    session.flush()
    return token


def address(public_url: str, purpose: OneTimeTokenPurpose, token: str) -> str:
    """The link. The token stands behind the `#`, which browsers send to nobody: it is in no log and no `Referer`."""
    return f"{page(public_url, purpose)}#token={token}"


def page(public_url: str, purpose: OneTimeTokenPurpose) -> str:
    """The page of the links for this purpose; the one for resets also sends such a link."""
    return f"{public_url}/{PAGES[purpose]}"


def owner(session: Session, token: str, purpose: OneTimeTokenPurpose, *, now: datetime) -> Account:
    """The account of a token that can be used now. Raises `RuleBroken`."""
    return _active(session, store.account_of(session, hash_of(token), purpose, now=now))


def use(session: Session, token: str, purpose: OneTimeTokenPurpose, *, now: datetime) -> Account:
    """The account of a token, locked; neither the token nor any other of the account is valid from now on.

    Raises `RuleBroken` where it cannot be used (any more): of two who use it at once, for the second.
    """
    token_hash = hash_of(token)
    account = _active(session, store.account_of(session, token_hash, purpose, now=now), lock=True)
    if not store.take(session, token_hash, purpose, now=now):
        raise _over()
    store.discard(session, account.id)
    return account


def _active(session: Session, account_id: UUID | None, *, lock: bool = False) -> Account:
    found = account_id and queries.account(session, account_id, AccountKind.PERSON, lock=lock)
    if not found or not found.active:
        raise _over()
    return found


def _over() -> RuleBroken:
    return RuleBroken("link.over", errors=[FieldProblem.of("token", "field.link_over")])


def discard(session: Session, account_id: UUID) -> None:
    """Revoke all links of an account."""
    store.discard(session, account_id)


def remove_old(session: Session, *, now: datetime) -> int:
    """Remove tokens that have run out; returns their number."""
    return store.prune(session, now=now)
