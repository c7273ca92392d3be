"""One-time passwords (TOTP, RFC 6238) beside the password, and recovery codes for people who have lost the device.

A person turns them on in two steps: a key is shown, also as a QR code, and is confirmed by the first password that
follows from it. None is accepted twice: the step of the last one is kept with the account, whose row is locked.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Collection
from datetime import datetime
from uuid import UUID

import pyotp
import segno

from shared.database import Session
from shared.database.rows import check_version
from shared.errors import Conflict, FieldProblem, Forbidden, RuleBroken, Unauthenticated
from shared.values.account_enums import AccountChangeKind
from user_service.domain import account_log, sessions, throttling
from user_service.domain.schemas import OtpRemoval, OtpSetup, OtpSetupView
from user_service.domain.secret_values import SecretValues
from user_service.domain.throttling import Attempt
from user_service.store import recovery_codes
from user_service.store.tables import Account

STEP_SECONDS = 30
DRIFT = 1
"""Steps that the clock of a device may be ahead or behind."""
DIGITS = 6
RECOVERY_CODES = 10
RECOVERY_ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"  # pragma: allowlist secret
"""Without signs that look like others."""
RECOVERY_LENGTH = 16
"""80 random bits."""


def begin(
    session: Session, *, session_id: UUID | None, issuer: str, values: SecretValues, by: UUID | None, now: datetime
) -> OtpSetupView:
    """Make a key for the caller, which is active when it is confirmed; an unconfirmed one is replaced.

    Raises `NotFound`, `Forbidden` without a recent sign-in, `Conflict` where one is active already.
    """
    account = _changeable(session, by, session_id, now=now)
    _refuse_confirmed(account)
    key = pyotp.random_base32()
    account.otp_secret = values.box.encrypt(key.encode(), _owner(account))
    account.otp_last_step = None
    session.flush()
    uri = pyotp.TOTP(key).provisioning_uri(name=account.email or account.name, issuer_name=issuer)
    return OtpSetupView(secret=key, uri=uri, qr_code=segno.make(uri, error="m").svg_data_uri(scale=4))


def count(session: Session, values: SecretValues, *, by: UUID | None, now: datetime) -> Attempt:
    """Count an attempt of the caller at a one-time password of their own. Raises `NotFound`, `TooManyRequests`."""
    account = sessions.get_person(session, by)
    return throttling.count_one_time_password(
        session, values, account=str(account.id), password_hash=account.password_hash, now=now
    )


def confirm(
    session: Session,
    given: OtpSetup,
    attempt: Attempt,
    *,
    session_id: UUID | None,
    values: SecretValues,
    by: UUID | None,
    now: datetime,
) -> OtpSetupView:
    """Confirm the caller's key with a one-time password that follows from it; returns the recovery codes.

    Raises `NotFound`, `Forbidden` without a recent sign-in, `Conflict` where a key is active already or none was made,
    `RuleBroken` for a wrong password.
    """
    account = _changeable(session, by, session_id, now=now)
    _refuse_confirmed(account)
    if account.otp_secret is None:
        raise Conflict("otp.not_begun")
    if not _accept_password(account, given.otp or "", values, now=now):
        raise RuleBroken("otp.wrong", errors=[FieldProblem.of("otp", "field.otp_wrong")])
    attempt.forgive(session)
    account.otp_confirmed_at = now
    account.count_change(by=by, now=now)
    codes = [_new_code() for _ in range(RECOVERY_CODES)]
    recovery_codes.replace_all(session, account.id, [_code_hash(account, each, values) for each in codes], now=now)
    account_log.add(session, account.id, AccountChangeKind.OTP_ENABLED, by=by, now=now)
    return OtpSetupView(recovery_codes=codes)


def turn_off(
    session: Session,
    given: OtpRemoval,
    attempt: Attempt,
    *,
    session_id: UUID | None,
    values: SecretValues,
    expected_versions: Collection[int] | None,
    by: UUID | None,
    now: datetime,
) -> None:
    """Let the caller, who proves to have the device or the codes, sign in with the password alone.

    A stolen session is not enough: a thief could enrol a device of their own. Raises `NotFound`, `Forbidden`
    without a recent sign-in, `LostUpdate`, `RuleBroken` for what is missing, wrong, or was used before.
    """
    account = _changeable(session, by, session_id, now=now)
    check_version(account, expected_versions, "account")
    if account.otp_confirmed_at is not None and not _proves(session, account, given.otp, values, now=now):
        problem = FieldProblem.of("otp", "field.otp_wrong.nor_recovery_code")
        raise RuleBroken("otp.wrong.nor_recovery_code", errors=[problem])
    attempt.forgive(session)
    _turn_off(session, account, by=by, now=now)


def turn_off_for(
    session: Session, account_id: UUID, *, expected_versions: Collection[int] | None, by: UUID | None, now: datetime
) -> None:
    """Let somebody else, who has lost device and codes, sign in with the password alone.

    Raises `NotFound`, `LostUpdate`, and `Forbidden` for the caller's own, which take a proof (`turn_off`).
    """
    if account_id == by:
        raise Forbidden("otp.own")
    account = sessions.get_person(session, account_id, lock=True)
    check_version(account, expected_versions, "account")
    _turn_off(session, account, by=by, now=now)


def _turn_off(session: Session, account: Account, *, by: UUID | None, now: datetime) -> None:
    was_on = account.otp_confirmed_at is not None
    remove(session, account)
    if was_on:
        account.count_change(by=by, now=now)
        account_log.add(session, account.id, AccountChangeKind.OTP_DISABLED, by=by, now=now)


def count_recovery_codes(session: Session, account: Account) -> int:
    """The number of recovery codes of this account that are not used yet."""
    return recovery_codes.count(session, account.id)


def remove(session: Session, account: Account) -> None:
    """Take key and recovery codes from a locked account."""
    account.otp_secret = account.otp_confirmed_at = account.otp_last_step = None
    session.flush()
    recovery_codes.discard(session, account.id)


def check(session: Session, account: Account, given: str | None, values: SecretValues, *, now: datetime) -> None:
    """Accept what a person with this locked account entered beside the password; it is used up.

    Raises `Unauthenticated` where it is needed and missing, wrong, or was used before.
    """
    if account.otp_confirmed_at is None:
        return
    if given is None:
        raise Unauthenticated("sign_in.otp_needed")
    if not _proves(session, account, given, values, now=now):
        raise Unauthenticated("sign_in.otp_refused")


def _proves(session: Session, account: Account, given: str | None, values: SecretValues, *, now: datetime) -> bool:
    """Whether it is a one-time password or a recovery code of this locked account; it is used up then."""
    if given is None:
        return False
    if _accept_password(account, given, values, now=now):
        return True
    is_code = recovery_codes.take(session, account.id, _code_hash(account, given, values))
    if is_code:
        account_log.add(session, account.id, AccountChangeKind.RECOVERY_CODE_USED, by=account.id, now=now)
    return is_code


def _accept_password(account: Account, given: str, values: SecretValues, *, now: datetime) -> bool:
    """Whether it is a valid one-time password now; if so, none of its step or an earlier one is accepted again."""
    if account.otp_secret is None:
        return False
    key = values.box.decrypt(account.otp_secret, _owner(account)).decode()
    step = step_of(key, given, after=account.otp_last_step, now=now)
    if step is not None:
        account.otp_last_step = step
    return step is not None


def step_of(key: str, given: str, *, after: int | None, now: datetime) -> int | None:
    """The time step near this moment whose one-time password was given; None where there is none after `after`."""
    totp, entered = pyotp.TOTP(key, digits=DIGITS, interval=STEP_SECONDS), "".join(given.split()).encode()
    this_step = int(now.timestamp()) // STEP_SECONDS
    for step in range(this_step - DRIFT, this_step + DRIFT + 1):
        is_new = after is None or step > after
        if is_new and hmac.compare_digest(totp.at(step * STEP_SECONDS).encode(), entered):
            return step
    return None


def _changeable(session: Session, by: UUID | None, session_id: UUID | None, *, now: datetime) -> Account:
    """The caller's account, locked: to have found an open browser is not enough to change how one signs in."""
    account = sessions.get_person(session, by, lock=True)
    sessions.require_recent(session, account.id, session_id, now=now)
    return account


def _refuse_confirmed(account: Account) -> None:
    if account.otp_confirmed_at is not None:
        raise Conflict("otp.enabled_before")


def _owner(account: Account) -> bytes:
    return b"one-time passwords of " + account.id.bytes


def _new_code() -> str:
    signs = "".join(secrets.choice(RECOVERY_ALPHABET) for _ in range(RECOVERY_LENGTH))
    return "-".join(signs[start : start + 4] for start in range(0, RECOVERY_LENGTH, 4))


def _code_hash(account: Account, code: str, values: SecretValues) -> bytes:
    """The digest of a code, however it was written down."""
    signs = "".join(code.upper().replace("-", " ").split())
    return values.digests.digest(b"recovery code", account.id.bytes, signs.encode())
