"""A file is judged before its first record is applied: whether it waits for a person's approval."""

from __future__ import annotations

from dataclasses import replace

from shared.database import transaction
from shared.runtime.logs import logger
from therapist_service.domain import import_holds, import_records, imports
from therapist_service.domain.import_files import ImportFile
from therapist_service.domain.import_holds import FileEffect
from therapist_service.domain.imports import ImportClaim
from therapist_service.jobs import parsing
from therapist_service.jobs.heartbeats import ClaimHeartbeat
from therapist_service.settings import HoldRule

log = logger(__name__)

PORTION = 500
"""Records that are compared with what is known in one transaction."""


def hold_if_too_much(
    file: ImportFile, claimed: ImportClaim, rule: HoldRule, heartbeat: ClaimHeartbeat, unchanged: set[int]
) -> bool:
    """Judge the file; returns whether it is held, so that it waits for a person from now on. Raises `ClaimLost`.

    Adds the first positions of the portions to `unchanged` whose records were applied before as they are.
    """
    effect = _effect(file, claimed, rule, heartbeat, unchanged)
    with transaction() as session:
        held = import_holds.judge(session, claimed, effect, rule, now=heartbeat.moment())
    if held:
        log.warning("imports.held", import_id=str(claimed.import_id), affected=effect.affected, known=effect.known)
    return held


def _effect(
    file: ImportFile, claimed: ImportClaim, rule: HoldRule, heartbeat: ClaimHeartbeat, unchanged: set[int]
) -> FileEffect:
    """What the file would do, as exactly as it needs to be known."""
    with transaction() as session:
        effect = import_holds.largest_effect(session, file)
    if claimed.tries >= imports.TRIES or not rule.holds(effect.affected, known=effect.known):
        return effect  # workers ended while they compared its records, or it cannot be too much
    effect = FileEffect(effect.known)
    for portion in import_records.portions(file, start=0, records=PORTION):
        parsed = parsing.parse(file.metadata.source, portion)
        if not parsed:
            unchanged.add(portion[0].position)
        else:
            with transaction() as session:
                now = heartbeat.moment()
                import_holds.add_effect(session, claimed, file, portion, effect, parsed=parsed, now=now)
        heartbeat.record_progress()
        left = file.total - portion[-1].position - 1
        if not rule.holds(effect.affected + left, known=effect.known):
            return replace(effect, is_counted=left == 0)  # whatever the others do
    return effect
