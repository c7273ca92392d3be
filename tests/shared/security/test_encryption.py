"""Key rings: the first key writes, all of them read, and nothing else does."""

from __future__ import annotations

import base64

import pytest
from cryptography.exceptions import InvalidTag
from hypothesis import given
from hypothesis import strategies as st

from shared.security.encryption import KEY_ID, Digests, IndexKey, Keys, MasterKeys, MissingKey, key_id

RAW = st.binary(min_size=32, max_size=32)
RINGS = st.lists(RAW.map(lambda raw: base64.b64encode(raw).decode()), min_size=2, max_size=4, unique=True)
OWNER, OTHER = b"owner", b"other"
DATA_KEY = bytes(range(32))


def ring(*keys: str) -> str:
    return ",".join(keys)


@given(RINGS)
def test_every_key_of_a_ring_opens_what_it_wrapped_and_no_other_ring_does(keys: list[str]) -> None:
    for each in keys:
        wrapped = MasterKeys(each).wrap(DATA_KEY, OWNER)
        assert wrapped[:KEY_ID] == key_id(each)
        assert MasterKeys(ring(*keys)).unwrap(wrapped, OWNER) == DATA_KEY
        others = [key for key in keys if key != each]
        with pytest.raises(MissingKey) as unknown:
            MasterKeys(ring(*others)).unwrap(wrapped, OWNER)
        assert key_id(each).hex() in unknown.value.message


@given(RINGS)
def test_the_first_key_wraps_and_wraps_anew(keys: list[str]) -> None:
    masters = MasterKeys(ring(*keys))
    old = MasterKeys(keys[-1]).wrap(DATA_KEY, OWNER)
    for wrapped in (masters.wrap(DATA_KEY, OWNER), masters.rewrap(old, OWNER)):
        assert MasterKeys(keys[0]).unwrap(wrapped, OWNER) == DATA_KEY


def test_a_document_is_read_as_before_after_its_key_was_wrapped_anew() -> None:
    first, second = (base64.b64encode(bytes([each]) * 32).decode() for each in (1, 2))
    before, after = Keys(first, first), Keys(ring(second, first), first)
    wrapped = before.new_data_key(OWNER)
    sealed = before.encrypt(wrapped, OWNER, {"name": "Erika"})
    anew = after.masters.rewrap(wrapped, OWNER)
    assert Keys(second, first).decrypt(anew, OWNER, sealed) == {"name": "Erika"}


class CountingMasters(MasterKeys):
    """Master keys that count how often they unwrap."""

    unwrapped = 0

    def unwrap(self, wrapped: bytes, owner: bytes) -> bytes:
        self.unwrapped += 1
        return super().unwrap(wrapped, owner)


def test_within_one_request_a_data_key_is_unwrapped_once_and_opens_nothing_of_others() -> None:
    key = base64.b64encode(bytes(32)).decode()
    keys = Keys(key, key)
    keys.masters = masters = CountingMasters(key)
    wrapped = {owner: keys.new_data_key(owner) for owner in (OWNER, OTHER)}
    of_request = keys.for_one_request()
    sealed = {owner: of_request.encrypt(wrapped[owner], owner, {"name": "Erika"}) for owner in wrapped}
    assert [of_request.decrypt(wrapped[owner], owner, sealed[owner]) for owner in wrapped] == [{"name": "Erika"}] * 2
    assert masters.unwrapped == 2
    with pytest.raises(InvalidTag):
        of_request.decrypt(wrapped[OWNER], OTHER, sealed[OTHER])
    keys.decrypt(wrapped[OWNER], OWNER, sealed[OWNER])
    keys.for_one_request().decrypt(wrapped[OWNER], OWNER, sealed[OWNER])
    assert masters.unwrapped == 5  # nothing is remembered beyond the request


@given(RINGS, st.integers(min_value=0), st.integers(min_value=1, max_value=255))
def test_an_altered_wrapped_key_is_refused(keys: list[str], place: int, change: int) -> None:
    masters = MasterKeys(ring(*keys))
    wrapped = bytearray(masters.wrap(DATA_KEY, OWNER))
    wrapped[place % len(wrapped)] ^= change
    with pytest.raises((InvalidTag, MissingKey)):
        masters.unwrap(bytes(wrapped), OWNER)


@pytest.mark.parametrize("length", [0, 3, KEY_ID, KEY_ID + 5, KEY_ID + 12, 40])
def test_a_wrapped_key_that_was_cut_off_is_refused(length: int) -> None:
    masters = MasterKeys(base64.b64encode(DATA_KEY).decode())
    with pytest.raises((InvalidTag, MissingKey)):
        masters.unwrap(masters.wrap(DATA_KEY, OWNER)[:length], OWNER)


@given(RINGS)
def test_a_wrapped_key_is_of_one_owner(keys: list[str]) -> None:
    masters = MasterKeys(ring(*keys))
    with pytest.raises(InvalidTag):
        masters.unwrap(masters.wrap(DATA_KEY, OWNER), OTHER)


@given(RINGS)
def test_an_id_says_nothing_of_its_key_and_differs_from_what_the_key_makes(keys: list[str]) -> None:
    ids = {key_id(each) for each in keys}
    assert len(ids) == len(keys)
    for each in keys:
        assert key_id(each) not in base64.b64decode(each)
        assert IndexKey(each).blind_index("")[:KEY_ID] not in ids


@given(RINGS, st.text())
def test_blind_indexes_of_different_keys_have_nothing_in_common(keys: list[str], word: str) -> None:
    found = [each.blind_index(word) for each in Keys(ring(*keys), ring(*keys)).indexes]
    assert found == [IndexKey(each).blind_index(word) for each in keys]
    assert len(set(found)) == len(keys)


@given(RINGS, st.lists(st.binary(max_size=5), min_size=1, max_size=3))
def test_a_request_is_recognised_with_every_key_of_the_ring(keys: list[str], parts: list[bytes]) -> None:
    digests = Digests(ring(*keys))
    assert digests.digest(*parts) == Digests(keys[0]).digest(*parts)
    for each in keys:
        known = Digests(each).digest(*parts)
        assert digests.is_of(known, *parts)
        assert not digests.is_of(known, *parts, b"more")
        assert not Digests(ring(*(key for key in keys if key != each))).is_of(known, *parts)
