"""Invitations and password resets are asked for; a job sends them (`email_delivery`). No contact rule delays them."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from shared.database import Session
from shared.errors import Conflict
from shared.values.account_enums import AccountChangeKind, AccountEmailKind
from shared.values.contacts import normalised_email
from user_service.domain import account_log, accounts, sessions, throttling
from user_service.domain.schemas import PasswordResetRequest, UserView
from user_service.domain.secret_values import SecretValues
from user_service.domain.sessions import Origin
from user_service.store import account_emails as store


def invite(session: Session, account_id: UUID, *, by: UUID | None, now: datetime) -> UserView:
    """Let an invitation go to a person who has no password yet; where one waits to be sent, that is the one.

    Raises `NotFound`, and `Conflict` where the account is closed for now, or has a password.
    """
    account = sessions.get_person(session, account_id, lock=True)
    if not account.active:
        raise Conflict("account.not_active")
    if account.password_hash is not None:
        raise Conflict("account.has_password")
    account_log.add(session, account.id, AccountChangeKind.INVITED, by=by, now=now)
    session.flush()
    store.add(session, AccountEmailKind.INVITATION, account_id=account.id, now=now)
    return accounts.view(account)


def request_reset(
    session: Session, given: PasswordResetRequest, origin: Origin, values: SecretValues, *, now: datetime
) -> None:
    """Send a password reset to this address, if an account has it. Raises `TooManyRequests`.

    Whether one has it is not looked up here, so neither the response nor its time says so.
    """
    key = normalised_email(given.email)
    throttling.count_reset(session, values, account=key, address=origin.address, now=now)
    store.add(session, AccountEmailKind.PASSWORD_RESET, email_key=key, now=now)
