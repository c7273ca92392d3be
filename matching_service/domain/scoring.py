"""The score: 0 to 100 points in three parts that staff can follow (docs/domain.md#matching-score)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from matching_service.store.matching import Judged, Points

POINTS: Final = Points(nearness=32, potentially_available=40, certainty=28)
"""Nearness: all of them next door, none at the limit of the patient's radius, in proportion between. Staff's hint that
a place may be free counts more than any distance. Certainty never falls below 0, however many criteria there are.
"""
POINTS_LOST_PER_UNKNOWN: Final = 4
"""What a criterion costs that is unknown, unless it says otherwise."""


@dataclass(frozen=True, slots=True)
class ScoreParts:
    """Where a score comes from."""

    nearness: float
    """Points for a short way, at most 32."""
    potentially_available: float
    """Points where staff hint that a place may be free: 40 or none."""
    certainty: float
    """Points for what is known, at most 28; each criterion that is unknown costs some."""


def score_parts(candidate: Judged) -> ScoreParts:
    """The three parts of the score by which the judge ranked, in tenths of points."""
    found = candidate.therapist
    return ScoreParts(
        nearness=round(found.nearness, 1),
        potentially_available=float(found.available),
        certainty=float(found.certainty),
    )
