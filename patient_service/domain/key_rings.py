"""Replacing keys: what old master keys wrapped is wrapped anew, what old index keys indexed is indexed anew."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from cryptography.exceptions import InvalidTag

from patient_service.domain.files import decrypt, references_of
from patient_service.domain.indexes import Indexes, indexes_of, no_indexes
from patient_service.store import keys as store
from patient_service.store.tables import Patient
from shared.database import Session
from shared.errors import Outage
from shared.runtime.logs import logger
from shared.security.encryption import Keys

log = logger(__name__)

FIRST: Final = UUID(int=0)
"""Before the id of every patient."""


def check(session: Session, keys: Keys) -> None:
    """Raise `Outage` where something was written with a key that the rings lack."""
    _check_ring("MASTER_KEY", keys.masters.ids, store.master_keys_in_use(session), "data of patients are encrypted")
    _check_ring("INDEX_KEY", [each.id for each in keys.indexes], store.index_keys_in_use(session), "patients are found")


def _check_ring(setting: str, ring: Collection[bytes], in_use: Collection[bytes], what: str) -> None:
    missing = [each for each in in_use if each not in ring]
    if missing:
        raise Outage(
            "key.missing",
            f"{setting} (or the file that {setting}_FILE names) has {_listed(ring)}, but {what} with"
            f" {_listed(missing)}: put it back into the ring (docs/keys.md)",
        )


def _listed(ids: Collection[bytes]) -> str:
    return "the " + ("keys " if len(ids) > 1 else "key ") + ", ".join(each.hex() for each in ids)


@dataclass(frozen=True)
class KeyUse:
    """A key of a ring, or one that the ring lacks, and how much was written with it."""

    setting: str
    id: str
    role: str
    """`writes`, `reads`, or `missing`."""
    rows: int


def uses(session: Session, keys: Keys) -> Sequence[KeyUse]:
    """Every key that is in a ring or in use."""
    masters = _uses("MASTER_KEY", keys.masters.ids, store.count_by_master_key(session))
    return [*masters, *_uses("INDEX_KEY", [each.id for each in keys.indexes], store.count_by_index_key(session))]


def _uses(setting: str, ring: Sequence[bytes], counted: Mapping[bytes, int]) -> Sequence[KeyUse]:
    roles = dict.fromkeys(counted, "missing") | dict.fromkeys(ring, "reads") | {ring[0]: "writes"}
    return [KeyUse(setting, id.hex(), roles[id], counted.get(id, 0)) for id in [*ring, *(set(counted) - {*ring})]]


@dataclass(frozen=True)
class Rewrapped:
    """A portion of data keys that were wrapped anew."""

    last: UUID
    number: int
    damaged: Sequence[UUID]
    """The patients whose wrapped key cannot be opened; it is left as it is."""


def count_to_rewrap(session: Session, keys: Keys) -> int:
    """The number of data keys that an older master key of the ring wrapped."""
    return store.count_wrapped_by(session, keys.masters.ids[1:])


def rewrap(session: Session, keys: Keys, *, after: UUID, at_most: int) -> Rewrapped | None:
    """Wrap the next data keys, by the ids of their patients, with the first master key; None where there are no more.

    What is encrypted with the data keys stays as it is, and a file that is read meanwhile is opened with either.
    """
    found = store.wrapped_by(session, keys.masters.ids[1:], after=after, limit=at_most)
    if not found:
        return None
    wrapped = {row.patient_id: _rewrapped(keys, row) for row in found}
    store.write_wrapped(session, {id: new for id, new in wrapped.items() if new is not None})
    damaged = [id for id, new in wrapped.items() if new is None]
    return Rewrapped(last=found[-1].patient_id, number=len(found) - len(damaged), damaged=damaged)


def _rewrapped(keys: Keys, row: Any) -> bytes | None:
    try:
        return keys.masters.rewrap(row.wrapped, row.patient_id.bytes)
    except InvalidTag:
        return None


def reindex(session: Session, keys: Keys, *, at_most: int = 200) -> int:
    """Write the blind indexes of patients anew who are indexed with another key than the first of the ring.

    Returns the number of those who were. A patient whose data key was destroyed, or who was merged into another one, is
    not found any more. One whose file is damaged, or whose insurance number somebody else has, keeps the old ones and
    is named in the log.
    """
    others = [each for each in store.index_keys_in_use(session) if each != keys.indexes[0].id]
    found = store.indexed_with(session, others, limit=at_most) if others else []
    return sum(_index_anew(session, keys, patient) for patient in found)


def _index_anew(session: Session, keys: Keys, patient: Patient) -> bool:
    try:
        if store.index_anew(session, patient, vars(_indexes(keys, patient))):
            return True
        log.error("reindex.insurance_number_twice", patient_id=str(patient.id))
    except InvalidTag:
        log.error("reindex.file_damaged", patient_id=str(patient.id))
    return False


def _indexes(keys: Keys, patient: Patient) -> Indexes:
    if patient.data_key is None or patient.merged_into is not None:
        return no_indexes(keys)
    return indexes_of(keys, decrypt(keys, patient), *references_of(patient))[0]
