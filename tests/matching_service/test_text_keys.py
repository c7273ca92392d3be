"""The ring of keys that wraps those of patients' texts is replaced while serving; nothing starts without it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from matching_service.service import SERVICE
from shared.database import new_id, patient_keys, transaction
from shared.http.web import web_app
from shared.security.encryption import MasterKeys, key_id
from shared.security.patient_texts import PatientTexts, rings_of
from tests.builders.keys import NEW, OLD, TEXT_RINGS
from tests.builders.matching import TEXTS, an_open_request
from tests.commands import ended

SETTING = "MATCHING_SERVICE_TEXT_KEY"
ABOUT = UUID(int=7)
SETTING = "MATCHING_SERVICE_TEXT_KEY"


def with_ring(ring: str) -> PatientTexts:
    return PatientTexts(MasterKeys(ring))


def test_keys_are_wrapped_anew_and_the_texts_stay(session: Session) -> None:
    texts = [with_ring(OLD).encrypt(session, new_id(), ABOUT, f"geheim {number}") for number in range(5)]
    patient_keys.destroy(session, erased := new_id())
    ring = rings_of(with_ring(f"{NEW},{OLD}"), SETTING)
    ring.check(session)
    assert [each.number for each in ring.wrapping.rewrap_all(portion=2)] == [2, 2, 1]
    rings_of(with_ring(NEW), SETTING).check(session)
    found = with_ring(NEW).read(session, [(each, ABOUT) for each in texts])
    assert [found[each] for each in texts] == [f"geheim {number}" for number in range(5)]
    assert with_ring(NEW).encrypt(session, erased, ABOUT, "geheim") == erased.bytes


def test_readiness_says_that_a_key_is_missing_and_its_texts_wait(
    settings: Any, client: FlaskClient, session: Session
) -> None:
    request = an_open_request(session)
    url = f"/api/placement-requests/{request.id}"
    assert client.patch(url, json={"note": "geheim"}).status_code == 200
    assert client.get("/health/ready").json["checks"]["keys"] == {"ok": True, "decisive": True}
    replaced = settings.model_copy(update={"text_key": type(settings.text_key)(NEW)})
    other = web_app(SERVICE, replaced).test_client()
    answer = other.get("/health/ready")
    assert answer.status_code == 503
    assert answer.json["checks"]["keys"]["problem"].startswith(f"{SETTING} (or the file that {SETTING}_FILE names) has")
    refused = other.get(url)
    assert (refused.status_code, refused.json["code"]) == (503, "key.unknown")
    assert client.get(url).json["note"] == "geheim"


@pytest.fixture
def a_committed_text(real_commits: None) -> UUID:
    patient = new_id()
    with transaction() as session:
        TEXTS.encrypt(session, patient, ABOUT, "geheim")
    return patient


def test_no_process_starts_without_a_key_that_is_in_use(a_committed_text: UUID, tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text(NEW)
    file.chmod(0o600)
    done = ended(SERVICE.name, "web", **{SETTING: "", f"{SETTING}_FILE": str(file)})
    assert done.returncode != 0
    assert f"{SETTING} (or the file that {SETTING}_FILE names) has the key {key_id(NEW).hex()}" in done.stderr
    assert key_id(TEXT_RINGS[SETTING]).hex() in done.stderr
    assert "Traceback" not in done.stderr
    assert not [key for key in (NEW, TEXT_RINGS[SETTING]) if key in done.stderr]


@pytest.mark.parametrize(
    ("value", "said"),
    [("", "holds 0 bytes"), (NEW[:20], "holds 15 bytes"), (f"{NEW},{{digest}}", "has the same key as DIGEST_KEY")],
)
def test_a_ring_that_is_of_no_use_is_refused_by_name(value: str, said: str) -> None:
    done = ended(SERVICE.name, "web", **{SETTING: value.format(digest=os.environ["DIGEST_KEY"])})
    assert done.returncode == 1
    assert f"{SETTING}: " in done.stderr
    assert said in done.stderr
    assert NEW[:20] not in done.stderr


def test_the_commands_list_keys_and_wrap_anew(a_committed_text: UUID) -> None:
    ring = {SETTING: f"{NEW},{TEXT_RINGS[SETTING]}"}
    done = ended(SERVICE.name, "rewrap", **ring)
    assert (done.returncode, done.stdout.strip()) == (0, "1 keys wrapped anew, 0 left"), done.stderr
    listed = ended(SERVICE.name, "keys", **ring).stdout.splitlines()
    assert listed[0].split() == [SETTING, key_id(NEW).hex(), "writes", "1", "rows"]
    assert listed[1].split() == [SETTING, key_id(TEXT_RINGS[SETTING]).hex(), "reads", "0", "rows"]
