"""Keyed digests: HMAC-SHA-256 as the standard has it, also where many threads ask for them at once."""

from __future__ import annotations

import base64
import hmac
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256

from hypothesis import given
from hypothesis import strategies as st

from shared.security.encryption import Digests, IndexKey, _derive

KEY = base64.b64encode(bytes(range(32))).decode()
INDEX_KEY, DIGESTS = IndexKey(KEY), Digests(KEY)


def of_standard(purpose: str, message: bytes) -> bytes:
    return hmac.digest(_derive(KEY, purpose), message, sha256)


@given(st.text(alphabet="abcdefghijklmnopqrstuvwxyz 0123456789", min_size=1))
def test_a_blind_index_is_the_beginning_of_an_hmac(word: str) -> None:
    """Whatever is stored already must be found in later releases too."""
    assert INDEX_KEY.blind_index(word) == of_standard("blind index", word.strip().encode())[:16]


@given(st.lists(st.binary(max_size=5000)))
def test_a_digest_is_that_of_its_parts_with_their_lengths(parts: list[bytes]) -> None:
    framed = b"".join(len(part).to_bytes(8, "big") + part for part in parts)
    assert DIGESTS.digest(*parts) == of_standard("request digest", framed)


def test_threads_do_not_disturb_each_other() -> None:
    """All of them copy one object that holds the key."""
    words = [f"word{number}" * (1 + number % 700) for number in range(3000)]
    with ThreadPoolExecutor(8) as crowd:
        found = list(crowd.map(INDEX_KEY.blind_index, words))
    assert found == [of_standard("blind index", word.encode())[:16] for word in words]
