"""The score: points in nine terms that staff can follow (docs/domain.md#matching-score)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from matching_service.store.ranking import TENTHS
from shared.values.descriptions import described


def points(tenths: int) -> float:
    """Points of which the judge counted the tenths."""
    return tenths / TENTHS


@described
@dataclass(frozen=True, slots=True)
class ScoreParts:
    """Where a score comes from: terms that add up to it, each between 0 and its weight in the settings."""

    nearness: float
    """Points for a short route."""
    potentially_available: float
    """Points where staff hint that a place may be free."""
    capacity: float
    """Points for what was said of places in a setting that fits: from when, and how long ago it was said."""
    certainty: float
    """Points for what is known; each criterion that is unknown costs some."""
    preference: float
    """Points where the practice prefers the group of the patient's diagnosis; 0 where nobody may know that."""
    wishes: float
    """Points for the patient's wishes that are known to be met."""
    responses: float
    """Points for how often the practice has accepted patients."""
    load: float
    """Points where the practice is asked for few patients this week."""
    fairness: float
    """Points where few patients who have searched for longer wait for an answer of this practice."""

    @classmethod
    def of(cls, candidate: Any) -> ScoreParts:
        """The terms by which the judge ranked this candidate."""
        return cls(
            nearness=points(candidate.nearness),
            potentially_available=points(candidate.available),
            capacity=points(candidate.capacity),
            certainty=points(candidate.certainty),
            preference=points(candidate.preference),
            wishes=points(candidate.wishes),
            responses=points(candidate.responses),
            load=points(candidate.load),
            fairness=points(candidate.fairness),
        )
