"""Named questions behind this service's lists."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, Text, Uuid, and_, bindparam, cast, exists, func, null, or_, select, union_all
from sqlalchemy.dialects.postgresql import array
from sqlalchemy.orm import Session, selectinload

from patient_service.store.tables import Consent, FileAccess, ListAccess, LocatedPostalCode, Patient, StatusChange
from shared.database.listing import Found, Listing
from shared.values.enums import ConsentPurpose, MissingForSearch, PatientStatus
from shared.values.lists import Part

NOT_YET = date(9999, 12, 31)
"""Orders those without a day behind those with one; the indexes have it too."""

NOT_ERASED: Final = Patient.erased_at.is_(None)
ERASURE_IS_PROPOSED: Final = Patient.erasure_proposed_on.is_not(None)

PATIENTS: Final = Listing(
    sorts={
        "created_at": (Patient.id,),
        "search_started_on": (func.coalesce(Patient.search_started_on, NOT_YET), Patient.id),
        "last_contact_on": (func.coalesce(Patient.last_contact_on, NOT_YET), Patient.id),
    },
    default="-created_at",
    identity=Patient.id,
    counts={"status": Patient.status},
)
STATUS_CHANGES: Final = Listing(sorts={"at": (StatusChange.id,)}, default="at", counts={"to": StatusChange.status})


def patients(
    session: Session, conditions: Sequence[ColumnElement[bool]], part: Part, *, with_consents: bool
) -> Found[Patient]:
    """A part of the patients who meet the conditions; who was erased is none."""
    wanted = select(Patient).where(NOT_ERASED, *conditions)
    return PATIENTS.read(session, wanted.options(selectinload(Patient.consents)) if with_consents else wanted, part)


def ids_are_among(ids: Collection[UUID]) -> ColumnElement[bool]:
    """The patient is one of these."""
    return Patient.id.in_(ids)


def ids_where(session: Session, conditions: Sequence[ColumnElement[bool]], *, at_most: int) -> Sequence[UUID]:
    """The ids of patients who meet the conditions, in their order; who was erased is none."""
    wanted = select(Patient.id).where(NOT_ERASED, *conditions)
    return session.scalars(wanted.order_by(Patient.id).limit(at_most)).all()


def fields_are_among(**wanted: Collection[object]) -> list[ColumnElement[bool]]:
    """Conditions that columns have one of these values; without values any will do."""
    return [getattr(Patient, name).in_(values) for name, values in wanted.items() if values]


def has_words(alternatives: Sequence[Sequence[bytes]]) -> ColumnElement[bool]:
    """All the blind indexes of one of the alternatives are among those of the patient's name and reference."""
    return or_(*(Patient.search_index.contains(indexes) for indexes in alternatives))


_GIVEN: Final = exists().where(Consent.patient_id == Patient.id, Consent.purpose == ConsentPurpose.MANDATE)
_IS_KNOWN: Final = exists().where(LocatedPostalCode.is_known, LocatedPostalCode.postal_code == Patient.postal_code)
_IS_ANSWERED: Final = exists().where(
    LocatedPostalCode.id == Patient.id, LocatedPostalCode.postal_code == Patient.postal_code
)
_MISSING_ELSEWHERE: Final = {
    MissingForSearch.LOCATION: or_(Patient.postal_code.is_(None), and_(~_IS_KNOWN, _IS_ANSWERED)),
    MissingForSearch.MANDATE_WITHDRAWN: and_(_GIVEN, ~_GIVEN.where(Consent.withdrawn_on.is_(None))),
}
"""What no file lacks by itself, as `rules.missing_for_search` has it."""


def lacks_any_of(missing: Collection[MissingForSearch]) -> ColumnElement[bool]:
    """Something of this is missing before the patient's search may start."""
    elsewhere = [_MISSING_ELSEWHERE[each] for each in missing if each in _MISSING_ELSEWHERE]
    return or_(Patient.missing.overlap([str(each) for each in missing]), *elsewhere)


def has_searched_since_before(day: date) -> ColumnElement[bool]:
    """The patient's search goes on or pauses, and began before this day."""
    return and_(Patient.status.in_([PatientStatus.SEARCHING, PatientStatus.PAUSED]), Patient.search_started_on < day)


def status_changes(session: Session, patient_id: UUID, part: Part) -> Found[StatusChange]:
    """A part of a patient's status changes."""
    return STATUS_CHANGES.read(session, select(StatusChange).where(StatusChange.patient_id == patient_id), part)


_PATIENT: Any = bindparam("patient_id", type_=Uuid)
_SINGLY = select(
    FileAccess.id,
    FileAccess.action,
    cast(null(), Text).label("view"),
    FileAccess.purpose,
    FileAccess.accessed_at,
    FileAccess.accessed_by,
).where(FileAccess.patient_id == _PATIENT)
_IN_LISTS = select(
    ListAccess.id,
    ListAccess.action,
    ListAccess.view,
    ListAccess.purposes[func.array_position(ListAccess.patient_ids, _PATIENT)],
    ListAccess.accessed_at,
    ListAccess.accessed_by,
).where(ListAccess.patient_ids.contains(array([_PATIENT])))
_ENTRIES = union_all(_SINGLY, _IN_LISTS).subquery()
ACCESSES: Final = Listing(sorts={"at": (_ENTRIES.c.id,)}, default="-at", counts={"action": _ENTRIES.c.action})


def accesses(session: Session, patient_id: UUID, part: Part) -> Found[Any]:
    """A part of who was shown a patient's file, singly or in a list."""
    return ACCESSES.read(session, select(_ENTRIES).params(patient_id=patient_id), part)


def was_noted(session: Session, digest: bytes, *, since: datetime) -> bool:
    """Whether a list with this digest was noted since an instant."""
    noted = exists().where(ListAccess.digest == digest, ListAccess.accessed_at > since)
    return bool(session.scalar(select(noted)))
