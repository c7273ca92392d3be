"""Which published keys are used, and for what."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey

from shared.security import jwks
from shared.security.jwks import BadKeys
from testkit.token_issuer import new_key, published

GOOD = new_key("good").as_dict(private=False)
RSA = RSAKey.generate_key(2048, {"kid": "r"}).as_dict(private=False)


def parsed(*keys: Any) -> jwks.PublishedKeys:
    return jwks.parse(json.dumps({"keys": list(keys)}).encode())


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"<html>",
        b"null",
        b"[]",
        b"{}",
        b'{"keys": {}}',
        b'{"keys": []}',
        b'{"keys": "x"}',
        b"\xff\xfe",
        b"[" * 5000,
        b'{"keys": [' + b"1," * 200 + b"1]}",
        b" " * 70_000,
        b'{"keys": [' + b"9" * 5000 + b"]}",
        json.dumps({"keys": [GOOD] * 101}).encode(),
    ],
)
def test_what_is_no_set_of_keys_is_refused(document: bytes) -> None:
    with pytest.raises(BadKeys):
        jwks.parse(document)


BAD: dict[str, Any] = {
    "a private key": new_key("p").as_dict(private=True),
    "a private RSA key": RSAKey.generate_key(2048, {"kid": "p"}).as_dict(private=True),
    "a symmetric key": OctKey.generate_key(256, {"kid": "o"}).as_dict(),
    "a symmetric key that says it is ours": {"kty": "oct", "k": "c2VjcmV0", "kid": "o", "alg": "Ed25519"},
    "a symmetric key without its secret": {"kty": "oct", "kid": "o"},
    "no id": {name: value for name, value in GOOD.items() if name != "kid"},
    "an id that is a number": GOOD | {"kid": 1},
    "an empty id": GOOD | {"kid": ""},
    "a long id": GOOD | {"kid": "x" * 201},
    "another use": GOOD | {"use": "enc"},
    "another operation": GOOD | {"key_ops": ["sign"]},
    "an operation in words": GOOD | {"key_ops": "verify"},
    "another algorithm": GOOD | {"alg": "HS256"},
    "no algorithm": GOOD | {"alg": "none"},
    "an algorithm in a list": GOOD | {"alg": ["Ed25519"]},
    "another curve": OKPKey.generate_key("X25519", {"kid": "x"}).as_dict(private=False),
    "a longer curve": ECKey.generate_key("P-521", {"kid": "x"}).as_dict(private=False),
    "a curve in a list": GOOD | {"crv": ["Ed25519"]},
    "a kind in a list": GOOD | {"kty": ["OKP"]},
    "no kind": {name: value for name, value in GOOD.items() if name != "kty"},
    "no point": {name: value for name, value in GOOD.items() if name != "x"},
    "a point that is a number": GOOD | {"x": 1},
    "a short point": GOOD | {"x": "AAAA"},
    "a point that is no base64": GOOD | {"x": "§§§§"},
    "a point beside the curve": {"kty": "EC", "crv": "P-256", "x": "A" * 43, "y": "B" * 43, "kid": "e"},
    "a short RSA key": RSA | {"n": RSA["n"][:171]},
    "an RSA key of 16,384 bits": RSA | {"n": "_" * 2731},
    "an RSA key of nothing": RSA | {"n": "", "e": "AQAB"},
    "an even exponent": RSA | {"e": "AAI"},
    "an exponent of one": RSA | {"e": "AQ"},
    "an RSA key with a curve": RSA | {"crv": "P-256"},
    "a text": "key",
    "nothing": None,
    "a list": [GOOD],
}


@pytest.mark.filterwarnings("ignore::joserfc.errors.SecurityWarning")
@pytest.mark.parametrize("case", BAD)
def test_a_bad_key_is_left_out_and_named_beside_good_ones(case: str) -> None:
    found = parsed(BAD[case], GOOD)
    assert set(found.keys) == {"good"}
    assert len(found.problems) == 1
    with pytest.raises(BadKeys):
        parsed(BAD[case])


def test_an_id_that_occurs_twice_keeps_its_first_key() -> None:
    other = new_key("good").as_dict(private=False)
    found = parsed(GOOD, other)
    assert found.keys["good"].key.as_dict()["x"] == GOOD["x"]
    assert found.problems == ("an id occurs twice",)


def test_a_key_fixes_its_algorithm() -> None:
    keys = (
        new_key("a"),
        ECKey.generate_key("P-256", {"kid": "b"}),
        RSAKey.generate_key(2048, {"kid": "c"}),
        RSAKey.generate_key(2048, {"kid": "d", "alg": "PS256"}),
    )
    found = jwks.parse(published(*keys)).keys
    assert {key.id: key.algorithm for key in found.values()} == {
        "a": "Ed25519",
        "b": "ES256",
        "c": "RS256",
        "d": "PS256",
    }


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=50),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=5,
)


@pytest.mark.filterwarnings("ignore::joserfc.errors.SecurityWarning")
@given(st.sampled_from([GOOD, RSA]), st.dictionaries(st.sampled_from([*GOOD, *RSA, "y", "d", "key_ops"]), JSON))
def test_no_key_breaks_us(key: dict[str, Any], strange: dict[str, Any]) -> None:
    found = parsed(key | strange, GOOD | {"kid": "sure"})
    assert "sure" in found.keys
