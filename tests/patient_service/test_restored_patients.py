"""Patients who were erased and came back with a backup: nobody is served before they are erased again."""

from __future__ import annotations

from flask.testing import FlaskClient
from sqlalchemy import update
from sqlalchemy.orm import Session

from patient_service.domain import erasures
from patient_service.store.tables import Erasure, Patient
from shared.database import transaction
from shared.security.encryption import Keys
from tests.builders.patients import a_patient
from tests.commands import ended
from tests.conftest import MONDAY


def test_nothing_serves_while_somebody_is_here_who_was_erased(
    client: FlaskClient, session: Session, keys: Keys
) -> None:
    """Rows of patients came back with a backup; the erasures, which were not restored, still name them."""
    patient, other = a_patient(session, keys), a_patient(session, keys)
    assert client.delete(f"/api/patients/{patient.id}?confirm={patient.reference}").status_code == 202
    assert client.get("/health/ready").json["checks"]["erasures"] == {"ok": True, "decisive": True}
    session.execute(update(Patient).where(Patient.id == patient.id).values(erased_at=None))
    answer = client.get("/health/ready")
    assert answer.status_code == 503
    assert answer.json["checks"]["erasures"]["problem"].endswith("`python -m patient_service erase-restored --yes`")
    assert erasures.list_restored(session, {other.id}) == sorted([patient.id, other.id])
    assert erasures.list_restored(session, ()) == [patient.id]
    session.expire_all()
    erasures.erase_again(session, keys, patient.id, now=MONDAY)
    assert client.get("/health/ready").json["checks"]["erasures"]["ok"]


def test_no_process_starts_while_somebody_is_here_who_was_erased(real_commits: None, keys: Keys) -> None:
    with transaction() as session:
        known = a_patient(session, keys)
        session.add(Erasure(id=known.id, requested_at=MONDAY, requested_by=None))
    done = ended("patient_service", "web")
    assert done.returncode != 0
    assert "erase-restored --yes" in done.stderr
    assert "Traceback" not in done.stderr
