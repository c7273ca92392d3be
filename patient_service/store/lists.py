"""Named questions behind this service's lists."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from typing import Any, Final
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    DateTime,
    Integer,
    Select,
    Text,
    Uuid,
    and_,
    any_,
    bindparam,
    cast,
    column,
    exists,
    func,
    literal_column,
    null,
    or_,
    select,
    union_all,
)
from sqlalchemy.dialects.postgresql import ARRAY, array, distinct_on
from sqlalchemy.orm import Session, selectinload

from patient_service.store.tables import (
    IS_THERE,
    Consent,
    FileAccess,
    ListAccess,
    LocatedPostalCode,
    Patient,
    StatusChange,
)
from shared.database.listing import Found, Listing
from shared.values.enums import ConsentPurpose, MissingForSearch, PatientStatus
from shared.values.lists import Part

NOT_YET = date(9999, 12, 31)
"""Orders those without a day behind those with one; the indexes have it too."""

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
STATUS_CHANGES: Final = Listing(
    sorts={"at": (StatusChange.id,)}, default="at", counts={"kind": StatusChange.kind, "to": StatusChange.status}
)


def patients(session: Session, conditions: Sequence[ColumnElement[bool]], part: Part) -> Found[Patient]:
    """A part of the patients who meet the conditions, with consents."""
    wanted = select(Patient).options(selectinload(Patient.consents))
    return PATIENTS.read(session, wanted.where(IS_THERE, *conditions), part)


def columns(
    session: Session, conditions: Sequence[ColumnElement[bool]], part: Part, names: tuple[str, ...]
) -> Found[Any]:
    """The same of these columns, in this order before others, with what is needed to decrypt: `data_key`, `sealed`."""
    return PATIENTS.read(session, _selecting(names).where(IS_THERE, *conditions), part)


@cache
def _selecting(names: tuple[str, ...]) -> Select[Any]:
    chosen = dict.fromkeys((*names, "id", "sealed", "data_key"))
    return select(*(getattr(Patient, name).label(name) for name in chosen))


def ids_are_among(ids: Collection[UUID]) -> ColumnElement[bool]:
    """The patient is one of these."""
    return Patient.id.in_(ids)


def ids_where(session: Session, conditions: Sequence[ColumnElement[bool]], *, at_most: int) -> Sequence[UUID]:
    """The ids of patients who meet the conditions, in their order."""
    chosen = select(Patient.id).where(IS_THERE, *conditions)
    return session.scalars(chosen.order_by(Patient.id).limit(at_most)).all()


def fields_are_among(**wanted: Collection[object]) -> list[ColumnElement[bool]]:
    """Conditions that columns have one of these values; without values any will do."""
    return [getattr(Patient, name).in_(values) for name, values in wanted.items() if values]


def is_in_charge(accounts: Collection[UUID | None]) -> ColumnElement[bool]:
    """One of these accounts is in charge of the patient; None: nobody is."""
    known = [each for each in accounts if each is not None]
    is_one_of = Patient.assigned_to.in_(known)
    return is_one_of if len(known) == len(accounts) else or_(is_one_of, Patient.assigned_to.is_(None))


def has_words(alternatives: Sequence[Sequence[Sequence[int]]]) -> ColumnElement[bool]:
    """Of each word of one of the alternatives the patient has one of the values."""
    return or_(*(and_(*(Patient.search_index.overlap(values) for values in words)) for words in alternatives))


def has_insurance_number(indexes: Sequence[bytes]) -> ColumnElement[bool]:
    """The blind index of the patient's insurance number is one of these."""
    return Patient.insurance_number_index.in_(indexes)


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


def status_changes(session: Session, patient_ids: Collection[UUID], part: Part) -> Found[StatusChange]:
    """A part of the status changes of one person, whose files have these ids."""
    return STATUS_CHANGES.read(session, select(StatusChange).where(StatusChange.patient_id.in_(patient_ids)), part)


_OF_PERSON: Any = bindparam("patient_ids", type_=ARRAY(Uuid))
# an access to two files that are one now is one entry: the order of a list is by ids that come once
_SINGLY = (
    select(
        FileAccess.id,
        FileAccess.patient_id,
        FileAccess.action,
        cast(null(), Text).label("view"),
        FileAccess.purpose,
        FileAccess.accessed_at,
        FileAccess.accessed_by,
    )
    .where(FileAccess.patient_id == any_(_OF_PERSON))
    .ext(distinct_on(FileAccess.id))
)
# of whom the purpose can be read: it is sealed for each patient whom the list showed with a key of their own
_PLACE = func.generate_subscripts(ListAccess.patient_ids, 1, type_=Integer).column_valued("place")
_POSITION = (
    select(func.min(_PLACE))
    .where(ListAccess.patient_ids[_PLACE] == any_(_OF_PERSON))
    .correlate(ListAccess)
    .scalar_subquery()
)
_IN_LISTS = select(
    ListAccess.id,
    ListAccess.patient_ids[_POSITION],
    ListAccess.action,
    ListAccess.view,
    ListAccess.purposes[_POSITION],
    ListAccess.accessed_at,
    ListAccess.accessed_by,
).where(ListAccess.patient_ids.overlap(_OF_PERSON))
_ENTRIES = union_all(_SINGLY, _IN_LISTS).subquery()
ACCESSES: Final = Listing(sorts={"at": (_ENTRIES.c.id,)}, default="-at", counts={"action": _ENTRIES.c.action})


def accesses(session: Session, patient_ids: Sequence[UUID], part: Part) -> Found[Any]:
    """A part of who was shown the files with these ids, which are one person's, singly or in a list."""
    return ACCESSES.read(session, select(_ENTRIES).params(patient_ids=list(patient_ids)), part)


MOST_SHOWN: Final = 200
"""So many of the patients whom an access names are shown, as many as a list shows at once."""
# the same columns in whichever subquery: it differs with the filters
_AT, _ID, _CHAIN = column("accessed_at", DateTime(timezone=True)), column("id", Uuid), column("of_chain", Uuid)
ALL_ACCESSES: Final = Listing(
    sorts={"at": (_AT, _ID, _CHAIN)}, default="-at", counts={"action": column("action", Text)}
)


@dataclass(frozen=True)
class AccessesWanted:
    """Which accesses are wanted; what is empty or None will do."""

    accessed_by: Collection[UUID] = ()
    patient_ids: Collection[UUID] = ()
    actions: Collection[str] = ()
    since: datetime | None = None
    before: datetime | None = None

    def of(self, accesses: type[FileAccess | ListAccess]) -> list[ColumnElement[bool]]:
        """The conditions on one of the tables, but for the patients."""
        among = {accesses.accessed_by: self.accessed_by, accesses.action: self.actions}
        conditions: list[ColumnElement[bool]] = [each.in_(values) for each, values in among.items() if values]
        if self.since is not None:
            conditions.append(accesses.accessed_at >= self.since)
        if self.before is not None:
            conditions.append(accesses.accessed_at < self.before)
        return conditions


def all_accesses(session: Session, wanted: AccessesWanted, part: Part) -> Found[Any]:
    """A part of the accesses to any files that are wanted."""
    return ALL_ACCESSES.read(session, select_accesses(wanted), part)


def select_accesses(wanted: AccessesWanted) -> Select[Any]:
    """The accesses to any files that are wanted, singly or in lists."""
    singly = select(
        FileAccess.id,
        FileAccess.patient_id.label("of_chain"),
        array([FileAccess.patient_id]).label("patient_ids"),
        literal_column("1", Integer).label("patients"),
        FileAccess.action,
        cast(null(), Text).label("view"),
        array([FileAccess.purpose]).label("purposes"),
        FileAccess.accessed_at,
        FileAccess.accessed_by,
    )
    in_lists = select(
        ListAccess.id,
        ListAccess.chain,
        ListAccess.patient_ids[1:MOST_SHOWN],
        func.cardinality(ListAccess.patient_ids),
        ListAccess.action,
        ListAccess.view,
        ListAccess.purposes[1:MOST_SHOWN],
        ListAccess.accessed_at,
        ListAccess.accessed_by,
    )
    if wanted.patient_ids:
        singly = singly.where(FileAccess.patient_id.in_(wanted.patient_ids))
        in_lists = in_lists.where(ListAccess.patient_ids.overlap(list(wanted.patient_ids)))
    found = union_all(singly.where(*wanted.of(FileAccess)), in_lists.where(*wanted.of(ListAccess)))
    return select(found.subquery())


def whole_history(session: Session, patient_ids: Collection[UUID]) -> Sequence[StatusChange]:
    """All status changes of one person, whose files have these ids, the oldest first."""
    wanted = select(StatusChange).where(StatusChange.patient_id.in_(patient_ids))
    return session.scalars(wanted.order_by(StatusChange.id)).all()


def whole_access_log(session: Session, patient_ids: Sequence[UUID]) -> Sequence[Any]:
    """All of who was shown the files with these ids, which are one person's, the oldest first."""
    return session.execute(select(_ENTRIES).params(patient_ids=list(patient_ids)).order_by(_ENTRIES.c.id)).all()
