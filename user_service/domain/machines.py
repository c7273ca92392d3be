"""Accounts of machines: services and the scraper, each with the scopes that it needs and a secret of its own."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any
from uuid import UUID

from shared.database import Session, first_version, new_id
from shared.database.rows import check_version, require
from shared.errors import Conflict
from shared.values.account_enums import AccountChangeKind, AccountKind
from shared.values.enums import Role
from shared.values.lists import Listed, ListRequest
from shared.values.schemas import MergePatch, merged
from user_service.domain import account_log, accounts
from user_service.domain.schemas import MachineFields, MachineSecretView, MachineView, NewMachine
from user_service.domain.secret_values import hash_of, new_secret
from user_service.store import lists, queries
from user_service.store.tables import Account


def get(session: Session, account_id: UUID) -> MachineView:
    """One machine account; raises `NotFound`."""
    return MachineView.of(_get(session, account_id))


def get_without_secret(session: Session, account_id: UUID) -> MachineSecretView:
    """One machine account whose new secret was shown before; raises `NotFound`."""
    return _with_secret(_get(session, account_id), None)


def _get(session: Session, account_id: UUID, *, lock: bool = False) -> Account:
    return require(queries.account(session, account_id, AccountKind.MACHINE, lock=lock), "account")


def list_part(session: Session, wanted: ListRequest[Any]) -> Listed:
    """A part of the machine accounts."""
    found = lists.accounts(session, [AccountKind.MACHINE], wanted.part)
    return found.shown(found.rows)


def create(
    session: Session, new: NewMachine, *, secret: str | None = None, by: UUID | None, now: datetime
) -> MachineSecretView:
    """Make a machine account; its secret is made too where none is given. Raises `Conflict` for a known name."""
    _refuse_known(session, new.name)
    secret = secret or new_secret()
    account = Account(
        id=new_id(),
        kind=AccountKind.MACHINE.value,
        name=new.name,
        roles=[Role.SERVICE.value],
        scopes=_sorted(new.scopes),
        secret_hash=hash_of(secret),
        created_by=by,
        **first_version(by=by, now=now),
    )
    session.add(account)
    session.flush()
    account_log.add(session, account.id, AccountChangeKind.CREATED, by=by, now=now, detail=", ".join(account.scopes))
    return _with_secret(account, secret)


def provide(session: Session, new: NewMachine, *, secret: str | None, update: bool, now: datetime) -> MachineSecretView:
    """Make a machine account from the command line, or with `update` give the one of this name scopes and secret.

    Raises `Conflict` for a known name without `update`.
    """
    known = queries.machine_named(session, new.name) if update else None
    if known is None:
        return create(session, new, secret=secret, by=None, now=now)
    changed = accounts.differences(known, {"scopes": _sorted(new.scopes), "active": True})
    if changed:
        accounts.apply_changes(session, known, changed, by=None, now=now)
    if secret is not None and known.secret_hash == hash_of(secret):
        return _with_secret(known, secret)
    return renew_secret(session, known.id, secret=secret, by=None, now=now)


def _sorted(scopes: Collection[Any]) -> list[str]:
    return sorted(str(scope) for scope in scopes)


def _refuse_known(session: Session, name: str) -> None:
    if queries.machine_named(session, name) is not None:
        raise Conflict("machine_account.name_known")


def _with_secret(account: Account, secret: str | None) -> MachineSecretView:
    shown = MachineView.of(account)
    return MachineSecretView(**{name: getattr(shown, name) for name in MachineView.model_fields}, client_secret=secret)


def change(
    session: Session,
    account_id: UUID,
    patch: MergePatch,
    *,
    expected_versions: Collection[int] | None,
    by: UUID | None,
    now: datetime,
) -> MachineView:
    """Change a machine account; tokens that it has are valid for some minutes more.

    Raises `NotFound`, `LostUpdate`, `Conflict` for a known name, and `InvalidFields` for fields that do not fit.
    """
    account = _get(session, account_id, lock=True)
    check_version(account, expected_versions, "account")
    wanted = merged(MachineFields, account, patch.changes_to(MachineView.of(account)))
    values = {"name": wanted.name, "active": wanted.active, "scopes": _sorted(wanted.scopes)}
    changed = accounts.differences(account, values)
    if "name" in changed:
        _refuse_known(session, wanted.name)
    if changed:
        accounts.apply_changes(session, account, changed, by=by, now=now)
    return MachineView.of(account)


def renew_secret(
    session: Session, account_id: UUID, *, secret: str | None = None, by: UUID | None, now: datetime
) -> MachineSecretView:
    """Give a machine account a new secret; the old one is not valid any more. Raises `NotFound`."""
    account = _get(session, account_id, lock=True)
    secret = secret or new_secret()
    account.secret_hash = hash_of(secret)
    account.count_change(by=by, now=now)
    session.flush()
    account_log.add(session, account.id, AccountChangeKind.SECRET_CHANGED, by=by, now=now)
    return _with_secret(account, secret)


def delete(
    session: Session, account_id: UUID, *, expected_versions: Collection[int] | None, by: UUID | None, now: datetime
) -> None:
    """Close a machine account for good; its id and name stay in logs. Raises `NotFound`, `LostUpdate`."""
    account = _get(session, account_id, lock=True)
    check_version(account, expected_versions, "account")
    accounts.close(session, account, by=by, now=now)
