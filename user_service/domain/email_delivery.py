"""The e-mails of accounts that wait: claimed, written, and after a job has handed them over, recorded.

Such an e-mail may come twice, but must not be lost: an attempt of which nobody knows how it ended is followed by
another one, with a link of its own. Every link is valid until one of them is used.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import format_datetime
from uuid import UUID

from shared.database import Session
from shared.values import email_headers
from shared.values.account_enums import AccountChangeKind, AccountEmailKind, AccountKind, OneTimeTokenPurpose
from shared.values.emails import OutgoingEmail, as_message
from user_service.domain import account_log, email_texts, links
from user_service.settings import AccountEmails
from user_service.store import account_emails as store
from user_service.store import queries
from user_service.store.tables import Account, AccountEmail

LONGEST_PAUSE = timedelta(minutes=15)
GIVEN_UP_AFTER = timedelta(days=2)
"""After this time people have asked again, or asked somebody else."""
NO_ADDRESS = "no mail server takes e-mails to an address with such characters before the @"
PURPOSES = {
    AccountEmailKind.INVITATION: OneTimeTokenPurpose.INVITATION,
    AccountEmailKind.PASSWORD_RESET: OneTimeTokenPurpose.PASSWORD_RESET,
}
"""What the link is for, of those e-mails that have one with a token."""


@dataclass(frozen=True)
class ClaimedEmail:
    """An e-mail that this worker writes and hands over now."""

    email_id: UUID
    attempt: int
    kind: AccountEmailKind
    account_id: UUID
    requested_at: datetime


def claim(session: Session, *, lease: timedelta, now: datetime) -> ClaimedEmail | None:
    """Claim the e-mail that is due first, until the end of the lease; None where nothing is due.

    E-mails that nobody may receive (any more) are removed.
    """
    while (email := store.next_due(session, now=now)) is not None:
        account = _recipient(session, email)
        if account is not None and _address(account, email) is not None:
            email.attempts, email.leased_until = email.attempts + 1, now + lease
            session.flush()
            kind = AccountEmailKind(email.kind)
            return ClaimedEmail(email.id, email.attempts, kind, account.id, email.requested_at)
        if account is not None:
            account_log.add(session, account.id, AccountChangeKind.EMAIL_FAILED, by=None, now=now, detail=NO_ADDRESS)
        session.delete(email)
        session.flush()
    return None


def _recipient(session: Session, email: AccountEmail, *, lock: bool = False) -> Account | None:
    """The person to whom this e-mail may go."""
    if email.account_id is None:
        found = queries.account_of_email(session, email.email_key or "", lock=lock)
    else:
        found = queries.account(session, email.account_id, AccountKind.PERSON, lock=lock)
    if not found or not (found.active or email.address):
        return None
    return None if _is_late(email, found) else found


def _is_late(email: AccountEmail, account: Account) -> bool:
    """Whether a password was chosen since, which ended all links: one that is made afterwards would be valid again."""
    if email.kind == AccountEmailKind.INVITATION:
        return account.password_hash is not None
    changed_at = account.password_changed_at
    is_reset = email.kind == AccountEmailKind.PASSWORD_RESET
    return is_reset and changed_at is not None and changed_at > email.requested_at


def _address(account: Account, email: AccountEmail) -> str | None:
    """Where the e-mail goes: an address in ASCII, its domain as xn--… where that is needed."""
    for spelling in filter(None, [email.address] if email.address else [account.email, account.email_key]):
        try:
            return email_headers.address(spelling)
        except ValueError:
            continue
    return None


def write(
    session: Session, claimed: ClaimedEmail, rules: AccountEmails, *, public_url: str, now: datetime
) -> OutgoingEmail | None:
    """The message of a claimed e-mail, with a new link where it has one; nothing but the token's digest is stored.

    None where it may not go to this person any more: the next claim decides about it. The account is locked:
    who changes its address or password, or closes it, ends the links that there are, and none may come after.
    """
    email = store.of_attempt(session, claimed.email_id, attempt=claimed.attempt)
    account = email and _recipient(session, email, lock=True)
    if email is None or not account or account.id != claimed.account_id:
        store.postpone(session, claimed.email_id, attempt=claimed.attempt, until=now, held_up_by=None)
        return None
    purpose = PURPOSES.get(claimed.kind)
    link, at = links.page(public_url, OneTimeTokenPurpose.PASSWORD_RESET), claimed.requested_at
    if purpose is not None:
        lifetime = rules.lifetime(purpose)
        token = links.issue(session, account, purpose, lifetime=lifetime, now=now)
        link, at = links.address(public_url, purpose, token), now + lifetime
    return as_message(
        email_texts.of(claimed.kind, name=account.name, link=link, at=at),
        sender=rules.sender,
        recipient=_address(account, email) or "",
        message_id=f"<{claimed.email_id}.{claimed.attempt}@{rules.sender.domain}>",
        more={"Date": format_datetime(now), "Auto-Submitted": "auto-generated", "Content-Language": "de, en"},
    )


def record_sent(session: Session, claimed: ClaimedEmail, *, now: datetime) -> None:
    """The mail server has taken it; those that waited for the mail server go now too."""
    _end(session, claimed, AccountChangeKind.EMAIL_SENT, claimed.kind.value, now=now)
    store.release_held_up(session, now=now)


def record_refused(session: Session, claimed: ClaimedEmail, *, cause: str, now: datetime) -> None:
    """The mail server will never take it: the log of the account says so to administrators."""
    _end(session, claimed, AccountChangeKind.EMAIL_FAILED, f"{claimed.kind}: {cause}", now=now)


def record_not_sent(
    session: Session, claimed: ClaimedEmail, rules: AccountEmails, *, cause: str, is_held_up: bool, now: datetime
) -> None:
    """It was not taken, or nobody knows: it is tried again after a pause, at last given up.

    `is_held_up`: the mail server takes no e-mails at all.
    """
    if now - claimed.requested_at > GIVEN_UP_AFTER:
        return record_refused(session, claimed, cause=cause, now=now)
    pause = min(LONGEST_PAUSE, rules.retry * 2 ** min(claimed.attempt - 1, 16))
    held_up_by = cause if is_held_up else None
    return store.postpone(session, claimed.email_id, attempt=claimed.attempt, until=now + pause, held_up_by=held_up_by)


def _end(session: Session, claimed: ClaimedEmail, change: AccountChangeKind, detail: str, *, now: datetime) -> None:
    # the account before its e-mail, in the order in which an invitation locks them
    account_log.add(session, claimed.account_id, change, by=None, now=now, detail=detail)
    session.flush()
    store.remove(session, claimed.email_id, attempt=claimed.attempt)


def trouble(session: Session) -> str | None:
    """Since when e-mails wait for the mail server, with the code of the cause; None while it takes them."""
    found = store.longest_held_up(session)
    return None if found is None else f"e-mails wait since {found.requested_at:%Y-%m-%d %H:%M} UTC: {found.held_up_by}"
