"""Turns: as many at once as allowed, those who wait in order, and none lost."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from user_service.domain.turns import NoTurn, Turns


def until(holds: Callable[[], object]) -> None:
    deadline = time.monotonic() + 10
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.0005)


def until_so_many_wait(turns: Turns, number: int) -> None:
    until(lambda: len(turns._first) + len(turns._others) >= number)


def served(turns: Turns, arrivals: Sequence[bool]) -> list[int]:
    """The order in which those who came in this order were served; True: one who goes first."""
    order: list[int] = []

    def wait(number: int) -> None:
        with turns.turn(goes_first=arrivals[number], seconds=10):
            order.append(number)

    with ThreadPoolExecutor(len(arrivals)) as crowd, turns.turn(goes_first=False, seconds=1):
        for number in range(len(arrivals)):
            crowd.submit(wait, number)
            until_so_many_wait(turns, number + 1)
    return order


@settings(max_examples=30, deadline=None)
@given(st.lists(st.booleans(), min_size=1, max_size=8))
def test_who_comes_first_is_served_first_and_some_before_all_others(arrivals: list[bool]) -> None:
    expected = sorted(range(len(arrivals)), key=lambda number: (not arrivals[number], number))
    assert served(Turns(1), arrivals) == expected


def test_who_comes_at_the_last_moment_overtakes_nobody() -> None:
    """Who gives a turn back and asks for another one at once is the quickest of all."""
    turns, began, ended = Turns(2), [0], threading.Event()

    def come_again_and_again() -> None:
        while not ended.is_set():
            with turns.turn(goes_first=False, seconds=10):
                began[0] += 1
                time.sleep(0.01)

    with ThreadPoolExecutor(2) as storm:
        for _ in range(2):
            storm.submit(come_again_and_again)
        until(lambda: began[0] > 4)
        for _ in range(20):
            before = began[0]
            with turns.turn(goes_first=False, seconds=10):
                passed = began[0] - before
            assert passed <= 3, "only those who came before, while this thread was on its way"
        ended.set()


def test_who_waits_too_long_leaves_and_takes_no_turn_along() -> None:
    turns = Turns(1)
    with turns.turn(goes_first=False, seconds=1):
        for goes_first in (False, True):
            with pytest.raises(NoTurn), turns.turn(goes_first=goes_first, seconds=0.05):
                pass
    with turns.turn(goes_first=False, seconds=0):
        pass


def test_an_error_gives_the_turn_back() -> None:
    turns = Turns(1)
    for _ in range(3):
        with pytest.raises(ZeroDivisionError), turns.turn(goes_first=False, seconds=0):
            _ = 1 / 0


def test_never_more_than_allowed_and_none_lost_whoever_gives_up() -> None:
    turns, running, most, lock = Turns(3), 0, 0, threading.Lock()

    def come(seed: int) -> None:
        nonlocal running, most
        chance = random.Random(seed)
        for _ in range(100):
            try:
                with turns.turn(goes_first=chance.random() < 0.3, seconds=chance.choice([0, 0.0005, 0.002])):
                    with lock:
                        running += 1
                        most = max(most, running)
                    time.sleep(chance.random() / 1000)
                    with lock:
                        running -= 1
            except NoTurn:
                pass

    with ThreadPoolExecutor(12) as crowd:
        finished: list[Future[None]] = [crowd.submit(come, seed) for seed in range(12)]
    for each in finished:
        each.result()
    assert most == 3
    assert (turns._free, len(turns._first), len(turns._others)) == (3, 0, 0)
