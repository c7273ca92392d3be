"""Accounts as tests need them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from tests.conftest import MONDAY
from user_service.domain import accounts, machines
from user_service.domain.passwords import PasswordHashes
from user_service.domain.schemas import MachineSecretView, NewMachine, NewUser
from user_service.settings import PasswordHashing
from user_service.store import queries
from user_service.store.tables import Account

CHEAP = PasswordHashing.model_construct(memory_mib=1, passes=1)
"""Hashes that take half a millisecond: less than the settings allow."""
HASHES = PasswordHashes(CHEAP)
PASSWORD = "Fahrradschlauch gießt Gurken"
EMAIL = "erika@example.org"


def a_person(
    session: Session, *, password: str | None = PASSWORD, active: bool = True, now: datetime = MONDAY, **fields: Any
) -> Account:
    """A person's account, by default of an administrator who can sign in."""
    given = {"name": "Erika Musterfrau", "email": EMAIL, "roles": ["admin"]} | fields
    made = accounts.create(session, NewUser.from_json(given), by=None, now=now)
    account = queries.account(session, made.id)
    assert account is not None
    account.password_hash = HASHES.hash(password) if password else None
    account.active = active
    session.flush()
    return account


def a_machine(session: Session, **fields: Any) -> MachineSecretView:
    """A machine account with its secret."""
    given = {"name": "scraper", "scopes": ["imports.start"]} | fields
    return machines.create(session, NewMachine.from_json(given), by=None, now=MONDAY)
