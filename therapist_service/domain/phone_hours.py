"""Whether the phone hours of a practice reach what the law demands of it (docs/domain.md#phone-hours)."""

from __future__ import annotations

import math
from typing import Final

from shared.values.enums import Accreditation
from shared.values.schemas import Schema
from shared.values.weekly import Weekly

MINUTES_OF_A_SEAT: Final = 200
"""Minutes a week in which a practice with a whole statutory seat must answer the phone (Psychotherapie-Richtlinie)."""
SHORTEST_BLOCK: Final = 25
"""Minutes; what is shorter does not count."""


class PhoneHoursCheck(Schema):
    """How far the phone hours reach the legal minimum of a practice with a statutory seat."""

    minimum_minutes: int
    """Minutes a week that the seat demands: 200 for a whole one; so many also where the share is not known."""
    counted_minutes: int | None
    """Minutes a week in blocks of at least 25; null where the phone hours are not known."""
    missing_minutes: int | None
    """Minutes a week by which they fall short; null where they are not known."""
    short_blocks: int
    """Number of blocks of less than 25 minutes, which do not count."""


def check(accreditation: str, seat_share: float | None, hours: Weekly | None) -> PhoneHoursCheck | None:
    """How far these hours reach the minimum; None for a practice that has no statutory seat, as far as is known."""
    if accreditation != Accreditation.STATUTORY:
        return None
    minimum = math.ceil(MINUTES_OF_A_SEAT * (1 if seat_share is None else seat_share))
    lengths = [end - start for start, end in hours or ()]
    counted = sum(each for each in lengths if each >= SHORTEST_BLOCK)
    return PhoneHoursCheck(
        minimum_minutes=minimum,
        counted_minutes=None if hours is None else counted,
        missing_minutes=None if hours is None else max(0, minimum - counted),
        short_blocks=sum(each < SHORTEST_BLOCK for each in lengths),
    )
