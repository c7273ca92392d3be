"""Invitations and password resets by e-mail: asked for, written and claimed, sent by a job, recorded.

Such an e-mail may come twice, but must not be lost: an attempt of which nobody knows how it ended is followed by
another one, with a link of its own. Every link counts until one of them is used. No contact rule holds them up.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import format_datetime
from uuid import UUID

from shared.database import Session
from shared.errors import Conflict
from shared.values.account_enums import AccountChangeKind, AccountKind, OneTimeTokenPurpose
from shared.values.contacts import normalised_email
from shared.values.emails import OutgoingEmail, as_message
from user_service.domain import account_log, accounts, email_texts, links, sessions, throttling
from user_service.domain.schemas import PasswordResetRequest, UserView
from user_service.domain.secret_values import SecretValues
from user_service.domain.sessions import Origin
from user_service.settings import AccountEmails
from user_service.store import account_emails as store
from user_service.store import queries
from user_service.store.tables import Account, AccountEmail

LONGEST_PAUSE = timedelta(minutes=15)
GIVEN_UP_AFTER = timedelta(days=2)
"""Who waits for longer has asked again, or somebody else."""
NO_ADDRESS = "no mail server takes e-mails to an address with such characters before the @"


@dataclass(frozen=True)
class ClaimedEmail:
    """An e-mail that this worker hands over now. Nothing of it but the digest of its link's token is stored."""

    email_id: UUID
    attempt: int
    account_id: UUID
    purpose: OneTimeTokenPurpose
    requested_at: datetime
    outgoing: OutgoingEmail


def invite(session: Session, account_id: UUID, *, by: UUID | None, now: datetime) -> UserView:
    """Let an invitation go to a person who has no password yet; where one is waiting already, that is the one.

    Raises `NotFound`, and `Conflict` where the account is closed for now, or has a password.
    """
    account = sessions.get_person(session, account_id, lock=True)
    if not account.active:
        raise Conflict("account.not_active", "This account is deactivated.")
    if account.password_hash is not None:
        raise Conflict("account.has_password", "This person has accepted an invitation, and can reset the password.")
    account_log.note(session, account.id, AccountChangeKind.INVITED, by=by, now=now)
    session.flush()
    store.add(session, account_id=account.id, now=now)
    return accounts.view(account)


def request_reset(
    session: Session, given: PasswordResetRequest, origin: Origin, values: SecretValues, *, now: datetime
) -> None:
    """Let a password reset go to this address, if an account has it. Raises `TooManyRequests`.

    Whether one has it is not looked up here, so neither the response nor its time says so.
    """
    key = normalised_email(given.email)
    throttling.count_reset(session, values, account=key, address=origin.address, now=now)
    store.add(session, email_key=key, now=now)


def claim(
    session: Session, rules: AccountEmails, *, public_url: str, lease: timedelta, now: datetime
) -> ClaimedEmail | None:
    """Claim the e-mail that is due first, until the end of the lease, and write it with a new link.

    What nobody may have (any more) is removed. None where nothing is due.
    """
    while (email := store.next_due(session, now=now)) is not None:
        account = _recipient(session, email)
        if account is not None and _address(account) is not None:
            return _claimed(session, email, account, rules, public_url=public_url, lease=lease, now=now)
        if account is not None:
            account_log.note(session, account.id, AccountChangeKind.EMAIL_FAILED, by=None, now=now, detail=NO_ADDRESS)
        session.delete(email)
        session.flush()
    return None


def _address(account: Account) -> str | None:
    """Where the account's e-mails go: an address in ASCII, its domain as xn--… where that is needed."""
    email = account.email if account.email and account.email.isascii() else account.email_key
    return email if email and email.isascii() else None


def _recipient(session: Session, email: AccountEmail) -> Account | None:
    """The person to whom this e-mail may go."""
    if email.account_id is not None:
        found = queries.account(session, email.account_id, AccountKind.PERSON)
        return found if found and found.active and found.password_hash is None else None
    found = queries.account_of_email(session, email.email_key or "")
    return found if found and found.active else None


def _claimed(
    session: Session,
    email: AccountEmail,
    account: Account,
    rules: AccountEmails,
    *,
    public_url: str,
    lease: timedelta,
    now: datetime,
) -> ClaimedEmail:
    email.attempts, email.due_at = email.attempts + 1, now + lease
    purpose = OneTimeTokenPurpose.INVITATION if email.account_id else OneTimeTokenPurpose.PASSWORD_RESET
    token = links.issue(session, account, purpose, lifetime=rules.lifetime(purpose), now=now)
    text = email_texts.of(
        purpose,
        name=account.name,
        link=links.address(public_url, purpose, token),
        valid_until=now + rules.lifetime(purpose),
    )
    outgoing = as_message(
        text,
        sender=rules.sender,
        recipient=_address(account) or "",
        message_id=f"<{email.id}.{email.attempts}@{rules.sender.domain}>",
        more={"Date": format_datetime(now), "Auto-Submitted": "auto-generated", "Content-Language": "de, en"},
    )
    return ClaimedEmail(email.id, email.attempts, account.id, purpose, email.requested_at, outgoing)


def record_sent(session: Session, claimed: ClaimedEmail, *, now: datetime) -> None:
    """The mail server has taken it."""
    _end(session, claimed, AccountChangeKind.EMAIL_SENT, claimed.purpose.value, now=now)


def record_refused(session: Session, claimed: ClaimedEmail, *, cause: str, now: datetime) -> None:
    """The mail server will never take it: the log of the account says so to administrators."""
    _end(session, claimed, AccountChangeKind.EMAIL_FAILED, f"{claimed.purpose.value}: {cause}", now=now)


def record_not_sent(
    session: Session, claimed: ClaimedEmail, rules: AccountEmails, *, cause: str, now: datetime
) -> None:
    """It was not taken, or nobody knows: it is tried again after a pause, at last given up."""
    if now - claimed.requested_at > GIVEN_UP_AFTER:
        return record_refused(session, claimed, cause=cause, now=now)
    pause = min(LONGEST_PAUSE, rules.retry * 2 ** min(claimed.attempt - 1, 16))
    return store.postpone(session, claimed.email_id, attempt=claimed.attempt, until=now + pause)


def _end(session: Session, claimed: ClaimedEmail, change: AccountChangeKind, detail: str, *, now: datetime) -> None:
    # the account before its e-mail, as who invites has it
    account_log.note(session, claimed.account_id, change, by=None, now=now, detail=detail)
    session.flush()
    store.remove(session, claimed.email_id, attempt=claimed.attempt)
