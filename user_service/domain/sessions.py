"""Sessions of people: each is a family of refresh tokens, of which only the newest continues it.

A refresh token is exchanged for its successor. Who shows one that was exchanged before has stolen it, or it was stolen
from them: the session ends. But two tabs of one browser may send the same token at once, and a response may be lost: a
token that comes again within ten seconds, while its successor has not been used, is answered with the same successor.
The successor follows from the token by a key of this service, so nothing but hashes is stored.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from shared.database import Session, new_id
from shared.database.rows import check_version, require
from shared.errors import Forbidden, NotFound, Unauthenticated
from shared.values.account_enums import AccountChangeKind, AccountKind, SessionEnd
from shared.values.lists import Listed, ListRequest
from user_service.domain import account_log
from user_service.domain.schemas import SessionView
from user_service.domain.secret_values import SecretValues, hash_of, new_secret
from user_service.settings import SessionRules
from user_service.store import lists, queries
from user_service.store.tables import Account, RefreshToken, SignInSession

RECENT = timedelta(minutes=15)
"""How long after signing in somebody may change how they sign in."""
SAME_AGAIN = timedelta(seconds=10)
KEPT_AFTER_THE_END = timedelta(days=30)


@dataclass(frozen=True)
class Origin:
    """From where somebody signs in."""

    address: str
    user_agent: str | None


@dataclass(frozen=True)
class ContinuedSession:
    """An active session, its account, and the refresh token that continues it next time."""

    session: SignInSession
    account: Account
    refresh_token: str


def start(
    session: Session, account: Account, origin: Origin, rules: SessionRules, *, now: datetime
) -> ContinuedSession:
    """Begin a session of this account."""
    ends_at = now + rules.longest
    begun = SignInSession(
        id=new_id(),
        account_id=account.id,
        created_at=now,
        last_used_at=now,
        expires_at=min(now + rules.idle, ends_at),
        ends_at=ends_at,
        address=origin.address,
        user_agent=origin.user_agent,
    )
    session.add(begun)
    session.flush()
    token = new_secret()
    _keep(session, begun, token, now)
    return ContinuedSession(begun, account, token)


def renew(
    session: Session, token: str, rules: SessionRules, values: SecretValues, *, now: datetime
) -> ContinuedSession | None:
    """Exchange a refresh token for its successor; None where its session is over.

    Ends the session where the token was exchanged before: the caller must commit that.
    """
    found = queries.session_of_token(session, hash_of(token), now=now)
    if found is None:
        return None
    account = queries.account(session, found.account_id)
    if account is None or not account.active:
        return None
    successor = values.successor(token)
    if not _exchange(session, found, token, successor, now=now):
        end(session, account.id, SessionEnd.TOKEN_REUSED, only=found.id, by=None, now=now)
        return None
    found.last_used_at, found.expires_at = now, min(now + rules.idle, found.ends_at)
    return ContinuedSession(found, account, successor)


def _exchange(session: Session, found: SignInSession, token: str, successor: str, *, now: datetime) -> bool:
    """Mark the token as used and keep its successor; False where it was used before, and not just now."""
    row = queries.refresh_token(session, hash_of(token))
    if row is None:
        return False
    if row.used_at is None:
        row.used_at = now
        _keep(session, found, successor, now)
        return True
    follows = queries.refresh_token(session, hash_of(successor))
    return now - row.used_at <= SAME_AGAIN and follows is not None and follows.used_at is None


def _keep(session: Session, found: SignInSession, token: str, now: datetime) -> None:
    session.add(RefreshToken(token_hash=hash_of(token), session_id=found.id, issued_at=now))
    session.flush()


def sign_out(session: Session, token: str | None, *, now: datetime) -> None:
    """End the session of a refresh token, also of one that was exchanged, where it is still active."""
    found = queries.session_of_token(session, hash_of(token or ""), now=now)
    if found is not None:
        owner = found.account_id
        end(session, owner, SessionEnd.SIGNED_OUT, only=found.id, by=owner, now=now)


def end(
    session: Session,
    account_id: UUID,
    reason: SessionEnd,
    *,
    only: UUID | None = None,
    except_for: UUID | None = None,
    by: UUID | None,
    now: datetime,
) -> int:
    """End an account's sessions: all, only one, or all but one; returns the number of those that went on."""
    ended = queries.end_sessions(session, account_id, reason, only=only, except_for=except_for, by=by, now=now)
    reused = reason == SessionEnd.TOKEN_REUSED
    if ended:
        change = AccountChangeKind.TOKEN_REUSED if reused else AccountChangeKind.SESSIONS_ENDED
        account_log.add(session, account_id, change, by=by, now=now, detail=reason.value)
    return ended


def list_part(
    session: Session, account_id: UUID | None, wanted: ListRequest[Any], *, current: UUID | None, now: datetime
) -> Listed:
    """A part of the active sessions of an account. Raises `NotFound`."""
    account = get_person(session, account_id)
    found = lists.sessions(session, account.id, wanted.part, now=now)
    return found.shown([SessionView.of({**_fields(each), "current": each.id == current}) for each in found.rows])


def _fields(row: SignInSession) -> dict[str, object]:
    return {name: getattr(row, name) for name in SessionView.model_fields if name != "current"}


def revoke(
    session: Session,
    account_id: UUID | None,
    *,
    only: UUID | None = None,
    except_for: UUID | None = None,
    expected_versions: Collection[int] | None,
    by: UUID | None,
    now: datetime,
) -> None:
    """End an account's sessions at somebody's wish. Raises `NotFound` (also of a session that is over), `LostUpdate`.

    At other services access tokens that were issued before stay valid for their few minutes.
    """
    account = get_person(session, account_id)
    check_version(account, expected_versions, "account")
    ended = end(session, account.id, SessionEnd.REVOKED, only=only, except_for=except_for, by=by, now=now)
    if only is not None and not ended:
        raise NotFound("session")


def get_person(session: Session, account_id: UUID | None, *, lock: bool = False) -> Account:
    """The account of a person; raises `NotFound`, also where the caller has none (`AUTH=none`, or another issuer)."""
    found = account_id and queries.account(session, account_id, AccountKind.PERSON, lock=lock)
    return require(found or None, "account")


def require_current(session: Session, account_id: UUID, session_id: UUID | None, *, now: datetime) -> Account:
    """The active account whose token names this session; a machine's names none. Raises `Unauthenticated`."""
    account = queries.account(session, account_id)
    if account is None or not account.active:
        raise over()
    if account.kind == AccountKind.PERSON and _own(session, account_id, session_id, now=now) is None:
        raise over()
    return account


def over() -> Unauthenticated:
    """The refusal of who continues a session that is over, whatever is wrong."""
    return Unauthenticated("session.over")


def _own(session: Session, account_id: UUID, session_id: UUID | None, *, now: datetime) -> SignInSession | None:
    """The session of this account, where it goes on."""
    found = queries.sign_in_session(session, session_id, now=now) if session_id else None
    return found if found and found.account_id == account_id else None


def require_recent(session: Session, account_id: UUID, session_id: UUID | None, *, now: datetime) -> None:
    """Raise `Forbidden` unless this account signed in to this session a moment ago, and has not ended it."""
    found = _own(session, account_id, session_id, now=now)
    if found is None or found.created_at < now - RECENT:
        minutes = int(RECENT.total_seconds()) // 60
        raise Forbidden("session.not_recent", minutes=minutes)


def remove_old(session: Session, *, now: datetime) -> int:
    """Remove sessions that ended long ago; returns their number."""
    return queries.prune_sessions(session, before=now - KEPT_AFTER_THE_END)
