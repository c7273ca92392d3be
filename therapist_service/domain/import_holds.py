"""Files that would deactivate or change unusually many therapists: they wait for a person, and later files with them.

A file is judged once, before its first record is applied, by what its records would do to the therapists who are known
from its source (docs/domain.md#import-rule-5), and to those who are known otherwise and whom it is found to name: a
source under a new name has shown nobody yet. Who is new counts as nothing, so that the first file of a source passes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from shared.database import Session
from shared.errors import Conflict
from shared.values.enums import ImportAction, ImportOutcome, ImportStatus, ReviewKind
from therapist_service.domain import import_events, imports, states
from therapist_service.domain.import_files import ImportFile
from therapist_service.domain.import_outcomes import Outcome
from therapist_service.domain.import_portions import decide_portion
from therapist_service.domain.import_records import Entry, RawRecord
from therapist_service.domain.import_schemas import ImportRejection, ImportView
from therapist_service.domain.imports import ImportClaim
from therapist_service.settings import HoldRule
from therapist_service.store import queries, source_queries
from therapist_service.store.tables import Import


@dataclass
class FileEffect:
    """What a file would do to the therapists who are known from its source, or found by its records."""

    known: int
    """How many these are."""
    deactivated: int = 0
    changed: int = 0
    is_counted: bool = True
    """Whether the records were compared with what is known; otherwise each counts as if it changed somebody."""
    found: int = 0
    """How many of them the source has not shown yet."""

    @property
    def affected(self) -> int:
        """How many would not stay as they are."""
        return self.deactivated + self.changed


def largest_effect(session: Session, file: ImportFile) -> FileEffect:
    """What the file could do at most: as if each of its records changed somebody."""
    known = source_queries.count_therapists(session, file.metadata.source)
    deactivated = min(len(file.lists["deletions"].starts), known)
    # anybody may be found by a record of an unknown id, whatever the source has shown
    changed = min(file.total, max(queries.count_there(session), known)) - deactivated
    return FileEffect(known, deactivated, changed, is_counted=False)


def add_effect(
    session: Session,
    claimed: ImportClaim,
    file: ImportFile,
    portion: Sequence[RawRecord],
    effect: FileEffect,
    *,
    parsed: Mapping[int, Entry],
    now: datetime,
) -> None:
    """Add to the effect what these records would do now, whatever of it a person would have to decide.

    `parsed` has the records that were parsed before, by position.
    """
    everything = frozenset(ReviewKind)
    outcomes = decide_portion(
        session,
        claimed.import_id,
        claimed.file,
        file.metadata,
        portion,
        passes=everything,
        now=now,
        parsed=parsed,
    )
    applied = Counter(each.decision.action for each in outcomes if each.decision.outcome == ImportOutcome.APPLIED)
    found = sum(each.is_found for each in outcomes)
    effect.known, effect.found = effect.known + found, effect.found + found
    effect.deactivated += applied[ImportAction.DELETION]
    effect.changed += applied[ImportAction.MODIFICATION] + sum(map(_asks_whose_entry_it_is, outcomes))


def _asks_whose_entry_it_is(outcome: Outcome) -> bool:
    """Whether a known entry seems to be somebody else by now: a source that mixes up its ids does so to all of them."""
    return outcome.decision.outcome == ImportOutcome.WAITING and outcome.therapist_id is not None


def judge(session: Session, claimed: ImportClaim, effect: FileEffect, rule: HoldRule, *, now: datetime) -> bool:
    """Hold the file if it does too much; returns whether it is held. Raises `ClaimLost`."""
    known = imports.claimed_import(session, claimed)
    known.judged_at, known.tries = now, 0
    known.known_before = effect.known
    if effect.is_counted or rule.holds(effect.affected, known=effect.known):
        known.would_deactivate, known.would_change = effect.deactivated, effect.changed
    if not rule.holds(effect.affected, known=effect.known):
        return False
    known.reason = "; ".join(filter(None, (_why(known, effect, rule), known.reason)))
    states.hold_import(known, now=now)
    import_events.record_hold(session, known, now=now)
    return True


def _why(known: Import, effect: FileEffect, rule: HoldRule) -> str:
    number = f"{effect.deactivated} and change {effect.changed}"
    would = f"It would deactivate {number}" if effect.is_counted else f"It could deactivate {number}"
    of_whom = f"{effect.known} therapists who are known from {known.source}"
    if effect.found:
        of_whom += f" or found by its records ({effect.found})"
    return f"{would} of {of_whom}: more than {rule.percent:g} %"


def approve(session: Session, import_id: UUID, *, by: UUID | None, now: datetime) -> ImportView:
    """Have a held file applied at its turn; raises `NotFound`, and `Conflict` where it is not held."""
    held = _held(session, import_id)
    states.approve_import(held, by=by, now=now)
    return imports.view(held)


def reject(
    session: Session, import_id: UUID, rejection: ImportRejection, *, by: UUID | None, now: datetime
) -> ImportView:
    """Apply nothing of a held file; raises `NotFound`, and `Conflict` where it is not held."""
    held = _held(session, import_id)
    held.reason = f"Rejected: {rejection.reason}" if rejection.reason else f"Rejected. {held.reason}"
    states.reject_import(held, by=by, now=now)
    imports.drop_content(session, held)
    import_events.record_end(session, held, now=now)
    return imports.view(held)


def _held(session: Session, import_id: UUID) -> Import:
    known = imports.known_import(session, import_id, lock=True)
    if known.status != ImportStatus.HELD:
        raise Conflict("import.not_held")
    return known
