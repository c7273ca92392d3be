"""A patient's identity and health are readable only with the master key."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any, get_args
from uuid import UUID

import pytest
from cryptography.exceptions import InvalidTag
from flask.testing import FlaskClient
from pydantic import BaseModel
from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from patient_service.domain import files, patients
from patient_service.domain.files import UnreadableFile
from patient_service.domain.intake_schemas import Crisis
from patient_service.domain.schemas import NewPatient, PatientFile
from patient_service.store import queries
from patient_service.store.tables import DataKey, Patient
from shared.security.encryption import Keys, MissingKey
from tests.builders.marked_files import CRISIS, without_marker
from tests.builders.patients import NOBODY, a_patient, a_ready_patient, new_patient
from tests.builders.secrets import SECRETS, TEXTS, TRACES, everything_stored
from tests.conftest import MONDAY

ANOTHER = "A" * 43 + "="
"""A key that wrote nothing."""


def test_no_name_and_no_diagnosis_is_readable_in_rows_events_or_logs(
    client: FlaskClient,
    session: Session,
    keys: Keys,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    with caplog.at_level(logging.DEBUG):
        known = client.post("/api/patients", json=new_patient(**SECRETS), headers={"Idempotency-Key": "k"}).json
        url = f"/api/patients/{known['id']}"
        client.post("/api/patients", json=new_patient(**SECRETS))
        client.post("/api/patients", json=new_patient(**SECRETS, colour="Panik"))
        client.patch(url, json={"practice_summary": "Panikattacken, Streit"})
        client.get(url, headers={"X-Purpose": "Rückruf bei Geheimrat"})
        client.get("/api/patients?q=geheimrat")
        assert client.post(f"{url}/crisis/flag", json={"reason": CRISIS}).status_code == 200
        client.post(f"{url}/status", json={"status": "search_aborted", "reason": "in der Klinik"})
        assert client.get(f"{url}/history").json["items"][0]["reason"] == "in der Klinik"
    said = caplog.text.lower() + "".join(capfd.readouterr()).lower()
    stored = everything_stored(session)
    assert known["reference"].lower() in stored
    assert without_marker(TEXTS, TRACES) == []
    for trace in TRACES:
        assert trace not in stored, trace
        assert trace not in said, trace


def test_every_patient_has_a_key_of_their_own(session: Session, keys: Keys) -> None:
    one, other = (queries.patient(session, a_patient(session, keys).id) for _ in range(2))
    assert one is not None
    assert other is not None
    assert one.data_key
    assert other.data_key
    assert one.data_key != other.data_key
    assert one.sealed != other.sealed
    with pytest.raises(InvalidTag):
        keys.decrypt(other.data_key, one.id.bytes, one.sealed)


def test_an_altered_ciphertext_is_refused(client: FlaskClient, session: Session, keys: Keys) -> None:
    known = queries.patient(session, a_patient(session, keys).id)
    assert known is not None
    altered = bytearray(known.sealed)
    altered[len(altered) // 2] ^= 1
    session.execute(update(Patient).where(Patient.id == known.id).values(sealed=bytes(altered)))
    session.expire_all()
    with pytest.raises(UnreadableFile):
        patients.get(session, keys, known.id, reader=NOBODY, now=MONDAY)
    session.expunge_all()
    answer = client.get(f"/api/patients/{known.id}")
    assert (answer.status_code, answer.json["code"]) == (503, "patient.unreadable")


@pytest.mark.parametrize("moved", [("sealed",), ("wrapped",), ("sealed", "wrapped")])
def test_a_ciphertext_moved_to_another_row_is_refused(session: Session, keys: Keys, moved: tuple[str, ...]) -> None:
    one, other = (a_patient(session, keys).id for _ in range(2))
    if "sealed" in moved:
        of_other = select(Patient.sealed).where(Patient.id == other).scalar_subquery()
        session.execute(update(Patient).where(Patient.id == one).values(sealed=of_other))
    if "wrapped" in moved:
        its_key = select(DataKey.wrapped).where(DataKey.owner_id == other).scalar_subquery()
        session.execute(update(DataKey).where(DataKey.owner_id == one).values(wrapped=its_key))
    session.expire_all()
    with pytest.raises(UnreadableFile):
        patients.get(session, keys, one, reader=NOBODY, now=MONDAY)


def test_a_file_without_its_key_is_unreadable_and_the_others_are_not(
    client: FlaskClient, session: Session, keys: Keys
) -> None:
    """To delete the row of a key is to erase: what remains is noise, also in every copy."""
    erased, other = (a_patient(session, keys).id for _ in range(2))
    session.execute(delete(DataKey).where(DataKey.owner_id == erased))
    session.expire_all()
    answers = [client.get(f"/api/patients/{each}") for each in (erased, other)]
    assert [each.status_code for each in answers] == [503, 200]


def test_another_master_key_opens_nothing(session: Session, keys: Keys) -> None:
    known = queries.patient(session, a_patient(session, keys).id)
    assert known is not None
    with pytest.raises(MissingKey):
        files.decrypt(Keys(ANOTHER, ANOTHER), known)


def test_a_field_that_came_later_has_its_default_and_one_that_went_is_passed_over(session: Session, keys: Keys) -> None:
    known = queries.patient(session, a_ready_patient(session, keys).id)
    assert known is not None
    old = {"first_name": "Erika", "last_name": "Erfunden", "shoe_size": 38}
    assert known.data_key
    known.sealed = keys.encrypt(known.data_key, known.id.bytes, old)
    assert files.decrypt(keys, known).travel_mode == "car"


def test_a_file_is_decrypted_as_it_was_entered(session: Session, keys: Keys) -> None:
    more: dict[str, Any] = {
        "availability": {"monday": [{"start": "09:00", "end": "12:00"}]},
        "languages": ["de"],
    }
    more |= {"preferred_procedures": ["VT", "ST"], "excluded_therapist_ids": [str(UUID(int=7))], "max_distance_km": 2.5}
    more |= {"registered_on": "2026-01-02", "health_insurer_ik": "109519005"}
    known = queries.patient(session, a_patient(session, keys, **new_patient(**SECRETS | more)).id)
    assert known is not None
    decrypted, entered = files.decrypt(keys, known), NewPatient.from_json(new_patient(**SECRETS | more))
    assert vars(decrypted) == vars(entered) | {"crisis": Crisis(), "other_names": []}
    assert PatientFile.of(vars(decrypted)) == decrypted


def schemas_in(schema: type[BaseModel]) -> Iterator[type[BaseModel]]:
    """A schema and those of its fields, at any depth."""
    yield schema
    for field in schema.model_fields.values():
        for each in _classes_in(field.annotation):
            yield from schemas_in(each)


def _classes_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for each in get_args(annotation):
        yield from _classes_in(each)


def test_a_field_that_may_be_unknown_is_so_without_a_value() -> None:
    """The sealed document leaves out what is not known."""
    found = list(schemas_in(PatientFile))
    assert len(found) > 3
    optional = [
        (each.__name__, name, field.get_default(call_default_factory=True))
        for each in found
        for name, field in each.model_fields.items()
        if type(None) in get_args(field.annotation)
    ]
    assert len(optional) > 30
    assert [(schema, name) for schema, name, default in optional if default is not None] == []
