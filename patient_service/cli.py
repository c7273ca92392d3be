"""Commands of this service's own: `python -m patient_service keys | rewrap` (docs/keys.md), `import` (docs/api.md),
`verify-access-log | erase-restored` (docs/faults.md).
"""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from uuid import UUID

import click

from patient_service import jobs
from patient_service.dependencies import Dependencies
from patient_service.domain import erasures, import_files, imports, key_rings
from patient_service.domain.accesses import Reader
from patient_service.domain.import_rows import ROW_ERRORS
from patient_service.domain.import_schemas import (
    PatientImportOptions,
    PatientImportRowFilter,
    PatientImportRowView,
    PatientImportView,
)
from shared.database import transaction
from shared.events.catalogue import PatientErased
from shared.events.cluster import command_configuration
from shared.events.comparison import subjects_of
from shared.events.event import TOPICS
from shared.runtime import clock
from shared.runtime.key_commands import key_commands
from shared.runtime.operator_commands import AnyService, with_service
from shared.runtime.settings import ServiceSettings
from shared.runtime.terminal import print_line, show_progress
from shared.security.encryption import Keys
from shared.security.key_rings import KeyRings
from shared.values.lists import Listed, ListRequest, Part
from shared.values.patient_import_enums import OnProblem, PatientImportOutcome, PatientImportStatus

SECONDS_BETWEEN_LOOKS = 0.2


def _rings(dependencies: Dependencies) -> KeyRings:
    return key_rings.rings(dependencies.keys)


commands = key_commands(_rings)


class _Anchor(click.ParamType[tuple[int, bytes]]):
    """An anchor as the log has it: its number and its hash."""

    name = "NUMBER:HASH"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, bytes]:
        """Returns both."""
        found = re.fullmatch(r"(\d{1,9}):([0-9a-f]{64})", value)
        if found is None:
            self.fail(f"{value!r} is not a number, a colon and the 64 digits of a hash.", param, ctx)
        return int(found[1]), bytes.fromhex(found[2])


@commands.command("verify-access-log")
@click.option(
    "--anchor", "anchors", type=_Anchor(), multiple=True, help="One that the log has: it must be the same here."
)
@with_service
def _verify_access_log(_service: AnyService, _settings: ServiceSettings, anchors: Sequence[tuple[int, bytes]]) -> None:
    """Verify that the access log is what was written.

    Says what was changed, removed or inserted, and ends with 1 then. The service serves meanwhile.
    """
    entries = anchored = wrong = 0
    for portion in jobs.verify_access_log(dict(anchors)):
        entries, anchored = entries + portion.entries, anchored + portion.anchors
        wrong += len(portion.problems)
        for each in portion.problems:
            print_line(each)
        show_progress(f"{entries} entries and {anchored} anchors read")
    print_line(f"\n{entries} entries and {anchored} anchors verified, {wrong} of them not as they were written")
    if wrong:
        sys.exit(1)


@commands.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--dry-run", is_flag=True, help="Only check the file, and enter nobody.")
@click.option("--skip-rows", is_flag=True, help="Enter the other rows where some cannot be; else it is all or nobody.")
@click.option("--force", is_flag=True, help="Enter also those of whom somebody alike is known.")
@click.option("--purpose", help="Why; the access log of everybody who is entered says so.")
@click.option(
    "--expected-total",
    type=click.IntRange(1, import_files.MOST_ROWS),
    help="Do nothing if the file has more or fewer rows.",
)
@click.option("--charset", help="The encoding of a CSV file, such as windows-1252; without it UTF-8.")
@with_service
def _import(
    service: AnyService,
    settings: ServiceSettings,
    file: Path,
    dry_run: bool,
    skip_rows: bool,
    force: bool,
    purpose: str | None,
    charset: str | None,
    expected_total: int | None,
) -> None:
    """Enter the patients of a file.

    FILE is CSV with a header, or JSON where its name ends so, as docs/api.md describes them. Every problem is named
    with its line, none with the value. If it is broken off, a worker goes on with it.
    """
    on_problem = OnProblem.SKIP_ROW if skip_rows else OnProblem.REFUSE_FILE
    options = PatientImportOptions(dry_run=dry_run, force=force, on_problem=on_problem, expected_total=expected_total)
    keys = service.dependencies(settings).keys
    done = _finished(keys, _begun(keys, file, charset, options, Reader(id=None, purpose=purpose)))
    for row in _refused_rows(keys, done.id):
        _print_problem(row)
    print_line(f"{done.status}: {done.total} rows, {done.entered} entered, {done.refused} refused")
    if done.refused:
        sys.exit("Nobody was entered." if done.status == PatientImportStatus.REFUSED else 1)


def _begun(
    keys: Keys, file: Path, charset: str | None, options: PatientImportOptions, terminal: Reader
) -> PatientImportView:
    if file.stat().st_size > import_files.LARGEST_FILE:
        sys.exit(f"The file is larger than {import_files.LARGEST_FILE} bytes. Divide it.")
    is_csv = file.suffix.lower() != ".json"
    try:
        media_type = import_files.CSV if is_csv else import_files.JSON
        rows = import_files.read(
            file.read_bytes(), media_type=media_type, charset=charset, expected_total=options.expected_total
        )
    except ROW_ERRORS as refused:
        sys.exit(_at_terminal(refused))
    with transaction() as session:
        return imports.begin(session, keys, rows, options, is_csv=is_csv, reader=terminal, now=clock.now())


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
    place = f"row {row.number}, line {row.line}"  # a JSON file may have one line only
    for each in row.problem.errors:
        print_line(f"{place}: {each.field} {each.message}")
    if not row.problem.errors:
        print_line(f"{place}: {_at_terminal(row.problem.detail)}")


def _at_terminal(said: object) -> str:
    """A text with the options of this command instead of what is sent over HTTP."""
    return str(said).replace("?force=true", "--force").replace("Content-Type: text/csv; charset=", "--charset ")


@commands.command("erase-restored")
@click.option("--yes", is_flag=True, help="Erase them; without it they are only listed.")
@with_service
def _erase_restored(service: AnyService, settings: ServiceSettings, yes: bool) -> None:
    """Erase again those who came back with a backup.

    For after a restore, before the service serves. Kafka knows of everybody who was erased.
    """
    kafka = command_configuration(settings.kafka_client())
    erased = subjects_of(kafka, TOPICS["patient"], PatientErased)
    with transaction() as session:
        found = erasures.list_restored(session, erased)
    keys = service.dependencies(settings).keys
    for patient_id in found:
        if yes:
            with transaction() as session:
                erasures.erase_again(session, keys, patient_id, now=clock.now())
        print_line(f"{patient_id} {'is erased again' if yes else 'was erased before, and is here'}")
    print_line(f"{len(found)} of {len(erased)} who were erased came back")
