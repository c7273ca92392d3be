"""How likely a practice accepts a patient, and what an acceptance counts: in whole numbers, which are reproducible.

The numbers are chosen, not measured, unless they say otherwise: there are no answers yet to learn from; the simulation
(docs/simulation.md) can judge them. A chance is in ten-thousandths. The functions of pairs take single numbers as well
as arrays of them: a plan has hundreds of thousands of pairs.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable
from typing import Any, Final

from matching_service.store.plan_candidates import Likeliness
from matching_service.store.practice_answers import WHOLE

__all__ = ["WHOLE", "expected", "of_pair", "of_practice", "of_several", "weight", "without_preference"]

HINTED: Final = 4
"""So many times likelier is an acceptance where staff hint that a place may be free."""
MOST: Final = 6000
"""Nothing makes a practice's chance higher than this: a hint is no promise."""
LOST_PER_UNKNOWN: Final = 5
"""Percent of the chance that are lost for each criterion that nobody can check."""
LOST_BY_DISTANCE: Final = 20
"""Percent of the chance that are lost at the patient's limit, in proportion before: long routes end in refusals."""
WON_BY_PREFERENCE: Final = 25
"""Percent by which it is likelier where the practice prefers the group of the patient's diagnosis."""
LIKELINESS: Final = Likeliness(LOST_PER_UNKNOWN, LOST_BY_DISTANCE, WON_BY_PREFERENCE)
"""The same three, for the database to order by."""
DAYS_THAT_DOUBLE: Final = 142
"""A patient who has waited for so many days counts twice as much as one who begins.

So long it takes from the first interview to a therapy on average (2019, insured persons of all statutory insurers;
Bundespsychotherapeutenkammer, "BPtK-Auswertung: Monatelange Wartezeiten bei Psychotherapeut*innen", 29 March 2021).
The figure is cited from memory and was not looked up.
"""
MOST_DAYS: Final = 5 * DAYS_THAT_DOUBLE
"""Longer waits count no more: otherwise a few would get everything."""


def of_practice(share: int, *, is_hinted: bool) -> int:
    """The chance that a practice accepts somebody: what follows from its answers, as in the ranking, and the hint."""
    return min(MOST, share * HINTED if is_hinted else share)


def of_pair(of_practice: Any, *, unknown: Any, metres: Any, radius: Any, is_preferred: Any) -> Any:
    """The chance that a practice accepts this patient, at least 1: for who fits it is small but never nothing.

    `unknown` counts the criteria that nobody can check, `metres` is no more than `radius`, `is_preferred` 1 or 0.
    """
    chance = of_practice * (100 - LOST_PER_UNKNOWN * unknown) // 100
    chance = chance * (100 - LOST_BY_DISTANCE * metres // radius) // 100
    return chance * (100 + WON_BY_PREFERENCE * is_preferred) // 100 + 1


def without_preference(of_pair: Any) -> Any:
    """The chance of a pair whose practice prefers the patient's diagnosis, as if nobody knew that."""
    won = 100 + WON_BY_PREFERENCE
    return ((of_pair - 1) * 100 + won - 1) // won + 1


def weight(days_waited: int) -> int:
    """What an acceptance for a patient counts, in hundredths: 100 at the beginning of the search."""
    return 100 + 100 * min(max(0, days_waited), MOST_DAYS) // DAYS_THAT_DOUBLE


def of_several(value: Any, number: int) -> Any:
    """What one of several patients in a contact counts, by their number from 1: the second half, the third a quarter.

    A practice seldom has several places.
    """
    return value >> (number - 1)


def expected(values: Iterable[tuple[Hashable, int]]) -> int:
    """What contacts are expected to bring, of the value of each request and the practice that it is put to.

    Chances in ten-thousandths give acceptances in ten-thousandths. Of several patients of one practice the likeliest
    counts whole.
    """
    of_practice: defaultdict[Hashable, list[int]] = defaultdict(list)
    for practice, value in values:
        of_practice[practice].append(value)
    return sum(
        of_several(value, number)
        for theirs in of_practice.values()
        for number, value in enumerate(sorted(theirs, reverse=True), start=1)
    )
