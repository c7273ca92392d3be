"""A patient in crisis: raised by a text that speaks of suicidal thoughts or by hand, acknowledged, and taken back.

Nothing of it is published: events lie on a compacted topic, where the gravest fact about somebody's health would stay
(docs/domain.md#data-protection-crisis).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import cache
from typing import Any, get_args
from uuid import UUID

from patient_service.domain import accesses, indexes
from patient_service.domain.accesses import Reader, RevealingConflict
from patient_service.domain.files import decrypt, get_patient, references_of, view, write
from patient_service.domain.intake_schemas import Crisis, CrisisEntry
from patient_service.domain.schemas import CrisisNote, CrisisReason, PatientFields, PatientFile, PatientView
from patient_service.domain.suicidality import speaks_of_suicide
from patient_service.store import queries
from patient_service.store.tables import Patient
from shared.database import Session
from shared.errors import Conflict
from shared.security.encryption import Keys
from shared.values.datetimes import berlin_day
from shared.values.patient_history_enums import CrisisAct
from shared.values.schemas import Schema
from shared.values.text import FREE_FORMS, Text


def assessed(
    fields: PatientFields,
    *,
    before: PatientFields | None = None,
    reason: str | None = None,
    crisis: Crisis,
    by: UUID | None,
    now: datetime,
) -> Crisis:
    """The crisis of a file with these fields: raised anew where a text that was not there before speaks of suicide, or
    the reason of the change.

    A text without suicidal thoughts takes nothing back: that is for people to decide.
    """
    known = set() if before is None else set(_texts(before))
    new = (text for text in _texts(fields) if text not in known)
    is_raised = any(map(speaks_of_suicide, (reason, *new)))
    return _raised_by_text(crisis, by=by, now=now) if is_raised else crisis


def _raised_by_text(crisis: Crisis, *, by: UUID | None, now: datetime) -> Crisis:
    return _kept(crisis, Crisis(flagged=True, raised_at=now), CrisisAct.RAISED, None, by=by, now=now)


def _kept(
    before: Crisis, present: Crisis, what: CrisisAct, reason: str | None, *, by: UUID | None, now: datetime
) -> Crisis:
    """The present crisis, whose history also has what was just done: the next act overwrites everything else."""
    entry = CrisisEntry(what=what, at=now, by=by, reason=reason)
    return present.model_copy(update={"history": [*before.history, entry]})


def _texts(part: Schema) -> Iterator[str]:
    """All that people wrote freely, in whichever field."""
    for name in _fields_with_texts(type(part)):
        value = getattr(part, name)
        for each in value if isinstance(value, list) else (value,):
            if isinstance(each, str):
                yield each
            elif each is not None:
                yield from _texts(each)


@cache
def _fields_with_texts(schema: type[Schema]) -> Sequence[str]:
    """The fields of free text, and those with schemas that may have some; the crisis itself people raise and clear."""
    fields = {name: field for name, field in schema.model_fields.items() if field.annotation is not Crisis}
    return [name for name, field in fields.items() if any(map(_has_texts, (*field.metadata, field.annotation)))]


def _has_texts(of: Any) -> bool:
    if isinstance(of, Text):
        return of.form in FREE_FORMS
    return (isinstance(of, type) and issubclass(of, Schema)) or any(map(_has_texts, get_args(of)))


def of_both(one: Crisis, other: Crisis) -> Crisis:
    """Of two crises of one person the one that somebody must look at first (the first of two alike), with what was
    done about either.
    """
    urgent = max(one, other, key=lambda crisis: (crisis.flagged and crisis.acknowledged_at is None, crisis.flagged))
    history = sorted((*one.history, *other.history), key=lambda entry: entry.at)
    return urgent.model_copy(update={"history": history})


def raised_by(
    text: str | None, keys: Keys, patient: Patient, file: PatientFile, *, by: UUID | None, now: datetime
) -> PatientFile:
    """The file after a text about the patient that is kept beside it: written anew where that raises a crisis."""
    if not speaks_of_suicide(text):
        return file
    return _written(keys, patient, file, _raised_by_text(file.crisis, by=by, now=now))


def acknowledge(
    session: Session, keys: Keys, patient_id: UUID, new: CrisisNote, *, reader: Reader, now: datetime
) -> PatientView:
    """Somebody has seen the crisis and takes care. Raises `NotFound`, and `Conflict` without one, or a second time."""
    patient, file = _locked(session, keys, patient_id)
    if not file.crisis.flagged:
        raise _not_flagged(patient)
    if file.crisis.acknowledged_at is not None:
        raise RevealingConflict([patient.id], "crisis.acknowledged_before")
    seen = file.crisis.model_copy(update={"acknowledged_by": reader.id, "acknowledged_at": now})
    kept = _kept(file.crisis, seen, CrisisAct.ACKNOWLEDGED, new.note, by=reader.id, now=now)
    return _changed(session, keys, patient, file, kept, reader=reader, now=now)


def flag(
    session: Session, keys: Keys, patient_id: UUID, new: CrisisReason, *, reader: Reader, now: datetime
) -> PatientView:
    """Raise the crisis by hand, also one that was acknowledged before. Raises `NotFound`."""
    patient, file = _locked(session, keys, patient_id)
    raised = Crisis(flagged=True, raised_at=now, raised_by=reader.id, reason=new.reason)
    kept = _kept(file.crisis, raised, CrisisAct.RAISED, new.reason, by=reader.id, now=now)
    return _changed(session, keys, patient, file, kept, reader=reader, now=now)


def clear(
    session: Session, keys: Keys, patient_id: UUID, new: CrisisReason, *, reader: Reader, now: datetime
) -> PatientView:
    """Take the crisis back by hand, and keep why. Raises `NotFound`, and `Conflict` without one."""
    patient, file = _locked(session, keys, patient_id)
    if not file.crisis.flagged:
        raise _not_flagged(patient)
    taken_back = Crisis(flagged=False, cleared_at=now, cleared_by=reader.id, reason=new.reason)
    kept = _kept(file.crisis, taken_back, CrisisAct.CLEARED, new.reason, by=reader.id, now=now)
    return _changed(session, keys, patient, file, kept, reader=reader, now=now)


def count_unacknowledged(session: Session, keys: Keys) -> int:
    """How many patients are in a crisis that nobody has acknowledged."""
    return queries.number_of_patients(session, [queries.is_in_crisis(indexes.unacknowledged_crises(keys))])


def _locked(session: Session, keys: Keys, patient_id: UUID) -> tuple[Patient, PatientFile]:
    patient = get_patient(session, patient_id, lock=True)
    return patient, decrypt(keys, patient)


def _not_flagged(patient: Patient) -> Conflict:
    return RevealingConflict([patient.id], "crisis.not_flagged")


def _changed(
    session: Session, keys: Keys, patient: Patient, file: PatientFile, crisis: Crisis, *, reader: Reader, now: datetime
) -> PatientView:
    changed = _written(keys, patient, file, crisis)
    patient.count_change(by=reader.id, now=now)
    accesses.record(session, keys, [patient], reader, "changed", now=now)
    return view(patient, changed, today=berlin_day(now))


def _written(keys: Keys, patient: Patient, file: PatientFile, crisis: Crisis) -> PatientFile:
    changed = file.model_copy(update={"crisis": crisis})
    found_by = indexes.indexes_of(keys, changed, *references_of(patient))
    write(keys, patient, changed, found_by[0])
    return changed
