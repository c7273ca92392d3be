"""Entering the rows of a file, many at once; one that cannot be entered is found and leaves the others alone."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from patient_service.domain import patients
from patient_service.domain.import_files import FileRow
from patient_service.domain.import_rows import ROW_ERRORS, Problem, patient_of, problem_of
from patient_service.store.tables import PatientImport
from shared.database import Session, is_trouble
from shared.security.encryption import Keys
from shared.values.patient_import_enums import PatientImportOutcome

NumberedRow = tuple[int, FileRow]


def outcome_of(
    import_id: UUID,
    number: int,
    outcome: PatientImportOutcome,
    *,
    patient_id: UUID | None = None,
    problem: Problem | None = None,
) -> dict[str, Any]:
    """What is stored of a row."""
    return {
        "import_id": import_id,
        "number": number,
        "outcome": outcome.value,
        "patient_id": patient_id,
        "problem": problem,
    }


class NotEntered(Exception):
    """Rows cannot be entered after all."""

    def __init__(self, outcomes: Sequence[dict[str, Any]]) -> None:
        super().__init__(len(outcomes))
        self.outcomes = outcomes
        """Theirs."""


class Entering:
    """Enters rows of one file in the transaction of its session."""

    def __init__(self, session: Session, keys: Keys, known: PatientImport, purpose: str | None, now: datetime) -> None:
        self._session, self._keys, self._known = session, keys, known
        self._how: dict[str, Any] = {"force": known.force, "by": known.started_by, "purpose": purpose, "now": now}

    def all(self, rows: Sequence[NumberedRow]) -> list[dict[str, Any]]:
        """The outcomes of rows that were entered. Raises `NotEntered` with those that cannot be; the others are."""
        outcomes = self.each(rows)
        refused = [each for each in outcomes if each["outcome"] == PatientImportOutcome.REFUSED]
        if refused:
            raise NotEntered(refused)
        return outcomes

    def each(self, rows: Sequence[NumberedRow]) -> list[dict[str, Any]]:
        """The outcomes of these rows, each entered or refused; where the database refuses, they are halved."""
        try:
            with self._session.begin_nested():
                return self._together(rows)
        except Exception as fault:
            if is_trouble(fault):  # no fault of a row's
                raise
            if len(rows) == 1:
                return [self._refused(rows[0][0], problem_of(fault))]
        middle = len(rows) // 2
        return [*self.each(rows[:middle]), *self.each(rows[middle:])]

    def _together(self, rows: Sequence[NumberedRow]) -> list[dict[str, Any]]:
        new = [patient_of(row, is_csv=self._known.is_csv) for _, row in rows]
        ids = patients.register_each(self._session, self._keys, new, **self._how)
        return [
            self._alone(number, one) if id is None else self._entered(number, id)
            for (number, _), one, id in zip(rows, new, ids, strict=True)
        ]

    def _alone(self, number: int, new: Any) -> dict[str, Any]:
        """Of a row that was not entered together with the others: who is alike, if anybody still is."""
        try:
            return self._entered(number, patients.register(self._session, self._keys, new, **self._how).id)
        except ROW_ERRORS as refusal:
            return self._refused(number, problem_of(refusal))

    def _entered(self, number: int, patient_id: UUID) -> dict[str, Any]:
        return outcome_of(self._known.id, number, PatientImportOutcome.ENTERED, patient_id=patient_id)

    def _refused(self, number: int, problem: Problem) -> dict[str, Any]:
        return outcome_of(self._known.id, number, PatientImportOutcome.REFUSED, problem=problem)
