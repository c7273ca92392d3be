"""The score: 0 to 100 points in four parts that staff can follow (docs/domain.md#matching-score)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from matching_service.settings import NEARNESS
from matching_service.store.matching import Judged, Points
from shared.values.descriptions import described

POINTS: Final = Points(nearness=NEARNESS, potentially_available=40, certainty=28)
"""Nearness: all of them next door, none at the limit of the patient's radius, in proportion between. Staff's hint that
a place may be free counts more than any distance. Certainty never falls below 0, however many criteria there are.
A preference of the practice takes its points from nearness, and only where it can be compared with the patient's block:
so the score of everybody else stays what it is without it.
"""
POINTS_LOST_PER_UNKNOWN: Final = 4
"""What a criterion costs that is unknown, unless it says otherwise."""


@described
@dataclass(frozen=True, slots=True)
class ScoreParts:
    """Where a score comes from."""

    nearness: float
    """Points for a short way, at most 32, less those that a preference can have."""
    potentially_available: float
    """Points where staff hint that a place may be free: 40 or none."""
    certainty: float
    """Points for what is known, at most 28; each criterion that is unknown costs some."""
    preference: float
    """Points where the practice prefers the group of the patient's diagnosis; 0 where nobody may know that."""


def score_parts(candidate: Judged) -> ScoreParts:
    """The four parts of the score by which the judge ranked, in tenths of points."""
    found = candidate.therapist
    return ScoreParts(
        nearness=round(found.nearness, 1),
        potentially_available=float(found.available),
        certainty=float(found.certainty),
        preference=float(found.preference),
    )
