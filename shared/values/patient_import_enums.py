"""Closed vocabularies of files with patients."""

from __future__ import annotations

from enum import StrEnum


class PatientImportStatus(StrEnum):
    CHECKING = "checking"
    ENTERING = "entering"
    COMPLETED = "completed"
    REFUSED = "refused"


class PatientImportOutcome(StrEnum):
    VALID = "valid"
    ENTERED = "entered"
    REFUSED = "refused"


class OnProblem(StrEnum):
    REFUSE_FILE = "refuse_file"
    SKIP_ROW = "skip_row"
