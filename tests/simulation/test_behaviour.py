"""Practices have places that become free, whoever asks; a place is promised once."""

from __future__ import annotations

from datetime import date, timedelta

from shared.values.enums import RequestOutcome
from simulation.behaviour import DAYS_FREE, InventedPractice
from simulation.region import FIRST_MONDAY, Size, newcomers

WEEKS = 52
DAYS = [FIRST_MONDAY + timedelta(days=each) for each in range(7 * WEEKS)]


def a_practice_that_accepts() -> tuple[InventedPractice, int, date]:
    """The first practice that accepts somebody on some day, in every run the same one."""
    for number in range(50):
        for day in DAYS:
            if InventedPractice(1, number, weeks=WEEKS).say(1, day).outcome == RequestOutcome.ACCEPTED:
                return InventedPractice(1, number, weeks=WEEKS), number, day
    raise AssertionError("nobody ever has a place")


def test_a_place_is_promised_once_and_free_again_when_it_is_not_taken() -> None:
    practice, number, day = a_practice_that_accepts()
    alone = {patient: InventedPractice(1, number, weeks=WEEKS).say(patient, day).outcome for patient in range(2, 40)}
    assert RequestOutcome.ACCEPTED in alone.values()

    assert practice.say(1, day).outcome == RequestOutcome.ACCEPTED
    assert RequestOutcome.ACCEPTED not in {practice.say(patient, day).outcome for patient in alone}
    practice.withdraw(1)
    assert {patient: practice.say(patient, day).outcome for patient in alone if alone[patient] != "accepted"} == {
        patient: outcome for patient, outcome in alone.items() if outcome != "accepted"
    }
    liked = next(patient for patient, outcome in alone.items() if outcome == "accepted")
    assert practice.say(liked, day).outcome == RequestOutcome.ACCEPTED


def test_who_says_later_has_a_place_then() -> None:
    said = [
        (InventedPractice(1, number, weeks=WEEKS), each)
        for number in range(20)
        for day in DAYS[::7]
        if (each := InventedPractice(1, number, weeks=WEEKS).say(1, day)).outcome == RequestOutcome.LATER
    ]
    assert said
    for practice, each in said:
        assert each.available_from is not None
        days = [each.available_from + timedelta(days=day) for day in range(DAYS_FREE)]
        assert any(practice.say(patient, day).outcome != "declined_capacity" for patient in range(9) for day in days)


def test_the_same_seed_gives_the_same_people_and_another_one_others() -> None:
    def answers(seed: int) -> list[object]:
        practice = InventedPractice(seed, 3, weeks=WEEKS)
        calls = [practice.picks_up(each) for each in range(20)]
        emails = [practice.answer_to_email_after(each) for each in range(20)]
        return [calls, emails, newcomers(Size(seed=seed, weeks=8))]

    assert answers(1) == answers(1) != answers(2)
    begins = [each.begins_on for each in newcomers(Size(weeks=8))]
    assert begins == sorted(begins)
    assert sum(each < FIRST_MONDAY for each in begins) == Size().waiting
    assert begins[-1] < FIRST_MONDAY + timedelta(weeks=8)
