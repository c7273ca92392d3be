"""Many patients, entered past the API, which would take minutes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

from sqlalchemy import insert

from patient_service.domain import states
from patient_service.domain.files import published, write
from patient_service.domain.indexes import indexes_of
from patient_service.domain.schemas import NewPatient, PatientFile
from patient_service.store import queries
from patient_service.store.tables import DataKey, Patient
from shared.database import first_version, new_id, transaction
from shared.runtime import clock
from shared.security.encryption import Keys
from shared.values.datetimes import berlin_day


def enter(keys: Keys, bodies: Iterable[dict[str, Any]], *, prefix: str) -> list[str]:
    """Enter these patients, whose references begin so; returns their ids. They are not published."""
    ids, entered = list[str](), _patients(keys, bodies, prefix)
    while portion := list(islice(entered, 1000)):
        with transaction() as session:
            session.execute(insert(Patient), [_row(each, len(ids) + place) for place, each in enumerate(portion)])
            session.execute(insert(DataKey), [{"owner_id": each.id, "wrapped": each.data_key} for each in portion])
        ids += [str(each.id) for each in portion]
    return ids


def _row(patient: Patient, number: int) -> dict[str, Any]:
    """The number keeps those apart who are alike by chance."""
    return {each.name: getattr(patient, each.name) for each in Patient.__table__.columns} | {"namesake": number}


def _patients(keys: Keys, bodies: Iterable[dict[str, Any]], prefix: str) -> Iterator[Patient]:
    now = clock.now()
    for number, body in enumerate(bodies):
        new = NewPatient.from_json(body)
        fields = PatientFile.model_construct(**vars(new) | {"registered_on": berlin_day(now)})
        identity, reference = new_id(), f"{prefix}-{number:06}"
        patient = queries.new_patient(
            id=identity,
            reference=reference,
            data_key=keys.new_data_key(identity.bytes),
            consents=[],
            other_references=[],
            sequence=1,
            **first_version(by=None, now=now),
        )
        states.register(patient)
        write(keys, patient, fields, indexes_of(keys, fields, reference)[0])
        published(patient, fields, today=berlin_day(now))
        yield patient
