"""Commands of this service's own: `python -m therapist_service imports … | reviews …` (docs/faults.md)."""

from __future__ import annotations

import json
import sys
import time
from uuid import UUID

import click

from shared.database import transaction
from shared.runtime import clock
from shared.runtime.operator_commands import AnyService, by_option, with_service
from shared.runtime.settings import ServiceSettings
from shared.runtime.terminal import print_line, show_progress
from shared.values.enums import ImportOutcome, ImportStatus, ReviewKind, ReviewState
from shared.values.import_enums import UndoOutcome
from shared.values.lists import ListRequest, Part
from shared.values.schemas import Schema
from therapist_service import jobs
from therapist_service.dependencies import Dependencies
from therapist_service.domain import import_arrivals, import_holds, import_undo, imports, reviews
from therapist_service.domain.import_schemas import (
    ImportFilter,
    ImportRecordFilter,
    ImportRecordView,
    ImportRejection,
    ImportUndoFilter,
    ImportView,
    UndoneTherapist,
)
from therapist_service.domain.review_schemas import ImportReviewView, ReviewApproval, ReviewFilter, ReviewRejection
from therapist_service.jobs.undoing import undo_imports

SECONDS_BETWEEN_LOOKS = 0.2
NEWEST = 20
"""So many imports are listed."""


@click.group()
def commands() -> None:
    """The commands of the therapist service's own."""


@commands.group("imports")
def _imports() -> None:
    """List, show, run, approve, reject and undo imports.

    An import is one file of the scraper.
    """


@_imports.command("list")
@with_service
def _list(_service: AnyService, _settings: ServiceSettings) -> None:
    """List the newest imports."""
    with transaction() as session:
        found = imports.list_part(session, ListRequest(ImportFilter(), Part(NEWEST, "-created_at"), "full"))
    for known in found.items:
        print_line(_line(known))
    print_line(f"{found.total} imports")


@_imports.command("show")
@click.argument("id", type=click.UUID)
@click.option(
    "--records",
    type=click.Choice([str(each) for each in ImportOutcome]),
    help="Also the first records with this outcome.",
)
@with_service
def _show(_service: AnyService, _settings: ServiceSettings, id: UUID, records: str | None) -> None:
    """Show an import; with --records also what became of its first 200 records with this outcome, and why."""
    _print_as_json(_get(id))
    if records:
        _print_records(id, ImportOutcome(records))


@_imports.command("run")
@click.argument("file", required=False)
@by_option
@with_service
def _run(service: AnyService, settings: ServiceSettings, file: str | None, by: UUID | None) -> None:
    """Import a file of the watched folder now.

    FILE is its name; without it the next one that waits. The first 200 records that are rejected are printed, and why.
    If this is broken off, a worker goes on with it.
    """
    dependencies: Dependencies = service.dependencies(settings)
    search = dependencies.import_folder.search(file)
    with transaction() as session:
        known = import_arrivals.ask(session, search.look, by=by, now=clock.now(), otherwise=search.otherwise)
    done = _finished(dependencies, known)
    print_line(_line(done))
    if done.counts.rejected:
        _print_records(done.id, ImportOutcome.REJECTED)
    if done.waits_for is not None:
        sys.exit(f"It waits: {done.waits_for} is held until somebody approves or rejects it.")
    if done.status != ImportStatus.COMPLETED:
        sys.exit(done.reason)


def _finished(dependencies: Dependencies, known: ImportView) -> ImportView:
    """The import when it is over, or waits for a person as an earlier one may: applied here or by a worker."""
    applying = jobs.Applying(dependencies.import_passes, hold=dependencies.hold)
    while known.status == ImportStatus.RUNNING and known.waits_for is None:
        if not dependencies.import_folder.watch(clock.now()) + applying.next(clock.now()):
            time.sleep(SECONDS_BETWEEN_LOOKS)
        known = _get(known.id)
        show_progress(f"{known.done} of {known.total or '?'} records")
    print_line("")
    return known


@_imports.command("approve")
@click.argument("id", type=click.UUID)
@by_option
@with_service
def _approve(_service: AnyService, _settings: ServiceSettings, id: UUID, by: UUID | None) -> None:
    """Have a held file applied by the workers."""
    with transaction() as session:
        print_line(_line(import_holds.approve(session, id, by=by, now=clock.now())))


@_imports.command("reject")
@click.argument("id", type=click.UUID)
@click.option("--reason", help="Why; the import shows it.")
@by_option
@with_service
def _reject(_service: AnyService, _settings: ServiceSettings, id: UUID, reason: str | None, by: UUID | None) -> None:
    """Apply nothing of a held file."""
    with transaction() as session:
        print_line(_line(import_holds.reject(session, id, ImportRejection(reason=reason), by=by, now=clock.now())))


@_imports.command("undo")
@click.argument("id", type=click.UUID)
@by_option
@with_service
def _undo(_service: AnyService, _settings: ServiceSettings, id: UUID, by: UUID | None) -> None:
    """Undo a completed import; what is newer stays.

    If this is broken off, a worker goes on with it.
    """
    with transaction() as session:
        known = import_undo.ask(session, id, by=by, now=clock.now())
    while known.status != ImportStatus.UNDONE:
        if not undo_imports(clock.now()):
            time.sleep(SECONDS_BETWEEN_LOOKS)
        known = _get(id)
        if known.undo is not None:
            show_progress(f"{known.undo.done} of {known.undo.total} records")
    print_line("")
    print_line(_line(known))
    for therapist in _not_wholly_undone(id):
        said = therapist.reason or ", ".join(therapist.kept)
        print_line(f"{therapist.therapist_id}  {therapist.outcome}: {said}")


def _not_wholly_undone(id: UUID) -> list[UndoneTherapist]:
    outcomes = [UndoOutcome.PARTLY_RESTORED, UndoOutcome.KEPT, UndoOutcome.FAILED]
    wanted = ListRequest(ImportUndoFilter(outcome=outcomes), Part(200, "therapist_id"), "full")
    with transaction() as session:
        return [UndoneTherapist.of(each) for each in import_undo.list_part(session, id, wanted).items]


@commands.group("reviews")
def _reviews() -> None:
    """List, show, approve, reject and reopen reviews of imports.

    A review is what a person must decide of one record.
    """


@_reviews.command("list")
@click.option("--state", type=click.Choice([str(each) for each in ReviewState]), default="pending", help="Which ones.")
@click.option("--kind", type=click.Choice([str(each) for each in ReviewKind]), help="Only those of this kind.")
@with_service
def _list_reviews(_service: AnyService, _settings: ServiceSettings, state: str, kind: str | None) -> None:
    """List the newest reviews; without an option those that wait."""
    filters = ReviewFilter(state=[ReviewState(state)], kind=[ReviewKind(kind)] if kind else [])
    with transaction() as session:
        found = reviews.list_part(session, ListRequest(filters, Part(200, "-created_at"), "full"))
    for review in found.items:
        print_line(_line_of_review(review))
    print_line(f"{found.total} reviews")


@_reviews.command("show")
@click.argument("id", type=click.UUID)
@with_service
def _show_review(_service: AnyService, _settings: ServiceSettings, id: UUID) -> None:
    """Show a review with what would change."""
    with transaction() as session:
        _print_as_json(reviews.get(session, id))


@_reviews.command("approve")
@click.argument("id", type=click.UUID)
@click.option("--field", "fields", multiple=True, help="Take over this field only; repeat it for several.")
@click.option("--therapist", type=click.UUID, help="Who it is, where that is to be decided; without it a new person.")
@click.option("--new", "is_new", is_flag=True, help="A new person although somebody known by now resembles them.")
@by_option
@with_service
def _approve_review(
    _service: AnyService,
    _settings: ServiceSettings,
    id: UUID,
    fields: tuple[str, ...],
    therapist: UUID | None,
    is_new: bool,
    by: UUID | None,
) -> None:
    """Take over what waits, or some fields of it."""
    approval = ReviewApproval(fields=list(fields) or None, therapist_id=therapist, is_new=is_new)
    with transaction() as session:
        print_line(_line_of_review(reviews.approve(session, id, approval, by=by, now=clock.now())))


@_reviews.command("reject")
@click.argument("id", type=click.UUID)
@click.option("--reason", help="Why; the review shows it.")
@by_option
@with_service
def _reject_review(
    _service: AnyService, _settings: ServiceSettings, id: UUID, reason: str | None, by: UUID | None
) -> None:
    """Take over nothing of it."""
    with transaction() as session:
        rejected = reviews.reject(session, id, ReviewRejection(reason=reason), by=by, now=clock.now())
        print_line(_line_of_review(rejected))


@_reviews.command("reopen")
@click.argument("id", type=click.UUID)
@by_option
@with_service
def _reopen_review(_service: AnyService, _settings: ServiceSettings, id: UUID, by: UUID | None) -> None:
    """Let what was rejected wait again."""
    with transaction() as session:
        print_line(_line_of_review(reviews.reopen(session, id, by=by, now=clock.now())))


def _line_of_review(review: ImportReviewView) -> str:
    person = " ".join(filter(None, (review.last_name, review.first_name, review.city)))
    is_approved = review.state == ReviewState.APPROVED
    fields = ", ".join(review.applied_fields if is_approved else [row.field for row in review.difference])
    about = f"{review.source} {review.external_id}  {person}"
    return f"{review.id}  {review.kind}  {review.state}  {about}  {'took over ' if is_approved else ''}{fields}"


def _print_as_json(shown: Schema) -> None:
    print_line(json.dumps(shown.model_dump(mode="json"), indent=2, ensure_ascii=False))


def _get(id: UUID) -> ImportView:
    with transaction() as session:
        return imports.get(session, id)


def _records(id: UUID, outcome: ImportOutcome) -> list[ImportRecordView]:
    wanted = ListRequest(ImportRecordFilter(outcome=[outcome]), Part(200, "position"), "full")
    with transaction() as session:
        return [ImportRecordView.of(each) for each in imports.list_records(session, id, wanted).items]


def _print_records(id: UUID, outcome: ImportOutcome) -> None:
    for record in _records(id, outcome):
        said = f": {record.reason}" if record.reason else ""
        print_line(f"{record.position}  {record.action}  {record.external_id}  {record.therapist_id}{said}")


def _line(known: ImportView) -> str:
    counts = ", ".join(f"{number} {name}" for name, number in known.counts.model_dump().items() if number)
    behind = f"behind {known.waits_for}, which is held" if known.waits_for else None
    return "  ".join(filter(None, (str(known.id), known.file, known.status, counts, known.reason, behind)))
