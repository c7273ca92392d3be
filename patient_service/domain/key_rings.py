"""The rings of this service's keys; and what old index keys indexed is indexed anew."""

from __future__ import annotations

from patient_service.domain.files import decrypt, references_of
from patient_service.domain.indexes import Indexes, indexes_of, indexes_of_merged, no_indexes
from patient_service.store import keys as store
from patient_service.store.tables import Patient
from shared.database import Session
from shared.errors import Unreachable
from shared.runtime.logs import logger
from shared.security.encryption import Keys
from shared.security.key_rings import KeyRings, UsedRing, WrappingRing

log = logger(__name__)


def rings(keys: Keys) -> KeyRings:
    """The rings whose keys patients' rows name."""
    indexes = [each.id for each in keys.indexes]
    return KeyRings(
        WrappingRing("MASTER_KEY", keys.masters, store.DATA_KEYS),
        [UsedRing("INDEX_KEY", indexes, store.index_keys_in_use, store.count_by_index_key, "patients are found")],
    )


def reindex(session: Session, keys: Keys, *, at_most: int = 200) -> int:
    """Write the blind indexes of patients anew who are indexed with another key than the first of the ring.

    Returns the number of those who were. A patient who was erased is not found any more, and one who was merged into
    another one only where somebody alike is looked for. One whose file cannot be read, or whose insurance number
    somebody else has, keeps the old ones and is named in the log.
    """
    others = [each for each in store.index_keys_in_use(session) if each != keys.indexes[0].id]
    found = store.indexed_with(session, others, limit=at_most) if others else []
    return sum(_index_anew(session, keys, patient) for patient in found)


def _index_anew(session: Session, keys: Keys, patient: Patient) -> bool:
    try:
        if store.index_anew(session, patient, vars(_indexes(keys, patient))):
            return True
        log.error("reindex.insurance_number_twice", patient_id=str(patient.id))
    except Unreachable:
        log.error("reindex.file_damaged", patient_id=str(patient.id))
    return False


def _indexes(keys: Keys, patient: Patient) -> Indexes:
    if patient.erased_at is not None:
        return no_indexes(keys)
    if patient.merged_into is not None:
        return indexes_of_merged(keys, decrypt(keys, patient))
    return indexes_of(keys, decrypt(keys, patient), *references_of(patient))[0]
