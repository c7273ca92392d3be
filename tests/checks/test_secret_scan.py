"""Secrets are found wherever somebody could leave them; what `make check` runs fails for them."""

from __future__ import annotations

import base64
import random
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from testkit.token_issuer import claims, new_key, signed
from tests.checks.secret_scan import secrets

RANDOM = random.Random(23)
"""Of many random texts a few have so little variety that they look like words."""


def _private_key() -> str:
    key = Ed25519PrivateKey.generate()
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


LEFT_BEHIND: dict[str, tuple[str, Callable[[], str]]] = {
    "a private key": ("gateway/key.pem", _private_key),
    "a private key in a text": ("shared/keys.py", lambda: f'KEY = """{_private_key()}"""'),
    "an access token": ("docs/api.md", lambda: f"curl -H 'Authorization: Bearer {signed(claims(), new_key())}'"),
    "a master key": (
        "shared/keys.py",
        lambda: f'MASTER_KEY = "{base64.b64encode(RANDOM.randbytes(32)).decode()}"',
    ),
    "a generated password": ("compose.yml", lambda: f'X: "{base64.urlsafe_b64encode(RANDOM.randbytes(24)).decode()}"'),
    "a key in hexadecimal digits": ("shared/keys.py", lambda: f'KEY = "{RANDOM.randbytes(32).hex()}"'),
    "a password somebody chose": ("docker-compose.yml", lambda: "DATABASE_OWNER_PASSWORD: geheim4711"),
    "a password in an address": ("docs/how-to.md", lambda: "psql postgresql://me:" + "geheim4711@db.example/platform"),
    "a token of a code host": (".ci/run", lambda: f"export TOKEN=ghp_{'aB3' * 12}"),
    "keys of a cloud": ("docs/how-to.md", lambda: "AKIA" + "IOSFODNN7ABCDEFG"),
}


@pytest.mark.parametrize("case", LEFT_BEHIND)
def test_a_secret_that_was_left_behind_is_found(case: str, tmp_path: Path) -> None:
    name, content = LEFT_BEHIND[case]
    file = tmp_path / name
    file.parent.mkdir(parents=True, exist_ok=True)
    secret = content()
    file.write_text(f"# first line\n{secret}\n")
    found, *_ = secrets([file])
    assert found.startswith(f"{file}:2: ")
    assert secret[-10:-2] not in found


def test_a_line_that_says_so_is_left_out(tmp_path: Path) -> None:
    file = tmp_path / "test_x.py"
    file.write_text("URL = 's3://key:word@bucket/'  # pragma: allowlist secret\n")
    assert list(secrets([file])) == []
