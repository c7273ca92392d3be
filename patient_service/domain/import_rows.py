"""What is wrong with a row of a file with patients: all of it, by the names of fields, without their values."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from pydantic import ValidationError

from patient_service.domain import duplicates
from patient_service.domain.accesses import RevealingConflict
from patient_service.domain.duplicates import Likeness
from patient_service.domain.import_cells import column_of
from patient_service.domain.import_files import FileRow
from patient_service.domain.schemas import NewPatient
from patient_service.store.tables import Patient
from shared.database import is_trouble
from shared.errors import FieldProblem, PlatformError
from shared.runtime.logs import logger
from shared.texts import Sentence
from shared.values.errors import NotAcceptable
from shared.values.json_streams import repeated_names
from shared.values.schemas import InvalidFields, problems_of

log = logger(__name__)

Problem = dict[str, Any]
"""Why a row cannot be entered, as JSON that is stored: texts by their keys, so that it fixes no language, and patients
by their ids alone.
"""

OF_NOBODY: Final = {
    "patient.already_known": "patient.already_known.erased",
    "patient.suspected_duplicate": "patient.suspected_duplicate.erased",
}
"""What is said where everybody was erased since who may be the same person."""

ROW_ERRORS: Final = (PlatformError, InvalidFields, NotAcceptable)
"""What the domain raises for a row that cannot be entered."""

_SHOWN_NAME = re.compile(r"[a-z0-9_.]{0,100}")
_HIDDEN: Final = "row"


def patient_of(row: FileRow, *, is_csv: bool) -> NewPatient:
    """The patient of a row. Raises `InvalidFields` with every problem of the row."""
    problems = list(row.problems)
    named = {each.field for each in problems}
    try:
        new = NewPatient.model_validate_json(row.document)
        problems += [] if is_csv else _repeated(row)
        if not problems:
            return new
    except ValidationError as invalid:
        found = [_named(each, is_csv=is_csv) for each in problems_of(invalid)]
        problems += [each for each in found if not {each.field, _HIDDEN} & named]
    raise InvalidFields(problems)


def _repeated(row: FileRow) -> Iterable[FieldProblem]:
    return [FieldProblem.of(_shown(name), "field.twice") for name in repeated_names(row.document.encode())]


def _named(problem: FieldProblem, *, is_csv: bool) -> FieldProblem:
    """The problem by the name of the column, or of a field that can be one of ours: else it may be a value."""
    return FieldProblem(column_of(problem.field) if is_csv else _shown(problem.field), problem.sentence)


def _shown(name: str) -> str:
    return name if name and _SHOWN_NAME.fullmatch(name) else _HIDDEN


def problem_of(refusal: Exception) -> Problem:
    """What is stored of a refusal of the domain, or of a fault that nobody foresaw: it costs the row alone.

    Raises it again where it is the database's.
    """
    match refusal:
        case RevealingConflict(members={"candidates": named}):
            # its sentences name patients by what practices know them by: they are worded when somebody reads them
            return {"code": refusal.code, "candidates": [{"id": each["id"], "why": each["why"]} for each in named]}
        case PlatformError():
            return _problem(refusal.sentence, refusal.errors)
        case InvalidFields():
            return _problem(Sentence.of("input.invalid"), refusal.problems)
        case NotAcceptable():
            fields = [FieldProblem(field, refusal.sentence) for field in refusal.fields or (_HIDDEN,)]
            return _problem(Sentence.of("input.invalid"), fields)
    if is_trouble(refusal):
        raise refusal
    log.error("patient_import.row_not_stored", problem=type(refusal).__name__)
    return _problem(Sentence.of("patient_import.row_not_stored"), ())


def named_in(problem: Problem | None) -> Iterator[UUID]:
    """The patients who may be the same person."""
    return (UUID(each["id"]) for each in (problem or {"candidates": ()})["candidates"] if "id" in each)


def as_read(problem: Problem | None, there: Mapping[UUID, Patient]) -> Problem | None:
    """The problem as it is shown: of patients whom it names it says something only where they are still there."""
    if problem is None or "detail" in problem:
        return problem
    whys = [(there.get(UUID(each["id"])), map(Likeness, each["why"])) for each in problem["candidates"]]
    found = {patient: list(why) for patient, why in whys if patient is not None}
    if not found:
        return _problem(Sentence.of(OF_NOBODY[problem["code"]]), ())
    refusal = duplicates.refusal_of(found)
    return _problem(refusal.sentence, refusal.errors, refusal.members["candidates"])


def alike_in_file(number: int, line: int, why: Sequence[str]) -> Problem:
    """That the row may be the same person as an earlier one of the file."""
    sentence = Sentence.of("patient_import.row_alike", number=number, line=line)
    return _problem(sentence, (), [{"number": number, "line": line, "why": [str(each) for each in why]}])


def _problem(sentence: Sentence, errors: Iterable[FieldProblem], candidates: Sequence[dict[str, Any]] = ()) -> Problem:
    return {
        "code": sentence.code,
        "detail": sentence.to_json(),
        "errors": [{"field": each.field, "message": each.sentence.to_json()} for each in errors],
        "candidates": list(candidates),
    }


def to_json(rows: Sequence[FileRow]) -> dict[str, Any]:
    """Rows as the document that is sealed."""
    return {"rows": [[each.line, each.document, [_stored(problem) for problem in each.problems]] for each in rows]}


def from_json(document: dict[str, Any]) -> list[FileRow]:
    """The rows that `to_json` made a document of."""
    return [FileRow(line, text, [_restored(each) for each in problems]) for line, text, problems in document["rows"]]


def _stored(problem: FieldProblem) -> list[Any]:
    return [problem.field, problem.sentence.to_json()]


def _restored(stored: list[Any]) -> FieldProblem:
    return FieldProblem(stored[0], Sentence.from_json(stored[1]))
