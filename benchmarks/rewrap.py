"""How long `rewrap` takes for 100,000 patients while the service serves, and whether a request fails meanwhile."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from itertools import count, islice
from random import Random
from typing import Any

from sqlalchemy import insert

from benchmarks.figures import Figure, at_most
from operations.services import environment
from patient_service.domain import states
from patient_service.domain.files import write
from patient_service.domain.indexes import indexes_of
from patient_service.domain.schemas import NewPatient, PatientFile
from patient_service.settings import Settings
from patient_service.store import queries
from patient_service.store.tables import DataKey, Patient
from shared import database
from shared.database import first_version, new_id, transaction
from shared.runtime import clock
from shared.security.encryption import Keys
from shared.values.datetimes import berlin_day
from testkit.api_client import ApiClient
from testkit.private_platform import PrivatePlatform

PATIENTS, STAFF = 100_000, 4


def measure(platform: PrivatePlatform) -> list[Figure]:
    """Measure the command; the patients' keys are wrapped by the last key of MASTER_KEY before."""
    settings = Settings()
    database.connect(settings.database_url)
    old = settings.master_key.get_secret_value().split(",")[-1]
    patient_ids = _enter(Keys(old, settings.index_key.get_secret_value()))
    stop, answers = threading.Event(), _Answers()
    staff = [
        threading.Thread(target=_work, args=(ApiClient(platform.settings), patient_ids, seed, stop, answers))
        for seed in range(STAFF)
    ]
    for each in staff:
        each.start()
    started = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "patient_service", "rewrap"],
        env=environment("patient_service", platform.settings),
        capture_output=True,
        text=True,
        check=True,
    )
    took = time.perf_counter() - started
    stop.set()
    for each in staff:
        each.join()
    if f"{PATIENTS} keys wrapped anew, 0 left" not in done.stdout:
        raise RuntimeError(done.stdout)
    print(f"{answers.good} requests were answered meanwhile")
    return [
        at_most("rewrap of 100,000 patients while serving", took, "s", 300),
        at_most("failed requests during rewrap", answers.failed, "requests", 0),
    ]


class _Answers:
    good = failed = 0


def _work(api: ApiClient, patient_ids: list[str], seed: int, stop: threading.Event, answers: _Answers) -> None:
    """Read, change and enter patients until the end."""
    random = Random(seed)
    for turn in count():
        if stop.is_set():
            return
        path = f"/api/patients/{random.choice(patient_ids)}"
        try:
            api.get("patient", path)
            if turn % 5 == 0:
                api.patch("patient", path, {"phone": f"0241 {random.randrange(1000, 10_000)}"})
                api.post("patient", "/api/patients", _body(f"Neu{seed}", turn))
            answers.good += 1
        except Exception as problem:
            print(problem)
            answers.failed += 1


def _body(first_name: str, number: int) -> dict[str, Any]:
    return {"first_name": first_name, "last_name": f"Nachname{number}", "date_of_birth": "1990-05-05"}


def _enter(keys: Keys) -> list[str]:
    """Enter the patients past the API, which would take minutes; returns their ids."""
    ids, entered = list[str](), _patients(keys)
    while portion := list(islice(entered, 1000)):
        with transaction() as session:
            session.execute(insert(Patient), [_row(each) for each in portion])
            session.execute(insert(DataKey), [{"patient_id": each.id, "wrapped": each.data_key} for each in portion])
        ids += [str(each.id) for each in portion]
    return ids


def _row(patient: Patient) -> dict[str, Any]:
    return {each.name: getattr(patient, each.name) for each in Patient.__table__.columns} | {"namesake": 0}


def _patients(keys: Keys) -> Iterator[Patient]:
    now = clock.now()
    for number in range(PATIENTS):
        new = NewPatient.from_json(_body("Alt", number))
        fields = PatientFile.model_construct(**vars(new) | {"registered_on": berlin_day(now)})
        identity, reference = new_id(), f"B-{number:06}"
        patient = queries.new_patient(
            id=identity,
            reference=reference,
            data_key=keys.new_data_key(identity.bytes),
            sequence=1,
            age_published_on=berlin_day(now),
            **first_version(by=None, now=now),
        )
        states.register(patient)
        write(keys, patient, fields, indexes_of(keys, fields, reference)[0], today=patient.age_published_on)
        yield patient
