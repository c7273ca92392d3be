"""How practices and patients behave, which no policy knows: hidden probabilities, the same under every policy.

A practice has places that become free now and again, for a few weeks each; who asks at the right time may get one.
All numbers are chosen, not measured: they make policies comparable, and predict nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from typing import Final

from shared.values.enums import RequestOutcome
from simulation.region import FIRST_MONDAY, chance_of

DAYS_BEFORE: Final = 28
"""So many days before it becomes free a place is given away, if somebody asks."""
DAYS_FREE: Final = 14
"""For so many days a place is free; then somebody else has it."""
PLACES_A_YEAR: Final = 0.9
"""So many places become free in a practice in a year that one of our patients could have, on average."""
MOST_SAID_AHEAD: Final = 84
"""A practice that knows of a place so many days ahead may say so."""
TAKES_THE_PLACE: Final = 0.85
"""The chance that a patient takes up a place that a practice offers."""
PLACE_WORKS: Final = 0.9
"""The chance that a place works after the first sessions."""


@dataclass(frozen=True)
class PracticeReply:
    """What a practice says about one patient."""

    outcome: RequestOutcome
    available_from: date | None = None


class InventedPractice:
    """One therapist, by number, and the places that are free there."""

    def __init__(self, seed: int, number: int, *, weeks: int) -> None:
        self._seed, self._number, self._weeks = seed, number, weeks
        chance = chance_of(seed, "practice", number)
        self._answers_emails = chance.uniform(0.05, 0.5)
        self._answers_phone = chance.uniform(0.35, 0.9)
        self._likes = chance.uniform(0.6, 1.0)
        self._says_later = chance.uniform(0.0, 0.6)
        # few practices have most of the places
        self._frees = chance.gammavariate(0.6, PLACES_A_YEAR / 0.6) / 52
        self._promised: dict[int, date] = {}
        """By patient, the first day of the place that was promised."""

    @cached_property
    def _places(self) -> list[date]:
        """The first day of each place that becomes free, in order."""
        # some became free before the first week
        weeks = range(-DAYS_FREE // 7, self._weeks + MOST_SAID_AHEAD // 7 + 1)
        return [
            FIRST_MONDAY + timedelta(days=7 * week)
            for week in weeks
            if chance_of(self._seed, "place", self._number, week).random() < self._frees
        ]

    def answer_to_email_after(self, email: int) -> int | None:
        """After how many days the practice answers this e-mail (the first, the second …); None: it never does."""
        chance = chance_of(self._seed, "email", self._number, email)
        return chance.randint(1, 6) if chance.random() < self._answers_emails else None

    def picks_up(self, call: int) -> bool:
        """Whether somebody answers this call (the first, the second …)."""
        return chance_of(self._seed, "call", self._number, call).random() < self._answers_phone

    def say(self, patient: int, today: date) -> PracticeReply:
        """What the practice says about this patient today; a place that it promises is not free for others."""
        chance = chance_of(self._seed, "answer", self._number, patient, today)
        free = self._free(today)
        if free is not None and chance.random() < self._likes:
            self._promised[patient] = free
            return PracticeReply(RequestOutcome.ACCEPTED)
        ahead = self._next_place(today)
        if free is None and ahead is not None and chance.random() < self._says_later:
            return PracticeReply(RequestOutcome.LATER, ahead)
        return PracticeReply(RequestOutcome.DECLINED_UNSUITABLE if free else RequestOutcome.DECLINED_CAPACITY)

    def withdraw(self, patient: int) -> None:
        """The patient does not take the place, which is free again for as long as it would have been."""
        self._promised.pop(patient, None)

    def _free(self, today: date) -> date | None:
        first, last = today - timedelta(days=DAYS_FREE - 1), today + timedelta(days=DAYS_BEFORE)
        left = [day for day in self._places if first <= day <= last]
        for day in self._promised.values():
            if day in left:
                left.remove(day)
        return left[0] if left else None

    def _next_place(self, today: date) -> date | None:
        first, last = today + timedelta(days=DAYS_BEFORE), today + timedelta(days=MOST_SAID_AHEAD)
        return next((day for day in self._places if first < day <= last), None)


def days_to_first_session(seed: int, patient: int, practice: int) -> int:
    """After how many days a patient has met the therapist and says whether to stay."""
    return chance_of(seed, "first session", patient, practice).randint(7, 21)


def takes_the_place(seed: int, patient: int, practice: int) -> bool:
    """Whether the patient takes the place that is offered."""
    return chance_of(seed, "takes", patient, practice).random() < TAKES_THE_PLACE


def days_to_verdict(seed: int, patient: int, practice: int) -> int:
    """After how many days of therapy it is known whether the place works."""
    return chance_of(seed, "verdict", patient, practice).randint(28, 56)


def place_works(seed: int, patient: int, practice: int) -> bool:
    """Whether the place works after the first sessions."""
    return chance_of(seed, "works", patient, practice).random() < PLACE_WORKS
