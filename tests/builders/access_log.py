"""Access logs: what is noted in one, committed, and how somebody with all rights tampers with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from psycopg2.extras import execute_values
from sqlalchemy import Connection, select, text

from migrations.connections import as_owner
from migrations.settings import MigrationSettings
from patient_service import jobs
from patient_service.domain import accesses
from patient_service.domain.access_chains import BEGINNING, as_text, chained, file_content
from patient_service.domain.accesses import Reader
from patient_service.store import access_log
from patient_service.store.tables import FileAccess
from shared.database import new_id, transaction
from shared.security.encryption import Keys
from shared.values.lists import View
from tests.conftest import MONDAY

READER = Reader(id=UUID("0190aaaa-0000-7000-8000-000000000001"), purpose="Anruf")


def read(keys: Keys, *patient_ids: UUID, reader: Reader = READER, now: datetime = MONDAY) -> None:
    """Somebody reads these patients' files at once."""
    with transaction() as session:
        accesses.record(session, keys, access_log.owners(session, patient_ids), reader, "read", now=now)


def read_list(keys: Keys, *patient_ids: UUID, view: View = "full", reader: Reader = READER) -> None:
    """Somebody reads a list of these patients."""
    with transaction() as session:
        shown: Any = access_log.owners(session, patient_ids)
        accesses.record_list(session, keys, shown, reader, view, is_export=False, now=MONDAY)


def anchor(*, day: int = 0) -> None:
    """A worker anchors the chains, so many days later."""
    jobs.anchor_access_log(MONDAY + timedelta(days=day))


def execute(owner: Connection, *statements: str, **values: Any) -> None:
    """Somebody who may do everything executes these statements, each of which finds something."""
    for each in statements:
        assert owner.execute(text(each), values).rowcount > 0, each


def tamper(*statements: str, **values: Any) -> None:
    """The same, and commits it."""
    with as_owner(MigrationSettings(), "patient_service") as owner:
        execute(owner, *statements, **values)
        owner.commit()


def rows(table: Any) -> list[Any]:
    """All rows of a table whose rows have numbers."""
    with transaction() as session:
        return list(session.scalars(select(table).order_by(table.number)))


def chain(patient_id: UUID) -> list[FileAccess]:
    """The entries of a patient."""
    return [each for each in rows(FileAccess) if each.patient_id == patient_id]


def problems(expected: Mapping[int, bytes] | None = None, *, portion: int = 5000) -> Sequence[str]:
    """What the verification finds."""
    return [each for found in jobs.verify_access_log(expected or {}, portion=portion) for each in found.problems]


def add_chain(patient_id: UUID, length: int) -> None:
    """Add a chain of so many reads at once, past the domain, with which that would take minutes."""
    before, rows = BEGINNING, []
    for number in range(1, length + 1):
        id, at = new_id(), MONDAY + timedelta(seconds=number)
        before = chained(before, file_content(id, patient_id, "read", None, as_text(at), None))
        rows.append((str(id), str(patient_id), number, "read", at, before))
    with transaction() as session:
        cursor = session.connection().connection.cursor()
        columns = "id, patient_id, number, action, accessed_at, hash"
        execute_values(cursor, f"INSERT INTO file_accesses ({columns}) VALUES %s", rows, page_size=5000)
