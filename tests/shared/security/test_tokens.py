"""Which access tokens count, and what they say."""

from __future__ import annotations

import base64
import hmac
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import assume, given
from hypothesis import strategies as st
from joserfc.jwk import ECKey, RSAKey

from shared.security import jwks, tokens
from shared.security.jwks import KeysById
from shared.security.tokens import Claims, GenuineTokens, TokenExpired, TokenRefused, TokenRules
from shared.values.account_enums import Scope
from shared.values.enums import Role
from testkit.token_issuer import ISSUER, claims, new_key, published, signed

KEY = new_key("a")
FOREIGN = new_key("a")
RULES = TokenRules(ISSUER, ISSUER)
KEYS = jwks.parse(published(KEY)).keys
SUBJECT = UUID("0190a0a0-1111-7000-8000-000000000001")


def verified(token: str, *, rules: TokenRules = RULES, now: datetime | None = None, **more: Any) -> Claims:
    now = now or datetime.now(UTC)
    genuine = tokens.read(token, more.pop("keys", KEYS), rules)
    genuine.refuse_wrong_time(now=now, expired_as_of=more.pop("expired_as_of", now))
    return genuine.claims


def refused(token: str, **more: Any) -> str:
    with pytest.raises(TokenRefused) as refusal:
        verified(token, **more)
    return refusal.value.code


def encoded(part: Any) -> str:
    raw = part if isinstance(part, bytes) else json.dumps(part).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def of_parts(header: Any, payload: Any, signature: bytes = bytes(64)) -> str:
    return f"{encoded(header)}.{encoded(payload)}.{encoded(signature)}"


def test_a_token_of_the_issuer_says_who_calls() -> None:
    session = uuid4()
    token = signed(claims(sub=str(SUBJECT), sid=str(session), roles=["coordinator", "caller"]), KEY)
    assert verified(token) == Claims(SUBJECT, session, frozenset({Role.COORDINATOR, Role.CALLER}), frozenset())


def test_a_machine_has_scopes_and_no_session() -> None:
    token = signed(claims(roles=["service"], scope="imports.start", sid=None), KEY)
    found = verified(token)
    assert found == Claims(found.subject, None, frozenset({Role.SERVICE}), frozenset({Scope.IMPORTS_START}))


HEADER = {"typ": "at+jwt", "alg": "Ed25519", "kid": "a"}


def _public_bytes() -> bytes:
    return KEY.public_key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


HOSTILE: dict[str, tuple[str, Callable[[], str]]] = {
    "no signature": ("token.malformed", lambda: of_parts(HEADER | {"alg": "none"}, claims(), b"")),
    "algorithm none": ("token.signature", lambda: of_parts(HEADER | {"alg": "none"}, claims())),
    "algorithm None": ("token.signature", lambda: of_parts(HEADER | {"alg": "None"}, claims())),
    "HMAC with the public key": ("token.signature", lambda: signed_by_hmac(_public_bytes())),
    "HMAC with the bytes of the public key": (
        "token.signature",
        lambda: signed_by_hmac(KEY.public_key.public_bytes_raw()),
    ),
    "HMAC with the published keys": ("token.signature", lambda: signed_by_hmac(published(KEY))),
    "HMAC with the public key as JSON": (
        "token.signature",
        lambda: signed_by_hmac(json.dumps(KEY.as_dict(private=False)).encode()),
    ),
    "RSA with our key's name": ("token.signature", lambda: of_parts(HEADER | {"alg": "RS256"}, claims(), bytes(256))),
    "an RSA key with our key's name": (
        "token.signature",
        lambda: signed(claims(), RSAKey.generate_key(2048, {"kid": "a"}), alg="RS256"),
    ),
    "other claims under the same signature": (
        "token.signature",
        lambda: ".".join(
            [*of_parts(HEADER, claims(roles=["admin"])).split(".")[:2], signed(claims(), KEY).rpartition(".")[2]]
        ),
    ),
    "a refresh token": ("token.malformed", lambda: encoded(bytes(32))),
    "the old name of the algorithm": ("token.signature", lambda: of_parts(HEADER | {"alg": "EdDSA"}, claims())),
    "a key of somebody else": ("token.signature", lambda: signed(claims(), FOREIGN)),
    "an unknown key": ("token.unknown_key", lambda: signed(claims(), new_key("b"))),
    "a key with a path": ("token.unknown_key", lambda: signed(claims(), KEY, kid="../../dev/null")),
    "no key": ("token.malformed", lambda: signed(claims(), KEY, kid=None)),
    "a key that is a number": ("token.malformed", lambda: of_parts(HEADER | {"kid": 1}, claims())),
    "a key that is a list": ("token.malformed", lambda: of_parts(HEADER | {"kid": ["a"]}, claims())),
    "no algorithm": ("token.malformed", lambda: of_parts({"typ": "at+jwt", "kid": "a"}, claims())),
    "an embedded key": ("token.malformed", lambda: signed(claims(), FOREIGN, jwk=FOREIGN.as_dict(private=False))),
    "the address of keys": ("token.malformed", lambda: signed(claims(), FOREIGN, jku="https://evil.example/jwks")),
    "the address of a certificate": ("token.malformed", lambda: signed(claims(), FOREIGN, x5u="https://evil.example")),
    "a certificate": ("token.malformed", lambda: of_parts(HEADER | {"x5c": ["MIIB"]}, claims())),
    "a critical extension": ("token.malformed", lambda: of_parts(HEADER | {"crit": ["exp"]}, claims())),
    "a payload that is not encoded": ("token.malformed", lambda: of_parts(HEADER | {"b64": False}, claims())),
    "a compressed payload": ("token.malformed", lambda: of_parts(HEADER | {"zip": "DEF"}, claims())),
    "another type": ("token.foreign", lambda: signed(claims(), KEY, typ="JWT")),
    "no type": ("token.malformed", lambda: signed(claims(), KEY, typ=None)),
    "an identity token": ("token.foreign", lambda: signed(claims(), KEY, typ="id_token+jwt")),
    "another issuer": ("token.foreign", lambda: signed(claims(iss="https://evil.example"), KEY)),
    "no issuer": ("token.foreign", lambda: signed(claims(iss=None), KEY)),
    "a list of issuers": ("token.foreign", lambda: signed(claims(iss=[ISSUER]), KEY)),
    "another audience": ("token.foreign", lambda: signed(claims(aud="another-platform"), KEY)),
    "no audience": ("token.foreign", lambda: signed(claims(aud=None), KEY)),
    "an audience of more": ("token.foreign", lambda: signed(claims(aud=ISSUER + "-2"), KEY)),
    "an audience in an object": ("token.foreign", lambda: signed(claims(aud={ISSUER: 1}), KEY)),
    "of yesterday": ("token.expired", lambda: signed(claims(lifetime=-86_400), KEY)),
    "of tomorrow": ("token.not_yet_valid", lambda: signed(claims(nbf=4_000_000_000), KEY)),
    "issued tomorrow": ("token.not_yet_valid", lambda: signed(claims(iat=4_000_000_000), KEY)),
    "no end": ("token.malformed", lambda: signed(claims(exp=None), KEY)),
    "an end in words": ("token.malformed", lambda: signed(claims(exp="tomorrow"), KEY)),
    "an end in a text of digits": ("token.malformed", lambda: signed(claims(exp="4000000000"), KEY)),
    "an end that is no number": ("token.malformed", lambda: signed_text('{"exp": NaN}')),
    "an end in a list": ("token.malformed", lambda: signed(claims(exp=[4_000_000_000]), KEY)),
    "a true end": ("token.malformed", lambda: signed(claims(exp=True), KEY)),
    "an end in the year 5000000": ("token.malformed", lambda: signed(claims(exp=10**14), KEY)),
    "an endless number": (
        "token.malformed",
        lambda: signed_text(f'{{"iss": "{ISSUER}", "aud": "{ISSUER}", "exp": 1e999}}'),
    ),
    "infinity": ("token.malformed", lambda: signed_text('{"exp": Infinity}')),
    "a number of 5000 digits": ("token.malformed", lambda: signed_text('{"exp": ' + "9" * 5000 + "}")),
    "before time": ("token.malformed", lambda: signed(claims(nbf=-1), KEY)),
    "no subject": ("token.malformed", lambda: signed(claims(sub=None), KEY)),
    "an empty subject": ("token.malformed", lambda: signed(claims(sub=""), KEY)),
    "a subject that is a number": ("token.malformed", lambda: signed(claims(sub=17), KEY)),
    "a subject with a NUL": ("token.malformed", lambda: signed(claims(sub="a\x00b"), KEY)),
    "a subject with half a character": ("token.malformed", lambda: signed(claims(sub="\ud800"), KEY)),
    "a long subject": ("token.malformed", lambda: signed(claims(sub="x" * 256), KEY)),
    "roles that are a number": ("token.malformed", lambda: signed(claims() | {"roles": 1}, KEY)),
    "a role in a list": ("token.malformed", lambda: signed(claims() | {"roles": [["admin"]]}, KEY)),
    "roles in an object": ("token.malformed", lambda: signed(claims() | {"roles": {"admin": True}}, KEY)),
    "a scope that is a number": ("token.malformed", lambda: signed(claims(scope=1), KEY)),
    "a payload that is a list": ("token.malformed", lambda: signed([], KEY)),
    "a payload that is no JSON": ("token.malformed", lambda: signed_text("admin")),
    "a payload in Latin-1": ("token.malformed", lambda: signed_bytes(b'{"sub": "\xe9"}')),
    "a claim twice": ("token.malformed", lambda: signed_text('{"roles": [], "roles": ["admin"]}')),
    "a header that is a list": ("token.malformed", lambda: of_parts([], claims())),
    "a header twice": (
        "token.malformed",
        lambda: of_parts(b'{"alg":"none","alg":"Ed25519","typ":"at+jwt","kid":"a"}', {}),
    ),
    "a deep header": ("token.malformed", lambda: of_parts(b"[" * 520, {})),
    "a deep payload": ("token.malformed", lambda: signed_text("[" * 3000)),
    "a header too long": ("token.malformed", lambda: signed(claims(), KEY, note="x" * 600)),
    "a token too long": ("token.malformed", lambda: signed(claims(note="x" * 9000), KEY)),
    "nothing": ("token.malformed", lambda: ""),
    "dots": ("token.malformed", lambda: ".."),
    "two parts": ("token.malformed", lambda: signed(claims(), KEY).rpartition(".")[0]),
    "four parts": ("token.malformed", lambda: signed(claims(), KEY) + ".x"),
    "five parts, encrypted": ("token.malformed", lambda: "a.b.c.d.e"),
    "a blank": ("token.malformed", lambda: signed(claims(), KEY) + " "),
    "a line break": ("token.malformed", lambda: signed(claims(), KEY) + "\n"),
    "padding": ("token.malformed", lambda: signed(claims(), KEY) + "=="),
    "other digits": ("token.malformed", lambda: "٣" + signed(claims(), KEY)[1:]),
    "one letter of base64": ("token.malformed", lambda: "a.a.a"),
    "another alphabet": ("token.malformed", lambda: of_parts(HEADER, claims(), b"\xff" * 64).replace("_", "/")),
}


def signed_by_hmac(secret: bytes) -> str:
    head = f"{encoded(HEADER | {'alg': 'HS256'})}.{encoded(claims())}"
    return f"{head}.{encoded(hmac.digest(secret, head.encode(), 'sha256'))}"


def signed_text(payload: str) -> str:
    return signed_bytes(payload.encode())


def signed_bytes(payload: bytes) -> str:
    head = f"{encoded(HEADER)}.{encoded(payload)}"
    return f"{head}.{encoded(KEY.private_key.sign(head.encode()))}"


@pytest.mark.parametrize("case", HOSTILE)
def test_a_hostile_token_is_refused(case: str) -> None:
    code, token = HOSTILE[case]
    assert refused(token()) == code


TOKEN = signed(claims(lifetime=3600), KEY)
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.=/+ \x00ä"


@given(st.integers(0, len(TOKEN) - 1), st.integers(0, 3), st.text(LETTERS, max_size=3))
def test_no_change_of_a_token_leaves_it_valid(place: int, gone: int, put: str) -> None:
    """Neither does another spelling of the same bytes: the last letter of a part has bits that mean nothing."""
    changed = TOKEN[:place] + put + TOKEN[place + gone :]
    assume(changed != TOKEN)
    refused(changed)


@given(st.text(max_size=200) | st.binary(max_size=200).map(lambda raw: raw.decode("latin-1")))
def test_no_text_is_a_token(text: str) -> None:
    assert refused(text) == "token.malformed"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=6,
)


@given(st.dictionaries(st.sampled_from(["iss", "aud", "sub", "sid", "roles", "scope", "iat", "nbf", "exp"]), JSON))
def test_whatever_the_issuer_says_is_understood_or_refused(strange: dict[str, Any]) -> None:
    """Never an error of ours; and what is not a role of ours gives no right."""
    try:
        found = verified(signed_text(json.dumps(claims() | strange)))
    except TokenRefused:
        return
    assert isinstance(found.subject, UUID)
    assert found.roles <= set(Role)


@given(st.dictionaries(st.sampled_from(["typ", "alg", "kid", "x", "cty", "crit"]), JSON))
def test_whatever_a_header_says_is_understood_or_refused(strange: dict[str, Any]) -> None:
    with pytest.raises(TokenRefused):
        verified(of_parts(json.dumps(HEADER | strange).encode(), claims()))


def test_clocks_may_differ_a_little() -> None:
    now = datetime.now(UTC).replace(microsecond=0)
    at = int(now.timestamp())
    assert verified(signed(claims(exp=at - 29), KEY), now=now)
    assert refused(signed(claims(exp=at - 30), KEY), now=now) == "token.expired"
    assert verified(signed(claims(nbf=at + 30, iat=at + 30), KEY), now=now)
    assert refused(signed(claims(nbf=at + 31), KEY), now=now) == "token.not_yet_valid"


def test_a_token_counts_that_ran_out_after_the_issuer_was_last_reached() -> None:
    now = datetime.now(UTC)
    contact = now - timedelta(hours=1)
    ran_out = signed(claims(lifetime=-3500), KEY)
    assert verified(ran_out, now=now, expired_as_of=contact)
    with pytest.raises(TokenExpired):
        verified(ran_out, now=now)
    assert refused(signed(claims(lifetime=-3700), KEY), now=now, expired_as_of=contact) == "token.expired"
    not_yet = signed(claims(nbf=int(now.timestamp()) + 60), KEY)
    assert refused(not_yet, now=now, expired_as_of=contact) == "token.not_yet_valid"


def test_roles_and_scopes_that_nobody_here_knows_give_no_right() -> None:
    """A newer issuer may have more of them; nobody is locked out while releases differ."""
    found = verified(signed(claims(roles=["caller", "emperor", "ADMIN", ""], scope="openid imports.start  x"), KEY))
    assert found.roles == {Role.CALLER}
    assert found.scopes == {Scope.IMPORTS_START}


def test_a_token_without_roles_counts_and_gives_no_right() -> None:
    found = verified(signed({n: v for n, v in claims().items() if n not in ("roles", "sid")}, KEY))
    assert found == Claims(found.subject, None, frozenset(), frozenset())


def test_an_audience_among_others_counts() -> None:
    assert verified(signed(claims(aud=["another", ISSUER]), KEY))


def test_a_full_media_type_in_any_case_counts() -> None:
    assert verified(signed(claims(), KEY, typ="application/AT+JWT"))


@pytest.mark.parametrize(
    ("key", "algorithm"),
    [
        (ECKey.generate_key("P-256", {"kid": "x", "alg": "ES256"}), "ES256"),
        (RSAKey.generate_key(2048, {"kid": "x", "alg": "PS256"}), "PS256"),
        (RSAKey.generate_key(2048, {"kid": "x"}), "RS256"),
    ],
)
def test_keys_of_other_issuers_count_with_their_own_algorithm(key: Any, algorithm: str) -> None:
    keys = jwks.parse(published(key)).keys
    assert verified(signed(claims(), key, alg=algorithm), keys=keys)
    others = {"ES256", "RS256", "PS256", "HS256", "RS512", "Ed25519", "none"} - {algorithm}
    for other in others:
        assert refused(of_parts({"typ": "at+jwt", "alg": other, "kid": "x"}, claims()), keys=keys) == "token.signature"


KEYCLOAK = TokenRules(
    "https://id.example/realms/praxis",
    "psychotherapy-platform",
    type="JWT",
    roles_claim="realm_access.roles",
    roles={"buero": Role.COORDINATOR},
)


def _of_keycloak(**more: Any) -> str:
    usual = {"iss": KEYCLOAK.issuer, "roles": ["admin"], "realm_access": {"roles": ["buero", "admin"]}}
    return signed(claims() | usual | more, KEY, typ="JWT")


def test_roles_of_another_issuer_are_read_from_its_claim_and_by_its_names() -> None:
    """A name that the mapping does not have counts for nothing, though we have a role of that name."""
    assert verified(_of_keycloak(), rules=KEYCLOAK).roles == {Role.COORDINATOR}
    strange: Any
    for strange in ([], None, "roles", {}):
        assert verified(_of_keycloak(realm_access=strange), rules=KEYCLOAK).roles == set()


def test_a_claim_whose_name_has_dots_is_found() -> None:
    rules = TokenRules(ISSUER, ISSUER, roles_claim="https://praxis.example/roles")
    token = signed(claims() | {"https://praxis.example/roles": "caller auditor"}, KEY)
    assert verified(token, rules=rules).roles == {Role.CALLER, Role.AUDITOR}


def test_a_subject_that_is_no_uuid_becomes_one_of_its_issuer() -> None:
    """The same every time, and another one for another issuer."""
    one, again = (verified(_of_keycloak(sub="auth0|17"), rules=KEYCLOAK).subject for _ in range(2))
    assert one == again
    assert verified(signed(claims(sub="auth0|17"), KEY)).subject != one
    assert one.version == 5


def test_the_refusal_quotes_nothing_of_the_token() -> None:
    for code, token in HOSTILE.values():
        with pytest.raises(TokenRefused) as refusal:
            verified(token())
        assert refusal.value.code == code
        assert "evil" not in refusal.value.message


def published_anew(*keys: Any) -> KeysById:
    """Other objects than those of the last time, as after a fetch."""
    return jwks.parse(published(*keys)).keys


def test_a_genuine_token_is_read_once_with_the_same_keys() -> None:
    """A person sends the same one with hundreds of requests; to check a signature takes a tenth of a small request."""
    remembered, token = GenuineTokens(RULES), signed(claims(), KEY)
    first = remembered.read(token, KEYS)
    assert first == tokens.read(token, KEYS, RULES)
    assert remembered.read(token, KEYS) is first


def test_what_is_remembered_is_forgotten_with_its_keys() -> None:
    remembered, token = GenuineTokens(RULES), signed(claims(), KEY)
    first = remembered.read(token, KEYS)
    assert remembered.read(token, published_anew(KEY)) is not first, "read again with keys that were fetched anew"
    for withdrawn in ({}, published_anew(new_key("b")), published_anew(FOREIGN)):
        with pytest.raises(TokenRefused):
            remembered.read(token, withdrawn)
        assert remembered.read(token, KEYS).claims == first.claims


def test_a_remembered_token_runs_out_as_any_other() -> None:
    remembered, now = GenuineTokens(RULES), datetime.now(UTC)
    token = signed(claims(), KEY)
    remembered.read(token, KEYS).refuse_wrong_time(now=now, expired_as_of=now)
    late = now + timedelta(seconds=331)
    with pytest.raises(TokenExpired):
        remembered.read(token, KEYS).refuse_wrong_time(now=late, expired_as_of=late)
    early = now - timedelta(seconds=32)
    with pytest.raises(TokenRefused):
        remembered.read(token, KEYS).refuse_wrong_time(now=early, expired_as_of=early)


@given(st.data())
def test_no_other_spelling_of_a_remembered_token_is_taken(data: st.DataObject) -> None:
    token = signed(claims(), KEY)
    REMEMBERED.read(token, KEYS)
    place = data.draw(st.integers(0, len(token) - 1))
    other = token[:place] + data.draw(st.characters(codec="latin-1")) + token[place + 1 :]
    assume(other != token)
    for _ in range(2):
        with pytest.raises(TokenRefused):
            REMEMBERED.read(other, KEYS)


REMEMBERED = GenuineTokens(RULES)


def test_only_so_many_are_remembered_and_nothing_that_was_refused() -> None:
    remembered = GenuineTokens(RULES, most=3)
    for number in range(10):
        with pytest.raises(TokenRefused):
            remembered.read(signed(claims(), FOREIGN), KEYS)
        remembered.read(signed(claims(jti=str(number)), KEY), KEYS)
        assert 1 <= len(remembered._remembered[1]) <= 3
