"""Templates: one of each kind and language is used, every change is a version, and every letter names its version."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from communication_service.domain import composing, email_parts, templates
from communication_service.domain.template_schemas import LONGEST_BODY
from communication_service.settings import ContactRules
from communication_service.store.tables import Email, Inquiry, PhoneCall
from shared.database import new_id, transaction
from shared.texts import TextLanguage
from shared.values.enums import Role, TemplateKind
from tests.accounts import ANNA, signed_in
from tests.builders.communication import (
    RULES,
    TEXTS,
    a_patient,
    a_practice_to_phone,
    a_request,
    a_therapist,
    composed,
    the,
)
from tests.conftest import MONDAY

LATER = MONDAY + timedelta(minutes=1)
TEMPLATES = "/api/templates"


def the_one(client: Any, kind: str = "inquiry", language: str = "de") -> Any:
    """The template that is used."""
    (found,) = client.get(f"{TEMPLATES}?kind={kind}&language={language}&active=true").json["items"]
    return found


def texts_of(template: Any) -> dict[str, Any]:
    return {name: template[name] for name in ("kind", "language", "subject", "body_text", "body_html")}


def test_of_each_kind_and_language_one_template_is_used(app: Flask, client: FlaskClient) -> None:
    caller = signed_in(app, Role.CALLER)
    listed = caller.get(f"{TEMPLATES}?count_by=kind&view=row").json
    assert listed["counts"] == {kind.value: len(TextLanguage) for kind in TemplateKind}
    assert all(each["active"] and each["version"] == 1 for each in listed["items"])
    assert "body_text" not in listed["items"][0]
    known = the_one(caller, "call_script")
    assert "Guten Tag" in caller.get(f"{TEMPLATES}/{known['id']}").json["body_text"]
    for done in (
        caller.post(TEMPLATES, json={"name": "x", **texts_of(known)}),
        caller.patch(f"{TEMPLATES}/{known['id']}", json={"name": "x"}),
        caller.post(f"{TEMPLATES}/{known['id']}/preview", json={}),
    ):
        assert done.status_code == 403


def test_a_letter_names_the_version_that_it_was_written_with(app: Flask, client: FlaskClient) -> None:
    a_request(a_therapist())
    composed()
    staff = signed_in(app, Role.COORDINATOR)
    url = f"{TEMPLATES}/{the_one(staff)['id']}"
    (mail,) = staff.get("/api/emails").json["items"]
    assert (mail["template_id"], mail["template_version"]) == (url.rpartition("/")[2], 1)
    first = staff.get(url)
    body = {name: first.json[name].replace("Mit freundlichen", "Mit herzlichen") for name in ("body_text", "body_html")}
    changed = staff.patch(url, json=body, headers={"If-Match": first.headers["ETag"]})
    assert (changed.status_code, changed.json["version"], changed.headers["ETag"]) == (200, 2, '"2"')
    assert staff.patch(url, json=body, headers={"If-Match": first.headers["ETag"]}).status_code == 412
    assert staff.patch(url, json=body).json["version"] == 2  # nothing changes, so no version is made
    # what has not gone out is written anew with the next look at it
    with transaction() as session:
        assert composing.compose(session, the(Email).therapist_id, rules=RULES, texts=TEXTS, now=LATER)
    (mail,) = staff.get("/api/emails").json["items"]
    assert mail["template_version"] == 2
    assert "Mit herzlichen Grüßen" in mail["body_text"]
    assert "Mit herzlichen Grüßen" in mail["body_html"]
    versions = staff.get(f"{url}/versions").json["items"]
    assert [(each["version"], each["created_by"]) for each in versions] == [(2, str(ANNA)), (1, None)]
    (old,) = staff.get(f"{url}/versions?version=1").json["items"]
    assert old["body_text"] == first.json["body_text"]


def test_another_template_replaces_the_one_that_is_used(app: Flask, client: FlaskClient) -> None:
    staff = signed_in(app, Role.COORDINATOR)
    first = the_one(staff)
    url = f"{TEMPLATES}/{first['id']}"
    refused = staff.patch(url, json={"active": False})
    assert (refused.status_code, refused.json["code"]) == (409, "template.in_use")
    made = staff.post(TEMPLATES, json={"name": "Kurz", **texts_of(first)}, headers={"Idempotency-Key": "einmal"})
    again = staff.post(TEMPLATES, json={"name": "Kurz", **texts_of(first)}, headers={"Idempotency-Key": "einmal"})
    assert (made.status_code, made.json["active"], again.json["id"]) == (201, False, made.json["id"])
    assert the_one(staff)["id"] == first["id"]
    assert staff.patch(made.headers["Location"], json={"active": True}).json["version"] == 2
    assert the_one(staff)["id"] == made.json["id"]
    assert (staff.get(url).json["active"], staff.get(url).json["version"]) == (False, 2)
    third = staff.post(TEMPLATES, json={"name": "Dritte", "active": True, **texts_of(first)})
    assert the_one(staff)["id"] == third.json["id"]
    assert [each["active"] for each in staff.get(f"{TEMPLATES}/{made.json['id']}/versions").json["items"]] == [
        False,
        True,
        False,
    ]
    assert the_one(staff, language="en")["version"] == 1


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"body_text": "{% for number in range(10**9) %}x{% endfor %}"}, "body_text"),
        ({"body_text": "{{ sender.name }}"}, "body_text"),
        ({"body_html": "<script>x</script>"}, "body_html"),
        ({"subject": None}, "subject"),
        ({"body_text": "x" * (LONGEST_BODY + 1)}, "body_text"),
    ],
)
def test_a_template_that_cannot_be_used_is_not_stored(
    changes: dict[str, Any], field: str, app: Flask, client: FlaskClient
) -> None:
    staff = signed_in(app, Role.COORDINATOR)
    known = the_one(staff)
    url = f"{TEMPLATES}/{known['id']}"
    for refused in (
        staff.patch(url, json=changes),
        staff.post(TEMPLATES, json={"name": "x", **texts_of(known), **changes}),
        staff.post(f"{url}/preview", json=changes) if changes.get(field) else staff.patch(url, json=changes),
    ):
        assert refused.status_code == 422
        assert {each["field"] for each in refused.json["errors"]} == {field}
    assert staff.get(url).json["version"] == 1


def test_a_template_of_ten_megabytes_is_not_even_read(app: Flask, client: FlaskClient) -> None:
    staff = signed_in(app, Role.COORDINATOR)
    known = the_one(staff)
    huge = staff.patch(f"{TEMPLATES}/{known['id']}", json={"body_text": "x" * 10_000_000})
    assert huge.status_code == 413


def test_a_preview_shows_invented_patients_or_those_of_an_inquiry_and_stores_nothing(
    app: Flask, client: FlaskClient
) -> None:
    a_request(a_therapist(last_name="Heide", gender="female"), a_patient(reference="P-7K3M-2Q"))
    composed()
    staff = signed_in(app, Role.COORDINATOR)
    inquiry, english = str(the(Inquiry).id), the_one(staff, language="en")
    url = f"{TEMPLATES}/{english['id']}/preview"
    invented = staff.post(url, json={"number": 3}).json
    assert invented["subject"] == "Inquiry: therapy place for 3 people (P-MUST-02, P-MUST-03, P-MUST-04)"
    assert RULES.sender.name in invented["body_html"]
    real = staff.post(url, json={"inquiry_id": inquiry}).json
    assert real["body_text"].startswith("Dear Ms Heide,")
    assert "P-7K3M-2Q" in real["body_text"]
    tried = staff.post(url, json={"body_text": english["body_text"] + "\nPS: {{ number }}"}).json
    assert tried["body_text"].endswith("PS: 2")
    opening = staff.post(f"{TEMPLATES}/{the_one(staff, 'call_script')['id']}/preview", json={"inquiry_id": inquiry})
    assert "Referenz P-7K3M-2Q" in opening.json["body_text"]
    assert (opening.json["subject"], opening.json["body_html"]) == (None, None)
    other = f"{TEMPLATES}/{the_one(staff, 'confirmation')['id']}/preview"
    for address, body in ((other, {"inquiry_id": inquiry}), (url, {"inquiry_id": str(new_id())})):
        refused = staff.post(address, json=body)
        assert (refused.status_code, refused.json["code"]) == (422, "template.not_shown")
    assert staff.get(f"{TEMPLATES}/{english['id']}").json["version"] == 1
    assert staff.get(f"{TEMPLATES}/{new_id()}").status_code == 404


def test_a_call_shows_what_to_say_and_a_machine_learns_nothing_about_the_patient(
    app: Flask, client: FlaskClient
) -> None:
    a_request(a_practice_to_phone(last_name="Heide"), a_patient(reference="P-7K3M-2Q", diagnosis_block="F30-F39"))
    composed()
    caller = signed_in(app, Role.CALLER)
    script = caller.get(f"/api/phone-calls/{the(PhoneCall).id}").json["script"]
    assert "Spreche ich mit der Praxis Heide?" in script["opening"]
    for said in ("P-7K3M-2Q", "34 Jahre, weiblich", "Affektive Störungen"):
        assert said in script["opening"]
        assert said not in script["voicemail"]
    assert "eine Anfrage nach einem Therapieplatz" in script["voicemail"]
    assert (script["template_id"], script["version"]) == (the_one(caller, "call_script")["id"], 1)
    assert script["voicemail_template_id"] == the_one(caller, "voicemail_script")["id"]


def test_practices_are_written_to_in_the_language_of_the_agency() -> None:
    a_request(a_therapist(last_name="Heide", gender="female"), a_patient(insurance_type="private"))
    composed(rules=ContactRules(letter_language=TextLanguage.EN))
    with transaction() as session:
        mail = session.get_one(Email, the(Email).id)
        used = templates.active(session, TemplateKind.INQUIRY, TextLanguage.EN)
        assert (mail.template_id, mail.template_version) == (used.id, 1)
        text = email_parts.read(session, TEXTS, [mail])[mail.id]
    assert text.text.startswith("Dear Ms Heide,")
    assert "34 years, female" in text.text
    assert "private health insurance" in text.text
