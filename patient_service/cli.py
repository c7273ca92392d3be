"""Commands of this service's own: `python -m patient_service keys | rewrap` (docs/keys.md), `import` (docs/api.md)."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import click

from patient_service import jobs
from patient_service.domain import import_files, imports, key_rings
from patient_service.domain.accesses import Reader
from patient_service.domain.import_rows import ROW_ERRORS
from patient_service.domain.import_schemas import (
    PatientImportOptions,
    PatientImportRowFilter,
    PatientImportRowView,
    PatientImportView,
)
from shared.database import transaction
from shared.runtime import clock
from shared.runtime.operator_commands import AnyService, with_service
from shared.runtime.settings import ServiceSettings
from shared.runtime.terminal import print_line, show_progress
from shared.security.encryption import Keys
from shared.values.lists import Listed, ListRequest, Part
from shared.values.patient_import_enums import OnProblem, PatientImportOutcome, PatientImportStatus

SECONDS_BETWEEN_LOOKS = 0.2


@click.group()
def commands() -> None:
    """The commands of the patient service's own."""


@commands.command("keys")
@with_service
def _keys(service: AnyService, settings: ServiceSettings) -> None:
    """List keys by their ids, and how much each has written.

    They are those of MASTER_KEY and INDEX_KEY, and others that rows name. A key that has 0 rows and does not write can
    be taken out of its ring.
    """
    with transaction() as session:
        found = key_rings.uses(session, service.dependencies(settings).keys)
    for each in found:
        print_line(f"{each.setting:<10}  {each.id}  {each.role:<7}  {each.rows} rows")


@commands.command("rewrap")
@with_service
def _rewrap(service: AnyService, settings: ServiceSettings) -> None:
    """Wrap patients' keys with the newest master key.

    That is the first of MASTER_KEY. The service serves meanwhile. It may be broken off at any time: the next run goes
    on with the rest. The patients' data stay as they are.
    """
    keys = service.dependencies(settings).keys
    with transaction() as session:
        key_rings.check(session, keys)
        total = key_rings.count_to_rewrap(session, keys)
    done, damaged = 0, list[UUID]()
    for portion in jobs.rewrap(keys):
        done += portion.number
        damaged += portion.damaged
        show_progress(f"{done} of {total}")
    with transaction() as session:
        left = key_rings.count_to_rewrap(session, keys)
    print_line(f"\n{done} keys wrapped anew, {left} left")
    for patient_id in damaged:
        print_line(f"the key of patient {patient_id} cannot be opened, and stays as it is")
    if left:
        sys.exit("The older keys of MASTER_KEY are still needed: run it again, or see docs/keys.md.")


@commands.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--dry-run", is_flag=True, help="Only check the file, and enter nobody.")
@click.option("--skip-rows", is_flag=True, help="Enter the other rows where some cannot be; else it is all or nobody.")
@click.option("--force", is_flag=True, help="Enter also those of whom somebody alike is known.")
@click.option("--charset", help="The encoding of a CSV file, such as windows-1252; without it UTF-8.")
@with_service
def _import(
    service: AnyService,
    settings: ServiceSettings,
    file: Path,
    dry_run: bool,
    skip_rows: bool,
    force: bool,
    charset: str | None,
) -> None:
    """Enter the patients of a file.

    FILE is CSV with a header, or JSON where its name ends so, as docs/api.md describes them. Every problem is named
    with its line, none with the value. If it is broken off, a worker goes on with it.
    """
    on_problem = OnProblem.SKIP_ROW if skip_rows else OnProblem.REFUSE_FILE
    options = PatientImportOptions(dry_run=dry_run, force=force, on_problem=on_problem)
    keys = service.dependencies(settings).keys
    done = _finished(keys, _begun(keys, file, charset, options))
    for row in _refused_rows(keys, done.id):
        _print_problem(row)
    print_line(f"{done.status}: {done.total} rows, {done.entered} entered, {done.refused} refused")
    if done.refused:
        sys.exit("Nobody was entered." if done.status == PatientImportStatus.REFUSED else 1)


def _begun(keys: Keys, file: Path, charset: str | None, options: PatientImportOptions) -> PatientImportView:
    if file.stat().st_size > import_files.LARGEST_FILE:
        sys.exit(f"The file is larger than {import_files.LARGEST_FILE} bytes. Divide it.")
    is_csv = file.suffix.lower() != ".json"
    try:
        media_type = import_files.CSV if is_csv else import_files.JSON
        rows = import_files.read(file.read_bytes(), media_type=media_type, charset=charset)
    except ROW_ERRORS as refused:
        sys.exit(str(refused))
    with transaction() as session:
        return imports.begin(session, keys, rows, options, is_csv=is_csv, by=None, now=clock.now())


def _finished(keys: Keys, known: PatientImportView) -> PatientImportView:
    """The import when it is over: done here or by a worker, as it comes."""
    while known.finished_at is None:
        if not jobs.import_patients(keys, clock.now()):
            time.sleep(SECONDS_BETWEEN_LOOKS)
        with transaction() as session:
            known = imports.get(session, known.id)
        show_progress(f"{known.checked} of {known.total} checked, {known.entered} entered, {known.refused} refused")
    print_line("")
    return known


def _refused_rows(keys: Keys, import_id: UUID) -> Iterator[PatientImportRowView]:
    filters = PatientImportRowFilter(outcome=[PatientImportOutcome.REFUSED])
    part = Part(200, "number")
    while True:
        found = _rows(keys, import_id, ListRequest(filters, part, "full"))
        yield from found.items
        if found.position is None:
            return
        part = Part(200, "number", position=found.position)


def _rows(keys: Keys, import_id: UUID, wanted: ListRequest[PatientImportRowFilter]) -> Listed:
    terminal = Reader(id=None, purpose=None)
    with transaction() as session:
        return imports.list_rows(session, keys, import_id, wanted, reader=terminal, now=clock.now())


def _print_problem(row: PatientImportRowView) -> None:
    assert row.problem is not None
    for each in row.problem.errors:
        print_line(f"line {row.line}: {each.field} {each.message}")
    if not row.problem.errors:
        print_line(f"line {row.line}: {row.problem.detail}")
