"""What importers read of a therapist: what imports write, and nothing between the agency and the practice."""

from __future__ import annotations

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from shared.values.enums import Role
from tests.accounts import signed_in
from tests.builders.therapists import a_therapist

HIDDEN = {
    "block", "call_note", "capacity", "contact_preference", "email_opt_out", "last_asked_on", "last_call_on",
    "last_conversation_on",
    "last_email_on", "potentially_available_note", "preferences",
}  # fmt: skip
SECRET = "in Trauer, ruft selbst an"


def test_an_importer_reads_a_therapist_without_what_is_between_us_and_the_practice(
    app: Flask, client: FlaskClient, session: Session
) -> None:
    known = a_therapist(session, potentially_available_note=SECRET, call_note=SECRET, email_opt_out=True)
    url = f"/api/therapists/{known.id}"
    staff = signed_in(app, Role.COORDINATOR)
    blocked = staff.post(f"{url}/block", json={"reason": SECRET}).json
    assert blocked["block"]["reason"] == SECRET
    importer = signed_in(app, Role.IMPORTER)
    one, listed = importer.get(url), importer.get("/api/therapists")
    assert SECRET not in one.text + listed.text
    shown = {name: blocked[name] for name in blocked if name not in HIDDEN}
    assert {"potentially_available_note", "call_note", "email_opt_out"} <= shown["field_origins"].keys()
    shown["field_origins"] = {name: each for name, each in shown["field_origins"].items() if name not in HIDDEN}
    assert one.json == listed.json["items"][0] == shown
    assert (one.json["status"], one.headers["ETag"]) == ("blocked", '"2"')
    for attempt in (importer.patch(url, json={"city": "Köln"}), importer.post(f"{url}/unblock")):
        assert attempt.status_code == 403


def test_a_caller_reads_what_a_call_needs_and_changes_what_they_learn_in_it(
    app: Flask, client: FlaskClient, session: Session
) -> None:
    known = a_therapist(session, potentially_available_note=SECRET)
    url, caller = f"/api/therapists/{known.id}", signed_in(app, Role.CALLER)
    assert caller.get(url).json["potentially_available_note"] == SECRET
    learned = {"phone": "+49241654321", "mobile": None, "email": "praxis@example.org", "call_note": SECRET}
    week = {"monday": [{"start": "09:00", "end": "09:50"}]}
    assert caller.patch(url, json={**learned, "city": known.city}).status_code == 200
    assert caller.put(f"{url}/phone-hours", json={"monday": [{"start": "9", "end": "10:00"}]}).status_code == 422
    shown = caller.put(f"{url}/phone-hours", json=week, headers={"If-Match": '"2"'}).json
    assert (shown["phone_hours"], shown["call_note"]) == (week, SECRET)
    # neither is overwritten by an import; the note is none of its fields
    assert {"phone", "email", "phone_hours"} <= shown["protected_by"].keys()
    refused = caller.patch(url, json={"phone": "+49241654322", "city": "Köln", "email_opt_out": True})
    assert (refused.status_code, refused.json["code"]) == (403, "therapist.not_for_callers")
    assert [each["field"] for each in refused.json["errors"]] == ["city", "email_opt_out"]
    assert caller.put(f"{url}/capacity", json={}).status_code == 403
    assert caller.get(url).json["phone"] == "+49241654321"
    assert caller.put(f"{url}/phone-hours", json={}).json["phone_hours"] is None
