"""The score: 0 to 100 points in three parts that staff can follow. The query ranks by the same weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from matching_service.domain.rules import Check
from shared.values.enums import CheckResult

POINTS_FOR_AVAILABILITY: Final = 40
"""Staff's hint that a place may be free: more than any distance can make up for (docs/domain.md#matching-score)."""
POINTS_FOR_NEARNESS: Final = 32
"""All of them next endpoint, none at the limit of the patient's radius, in proportion between."""
POINTS_FOR_CERTAINTY: Final = 28
POINTS_LOST_PER_UNKNOWN: Final = 4
"""Seven rules can be unknown."""


@dataclass(frozen=True, slots=True)
class ScoreParts:
    """Where a score comes from."""

    nearness: float
    potentially_available: float
    certainty: float


def score_parts(
    checks: Sequence[Check], *, distance_km: float, radius_km: float, potentially_available: bool
) -> ScoreParts:
    """The three parts of the score, in tenths of points."""
    unknowns = [check.result for check in checks].count(CheckResult.UNKNOWN)
    return ScoreParts(
        nearness=round(POINTS_FOR_NEARNESS * (1 - min(1.0, distance_km / radius_km)), 1),
        potentially_available=float(POINTS_FOR_AVAILABILITY if potentially_available else 0),
        certainty=float(POINTS_FOR_CERTAINTY - POINTS_LOST_PER_UNKNOWN * unknowns),
    )
