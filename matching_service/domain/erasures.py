"""Erasing what is kept of a patient here: the copy, the texts, and what is still asked for them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from matching_service.domain import contact_plans, states
from matching_service.domain.consequences import withdraw_all
from matching_service.store.tables import PatientCopy
from shared.database import Session, patient_keys
from shared.database.copies import erase_copies
from shared.events.catalogue import PatientErasedFromMatching
from shared.events.erasures import confirm, record_erased
from shared.events.event import EventEnvelope
from shared.values.enums import WithdrawalReason


def erase_patients(session: Session, envelopes: Sequence[EventEnvelope], *, now: datetime) -> None:
    """Erase what there is of the subjects of these events, and confirm it; doing it again changes nothing.

    A place that was given stays one, for counts: it is nobody's.
    """
    erase_copies(session, PatientCopy, [{"id": each.subject, **each.position()} for each in envelopes])
    patients = sorted({each.subject for each in envelopes})
    record_erased(session, patients, now=now)
    contact_plans.forget(session, patients)
    for patient_id in patients:
        withdraw_all(session, patient_id, WithdrawalReason.PATIENT_ERASED, states.WITHDRAWABLE, now=now)
        patient_keys.destroy(session, patient_id)
    confirm(session, patients, _erased, now=now)


def _erased(patient_id: UUID) -> PatientErasedFromMatching:
    return PatientErasedFromMatching(patient_id=patient_id)
