"""A patient who is forgotten by this service is forgotten here for good."""

from __future__ import annotations

from sqlalchemy.orm import Session

from communication_service.domain import patient_keys
from shared.database import new_id
from shared.security.encryption import MasterKeys
from shared.security.patient_texts import PatientTexts
from shared.texts import TextLanguage
from tests.builders.keys import OLD


def test_what_was_written_about_who_is_forgotten_is_read_by_nobody(session: Session) -> None:
    texts = PatientTexts(MasterKeys(OLD), lambda: TextLanguage.EN)
    patient, duplicate, about = new_id(), new_id(), new_id()
    written = [texts.encrypt(session, each, about, "geheim") for each in (patient, duplicate)]
    patient_keys.reassign(session, duplicate, to=patient)
    assert set(texts.read(session, [(each, about) for each in written]).values()) == {None, "geheim"}
    patient_keys.forget(session, patient)
    assert set(texts.read(session, [(each, about) for each in written]).values()) == {None, "[erased]"}
    assert texts.encrypt(session, patient, about, "geheim") == patient.bytes
