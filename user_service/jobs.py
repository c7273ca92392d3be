"""Work that must not hold a transaction, such as hashing a password, and work on a schedule."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

from tenacity import stop_after_delay

from shared.database import Session, is_trouble, transaction
from shared.runtime import clock, metrics
from shared.runtime.jobs import Job
from shared.runtime.logs import logger
from shared.runtime.mail_readiness import mail_server_check
from shared.runtime.retries import retrying
from shared.runtime.smtp import Delivery, Report
from shared.values.account_enums import OneTimeTokenPurpose
from user_service.dependencies import Dependencies
from user_service.domain import (
    accounts,
    email_delivery,
    links,
    one_time_passwords,
    own_password,
    sessions,
    sign_in,
    signing_keys,
    throttling,
)
from user_service.domain.email_delivery import ClaimedEmail
from user_service.domain.passwords import HashingBusy, refuse_weak
from user_service.domain.schemas import (
    NewPassword,
    NewUser,
    OtpRemoval,
    OtpSetup,
    OtpSetupView,
    PasswordChoice,
    PersonSignIn,
)
from user_service.domain.sessions import Origin
from user_service.domain.sign_in import SignedIn, SignInClaim
from user_service.domain.throttling import Attempt
from user_service.settings import AccountEmails

log = logger(__name__)


def sign_in_person(given: PersonSignIn, origin: Origin, dependencies: Dependencies, *, now: datetime) -> SignedIn:
    """Sign a person in.

    Raises `TooManyRequests`, `HashingBusy`, and `Unauthenticated` with the same words whatever is wrong, until the
    password is right: then it says whether a one-time password is missing or wrong.
    """
    with transaction() as session:
        signed_in_from_here = sign_in.has_signed_in_from(session, given.email, origin)
    with dependencies.passwords.slot(may_use_reserved=signed_in_from_here):
        with transaction() as session:
            claimed = sign_in.claim(
                session, given.email, origin, dependencies.values, signed_in_from_here=signed_in_from_here, now=now
            )
        if not _is_right(
            claimed.password_hash,
            given.password,
            claimed.attempt,
            dependencies,
            in_use=claimed.hash_parameters,
            goes_first=signed_in_from_here,
        ):
            raise sign_in.refused()
        renewed_hash = _renewed_hash(claimed, given.password, dependencies)
    with transaction() as session:
        second = sign_in.claim_second(session, claimed, given.otp, dependencies.values, now=now)
    with transaction() as session:
        begun = sign_in.complete(
            session,
            claimed,
            second,
            origin,
            dependencies.sessions,
            dependencies.values,
            renewed_hash=renewed_hash,
            now=now,
        )
        return sign_in.tokens_of(session, begun, dependencies.tokens, dependencies.values, now=now)


def _is_right(
    stored: str | None,
    password: str,
    attempt: Attempt,
    dependencies: Dependencies,
    *,
    in_use: Collection[str] = (),
    goes_first: bool,
) -> bool:
    """Whether the password is right; an attempt whose password could not be checked is not counted."""
    try:
        return dependencies.passwords.is_right(stored, password, in_use=in_use, goes_first=goes_first)
    except HashingBusy:
        with transaction() as session:
            attempt.take_back(session)
        raise


def _renewed_hash(claimed: SignInClaim, password: str, dependencies: Dependencies) -> str | None:
    """A hash with the parameters that are wanted now, where the stored one has others; another time if all are busy."""
    if claimed.password_hash is None or not dependencies.passwords.is_outdated(claimed.password_hash):
        return None
    try:
        return dependencies.passwords.hash(password)
    except HashingBusy:
        return None


def current_rights(account_id: UUID, session_id: UUID | None) -> tuple[Sequence[str], Sequence[str]]:
    """The roles and scopes that the owner of a token has now. Raises `Unauthenticated` where they are out."""
    with transaction() as session:
        account = sessions.require_current(session, account_id, session_id, now=clock.now())
        return account.roles, account.scopes


def renew_session(token: str | None, dependencies: Dependencies, *, now: datetime) -> SignedIn:
    """Exchange a refresh token; raises `Unauthenticated` where its session is over, which a used token ends."""
    with transaction() as session:
        continued = token and sessions.renew(session, token, dependencies.sessions, dependencies.values, now=now)
        tokens = continued and sign_in.tokens_of(session, continued, dependencies.tokens, dependencies.values, now=now)
    if not tokens:  # after the commit: that the session has ended must last
        raise sessions.over()
    return tokens


def change_password(
    given: NewPassword,
    origin: Origin,
    dependencies: Dependencies,
    *,
    session_id: UUID | None,
    by: UUID | None,
    now: datetime,
) -> None:
    """Change one's own password. Raises `NotFound`, `TooManyRequests`, `HashingBusy`, `RuleBroken`."""
    with dependencies.passwords.slot(may_use_reserved=True):
        with transaction() as session:
            claimed = own_password.claim(session, by, origin, dependencies.values, now=now)
        if not _is_right(claimed.password_hash, given.current_password, claimed.attempt, dependencies, goes_first=True):
            raise own_password.wrong()
        refuse_weak(given.new_password, field="new_password", about=claimed.about)
        new_hash = dependencies.passwords.hash(given.new_password, goes_first=True)
    with transaction() as session:
        own_password.complete(session, claimed, new_hash, session_id=session_id, now=now)


def choose_password(
    given: PasswordChoice, purpose: OneTimeTokenPurpose, origin: Origin, dependencies: Dependencies, *, now: datetime
) -> None:
    """Set the password that the owner of a link has chosen. Raises `RuleBroken`, `HashingBusy`.

    Attempts are not counted: nobody guesses 256 bits, and without them nothing is hashed.
    """
    with transaction() as session:
        about = own_password.known_of(links.owner(session, given.token, purpose, now=now))
    refuse_weak(given.new_password, field="new_password", about=about)
    with dependencies.passwords.slot(may_use_reserved=True):
        new_hash = dependencies.passwords.hash(given.new_password, goes_first=True)
    with transaction() as session:
        own_password.choose(session, given.token, purpose, new_hash, origin, dependencies.values, now=now)


def set_up_otp(
    given: OtpSetup,
    dependencies: Dependencies,
    *,
    session_id: UUID | None,
    by: UUID | None,
    now: datetime,
) -> OtpSetupView:
    """Make a key for one-time passwords, or confirm it with the first of them.

    Raises `NotFound`, `Forbidden`, `Conflict`, `TooManyRequests`, `RuleBroken`.
    """
    values = dependencies.values
    if given.otp is None:
        issuer = dependencies.emails.mail_from_name
        with transaction() as session:
            return one_time_passwords.begin(
                session, session_id=session_id, issuer=issuer, values=values, by=by, now=now
            )
    with transaction() as session:
        attempt = one_time_passwords.count(session, values, by=by, now=now)
    with transaction() as session:
        return one_time_passwords.confirm(session, given, attempt, session_id=session_id, values=values, by=by, now=now)


def turn_off_otp(
    given: OtpRemoval,
    dependencies: Dependencies,
    *,
    session_id: UUID | None,
    expected_versions: Collection[int] | None,
    by: UUID | None,
    now: datetime,
) -> None:
    """Turn the caller's one-time passwords off. The attempt is counted whatever becomes of it.

    Raises `NotFound`, `Forbidden`, `LostUpdate`, `TooManyRequests`, `RuleBroken`.
    """
    values = dependencies.values
    with transaction() as session:
        attempt = one_time_passwords.count(session, values, by=by, now=now)
    with transaction() as session:
        one_time_passwords.turn_off(
            session,
            given,
            attempt,
            session_id=session_id,
            values=values,
            expected_versions=expected_versions,
            by=by,
            now=now,
        )


def create_administrator(
    new: NewUser, password: str, dependencies: Dependencies, *, only_first: bool, now: datetime
) -> bool:
    """Make an administrator who can sign in at once; False where `only_first` and there is one already.

    Raises `Conflict` for a known e-mail address, `RuleBroken` for a weak password.
    """
    refuse_weak(password, field="password", about=(new.email, new.name))
    password_hash = dependencies.passwords.hash(password)
    with transaction() as session:
        if only_first and accounts.has_administrator(session):
            return False
        accounts.create_administrator(session, new, password_hash, now=now)
    return True


RECORDING = retrying(is_trouble, stop=stop_after_delay(60))
"""What the mail server said should not be lost to a moment without a database: the e-mail would go twice."""
TROUBLE = frozenset({Delivery.SERVER_TROUBLE, Delivery.REFUSED_US})
REFUSED = frozenset({Delivery.REFUSED_RECIPIENT, Delivery.REFUSED_MESSAGE})
MAIL_SERVER = mail_server_check(email_delivery.trouble)


def _send(dependencies: Dependencies, now: datetime) -> int:
    """Send the e-mail of an account that is due first; 0 where none is, or the mail server is in trouble."""
    lease = timedelta(seconds=dependencies.mail_server.longest_seconds)
    with transaction() as session:
        metrics.mail_server_in_trouble.set(email_delivery.trouble(session) is not None)
        claimed = email_delivery.claim(session, lease=lease, now=now)
    if claimed is None:
        return 0
    started = clock.monotonic()
    report = _write_and_deliver(claimed, dependencies, now)
    if report is None:
        return 1
    ended = now + timedelta(seconds=clock.monotonic() - started)
    for attempt in RECORDING:
        with attempt, transaction() as session:
            _record(session, claimed, report, dependencies.emails, now=ended)
    metrics.emails_handed_over.labels(report.delivery).inc()
    log.info("account_email.handed_over", email_id=str(claimed.email_id), outcome=report.delivery, cause=report.cause)
    return int(report.delivery not in TROUBLE)


def _write_and_deliver(claimed: ClaimedEmail, dependencies: Dependencies, now: datetime) -> Report | None:
    """Write an e-mail and deliver it; one that cannot be written does not delay others. None where it is not to go."""
    try:
        with transaction() as session:
            outgoing = email_delivery.write(
                session, claimed, dependencies.emails, public_url=dependencies.public_url, now=now
            )
    except Exception as problem:
        if is_trouble(problem):
            raise
        log.exception("account_email.not_written", email_id=str(claimed.email_id))
        return Report(Delivery.NOT_TRIED, "", type(problem).__name__)
    if outgoing is None:
        return None
    return dependencies.mail_server.deliver(outgoing.sender, outgoing.recipient, outgoing.message)


def _record(session: Session, claimed: ClaimedEmail, report: Report, rules: AccountEmails, *, now: datetime) -> None:
    if report.delivery == Delivery.SENT:
        email_delivery.record_sent(session, claimed, now=now)
    elif report.delivery in REFUSED:
        email_delivery.record_refused(session, claimed, cause=report.cause, now=now)
    else:
        email_delivery.record_not_sent(
            session, claimed, rules, cause=report.cause, is_held_up=report.delivery in TROUBLE, now=now
        )


def _keep_keys(dependencies: Dependencies, now: datetime) -> int:
    """Make the first key, and remove those whose tokens have run out."""
    with transaction() as session:
        signing_keys.ensure(session, dependencies.values, now=now)
        return signing_keys.remove_old(session, dependencies.tokens.times, now=now)


def _forget(now: datetime) -> int:
    """Remove old counters of attempts, sessions that ended long ago, and links that have run out."""
    with transaction() as session:
        ended = sessions.remove_old(session, now=now) + links.remove_old(session, now=now)
        return throttling.forget_old(session, now) + ended


def jobs(dependencies: Dependencies) -> Sequence[Job]:
    """Every job of this service."""
    return (
        Job("keep-signing-keys", timedelta(minutes=1), partial(_keep_keys, dependencies)),
        Job("send-account-emails", timedelta(seconds=1), partial(_send, dependencies)),
        Job("forget-sign-ins", timedelta(minutes=10), _forget),
    )
