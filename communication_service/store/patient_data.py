"""Everything that is about one patient."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Uuid, cast, or_, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Session

from communication_service.store.tables import (
    ContactRequest,
    Email,
    Inquiry,
    PatientPseudonym,
    PhoneCall,
    RecordedAnswer,
)


def copies_of(session: Session, ids: Collection[UUID]) -> Sequence[PatientPseudonym]:
    """What was published of these files of a patient."""
    wanted = select(PatientPseudonym).where(PatientPseudonym.id.in_(ids))
    return session.scalars(wanted.order_by(PatientPseudonym.id)).all()


def requests_of(session: Session, ids: Collection[UUID]) -> Sequence[ContactRequest]:
    """The placement requests of a patient with these files."""
    wanted = select(ContactRequest).where(ContactRequest.patient_id.in_(ids))
    return session.scalars(wanted.order_by(ContactRequest.id)).all()


def inquiries_about(session: Session, request_ids: Collection[UUID]) -> Sequence[Inquiry]:
    """The inquiries that carry, or carried last, one of these requests."""
    wanted = select(Inquiry).where(_names_one(Inquiry.placement_request_ids, request_ids))
    return session.scalars(wanted.order_by(Inquiry.id)).all()


def emails_about(session: Session, ids: Collection[UUID], request_ids: Collection[UUID]) -> Sequence[Email]:
    """The e-mails to the patient with these files, or about one of these requests."""
    about = or_(Email.patient_id.in_(ids), _names_one(Email.placement_request_ids, request_ids))
    return session.scalars(select(Email).where(about).order_by(Email.id)).all()


def calls_about(session: Session, request_ids: Collection[UUID]) -> Sequence[PhoneCall]:
    """The calls about one of these requests."""
    wanted = select(PhoneCall).where(_names_one(PhoneCall.placement_request_ids, request_ids))
    return session.scalars(wanted.order_by(PhoneCall.id)).all()


def answers_about(session: Session, request_ids: Collection[UUID]) -> Sequence[RecordedAnswer]:
    """What practices said about these requests, in the order in which it was recorded."""
    wanted = select(RecordedAnswer).where(RecordedAnswer.placement_request_id.in_(request_ids))
    return session.scalars(wanted.order_by(RecordedAnswer.recorded_at, RecordedAnswer.id)).all()


def _names_one(column: Any, request_ids: Collection[UUID]) -> ColumnElement[bool]:
    names_one: ColumnElement[bool] = column.overlap(cast(list(request_ids), ARRAY(Uuid)))
    return names_one
