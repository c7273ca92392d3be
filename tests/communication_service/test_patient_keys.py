"""A patient who is forgotten by this service is forgotten here for good; without its ring nothing is ready."""

from __future__ import annotations

from typing import Any

from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from communication_service.service import SERVICE
from communication_service.store.tables import Email
from shared.database import new_id, patient_keys
from shared.http.web import web_app
from shared.security.encryption import MasterKeys
from shared.security.patient_texts import PatientTexts
from shared.texts import TextLanguage
from tests.builders.communication import an_email_to_send, the
from tests.builders.keys import NEW, OLD


def test_what_was_written_about_who_is_forgotten_is_read_by_nobody(session: Session) -> None:
    texts = PatientTexts(MasterKeys(OLD), lambda: TextLanguage.EN)
    patient, duplicate, about = new_id(), new_id(), new_id()
    written = [texts.encrypt(session, each, about, "geheim") for each in (patient, duplicate)]
    patient_keys.reassign(session, duplicate, to=patient)
    assert set(texts.read(session, [(each, about) for each in written]).values()) == {None, "geheim"}
    patient_keys.destroy(session, patient)
    assert set(texts.read(session, [(each, about) for each in written]).values()) == {None, "[erased]"}
    assert texts.encrypt(session, patient, about, "geheim") == patient.bytes


def test_readiness_says_that_a_key_is_missing_and_letters_wait_for_it(settings: Any, client: FlaskClient) -> None:
    an_email_to_send()
    url = f"/api/emails/{the(Email).id}"
    assert client.get("/health/ready").json["checks"]["keys"] == {"ok": True, "decisive": True}
    replaced = settings.model_copy(update={"text_key": type(settings.text_key)(NEW)})
    other = web_app(SERVICE, replaced).test_client()
    problem = other.get("/health/ready").json["checks"]["keys"]["problem"]
    assert problem.startswith(
        "COMMUNICATION_SERVICE_TEXT_KEY (or the file that COMMUNICATION_SERVICE_TEXT_KEY_FILE names)"
    )
    assert (other.get(url).status_code, other.get(url).json["code"]) == (503, "key.unknown")
    assert other.get("/api/emails?view=row").status_code == 200
    assert client.get(url).status_code == 200
