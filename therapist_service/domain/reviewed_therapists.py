"""What becomes of therapists when a person approves what an import brought."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from shared.database import Session, first_version, new_id
from shared.events.catalogue import TherapistDeactivated, TherapistRegistered, TherapistUpdated
from shared.events.outbox import record
from shared.values.therapist_enums import TherapistChangeAction
from therapist_service.domain import change_log, publishing, states, therapists
from therapist_service.domain.capacity_rules import NOTHING_STATED
from therapist_service.domain.change_log import Change, ChangeOrigin
from therapist_service.domain.schemas import ImportedFields, TherapistFields
from therapist_service.store.tables import Therapist


def register(session: Session, fields: ImportedFields, *, origin: ChangeOrigin, now: datetime) -> Therapist:
    """Enter a therapist whom an import brought and a person approved; nothing is protected from later imports."""
    values = therapists.values_of(
        TherapistFields.of({name: getattr(fields, name) for name in ImportedFields.model_fields})
    )
    first = {"brought_by": origin.import_id, **first_version(by=origin.changed_by, now=now)}
    therapist = Therapist(id=new_id(), **first, **values, **NOTHING_STATED)
    states.register(therapist)
    therapists.make_findable(therapist)
    session.add(therapist)
    record(session, therapist, TherapistRegistered(therapist=publishing.public(therapist)), now=now)
    brought = {name: value for name, value in values.items() if name in fields.model_fields_set}
    entry = Change(therapist.id, TherapistChangeAction.REGISTERED, origin, change_log.difference_of({}, brought))
    change_log.add(session, [entry], now=now)
    return therapist


def change(
    session: Session,
    therapist: Therapist,
    changes: Mapping[str, Any],
    *,
    is_back: bool,
    origin: ChangeOrigin,
    now: datetime,
) -> None:
    """Give a therapist, who is locked, what an import brought and a person approved; nothing is protected by it."""
    before = change_log.columns_of(therapist)
    for name, value in changes.items():
        setattr(therapist, name, value)
    if is_back:
        states.reactivate_after_import(therapist)
    therapists.make_findable(therapist)
    therapists.keep_change(session, therapist, TherapistUpdated, before=before, origin=origin, now=now)


def lose_entry(session: Session, therapist: Therapist, *, origin: ChangeOrigin, now: datetime) -> None:
    """The therapist, who is locked, is in no source any more: the last entry turned out to be somebody else's."""
    before = change_log.columns_of(therapist)
    states.deactivate_for_import(therapist)
    therapists.keep_change(session, therapist, TherapistDeactivated, before=before, origin=origin, now=now)
