"""The table of the keys that encrypt what a service writes about patients, for services that have one.

Each service that writes such texts has this table and a ring of keys of its own, which wraps what is in it. Like the
patient service's `data_keys` it lies apart from what it encrypts and is backed up apart, for days only
(docs/decisions/0032-texts-about-patients.md).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from uuid import UUID

from sqlalchemy import Column, Index, LargeBinary, MetaData, Table, Uuid, case, exists, null, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from shared.database import NAMES
from shared.database.wrapped_keys import WrappedKeys, id_of_wrapping_key

_metadata = MetaData(naming_convention=NAMES)

patient_keys = Table(
    "patient_keys",
    _metadata,
    # the patient for whom it was made, whose id is in every text that it encrypts
    Column("id", Uuid, primary_key=True),
    # whose texts these are: somebody else's after two patients turned out to be one
    Column("patient_id", Uuid, nullable=False),
    # null once it was destroyed: that row stays, so that nobody makes a new key for whom was erased
    Column("wrapped", LargeBinary),
)
Index("ix_patient_keys_patient_id", patient_keys.c.patient_id)
# which keys are in use, and what is still to be wrapped by another one
Index("ix_patient_keys_key_id", id_of_wrapping_key(patient_keys.c.wrapped))

KEYS = WrappedKeys(patient_keys, patient_keys.c.id, patient_keys.c.wrapped)


def add_patient_keys(to: MetaData) -> None:
    """Let a service's metadata (and so its history of migrations) hold the table."""
    patient_keys.to_metadata(to)


def find(session: Session, ids: Collection[UUID]) -> dict[UUID, bytes | None]:
    """The wrapped keys with these ids; None where one was destroyed, and nothing where there never was one."""
    if not ids:
        return {}
    found = select(patient_keys.c.id, patient_keys.c.wrapped).where(patient_keys.c.id.in_(ids))
    return {id: None if wrapped is None else bytes(wrapped) for id, wrapped in session.execute(found)}


def add(session: Session, wrapped: Mapping[UUID, bytes]) -> dict[UUID, bytes | None]:
    """Keep new keys of these patients, and return those that are kept: others', where they came first."""
    if not wrapped:
        return {}
    # by their ids: two transactions that make keys of several patients do not wait for each other in a circle
    new = [{"id": id, "patient_id": id, "wrapped": wrapped[id]} for id in sorted(wrapped)]
    session.execute(insert(patient_keys).values(new).on_conflict_do_nothing())
    return find(session, wrapped.keys())


def destroy(session: Session, patient_id: UUID) -> None:
    """Destroy every key of a patient: from the commit on nobody reads what was written in this service about them.

    Doing it again changes nothing, and no new key is ever made for this patient: what is written later is not kept.
    """
    session.execute(update(patient_keys).where(patient_keys.c.patient_id == patient_id).values(wrapped=None))
    marker = insert(patient_keys).values(id=patient_id, patient_id=patient_id, wrapped=None)
    session.execute(marker.on_conflict_do_update(index_elements=["id"], set_={"wrapped": None}))


def reassign(session: Session, patient_id: UUID, *, to: UUID) -> None:
    """Two patients turned out to be one: the texts about the first stay readable until the keys of `to` are destroyed.

    The caller holds both patients' locks and has moved the requests: new texts are written about `to`.
    """
    others = patient_keys.alias()
    is_erased = exists().where(others.c.id == to, others.c.wrapped.is_(None))
    kept = case((is_erased, null()), else_=patient_keys.c.wrapped)
    theirs = update(patient_keys).where(patient_keys.c.patient_id == patient_id)
    session.execute(theirs.values(patient_id=to, wrapped=kept))
