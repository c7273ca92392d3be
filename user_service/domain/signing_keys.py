"""The keys that sign access tokens. Which one signs and which are published follows from the time alone.

A key signs from `signs_from` on, until the next one does. It is published from the moment it is made, so that every
service knows it before it signs, until the last token that it signed has run out.

    made ──── pending ──── signs_from ──── signs ──── the next one's signs_from ──── retired ──── removed
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from joserfc.jwk import OKPKey

from shared.database import Session, new_id
from shared.errors import Conflict
from shared.security.tokens import LEEWAY
from user_service.domain.schemas import JwksView
from user_service.domain.secret_values import SecretValues
from user_service.store import keys as store
from user_service.store.tables import SigningKey

ALGORITHM: Final = "Ed25519"


@dataclass(frozen=True)
class KeyTimes:
    """How long a key is published before it signs, and how long a token that it signed is valid."""

    pending: timedelta
    token_lifetime: timedelta


def published(session: Session, values: SecretValues, times: KeyTimes, *, now: datetime) -> list[dict[str, Any]]:
    """The public keys (JWK) with which tokens may be checked now; makes the first one where there is none.

    They are published also where their private halves cannot be decrypted: tokens that were signed before count on.
    """
    ensure(session, values, now=now)
    keys = store.all_keys(session)
    return [key.public_jwk for key in keys if not _is_over(key, keys, times, now)]


def show(session: Session, values: SecretValues, times: KeyTimes, *, now: datetime) -> JwksView:
    """The same as the document that services fetch."""
    return JwksView.of({"keys": published(session, values, times, now=now)})


def current(session: Session, values: SecretValues, *, now: datetime) -> OKPKey:
    """The key that signs now; makes the first one where there is none."""
    key = ensure(session, values, now=now)
    return OKPKey.import_key(json.loads(values.box.decrypt(key.private_jwk, key.id.bytes)))


def ensure(session: Session, values: SecretValues, *, now: datetime) -> SigningKey:
    """The row of the key that signs now, still encrypted; makes the first one where there is none."""
    key = _signing(store.all_keys(session), now)
    if key is None:
        store.lock(session)
        # another process may have made it while we waited
        key = _signing(store.all_keys(session), now) or _add(session, values, signs_from=now, now=now)
    return key


def rotate(session: Session, values: SecretValues, times: KeyTimes, *, now: datetime) -> SigningKey:
    """Make the next key, which signs when every service has fetched it. Raises `Conflict` while another one waits."""
    store.lock(session)
    waiting = [key for key in store.all_keys(session) if key.signs_from > now]
    if waiting:
        raise Conflict("signing_key.pending", signs_from=f"{waiting[0].signs_from:%Y-%m-%d %H:%M:%S} UTC")
    return _add(session, values, signs_from=now + times.pending, now=now)


def replace(session: Session, values: SecretValues, *, now: datetime) -> SigningKey:
    """Remove every key and make one that signs at once, for when one has become known to others.

    No token that was signed before is accepted once the services have fetched the keys anew.
    """
    store.lock(session)
    for key in store.all_keys(session):
        session.delete(key)
    return _add(session, values, signs_from=now, now=now)


def remove_old(session: Session, times: KeyTimes, *, now: datetime) -> int:
    """Remove the keys whose tokens have all run out; returns their number."""
    keys = store.all_keys(session)
    old = [key for key in keys if _is_over(key, keys, times, now)]
    for key in old:
        session.delete(key)
    return len(old)


def _add(session: Session, values: SecretValues, *, signs_from: datetime, now: datetime) -> SigningKey:
    id = new_id()
    made = OKPKey.generate_key(
        "Ed25519", {"kid": str(id), "use": "sig", "alg": ALGORITHM}, private=True, auto_kid=False
    )
    sealed = values.box.encrypt(json.dumps(made.as_dict(private=True)).encode(), id.bytes)
    key = SigningKey(
        id=id,
        created_at=now,
        signs_from=signs_from,
        public_jwk=dict(made.as_dict(private=False)),
        private_jwk=sealed,
    )
    session.add(key)
    session.flush()
    return key


def _signing(keys: Sequence[SigningKey], now: datetime) -> SigningKey | None:
    """The last key that signs by now; else the first one of all, so that a clock set back stops nobody."""
    by_now = [key for key in keys if key.signs_from <= now]
    return by_now[-1] if by_now else (keys[0] if keys else None)


def _is_over(key: SigningKey, keys: Sequence[SigningKey], times: KeyTimes, now: datetime) -> bool:
    successors = [each.signs_from for each in keys if each.signs_from > key.signs_from]
    return bool(successors) and min(successors) + times.token_lifetime + LEEWAY <= now
