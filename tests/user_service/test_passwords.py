"""Passwords: which are refused, and that hashing them takes neither all threads nor all memory."""

from __future__ import annotations

import threading
import time
import unicodedata
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.errors import RuleBroken
from tests.builders.accounts import CHEAP, HASHES, PASSWORD
from tests.concurrency import at_once
from user_service.domain.passwords import HashingBusy, PasswordHashes, parameters_of, refuse_weak, weakness
from user_service.domain.schemas import LONGEST_PASSWORD
from user_service.settings import PasswordHashing

ABOUT = ("erika.musterfrau@praxisverbund.de", "Erika Musterfrau")

WEAK = {
    "too short": "k8!Zq#v9",
    "blanks": " " * 40,
    "blanks around a few": "    abc def    ",
    "other blanks": "\u2003\u3000\u00a0" * 10,
    "one character": "a" * 40,
    "one emoji": "🦊" * 20,
    "a short text repeated": "abc" * 10,
    "two emoji repeated": "🦊🐢" * 10,
    "an alphabet": "abcdefghijklmnop",
    "digits": "12345678901234567890",
    "a keyboard row": "qwertzuiopü123",
    "a common password": "Passwort123456",
    "another in disguise": "P@$$w0rd1234",
    "the address": "erika.musterfrau@praxisverbund.de",
    "the name": "ErikaMusterfrau1",
    "the domain": "praxisverbund2026",
    "what we do": "psychotherapie1",
    "a season and a year": "Sommer2026!!!",
    "a date": "24.12.1990 !!!",
}


@pytest.mark.parametrize("password", WEAK.values(), ids=WEAK)
def test_what_is_easy_to_guess_is_refused(password: str) -> None:
    with pytest.raises(RuleBroken) as refused:
        refuse_weak(password, field="new_password", about=ABOUT)
    assert refused.value.code == "password.weak"
    assert refused.value.errors[0].field == "new_password"
    assert password not in str(refused.value)


@pytest.mark.parametrize(
    "password",
    [PASSWORD, "correct gießkanne nebel vier", "k8!Zq#v9Tm2x", "🦊🐢🍄🌋🚲🎻🧭🪁🍉🐝🛶🧶", "Ёлка самовар ветер",
     "x  viele   Leerzeichen sind erlaubt "],
)  # fmt: skip
def test_what_is_hard_to_guess_is_taken(password: str) -> None:
    assert weakness(password, ABOUT) is None


@settings(max_examples=60)
@given(st.text(min_size=1, max_size=LONGEST_PASSWORD))
def test_every_text_is_judged_and_hashed_without_an_error(password: str) -> None:
    weakness(password, ABOUT)
    stored = HASHES.hash(password)
    assert HASHES.is_right(stored, password)
    assert HASHES.is_right(stored, unicodedata.normalize("NFD", unicodedata.normalize("NFKC", password)))


@pytest.mark.parametrize(
    "password",
    ["a" * 1000, "4@8({[<369&#!1/|0$5+7%2" * 43, "1234567890" * 100, "qwertz" * 160,
     "a\u0301\u0328\u0323" * 250, "0" * 71 + "x"],
)  # fmt: skip
def test_the_longest_passwords_are_judged_in_a_moment(password: str) -> None:
    """Who sends them keeps a thread for so long."""
    weakness("warm up the word lists", ABOUT)
    began = time.process_time()
    weakness(password[:LONGEST_PASSWORD], ABOUT)
    assert time.process_time() - began < 3


def test_a_hash_is_argon2id_with_the_parameters_of_the_settings() -> None:
    stored = PasswordHashes(PasswordHashing(memory_mib=9, passes=2)).hash(PASSWORD)
    assert stored.startswith("$argon2id$v=19$m=9216,t=2,p=1$")
    assert HASHES.is_outdated(stored)
    assert HASHES.is_right(stored, PASSWORD)
    assert not HASHES.is_outdated(HASHES.hash(PASSWORD))


def test_a_stored_value_that_is_no_hash_lets_nobody_in() -> None:
    for stored in ("", "x", "$argon2id$", "$2b$12$abc"):
        assert not HASHES.is_right(stored, PASSWORD)


def test_without_an_account_it_takes_as_long() -> None:
    hashes = PasswordHashes(PasswordHashing(memory_mib=32, passes=2))
    stored = hashes.hash(PASSWORD)

    def seconds(of: str | None) -> float:
        began = time.process_time()
        for _ in range(5):
            assert not hashes.is_right(of, "not this one, I fear")
        return time.process_time() - began

    seconds(None)
    with_account, without = seconds(stored), seconds(None)
    assert 0.6 < without / with_account < 1.6


@pytest.mark.parametrize("before", [PasswordHashing(memory_mib=8, passes=1), PasswordHashing(memory_mib=64, passes=3)])
def test_the_time_shows_no_account_after_the_parameters_were_changed(before: PasswordHashing) -> None:
    """Neither one whose hash is cheaper than those of today, nor one whose hash is dearer."""
    hashes, now = PasswordHashes(PasswordHashing(memory_mib=32, passes=2)), "$argon2id$v=19$m=32768,t=2,p=1"
    old, new = PasswordHashes(before).hash(PASSWORD), hashes.hash(PASSWORD)
    in_use = {parameters_of(old), parameters_of(new)}
    assert now in in_use

    computed: list[str] = []
    verify = hashes._argon2.verify

    class Counted:
        def verify(self, stored: str, password: str) -> bool:
            computed.append(parameters_of(stored))
            return verify(stored, password)

    hashes._argon2 = Counted()  # type: ignore[assignment]
    for stored in (old, new, None):
        computed.clear()
        assert not hashes.is_right(stored, "not this one, I fear", in_use=in_use)
        assert computed == sorted(in_use)
        assert hashes.is_right(stored, PASSWORD, in_use=in_use) == (stored is not None)


def test_no_more_are_hashed_at_once_than_the_settings_say() -> None:
    hashes = PasswordHashes(CHEAP)  # two at once
    running, most, lock = 0, 0, threading.Lock()
    inner = hashes._argon2

    class Counted:
        def hash(self, password: str) -> str:
            nonlocal running, most
            with lock:
                running += 1
                most = max(most, running)
            time.sleep(0.2)
            with lock:
                running -= 1
            return inner.hash(password)

    hashes._argon2 = Counted()  # type: ignore[assignment]
    answers = at_once([lambda: hashes.hash(PASSWORD)] * 20)
    assert most == 2
    assert any(isinstance(answer, HashingBusy) for answer in answers), "who waited a second is refused"
    assert isinstance(hashes.hash(PASSWORD), str), "every turn was given back"


def test_who_waits_too_long_is_refused() -> None:
    hashes = PasswordHashes(CHEAP)
    with hashes._turn(goes_first=False), hashes._turn(goes_first=False):
        began = time.monotonic()
        (answer,) = at_once([lambda: hashes.hash(PASSWORD)])
    assert isinstance(answer, HashingBusy)
    assert 0.9 < time.monotonic() - began < 3


def test_many_attempts_take_neither_all_slots_nor_the_reserved_ones() -> None:
    hashes = PasswordHashes(CHEAP)

    def admitted(*, may_use_reserved: bool, at_most: int = 50) -> int:
        with ExitStack() as slots:
            for number in range(at_most):
                try:
                    slots.enter_context(hashes.slot(may_use_reserved=may_use_reserved))
                except HashingBusy as refused:
                    return number if refused.retry_after else -1
                if not may_use_reserved and number == 3:
                    assert admitted(may_use_reserved=True) == 2
        return at_most

    assert admitted(may_use_reserved=False) == 4
    assert admitted(may_use_reserved=True) == 6
    assert admitted(may_use_reserved=False) == 4, "every slot was released"


class BusyMachine:
    """Argon2 on a machine that has much else to do."""

    def verify(self, _stored: str, _password: str) -> bool:
        time.sleep(0.6)
        return True


def test_people_who_are_known_are_not_refused_in_a_storm_on_a_busy_machine() -> None:
    """A storm takes every turn again at the moment at which it ends; the password of a known person waits for one."""
    hashes, ended = PasswordHashes(CHEAP), threading.Event()
    stored = hashes.hash(PASSWORD)
    hashes._argon2 = BusyMachine()  # type: ignore[assignment]

    def storm() -> None:
        while not ended.is_set():
            with suppress(HashingBusy), hashes.slot(may_use_reserved=False):
                hashes.is_right(None, "guessed")
            time.sleep(0.001)

    def known() -> bool:
        with hashes.slot(may_use_reserved=True):
            return hashes.is_right(stored, PASSWORD, goes_first=True)

    with ThreadPoolExecutor(8) as attackers:
        for _ in range(8):
            attackers.submit(storm)
        time.sleep(1)
        try:
            for _ in range(3):
                assert at_once([known, known]) == [True, True]
        finally:
            ended.set()


def test_who_is_known_waits_for_longer_when_hashing_takes_longer_than_a_second() -> None:
    """They are few, and the next whose turn it is."""
    hashes = PasswordHashes(CHEAP)
    held = [hashes._turn(goes_first=False) for _ in range(2)]
    for each in held:
        each.__enter__()
    with ThreadPoolExecutor(1) as other:
        waits = other.submit(hashes.hash, PASSWORD, goes_first=True)
        time.sleep(1.5)
        held[0].__exit__(None, None, None)
        assert waits.result(10)
    held[1].__exit__(None, None, None)
