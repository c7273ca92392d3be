"""The log of an account: what happened to it and who did it, written in the transaction of the change.

An entry about how the owner signs in is sent to them by e-mail as well: it may have been somebody else.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from shared.database import Session
from shared.database.rows import require
from shared.values.account_enums import AccountChangeKind, AccountEmailKind
from shared.values.lists import Listed, ListRequest
from user_service.domain.throttling import Attempt
from user_service.store import account_emails, lists, queries
from user_service.store.tables import AccountChange

NOTICES = {
    AccountChangeKind.PASSWORD_CHANGED: AccountEmailKind.PASSWORD_CHANGED,
    AccountChangeKind.PASSWORD_RESET: AccountEmailKind.PASSWORD_CHANGED,
    AccountChangeKind.EMAIL_CHANGED: AccountEmailKind.EMAIL_CHANGED,
    AccountChangeKind.OTP_ENABLED: AccountEmailKind.OTP_ENABLED,
    AccountChangeKind.OTP_DISABLED: AccountEmailKind.OTP_DISABLED,
    AccountChangeKind.RECOVERY_CODE_USED: AccountEmailKind.RECOVERY_CODE_USED,
}


def add(
    session: Session,
    account_id: UUID,
    change: AccountChangeKind,
    *,
    by: UUID | None,
    now: datetime,
    detail: str | None = None,
    address: str | None = None,
) -> None:
    """Write down that this happened, and let the owner know where it is among the `NOTICES`.

    `by` is None at the terminal and in a job. `address`: where the owner gets the e-mail, if not at the account's own.
    """
    entry = AccountChange(account_id=account_id, change=change.value, detail=detail, changed_at=now, changed_by=by)
    session.add(entry)
    if change in NOTICES:
        account_emails.add(session, NOTICES[change], account_id=account_id, address=address, now=now)


def add_delay(session: Session, email_key: str, attempt: Attempt, *, detail: str, now: datetime) -> None:
    """Write down that attempts at an account have to wait from this one on; not each of those that follow.

    The work is the same where no account has this address.
    """
    if attempt.begins_delay:
        queries.add_change_of(session, email_key, AccountChangeKind.SIGN_IN_DELAYED.value, detail=detail, now=now)


def list_part(session: Session, account_id: UUID, wanted: ListRequest[Any]) -> Listed:
    """A part of what happened to an account; also to a deleted one. Raises `NotFound`."""
    require(queries.account_or_deleted(session, account_id), "account")
    found = lists.changes(session, account_id, wanted.part)
    return found.shown(found.rows)
