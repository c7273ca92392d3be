"""Files with patients, and those who work on them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from patient_service import jobs
from patient_service.domain import import_files, imports
from patient_service.domain.import_files import CSV
from patient_service.domain.import_schemas import PatientImportOptions, PatientImportView
from patient_service.store.tables import Patient, PatientImport
from shared.database import transaction
from shared.security.encryption import Keys
from tests.builders.patients import NOBODY
from tests.conftest import MONDAY

HEADER = "first_name,last_name,date_of_birth,insurance_number,gender"


def table(*rows: str) -> str:
    return "\n".join([HEADER, *rows]) + "\n"


def person(number: int) -> str:
    """Nobody is like another one: each has a day of birth of their own."""
    return f"Vorname,Nachname,{1930 + number % 90}-{number // 90 % 12 + 1:02}-01,,"


def number_of_patients(session: Session) -> int:
    return session.scalar(select(func.count()).select_from(Patient)) or 0


def begun(session: Session, keys: Keys, rows: Sequence[str], now: Any = MONDAY, **options: Any) -> PatientImportView:
    read = import_files.read(table(*rows).encode(), media_type=CSV, charset=None)
    return imports.begin(
        session, keys, read, PatientImportOptions.from_json(options), is_csv=True, reader=NOBODY, now=now
    )


def work_until_done(keys: Keys) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        done = jobs.import_patients(keys, MONDAY)
        with transaction() as session:
            left = session.scalars(select(PatientImport.id).where(PatientImport.finished_at.is_(None))).all()
        if not done and not left:
            return


MIXED = table(
    "Anna,Muster,1990-05-17,,female",
    ",Namenlos,gestern,,Frau",
    "Bernd,Beispiel,2999-01-01,,",
    "Carla,Muster,1990-05-18,,",
)
