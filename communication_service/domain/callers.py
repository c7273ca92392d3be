"""Those of us who phone practices: their hours and absences, and what follows for the calls that are planned.

Calls are planned for callers who have hours. Where no caller has any, they are planned on the agency's own line, one at
a time (docs/decisions/0050-callers-and-claims.md). Any change lets the calls that it concerns be planned anew: those
that still fit stay where they are.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from communication_service.domain.call_times import OWN_LINE, CallerTimes
from communication_service.domain.caller_schemas import CallerFields, CallerView
from communication_service.store import callers as store
from communication_service.store import schedule
from communication_service.store.tables import PhoneCaller
from shared.database import Session, first_version, new_id
from shared.database.rows import check_version, require
from shared.errors import Conflict
from shared.values.datetimes import parse_instant
from shared.values.lists import Listed, ListRequest
from shared.values.schemas import MergePatch, merged


def times(session: Session) -> Sequence[CallerTimes]:
    """When each of us phones; the agency's own line where nobody has hours."""
    return [_times_of(each) for each in store.with_hours(session)] or [OWN_LINE]


def _times_of(caller: PhoneCaller) -> CallerTimes:
    absences = [(parse_instant(each["from"]), parse_instant(each["to"])) for each in caller.absences]
    return CallerTimes(caller.id, caller.hours, absences)


def list_part(session: Session, wanted: ListRequest[Any]) -> Listed:
    """A part of the callers."""
    found = store.read_part(session, wanted.part)
    return found.shown([CallerView.of(each) for each in found.rows])


def get(session: Session, caller_id: UUID) -> CallerView:
    """One caller; raises `NotFound`."""
    return CallerView.of(require(store.caller(session, caller_id), "caller"))


def add(session: Session, new: CallerFields, *, by: UUID | None, now: datetime) -> CallerView:
    """Let somebody phone practices. Raises `Conflict` where the account is another caller's."""
    _require_own_account(session, new.user_id)
    caller = PhoneCaller(
        id=new_id(),
        **first_version(by=by, now=now),
        user_id=new.user_id,
        name=new.name,
        hours=new.hours,
        absences=_written(new),
    )
    session.add(caller)
    return _saved(session, caller, now=now)


def change(
    session: Session,
    caller_id: UUID,
    patch: MergePatch,
    *,
    expected_versions: Collection[int] | None = None,
    by: UUID | None,
    now: datetime,
) -> CallerView:
    """Change somebody's name, account, hours or absences; calls that do not fit any more are planned anew.

    Raises `NotFound`, `LostUpdate`, and `Conflict` where the account is another caller's.
    """
    caller = _lock(session, caller_id, expected_versions)
    current = CallerView.of(caller)
    wanted = merged(CallerFields, current, patch.changes_to(current))
    if CallerFields.of(current) == wanted:
        return current
    if wanted.user_id != caller.user_id:
        _require_own_account(session, wanted.user_id)
    caller.user_id, caller.name, caller.hours = wanted.user_id, wanted.name, wanted.hours
    caller.absences = _written(wanted)
    caller.count_change(by=by, now=now)
    return _saved(session, caller, now=now)


def remove(
    session: Session,
    caller_id: UUID,
    *,
    expected_versions: Collection[int] | None = None,
    by: UUID | None,
    now: datetime,
) -> None:
    """Let somebody phone nobody any more; their planned calls are planned anew. Raises `NotFound`, `LostUpdate`."""
    caller = _lock(session, caller_id, expected_versions)
    caller.removed_at, caller.removed_by = now, by
    caller.count_change(by=by, now=now)
    _saved(session, caller, now=now)


def _lock(session: Session, caller_id: UUID, expected_versions: Collection[int] | None) -> PhoneCaller:
    caller = require(store.caller(session, caller_id, lock=True), "caller")
    check_version(caller, expected_versions, "caller")
    return caller


def _require_own_account(session: Session, user_id: UUID | None) -> None:
    known = store.caller_of_account(session, user_id)
    if known is not None:
        raise Conflict("caller.known", existing_id=known)


def _written(fields: CallerFields) -> list[dict[str, Any]]:
    return [each.to_json() for each in fields.absences]


def _saved(session: Session, caller: PhoneCaller, *, now: datetime) -> CallerView:
    session.flush()
    schedule.add(session, store.concerned_by(caller.id), at=now)
    return CallerView.of(caller)
