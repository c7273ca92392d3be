"""Access tokens (RFC 9068): who somebody is and what they may do, signed, for a few minutes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from joserfc import jwt

from shared.database import Session, new_id
from user_service.domain import signing_keys
from user_service.domain.schemas import AccessToken
from user_service.domain.secret_values import SecretValues
from user_service.domain.signing_keys import ALGORITHM, KeyTimes
from user_service.store.tables import Account

TYPE = "at+jwt"


@dataclass(frozen=True)
class IssuerRules:
    """What access tokens say of us, and for how long they are valid."""

    issuer: str
    audience: str
    times: KeyTimes

    @property
    def lifetime_seconds(self) -> int:
        """For how many seconds an access token is valid."""
        return int(self.times.token_lifetime.total_seconds())


def issue(
    session: Session,
    account: Account,
    *,
    session_id: UUID | None,
    rules: IssuerRules,
    values: SecretValues,
    now: datetime,
) -> AccessToken:
    """A new access token of this account; `session_id` is that of a person, None of a machine.

    It names neither the person nor their e-mail address: tokens are in logs of proxies and in browsers.
    """
    key = signing_keys.current(session, values, now=now)
    issued = int(now.timestamp())
    claims = {
        "iss": rules.issuer,
        "aud": rules.audience,
        "sub": str(account.id),
        "roles": list(account.roles),
        "iat": issued,
        "nbf": issued,
        "exp": issued + rules.lifetime_seconds,
        "jti": str(new_id()),
        **({"sid": str(session_id)} if session_id else {"scope": " ".join(account.scopes)}),
    }
    header = {"typ": TYPE, "alg": ALGORITHM, "kid": key.kid}
    token = jwt.encode(header, claims, key, algorithms=[ALGORITHM])
    return AccessToken(access_token=token, expires_in=rules.lifetime_seconds)
