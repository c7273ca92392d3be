"""Entering the rows of a file, many at once; one that cannot be entered is found and leaves the others alone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from patient_service.domain import patients
from patient_service.domain.import_files import FileRow
from patient_service.domain.import_rows import ROW_ERRORS, Problem, patient_of, problem_of
from patient_service.store.queries import NewRow
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


class PreparedRow(NamedTuple):
    """A row, and what is inserted of it."""

    number: int
    row: FileRow
    new: NewRow


@dataclass(frozen=True)
class Prepared:
    """Rows of which only the inserts are left, and the outcomes of those that cannot be entered."""

    rows: list[PreparedRow] = field(default_factory=list)
    refused: list[dict[str, Any]] = field(default_factory=list)


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
        self._how: dict[str, Any] = {"by": known.started_by, "purpose": purpose, "now": now}

    def prepare(self, rows: Iterable[NumberedRow]) -> Prepared:
        """What is inserted of these rows. It takes longer than the inserts do, and locks nothing."""
        prepared = Prepared()
        for number, row in rows:
            try:
                new = patients.prepare(self._keys, patient_of(row, is_csv=self._known.is_csv), **self._how)
                prepared.rows.append(PreparedRow(number, row, new))
            except Exception as fault:
                if is_trouble(fault):
                    raise
                prepared.refused.append(self._refused(number, problem_of(fault)))
        return prepared

    def all(self, prepared: Prepared) -> list[dict[str, Any]]:
        """The outcomes of rows that were entered. Raises `NotEntered` with those that cannot be; the others are."""
        outcomes = self.each(prepared)
        refused = [each for each in outcomes if each["outcome"] == PatientImportOutcome.REFUSED]
        if refused:
            raise NotEntered(refused)
        return outcomes

    def each(self, prepared: Prepared) -> list[dict[str, Any]]:
        """The outcomes of these rows, each entered or refused."""
        return [*prepared.refused, *(self._each(prepared.rows) if prepared.rows else [])]

    def _each(self, rows: Sequence[PreparedRow]) -> list[dict[str, Any]]:
        """Where the database refuses them together, they are halved."""
        try:
            with self._session.begin_nested():
                return self._together(rows)
        except Exception as fault:
            if is_trouble(fault):  # no fault of a row's
                raise
            if len(rows) == 1:
                return [self._refused(rows[0].number, problem_of(fault))]
        middle = len(rows) // 2
        return [*self._each(rows[:middle]), *self._each(rows[middle:])]

    def _together(self, rows: Sequence[PreparedRow]) -> list[dict[str, Any]]:
        ids = patients.register_each(self._session, [each.new for each in rows], force=self._known.force)
        return [
            self._alone(each) if id is None else self._entered(each.number, id)
            for each, id in zip(rows, ids, strict=True)
        ]

    def _alone(self, row: PreparedRow) -> dict[str, Any]:
        """Of a row that was not entered together with the others: who is alike, if anybody still is."""
        try:
            new = patient_of(row.row, is_csv=self._known.is_csv)
            registered = patients.register(self._session, self._keys, new, force=self._known.force, **self._how)
            return self._entered(row.number, registered.id)
        except ROW_ERRORS as refusal:
            return self._refused(row.number, problem_of(refusal))

    def _entered(self, number: int, patient_id: UUID) -> dict[str, Any]:
        return outcome_of(self._known.id, number, PatientImportOutcome.ENTERED, patient_id=patient_id)

    def _refused(self, number: int, problem: Problem) -> dict[str, Any]:
        return outcome_of(self._known.id, number, PatientImportOutcome.REFUSED, problem=problem)
