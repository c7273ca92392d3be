"""The keys that sign: no token is refused while they are rotated."""

from __future__ import annotations

import base64
import json
from base64 import urlsafe_b64decode
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from cryptography.exceptions import InvalidTag
from joserfc import jws, jwt
from joserfc.jwk import KeySet, OKPKey
from sqlalchemy.orm import Session

from shared.errors import Conflict
from shared.security import tokens
from shared.security.jwks import parse
from shared.security.tokens import Claims, TokenRefused, TokenRules
from shared.values.enums import Role
from tests.builders.accounts import a_person
from tests.conftest import MONDAY
from user_service import jobs
from user_service.dependencies import Dependencies
from user_service.domain import access_tokens, signing_keys
from user_service.domain.secret_values import SecretValues
from user_service.store.tables import SigningKey

MINUTE = timedelta(minutes=1)
PENDING = timedelta(minutes=15)


@pytest.fixture
def published(session: Session, needed: Dependencies) -> Any:
    """The ids of the keys that are published at an instant."""

    def at(now: datetime) -> list[str]:
        found = signing_keys.published(session, needed.values, needed.tokens.times, now=now)
        return [key["kid"] for key in found]

    return at


@pytest.fixture
def signing(session: Session, needed: Dependencies) -> Any:
    """The id of the key that signs at an instant."""
    return lambda now: signing_keys.current(session, needed.values, now=now).kid


def rotate(session: Session, needed: Dependencies, now: datetime) -> str:
    return str(signing_keys.rotate(session, needed.values, needed.tokens.times, now=now).id)


def test_the_first_key_is_made_when_it_is_needed(published: Any, signing: Any) -> None:
    first = signing(MONDAY)
    assert published(MONDAY) == [first] == published(MONDAY + timedelta(days=400))
    assert signing(MONDAY - timedelta(days=1)) == first, "a clock that was set back stops nobody"


def test_keys_are_published_also_after_their_secret_was_changed(
    session: Session, needed: Dependencies, published: Any, signing: Any
) -> None:
    """Who is signed in goes on; nobody new comes in, before a key is made that can be decrypted."""
    first = signing(MONDAY)
    other = SecretValues.of(base64.b64encode(b"7" * 32).decode())
    times = needed.tokens.times
    assert [key["kid"] for key in signing_keys.published(session, other, times, now=MONDAY)] == [first]
    with pytest.raises(InvalidTag):
        signing_keys.current(session, other, now=MONDAY)
    keep = next(job for job in jobs.jobs(replace(needed, values=other)) if job.name == "keep-signing-keys")
    assert keep.run(MONDAY) == 0
    replaced = signing_keys.replace(session, other, now=MONDAY)
    assert signing_keys.current(session, other, now=MONDAY).kid == str(replaced.id)


def test_the_next_key_is_published_before_it_signs_and_the_last_one_until_its_tokens_have_run_out(
    session: Session, needed: Dependencies, published: Any, signing: Any
) -> None:
    first, at = signing(MONDAY), MONDAY + timedelta(days=30)
    second = rotate(session, needed, at)
    assert published(at) == [first, second]
    assert signing(at + PENDING - MINUTE) == first
    assert signing(at + PENDING) == second
    runs_out = at + PENDING + needed.tokens.times.token_lifetime + tokens.LEEWAY
    assert published(runs_out - timedelta(seconds=1)) == [first, second]
    assert published(runs_out) == [second]
    assert signing_keys.remove_old(session, needed.tokens.times, now=runs_out - timedelta(seconds=1)) == 0
    assert signing_keys.remove_old(session, needed.tokens.times, now=runs_out) == 1


def test_every_token_is_accepted_by_who_fetches_the_keys_every_ten_minutes(
    session: Session, needed: Dependencies
) -> None:
    """Played minute by minute through a rotation: a service that asks rarely must not refuse a request."""
    account = a_person(session)
    tokens: list[tuple[datetime, str]] = []
    fetched = KeySet([])
    for minute in range(90):
        now = MONDAY + minute * MINUTE
        if minute == 20:
            rotate(session, needed, now)
        signing_keys.remove_old(session, needed.tokens.times, now=now)
        if minute % 10 == 0:
            keys = signing_keys.published(session, needed.values, needed.tokens.times, now=now)
            fetched = KeySet.import_key_set({"keys": keys})
        token = access_tokens.issue(
            session, account, session_id=account.id, rules=needed.tokens, values=needed.values, now=now
        )
        tokens.append((now, token.access_token))
        for issued, each in tokens[-6:]:
            if now - issued <= timedelta(minutes=5):
                jwt.decode(each, fetched, algorithms=["Ed25519"])
    assert (
        {row.public_jwk["kid"] for row in session.query(SigningKey)}
        == {kid_of(tokens[-1][1])}
        != {kid_of(tokens[0][1])}
    )


def kid_of(token: str) -> str:
    """The id of the key that signed a token."""
    return str(jws.extract_compact(token.encode()).headers()["kid"])


def test_only_one_key_waits_at_a_time(session: Session, needed: Dependencies, signing: Any) -> None:
    signing(MONDAY)
    rotate(session, needed, MONDAY)
    with pytest.raises(Conflict):
        rotate(session, needed, MONDAY + MINUTE)
    rotate(session, needed, MONDAY + PENDING)


def test_a_key_that_others_know_is_replaced_at_once(
    session: Session, needed: Dependencies, published: Any, signing: Any
) -> None:
    signing(MONDAY)
    rotate(session, needed, MONDAY)
    new = str(signing_keys.replace(session, needed.values, now=MONDAY + MINUTE).id)
    assert published(MONDAY + MINUTE) == [new] == [signing(MONDAY + MINUTE)]


def test_the_database_alone_signs_nothing(session: Session, needed: Dependencies, signing: Any) -> None:
    signing(MONDAY)
    (row,) = session.query(SigningKey)
    assert "d" not in row.public_jwk
    assert b'"d"' not in row.private_jwk
    other = SecretValues.of("B" * 43 + "=")
    with pytest.raises(InvalidTag):
        signing_keys.current(session, other, now=MONDAY)
    row.id = a_person(session).id  # moved to another row
    session.flush()
    with pytest.raises(InvalidTag):
        signing_keys.current(session, needed.values, now=MONDAY)


def test_a_token_of_another_key_or_with_other_claims_is_refused(session: Session, needed: Dependencies) -> None:
    """As every service checks it, with the keys that this one publishes."""
    account = a_person(session, roles=["caller"])
    token = access_tokens.issue(
        session, account, session_id=account.id, rules=needed.tokens, values=needed.values, now=MONDAY
    ).access_token
    jwks = signing_keys.show(session, needed.values, needed.tokens.times, now=MONDAY).model_dump_json()
    keys = parse(jwks.encode()).keys
    rules = TokenRules(needed.tokens.issuer, needed.tokens.audience)

    def check(token: str) -> Claims:
        genuine = tokens.read(token, keys, rules)
        genuine.refuse_wrong_time(now=MONDAY, expired_as_of=MONDAY)
        return genuine.claims

    assert check(token) == Claims(account.id, account.id, frozenset({Role.CALLER}), frozenset())
    head, payload, signature = token.split(".")
    claims = json.loads(urlsafe_b64decode(payload + "=="))
    assert "erika" not in json.dumps(claims).lower()
    forged = jwt.encode(
        {"typ": "at+jwt", "alg": "Ed25519", "kid": next(iter(keys))},
        {**claims, "roles": ["admin"]},
        OKPKey.generate_key("Ed25519"),
        ["Ed25519"],
    )
    for refused in (forged, f"{head}.{forged.split('.')[1]}.{signature}"):
        with pytest.raises(TokenRefused) as refusal:
            check(refused)
        assert refusal.value.code == "token.signature"
