"""E-mails to patients about how their search goes on: who is due one, and what is in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import CTE, ColumnElement, and_, func, or_, select
from sqlalchemy.orm import Session, aliased

from communication_service.store.tables import ContactRequest, Email, PatientPseudonym
from shared.values.enums import ContactRequestStatus, RequestOutcome

_ABOUT_PROGRESS = and_(Email.kind == "patient_notice", func.cardinality(Email.placement_request_ids) == 0)
_OF_PATIENT = ContactRequest.patient_id == PatientPseudonym.id
_WAS_ASKED = or_(
    ContactRequest.emailed_on.is_not(None), ContactRequest.status == "contacted", ContactRequest.outcome.is_not(None)
)
_OFFERS = ContactRequest.outcome == RequestOutcome.ACCEPTED
# a day of Berlin, which the search of a patient has too
_STOPPED_ON = func.date(func.timezone("Europe/Berlin", Email.stopped_at))
_STOPPED = PatientPseudonym.search_started_on <= _STOPPED_ON
_UNSENT = Email.status.in_(("draft", "approved", "waiting", "sending"))


def _merged_files() -> CTE:
    """Every file that was merged, with each into which it was, one after another; a circle ends."""
    into = aliased(PatientPseudonym)
    merged = select(into.id, into.merged_into.label("into")).where(into.merged_into.is_not(None)).cte(recursive=True)
    following = select(merged.c.id, into.merged_into).join(into, into.id == merged.c.into)
    return merged.union(following.where(into.merged_into.is_not(None)))


_MERGED = _merged_files()


def _none_to_patient(condition: ColumnElement[bool]) -> ColumnElement[bool]:
    """No such e-mail went to the patient, nor to a file that was merged into theirs."""
    own = select(Email.id).where(Email.patient_id == PatientPseudonym.id, condition)
    to_merged = select(Email.id).join(_MERGED, _MERGED.c.id == Email.patient_id)
    return and_(~own.exists(), ~to_merged.where(_MERGED.c.into == PatientPseudonym.id, condition).exists())


@dataclass(frozen=True)
class Progress:
    """Practices of one patient's search."""

    asked: int
    unanswered: int
    declined: int
    later: int


@dataclass(frozen=True)
class ProgressDue:
    """Who is due an e-mail: they have searched since that day or longer, and were not written to since that instant."""

    started_by: date
    written_before: datetime


def patients_to_write_to(session: Session, due: ProgressDue, *, after: UUID | None, limit: int) -> Sequence[UUID]:
    """The ids of patients who are due an e-mail, in their order, from the one on that comes `after` this one.

    Left out are those to whom one has yet to go, who are offered a place, who stopped such e-mails in this search, and
    for whom no practice was asked.
    """
    wanted = select(PatientPseudonym.id).where(*_are_due(due))
    if after is not None:
        wanted = wanted.where(PatientPseudonym.id > after)
    return session.scalars(wanted.order_by(PatientPseudonym.id).limit(limit)).all()


def patient_to_write_to(session: Session, due: ProgressDue, patient_id: UUID) -> PatientPseudonym | None:
    """One of these patients, locked; None where they are held elsewhere, or are not due one any more."""
    wanted = select(PatientPseudonym).where(PatientPseudonym.id == patient_id, *_are_due(due))
    return session.scalars(
        wanted.with_for_update(skip_locked=True).execution_options(populate_existing=True)
    ).one_or_none()


def _are_due(due: ProgressDue) -> list[ColumnElement[bool]]:
    recently = Email.created_at >= due.written_before
    written = and_(_ABOUT_PROGRESS, or_(recently, _UNSENT))
    return [
        PatientPseudonym.status == "searching",
        PatientPseudonym.has_patient_mail.is_(True),
        PatientPseudonym.merged_into.is_(None),
        ~PatientPseudonym.erased,
        PatientPseudonym.search_started_on <= due.started_by,
        _none_to_patient(or_(_STOPPED, written)),
        select(ContactRequest.id).where(_OF_PATIENT, _WAS_ASKED).exists(),
        ~select(ContactRequest.id).where(_OF_PATIENT, _OFFERS).exists(),
    ]


def goes_on(session: Session, patient_id: UUID) -> bool:
    """Whether the patient searches, is offered no place, and has not stopped e-mails about this search."""
    found = select(PatientPseudonym.id).where(
        PatientPseudonym.id == patient_id,
        PatientPseudonym.status == "searching",
        _none_to_patient(_STOPPED),
        ~select(ContactRequest.id).where(_OF_PATIENT, _OFFERS).exists(),
    )
    return session.scalar(select(found.exists())) or False


def progress(session: Session, patient_id: UUID) -> Progress:
    """How many practices were asked for the patient, and what came of that."""
    outcome = ContactRequest.outcome
    declines = set(RequestOutcome) - {RequestOutcome.ACCEPTED, RequestOutcome.LATER}
    is_open = and_(outcome.is_(None), ContactRequest.status != ContactRequestStatus.OVER)
    row = session.execute(
        select(
            _practices(),
            _practices(is_open),
            _practices(outcome.in_(declines)),
            _practices(outcome == RequestOutcome.LATER),
        ).where(ContactRequest.patient_id == patient_id, _WAS_ASKED)
    ).one()
    return Progress(*row)


def _practices(*conditions: ColumnElement[bool]) -> ColumnElement[int]:
    counted = func.count(ContactRequest.therapist_id.distinct())
    return counted.filter(*conditions) if conditions else counted
