"""The keys that encrypt what this service writes about patients, one for each patient."""

from __future__ import annotations

from uuid import UUID

from shared.database import Session, patient_keys
from shared.security.key_rings import KeyRings, WrappingRing
from shared.security.patient_texts import PatientTexts


def rings(texts: PatientTexts) -> KeyRings:
    """The ring whose keys wrap those of patients."""
    return KeyRings(WrappingRing("MATCHING_SERVICE_TEXT_KEY", texts.keys, patient_keys.KEYS))


def forget(session: Session, patient_id: UUID) -> None:
    """Destroy the key of a patient: from the commit on nobody reads what was written here about them.

    Doing it again changes nothing, and no new key is ever made for this patient: what is written about them later is
    not kept.
    """
    patient_keys.destroy(session, patient_id)


def reassign(session: Session, patient_id: UUID, *, to: UUID) -> None:
    """Two patients turned out to be one: what was written about the first stays readable until the other is forgotten.

    The caller holds both patients' locks and has moved the requests: new texts are written about `to`.
    """
    patient_keys.reassign(session, patient_id, to=to)
