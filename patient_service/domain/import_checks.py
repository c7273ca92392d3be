"""Whether the rows of a file can be entered, without entering anybody."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from patient_service.domain import duplicates, patients
from patient_service.domain.duplicates import Likeness
from patient_service.domain.import_files import FileRow
from patient_service.domain.import_rows import Problem, alike_in_file, patient_of, problem_of
from patient_service.domain.indexes import identity_of
from patient_service.domain.schemas import PatientFile
from patient_service.store import imports as store
from patient_service.store.queries import LookedFor
from shared.database import Session
from shared.security.encryption import Keys

ALIKE_BY: Final = {
    "insurance_number": [Likeness.INSURANCE_NUMBER],
    "person": [Likeness.SIMILAR_NAME, Likeness.DATE_OF_BIRTH],
    "address": [Likeness.SIMILAR_NAME, Likeness.ADDRESS],
}
"""What two rows have in common that share a blind index of this kind."""


@dataclass(frozen=True)
class CheckedRow:
    """A row of which nothing is wrong by itself."""

    number: int
    line: int
    fields: PatientFile
    alike_to: LookedFor


class Checks:
    """Checks the rows of one file, in their order; it remembers the blind indexes of those before."""

    def __init__(self, session: Session, keys: Keys, *, is_csv: bool, is_forced: bool, now: datetime) -> None:
        self._session, self._keys, self._now = session, keys, now
        self._is_csv, self._is_forced = is_csv, is_forced
        self._first: dict[bytes, CheckedRow] = {}
        """The first row with this blind index."""

    def problems(self, rows: Sequence[tuple[int, FileRow]]) -> list[Problem | None]:
        """What is wrong with each of the next rows, given with their numbers; None where it can be entered."""
        looked = [self._looked_at(number, row) for number, row in rows]
        known = self._known([each for each in looked if isinstance(each, CheckedRow)])
        return [self._compared(each, known) if isinstance(each, CheckedRow) else each for each in looked]

    def _looked_at(self, number: int, row: FileRow) -> CheckedRow | Problem:
        try:
            fields = patients.file_of(patient_of(row, is_csv=self._is_csv), by=None, now=self._now)
        except Exception as refusal:
            return problem_of(refusal)
        alike_to = duplicates.looked_for(identity_of(self._keys, fields))
        counts = alike_to.only(["insurance_number_index"]) if self._is_forced else alike_to
        return CheckedRow(number, row.line, fields, counts)

    def _known(self, candidates: Sequence[CheckedRow]) -> set[bytes]:
        """The blind indexes of these rows that some patient has; asked once for all of them."""
        kinds = {
            kind: [each for candidate in candidates for each in getattr(candidate.alike_to, kind)] for kind in ALIKE_BY
        }
        return store.known_indexes(self._session, LookedFor(**kinds))

    def _compared(self, candidate: CheckedRow, known: set[bytes]) -> Problem | None:
        indexes = {kind: getattr(candidate.alike_to, kind) for kind in ALIKE_BY}
        if known & {each for several in indexes.values() for each in several}:
            try:
                duplicates.refuse(
                    self._session, self._keys, candidate.fields, candidate.alike_to, force=self._is_forced
                )
            except Exception as refusal:  # such as that the file of somebody alike is damaged
                return problem_of(refusal)
        for kind, several in indexes.items():
            for each in several:
                if each in self._first:
                    first = self._first[each]
                    return alike_in_file(first.number, first.line, ALIKE_BY[kind])
        self._first |= {each: candidate for several in indexes.values() for each in several}
        return None
