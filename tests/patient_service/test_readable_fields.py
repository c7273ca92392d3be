"""What auditors read of a search: the steps, when and by whom; no word about health."""

from __future__ import annotations

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from shared.security.encryption import Keys
from shared.values.enums import Role
from tests.accounts import ANNA, signed_in
from tests.builders.patients import a_patient_who_is

SECRET = "Suizidgedanken, stationär aufgenommen"


def test_an_auditor_reads_the_history_without_its_reasons(
    app: Flask, client: FlaskClient, session: Session, keys: Keys
) -> None:
    url = f"/api/patients/{a_patient_who_is(session, keys, 'searching').id}"
    staff = signed_in(app, Role.COORDINATOR)
    assert staff.post(f"{url}/status", json={"status": "paused", "reason": SECRET}).status_code == 200
    assert staff.get(f"{url}/history").json["items"][-1]["reason"] == SECRET
    answer = signed_in(app, Role.AUDITOR).get(f"{url}/history")
    assert SECRET not in answer.text
    step = answer.json["items"][-1]
    assert step.keys() == {
        "reference", "kind", "from", "to", "paused_until", "at", "by", "previous_search_started_on",
        "search_started_on", "kept_until", "placement_request_id",
    }  # fmt: skip
    assert (step["from"], step["to"], step["by"]) == ("searching", "paused", str(ANNA))


def test_an_auditor_reads_the_access_log_and_stands_in_it(
    app: Flask, client: FlaskClient, session: Session, keys: Keys
) -> None:
    url = f"/api/patients/{a_patient_who_is(session, keys, 'searching').id}"
    auditor = signed_in(app, Role.AUDITOR)
    assert auditor.get(f"{url}/history").status_code == 200
    assert auditor.get(f"{url}/access-log", headers={"X-Purpose": "yearly audit"}).status_code == 200
    newest, before = auditor.get(f"{url}/access-log").json["items"][:2]
    assert (newest["action"], newest["purpose"], newest["by"]) == ("audited", "yearly audit", str(ANNA))
    assert (before["action"], before["by"]) == ("read", str(ANNA))
    assert auditor.get(url).status_code == 403
