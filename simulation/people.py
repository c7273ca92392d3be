"""Who is who: the numbers by which chance knows people, and the ids by which the services do."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from simulation.behaviour import InventedPractice


class People:
    """Practices and patients. Ids differ from run to run, numbers do not."""

    def __init__(self, practices: Sequence[InventedPractice], therapist_ids: Sequence[UUID]) -> None:
        self.practices = practices
        self._practices = {id: number for number, id in enumerate(therapist_ids)}
        self._patients: dict[UUID, int] = {}

    def add_patient(self, number: int, id: UUID) -> None:
        """Keep by which id the services know this patient."""
        self._patients[id] = number

    def number_of_practice(self, id: UUID | None) -> int:
        """The practice's place in `practices`. Raises KeyError for anybody else."""
        if id is None:
            raise KeyError("a contact with nobody")
        return self._practices[id]

    def number_of_patient(self, id: UUID) -> int:
        """The patient's number. Raises KeyError for anybody else."""
        return self._patients[id]
