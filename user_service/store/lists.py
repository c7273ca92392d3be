"""Named questions behind this service's lists."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from shared.database.listing import Found, Listing
from shared.values.account_enums import AccountKind
from shared.values.enums import Role
from shared.values.lists import Part
from user_service.store.tables import Account, AccountChange, SignInSession

ACCOUNTS: Final = Listing(
    sorts={"name": (Account.name, Account.id), "created_at": (Account.id,)},
    default="name",
    identity=Account.id,
    counts={"active": Account.active},
)
SESSIONS: Final = Listing(
    sorts={"created_at": (SignInSession.created_at, SignInSession.id)},
    default="-created_at",
    identity=SignInSession.id,
)
CHANGES: Final = Listing(
    sorts={"changed_at": (AccountChange.changed_at, AccountChange.id)},
    default="changed_at",
    identity=AccountChange.id,
    counts={"change": AccountChange.change},
)


def accounts(
    session: Session,
    kinds: Collection[AccountKind],
    part: Part,
    *,
    roles: Sequence[Role] = (),
    active: bool | None = None,
    with_deleted: bool = False,
) -> Found[Account]:
    """A part of the accounts that are of one of these kinds and have one of these roles; without any, of all."""
    conditions: list[ColumnElement[bool]] = [] if with_deleted else [Account.deleted_at.is_(None)]
    if kinds:
        conditions.append(Account.kind.in_(kinds))
    if roles:
        conditions.append(Account.roles.overlap([str(role) for role in roles]))
    if active is not None:
        conditions.append(Account.active == active)
    return ACCOUNTS.read(session, select(Account).where(*conditions), part)


def sessions(session: Session, account_id: UUID, part: Part, *, now: datetime) -> Found[SignInSession]:
    """A part of an account's active sessions."""
    active = select(SignInSession).where(
        SignInSession.account_id == account_id, SignInSession.ended_at.is_(None), SignInSession.expires_at > now
    )
    return SESSIONS.read(session, active, part)


def changes(session: Session, account_id: UUID, part: Part) -> Found[AccountChange]:
    """A part of an account's log."""
    return CHANGES.read(session, select(AccountChange).where(AccountChange.account_id == account_id), part)
