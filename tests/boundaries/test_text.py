"""Text is stored in one form wherever it comes in, and found by what people type."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from patient_service.dependencies import Dependencies
from tests.builders.imports import FIRST, Folder, a_file, a_record
from tests.builders.patients import a_patient, new_patient
from tests.builders.therapists import new_therapist

WRITTEN = {
    "last_name": " Mu\u0308ller-\u200bLu\u00ad\u0308denscheid\u00a0",
    "city": "Lü\u00addenscheid",
    "street": "Lange\u202fStraße\t7",
}
KEPT = {"last_name": "Müller-Lüdenscheid", "city": "Lüdenscheid", "street": "Lange Straße 7"}


def _kept(shown: Any) -> dict[str, str]:
    return {name: shown[name] for name in KEPT}


@pytest.mark.parametrize("service", ["therapist_service"])
def test_therapists_text_has_one_form_from_the_api(service: str, client: FlaskClient) -> None:
    """As patients' text has; a patch too."""
    made = client.post("/api/therapists", json=new_therapist(**WRITTEN)).json
    assert _kept(made) == KEPT
    noted = client.patch(
        f"/api/therapists/{made['id']}", json={"potentially_available_note": "ab\u00a0Mai\r\nnur\u00ad vormittags "}
    ).json
    assert noted["potentially_available_note"] == "ab Mai\nnur vormittags"


@pytest.mark.parametrize("service", ["therapist_service"])
def test_therapists_text_has_one_form_from_an_import(service: str, client: FlaskClient, folder: Folder) -> None:
    """The scraper reads web pages, which divide words with soft hyphens."""
    done = folder.bring(FIRST, a_file([a_record(**WRITTEN, qualifications=["Trauma\u00adtherapie", "Traumatherapie"])]))
    assert done.counts.additions == 1
    (shown,) = client.get("/api/therapists").json["items"]
    assert _kept(shown) == KEPT
    assert shown["qualifications"] == ["Traumatherapie"]


@pytest.mark.parametrize("service", ["therapist_service"])
def test_therapists_are_listed_in_the_order_of_german(service: str, client: FlaskClient) -> None:
    """By code points Özdemir would stand after Zacharias, and adam after all of them."""
    names = ["Adam", "adler", "Ärmel", "Ozan", "Özdemir", "Ozel", "Straßer", "Strasser-Zorn", "Zacharias"]
    for name in reversed(names):
        assert client.post("/api/therapists", json=new_therapist(last_name=name)).status_code == 201
    assert [each["last_name"] for each in client.get("/api/therapists").json["items"]] == names


@pytest.mark.parametrize("service", ["patient_service"])
@pytest.mark.parametrize(
    "q", ["Müller", "MUELLER", "mu\u0308ller", "lüden\u00adscheid", "Luedenscheid mueller", "Strasse", "jose"]
)
def test_patients_are_found_by_what_people_type(
    service: str, client: FlaskClient, session: Session, settings: Any, q: str
) -> None:
    """Their names are encrypted: the index is of the folded words."""
    keys = Dependencies.of(settings).keys
    a_patient(session, keys, first_name="José Straße", last_name=WRITTEN["last_name"])
    found = client.get("/api/patients", query_string={"q": q}).json["items"]
    assert [each["last_name"] for each in found] == [KEPT["last_name"]]


@pytest.mark.parametrize("service", ["patient_service"])
def test_one_person_in_two_spellings_is_a_suspected_duplicate(service: str, client: FlaskClient) -> None:
    """Whoever types the name again types it differently."""
    assert client.post("/api/patients", json=new_patient(last_name="Müller")).status_code == 201
    assert client.post("/api/patients", json=new_patient(last_name="Mu\u0308l\u00adler ")).status_code == 409


@pytest.mark.parametrize("service", ["patient_service"])
@pytest.mark.parametrize("purpose", ["R\u00fcckfrage\u00a0der Praxis", "Rück\u00adfrage"])
def test_a_purpose_may_hold_what_people_paste(service: str, client: FlaskClient, purpose: str) -> None:
    """A rare blank in a header is a blank, too."""
    headers = {"X-Purpose": purpose.encode().decode("latin-1")}
    assert client.get("/api/patients", headers=headers).status_code == 200
