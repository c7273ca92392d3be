"""Files with patients: taken in sealed, checked row by row, and entered one after the other (docs/decisions/0036).

One transaction at a time works on imports, so that no two files wait for each other, and a later one is compared with
all that an earlier one entered. What was committed is never done again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from cryptography.exceptions import InvalidTag

from patient_service.domain import accesses, states
from patient_service.domain.accesses import Reader
from patient_service.domain.import_checks import Checks
from patient_service.domain.import_entries import Entering, NotEntered, outcome_of
from patient_service.domain.import_files import FileRow
from patient_service.domain.import_rows import Problem, as_read, from_json, named_in, to_json
from patient_service.domain.import_schemas import (
    PatientImportFilter,
    PatientImportOptions,
    PatientImportRowFilter,
    PatientImportRowView,
    PatientImportView,
)
from patient_service.store import imports as store
from patient_service.store.tables import Patient, PatientImport, PatientImportRow
from shared.database import Session, first_version, new_id, wait_for_longer
from shared.database.rows import require
from shared.database.written_values import Row
from shared.errors import NotFound
from shared.runtime.logs import logger
from shared.security.encryption import Keys
from shared.values.lists import Listed, ListRequest
from shared.values.patient_import_enums import OnProblem, PatientImportOutcome, PatientImportStatus

log = logger(__name__)

ROWS_PER_BLOCK: Final = 200
Clock = Callable[[], datetime]
"""The present instant: the work takes long enough for a beginning and an end."""
Progress = Callable[[UUID, Mapping[str, int]], None]
"""Notes how far an import is, where others can see it before the work is committed."""


def begin(
    session: Session,
    keys: Keys,
    rows: Sequence[FileRow],
    options: PatientImportOptions,
    *,
    is_csv: bool,
    reader: Reader,
    now: datetime,
) -> PatientImportView:
    """Take in a file: its rows wait sealed, with a key of their own, and with why the reader sent it."""
    blocks = [rows[start : start + ROWS_PER_BLOCK] for start in range(0, len(rows), ROWS_PER_BLOCK)]
    known = PatientImport(
        id=new_id(),
        dry_run=options.dry_run,
        on_problem=options.on_problem.value,
        force=options.force,
        is_csv=is_csv,
        started_by=reader.id,
        total=len(rows),
        blocks=len(blocks),
        **first_version(by=reader.id, now=now),
    )
    states.begin_import(known)
    session.add(known)
    session.flush()
    key, owner = keys.new_data_key(known.id.bytes), known.id.bytes
    if reader.purpose is not None:
        known.purpose = keys.encrypt(key, owner, {"purpose": reader.purpose})
    store.add_content(session, known.id, key, [keys.encrypt(key, owner, to_json(block)) for block in blocks])
    return PatientImportView.of(known)


def get(session: Session, import_id: UUID) -> PatientImportView:
    """How far an import is. Raises `NotFound`."""
    return PatientImportView.of(require(store.one(session, import_id), "patient_import"))


def list_part(session: Session, wanted: ListRequest[PatientImportFilter]) -> Listed:
    """A part of the imports."""
    found = store.imports(session, wanted.part, statuses=wanted.filters.status)
    return found.shown([PatientImportView.of(each) for each in found.rows])


def list_rows(
    session: Session,
    keys: Keys,
    import_id: UUID,
    wanted: ListRequest[PatientImportRowFilter],
    *,
    reader: Reader,
    now: datetime,
) -> Listed:
    """A part of the rows, with what is wrong with them; noted with everybody whom they name. Raises `NotFound`."""
    require(store.one(session, import_id), "patient_import")
    found = store.rows(session, import_id, wanted.part, outcomes=wanted.filters.outcome)
    named = store.patients_with_files(session, {id for row in found.rows for id in named_in(row.problem)})
    accesses.record_list(session, keys, named, reader, "row", is_export=wanted.part.is_export, now=now)
    there = {each.id: each for each in named}
    return found.shown([_shown(row, there) for row in found.rows])


def _shown(row: PatientImportRow, there: Mapping[UUID, Patient]) -> PatientImportRowView:
    columns = {name: getattr(row, name) for name in PatientImportRowView.model_fields}
    return PatientImportRowView.of(columns | {"problem": as_read(row.problem, there)})


def record_progress(session: Session, import_id: UUID, counts: Mapping[str, int], *, now: datetime) -> None:
    """Note how far an import is, in another transaction than that of the work."""
    store.save_counts(session, import_id, counts, now=now)


# Working on them


class ContentLost(Exception):
    """The rows of an import cannot be opened any more, such as after one of both backups came back alone."""


def work(session: Session, keys: Keys, *, progress: Progress, clock: Clock) -> int:
    """Check the oldest import that is not over, or enter what of it is next; 0 where there is nothing to do."""
    if not store.take_turn(session):
        return 0
    known = store.next_unfinished(session)
    if known is None:
        return 0
    try:
        with session.begin_nested():
            _advance(session, keys, known, progress, clock)
    except ContentLost as lost:
        log.error("patient_import.content_lost", import_id=str(known.id), problem=type(lost.__cause__).__name__)
        _end(session, known, states.complete_import if known.entered else states.refuse_import, clock)
    return 1


def _advance(session: Session, keys: Keys, known: PatientImport, progress: Progress, clock: Clock) -> None:
    if known.status == PatientImportStatus.CHECKING:
        _check(session, keys, known, progress, clock)
    elif known.on_problem == OnProblem.SKIP_ROW:
        _enter_block(session, keys, known, clock)
    else:
        _enter_file(session, keys, known, progress, clock)


def _rows(session: Session, keys: Keys, known: PatientImport, block: int) -> Iterator[tuple[int, FileRow]]:
    """The rows of a block, each with its number."""
    rows = from_json(_opened(session, keys, known, store.block(session, known.id, block)))
    return enumerate(rows, block * ROWS_PER_BLOCK + 1)


def _opened(session: Session, keys: Keys, known: PatientImport, sealed: bytes | None) -> dict[str, Any]:
    """What was sealed with the key of an import. Raises `ContentLost`."""
    try:
        key = require(store.data_key(session, known.id), "patient_import")
        return keys.decrypt(key, known.id.bytes, require(sealed, "patient_import"))
    except (NotFound, InvalidTag) as lost:
        raise ContentLost from lost


def _check(session: Session, keys: Keys, known: PatientImport, progress: Progress, clock: Clock) -> None:
    """Write down of each row whether it can be entered; what becomes of the file follows from them."""
    checks = Checks(session, keys, is_csv=known.is_csv, is_forced=known.force, now=clock())
    refused, checked = 0, 0
    for block in range(known.blocks):
        rows = list(_rows(session, keys, known, block))
        found = checks.problems(rows)
        judged = [_judged(known, number, row, problem) for (number, row), problem in zip(rows, found, strict=True)]
        store.add_rows(session, judged)
        checked, refused = checked + len(rows), refused + sum(each is not None for each in found)
        progress(known.id, {"checked": checked, "refused": refused})
    store.save_counts(session, known.id, {"checked": checked, "refused": refused}, now=clock())
    if known.dry_run:
        _end(session, known, states.complete_import, clock)
    elif refused and known.on_problem == OnProblem.REFUSE_FILE:
        _end(session, known, states.refuse_import, clock)
    elif refused == known.total:
        _end(session, known, states.complete_import, clock)
    else:
        states.enter_import(known, clock())


def _judged(known: PatientImport, number: int, row: FileRow, problem: Problem | None) -> Row:
    outcome = PatientImportOutcome.REFUSED if problem else PatientImportOutcome.VALID
    return outcome_of(known.id, number, outcome, problem=problem) | {"line": row.line}


def _end(session: Session, known: PatientImport, end: Callable[[PatientImport, datetime], None], clock: Clock) -> None:
    end(known, clock())
    known.purpose = None
    store.forget_content(session, known.id)
    log.info("patient_import.ended", import_id=str(known.id), status=known.status)


def _valid_rows(session: Session, keys: Keys, known: PatientImport, block: int) -> list[tuple[int, FileRow]]:
    rows = list(_rows(session, keys, known, block))
    valid = store.valid_numbers(session, known.id, first=rows[0][0], last=rows[-1][0])
    return [(number, row) for number, row in rows if number in valid]


def _entering(session: Session, keys: Keys, known: PatientImport, clock: Clock) -> Entering:
    purpose = None if known.purpose is None else _opened(session, keys, known, known.purpose)["purpose"]
    return Entering(session, keys, known, purpose, clock())


def _enter_block(session: Session, keys: Keys, known: PatientImport, clock: Clock) -> None:
    """Enter the next rows; one that cannot be entered after all is left out."""
    entering = _entering(session, keys, known, clock)
    prepared = entering.prepare(_valid_rows(session, keys, known, known.blocks_done))
    outcomes = entering.each(prepared)
    store.change_rows(session, outcomes)
    refused = sum(each["outcome"] == PatientImportOutcome.REFUSED for each in outcomes)
    counts = {"entered": known.entered + len(outcomes) - refused, "refused": known.refused + refused}
    store.save_counts(session, known.id, counts, now=clock())
    known.blocks_done += 1
    if known.blocks_done == known.blocks:
        _end(session, known, states.complete_import, clock)


def _enter_file(session: Session, keys: Keys, known: PatientImport, progress: Progress, clock: Clock) -> None:
    """Enter all rows in this transaction, or none where one cannot be entered after all.

    A request that enters one of these people meanwhile waits from the insert to the commit: so all is prepared before.
    """
    entering, entered = _entering(session, keys, known, clock), 0
    wait_for_longer(session)
    prepared = [entering.prepare(_rows(session, keys, known, block)) for block in range(known.blocks)]
    try:
        with session.begin_nested():
            for block in prepared:
                outcomes = entering.all(block)
                store.change_rows(session, outcomes)
                entered += len(outcomes)
                progress(known.id, {"entered": entered})
    except NotEntered as refused:
        store.change_rows(session, refused.outcomes)
        store.save_counts(session, known.id, {"entered": 0, "refused": len(refused.outcomes)}, now=clock())
        _end(session, known, states.refuse_import, clock)
    else:
        store.save_counts(session, known.id, {"entered": entered}, now=clock())
        _end(session, known, states.complete_import, clock)


# Afterwards


def remove_old_rows(session: Session, *, days: int, now: datetime) -> int:
    """Remove what became of each row of an import that was over so many days ago; returns the number of imports.

    Its counts and dates stay.
    """
    known = store.next_with_old_rows(session, now - timedelta(days=days))
    if known is None:
        return 0
    store.remove_rows(session, known.id)
    known.rows_removed_at = known.updated_at = now
    return 1
