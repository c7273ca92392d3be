"""Accounts of people: administrators make, change and close them; everybody changes their own name.

Somebody must be able to administer: the last person who can sign in as an administrator stays one.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from shared.database import Session, first_version, new_id
from shared.database.rows import check_version
from shared.errors import Conflict
from shared.values.account_enums import AccountChangeKind, AccountKind, SessionEnd
from shared.values.contacts import normalised_email
from shared.values.enums import Role
from shared.values.lists import Listed, ListRequest
from shared.values.schemas import MergePatch, Schema, merged
from user_service.domain import account_log, links, one_time_passwords, sessions
from user_service.domain.schemas import (
    AccountNameFilter,
    MeView,
    NewUser,
    OwnFields,
    UserFields,
    UserFilter,
    UserView,
)
from user_service.store import lists, queries
from user_service.store.tables import Account


def view(account: Account) -> UserView:
    """The account of a person as administrators see it."""
    return UserView.of(_shown(account, UserView))


def own_view(session: Session, account: Account) -> MeView:
    """The account as its owner sees it."""
    left = one_time_passwords.count_recovery_codes(session, account)
    return MeView.of(_shown(account, MeView, recovery_codes_left=left))


def _shown(account: Account, schema: type[Schema], **more: Any) -> dict[str, Any]:
    derived = {
        "has_password": account.password_hash is not None,
        "otp_enabled": account.otp_confirmed_at is not None,
        **more,
    }
    return {name: derived[name] if name in derived else getattr(account, name) for name in schema.model_fields}


def get(session: Session, account_id: UUID) -> UserView:
    """One person's account; raises `NotFound`."""
    return view(sessions.get_person(session, account_id))


def get_own(session: Session, account_id: UUID | None) -> MeView:
    """The account of the caller; raises `NotFound` where they have none here."""
    return own_view(session, sessions.get_person(session, account_id))


def list_part(session: Session, wanted: ListRequest[UserFilter]) -> Listed:
    """A part of the accounts of people."""
    filters = wanted.filters
    found = lists.accounts(session, [AccountKind.PERSON], wanted.part, roles=filters.role, active=filters.active)
    return found.shown([view(each) for each in found.rows])


def list_names(session: Session, wanted: ListRequest[AccountNameFilter]) -> Listed:
    """A part of all accounts with their names, also of machines and of deleted ones: logs name their ids."""
    filters = wanted.filters
    found = lists.accounts(
        session, filters.kind, wanted.part, roles=filters.role, active=filters.active, with_deleted=True
    )
    return found.shown(found.rows)


def create(session: Session, new: NewUser, *, by: UUID | None, now: datetime) -> UserView:
    """Make an account for a person; they cannot sign in before they have chosen a password.

    Raises `Conflict` where another account has this e-mail address.
    """
    _refuse_known(session, new.email)
    account = Account(
        id=new_id(),
        kind=AccountKind.PERSON.value,
        created_by=by,
        **first_version(by=by, now=now),
        **_columns(new),
    )
    session.add(account)
    session.flush()
    account_log.add(session, account.id, AccountChangeKind.CREATED, by=by, now=now, detail=", ".join(account.roles))
    return view(account)


def _columns(fields: NewUser | UserFields) -> dict[str, Any]:
    values = fields.model_dump()
    values["roles"] = sorted(role.value for role in fields.roles)
    return values | {"email_key": normalised_email(fields.email)}


def _refuse_known(session: Session, email: str) -> None:
    if queries.account_of_email(session, normalised_email(email)) is not None:
        raise Conflict("account.email_known")


def change(
    session: Session,
    account_id: UUID,
    patch: MergePatch,
    *,
    expected_versions: Collection[int] | None,
    by: UUID | None,
    now: datetime,
) -> UserView:
    """Change a person's account; deactivating it ends its sessions.

    Raises `NotFound`, `LostUpdate`, `Conflict` for an e-mail address that another account has and for the last
    administrator, and `InvalidFields` or a `ValidationError` for fields that do not fit.
    """
    administrators = queries.lock_administrators(session)
    account = sessions.get_person(session, account_id, lock=True)
    check_version(account, expected_versions, "account")
    wanted = _columns(merged(UserFields, account, patch.changes_to(view(account))))
    changed = differences(account, wanted)
    if not changed:
        return view(account)
    if not wanted["active"] or Role.ADMIN.value not in wanted["roles"]:
        _refuse_last(administrators, account)
    if "email_key" in changed:
        _refuse_known(session, wanted["email"])
    apply_changes(session, account, changed, by=by, now=now)
    return view(account)


def differences(account: Account, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Returns those of the wanted values, by column, that the account does not have."""
    return {name: value for name, value in wanted.items() if getattr(account, name) != value}


def apply_changes(
    session: Session, account: Account, changed: Mapping[str, Any], *, by: UUID | None, now: datetime
) -> None:
    """Set these columns of a locked account, with entries in its log; deactivating it ends its sessions."""
    old_email = account.email
    for name, value in changed.items():
        setattr(account, name, value)
    account.count_change(by=by, now=now)
    session.flush()
    for kind, detail in _what_happened(changed):
        address = old_email if kind == AccountChangeKind.EMAIL_CHANGED else None
        account_log.add(session, account.id, kind, by=by, now=now, detail=detail, address=address)
    if "email_key" in changed or not account.active:
        links.discard(session, account.id)
    if not account.active:
        sessions.end(session, account.id, SessionEnd.ACCOUNT_CLOSED, by=by, now=now)


def _what_happened(changed: Mapping[str, Any]) -> list[tuple[AccountChangeKind, str | None]]:
    found: list[tuple[AccountChangeKind, str | None]] = []
    if "email" in changed:
        found.append((AccountChangeKind.EMAIL_CHANGED, None))
    if "roles" in changed:
        found.append((AccountChangeKind.ROLES_CHANGED, ", ".join(changed["roles"])))
    if "scopes" in changed:
        found.append((AccountChangeKind.SCOPES_CHANGED, ", ".join(changed["scopes"])))
    if "active" in changed:
        kind = AccountChangeKind.ACTIVATED if changed["active"] else AccountChangeKind.DEACTIVATED
        found.append((kind, None))
    others = sorted(changed.keys() - {"email", "roles", "scopes", "active", "email_key"})
    return found + ([(AccountChangeKind.CHANGED, ", ".join(others))] if others else [])


def change_own(
    session: Session,
    patch: MergePatch,
    *,
    expected_versions: Collection[int] | None,
    by: UUID | None,
    now: datetime,
) -> MeView:
    """Change one's own name; the rest is for administrators. Raises `NotFound`, `LostUpdate`, `InvalidFields`."""
    account = sessions.get_person(session, by, lock=True)
    check_version(account, expected_versions, "account")
    wanted = merged(OwnFields, account, patch.changes_to(own_view(session, account)))
    if wanted.name != account.name:
        apply_changes(session, account, {"name": wanted.name}, by=by, now=now)
    return own_view(session, account)


def delete(
    session: Session, account_id: UUID, *, expected_versions: Collection[int] | None, by: UUID | None, now: datetime
) -> None:
    """Close a person's account for good: nobody signs in with it again, and its e-mail address is free.

    Its id and its name stay, for logs name them. Raises `NotFound`, `LostUpdate`, `Conflict` for the last
    administrator.
    """
    administrators = queries.lock_administrators(session)
    account = sessions.get_person(session, account_id, lock=True)
    check_version(account, expected_versions, "account")
    _refuse_last(administrators, account)
    close(session, account, by=by, now=now)


def close(session: Session, account: Account, *, by: UUID | None, now: datetime) -> None:
    """Take from an account everything with which anybody could sign in."""
    account.deleted_at, account.active = now, False
    account.email = account.email_key = None
    account.password_hash = account.secret_hash = None
    one_time_passwords.remove(session, account)
    links.discard(session, account.id)
    account.count_change(by=by, now=now)
    session.flush()
    account_log.add(session, account.id, AccountChangeKind.DELETED, by=by, now=now)
    sessions.end(session, account.id, SessionEnd.ACCOUNT_CLOSED, by=by, now=now)


def _refuse_last(administrators: Collection[UUID], account: Account) -> None:
    if set(administrators) == {account.id}:
        raise Conflict("account.last_administrator")


def has_administrator(session: Session) -> bool:
    """Whether anybody can sign in as an administrator; who asks waits for others who make one."""
    return bool(queries.lock_administrators(session))


def create_administrator(session: Session, new: NewUser, password_hash: str, *, now: datetime) -> UserView:
    """Make an administrator who can sign in at once. Raises `Conflict` for a known e-mail address."""
    made = create(session, new, by=None, now=now)
    account = sessions.get_person(session, made.id)
    account.password_hash, account.password_changed_at = password_hash, now
    return view(account)
