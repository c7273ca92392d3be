"""People who sign in, with links and one-time passwords, as tests need them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from uuid import UUID

import pyotp

from shared.database import transaction
from tests.builders.accounts import EMAIL, PASSWORD
from tests.conftest import MONDAY
from user_service import jobs
from user_service.dependencies import Dependencies
from user_service.domain.schemas import OtpSetup, PersonSignIn
from user_service.domain.sessions import Origin
from user_service.domain.sign_in import SignedIn
from user_service.store.tables import SignInSession

HOME = Origin("203.0.113.7", None)
NEW_PASSWORD = "Nebelhorn zählt vier Zebras"


@dataclass(frozen=True)
class Device:
    """What a person has who turned one-time passwords on."""

    key: str
    recovery_codes: list[str]

    def shows(self, now: datetime) -> str:
        """The one-time password of this moment."""
        return pyotp.TOTP(self.key).at(now)


def sign_in(
    needed: Dependencies, *, otp: str | None = None, password: str = PASSWORD, email: str = EMAIL, now: datetime
) -> SignedIn:
    """Sign a person in."""
    return jobs.sign_in_person(PersonSignIn(email=email, password=password, otp=otp), HOME, needed, now=now)


def newest_session(account_id: UUID) -> UUID:
    """The session to which this account signed in last."""
    with transaction() as session:
        found = session.query(SignInSession).filter_by(account_id=account_id)
        return found.order_by(SignInSession.created_at.desc(), SignInSession.id.desc()).first().id


def a_device(needed: Dependencies, account_id: UUID, *, now: datetime = MONDAY) -> Device:
    """Sign in and turn one-time passwords on; the password of `now` is used then."""
    sign_in(needed, now=now)
    session_id = newest_session(account_id)
    shown = jobs.set_up_otp(OtpSetup(), needed, session_id=session_id, by=account_id, now=now)
    device = Device(shown.secret or "", [])
    given = OtpSetup(otp=device.shows(now))
    confirmed = jobs.set_up_otp(given, needed, session_id=session_id, by=account_id, now=now)
    return Device(device.key, confirmed.recovery_codes or [])


def token_in(mail: EmailMessage) -> str:
    """The token of the link in an e-mail, which it has twice: in German and in English."""
    (token,) = set(re.findall(r"#token=(\S+)", mail.get_content()))
    return str(token)
