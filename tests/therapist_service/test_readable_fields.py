"""What importers read of a therapist: what imports write, and nothing between the agency and the practice."""

from __future__ import annotations

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from shared.values.enums import Role
from tests.accounts import signed_in
from tests.builders.therapists import a_therapist

HIDDEN = {
    "block", "contact_preference", "email_opt_out", "last_call_on", "last_conversation_on", "last_email_on",
    "potentially_available_note",
}  # fmt: skip
SECRET = "in Trauer, ruft selbst an"


def test_an_importer_reads_a_therapist_without_what_is_between_us_and_the_practice(
    app: Flask, client: FlaskClient, session: Session
) -> None:
    known = a_therapist(session, potentially_available_note=SECRET, email_opt_out=True)
    url = f"/api/therapists/{known.id}"
    staff = signed_in(app, Role.COORDINATOR)
    blocked = staff.post(f"{url}/block", json={"reason": SECRET}).json
    assert blocked["block"]["reason"] == SECRET
    importer = signed_in(app, Role.IMPORTER)
    one, listed = importer.get(url), importer.get("/api/therapists")
    assert SECRET not in one.text + listed.text
    assert one.json == listed.json["items"][0] == {name: blocked[name] for name in blocked if name not in HIDDEN}
    assert (one.json["status"], one.headers["ETag"]) == ("blocked", '"2"')
    for attempt in (importer.patch(url, json={"city": "Köln"}), importer.post(f"{url}/unblock")):
        assert attempt.status_code == 403


def test_a_caller_reads_what_a_call_needs(app: Flask, client: FlaskClient, session: Session) -> None:
    known = a_therapist(session, potentially_available_note=SECRET)
    assert signed_in(app, Role.CALLER).get(f"/api/therapists/{known.id}").json["potentially_available_note"] == SECRET
