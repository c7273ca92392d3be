"""Master keys are replaced while the service serves; and it does not start without one that is in use."""

from __future__ import annotations

import base64
import os
import string
from itertools import pairwise
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from flask.testing import FlaskClient
from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from patient_service.domain import files, key_rings
from patient_service.domain.schemas import PatientFields
from patient_service.service import SERVICE
from patient_service.store.tables import DataKey, Patient
from shared.database import transaction
from shared.errors import Unreachable
from shared.http.web import web_app
from shared.security.encryption import KEY_ID, Keys, MissingKey, key_id
from tests.builders.keys import NEW, OLD, OTHER, PHASES, a_key, with_masters
from tests.builders.patients import a_patient
from tests.commands import ended


def ids(session: Session, keys: Keys, number: int, **fields: Any) -> list[UUID]:
    return [a_patient(session, keys, **fields).id for _ in range(number)]


def read(session: Session, keys: Keys, patient_id: UUID) -> PatientFields:
    session.expire_all()
    return files.decrypt(keys, files.get_patient(session, patient_id))


def columns(session: Session, column: Any) -> list[bytes]:
    return list(session.scalars(select(column)))


@pytest.mark.parametrize(("before", "after"), [*pairwise(PHASES[:3]), *[(b, a) for a, b in pairwise(PHASES[:3])]])
def test_processes_of_two_phases_read_what_the_other_wrote(session: Session, before: str, after: str) -> None:
    known = a_patient(session, with_masters(before), last_name="Herbstwind")
    assert read(session, with_masters(after), known.id).last_name == "Herbstwind"


def test_every_key_is_wrapped_anew_in_portions_and_the_documents_stay(session: Session) -> None:
    known = ids(session, with_masters(OLD), 5)
    sealed, wrapped = columns(session, Patient.sealed), columns(session, DataKey.wrapped)
    new = ids(session, with_masters(f"{NEW},{OLD}"), 2)
    portions = list(key_rings.rings(with_masters(f"{NEW},{OLD}")).wrapping.rewrap_all(portion=2))
    assert [each.number for each in portions] == [2, 2, 1]
    assert {each[:KEY_ID] for each in columns(session, DataKey.wrapped)} == {key_id(NEW)}
    assert set(sealed) < set(columns(session, Patient.sealed))
    assert not set(wrapped) & set(columns(session, DataKey.wrapped))
    assert {read(session, with_masters(NEW), each).last_name for each in known + new} == {"Erfunden"}
    with pytest.raises(MissingKey):
        read(session, with_masters(OLD), known[0])


def test_what_was_broken_off_goes_on_where_it_ended(session: Session) -> None:
    ids(session, with_masters(OLD), 5)
    keys = with_masters(f"{NEW},{OLD}")
    run = key_rings.rings(keys).wrapping.rewrap_all(portion=2)
    assert next(run).number == 2
    run.close()
    assert key_rings.rings(keys).wrapping.count_to_rewrap(session) == 3
    assert [each.number for each in key_rings.rings(keys).wrapping.rewrap_all(portion=2)] == [2, 1]
    assert list(key_rings.rings(keys).wrapping.rewrap_all()) == []


def test_a_damaged_key_is_named_and_stops_no_other(session: Session) -> None:
    damaged, *others = ids(session, with_masters(OLD), 3)
    wrong = key_id(OLD) + bytes(60)
    session.execute(update(DataKey).where(DataKey.owner_id == damaged).values(wrapped=wrong))
    keys = with_masters(f"{NEW},{OLD}")
    (portion,) = key_rings.rings(keys).wrapping.rewrap_all()
    assert (portion.number, portion.damaged) == (2, [damaged])
    assert key_rings.rings(keys).wrapping.count_to_rewrap(session) == 1
    assert all(read(session, with_masters(NEW), each) for each in others)


def test_a_key_that_was_destroyed_meanwhile_stays_destroyed(session: Session) -> None:
    erased, _ = ids(session, with_masters(OLD), 2)
    run = key_rings.rings(with_masters(f"{NEW},{OLD}")).wrapping.rewrap_all(portion=1)
    next(run)
    session.execute(delete(DataKey).where(DataKey.owner_id == erased))
    list(run)
    assert not session.scalar(select(DataKey).where(DataKey.owner_id == erased))


# --- a ring that lacks a key ------------------------------------------------------------------------------------------


def test_a_ring_must_have_every_key_that_is_in_use(session: Session) -> None:
    a_patient(session, Keys(OLD, OTHER))
    key_rings.rings(Keys(f"{NEW},{OLD}", OTHER)).check(session)
    with pytest.raises(Unreachable) as refused:
        key_rings.rings(Keys(NEW, OTHER)).check(session)
    assert refused.value.message.startswith("MASTER_KEY (or the file that MASTER_KEY_FILE names) has the key ")
    assert key_id(OLD).hex() in refused.value.message
    assert not [each for each in (OLD, NEW, OTHER) if each in refused.value.message]
    with pytest.raises(Unreachable, match=r"^INDEX_KEY ") as refused:
        key_rings.rings(Keys(OLD, NEW)).check(session)
    assert key_id(OTHER).hex() in refused.value.message


def test_without_any_patient_every_ring_will_do(session: Session) -> None:
    key_rings.rings(Keys(OLD, NEW)).check(session)


def test_one_row_of_an_old_key_among_many_is_noticed(session: Session) -> None:
    for number in range(3):
        ids(session, Keys(a_key(10 + number), OTHER), 3)
    a_patient(session, Keys(OLD, OTHER))
    in_use = {use.id: use.rows for use in key_rings.rings(Keys(NEW, OTHER)).uses(session) if use.role == "missing"}
    assert in_use[key_id(OLD).hex()] == 1
    assert sorted(in_use.values()) == [1, 3, 3, 3]


def test_readiness_says_that_a_key_is_missing(settings: Any, client: FlaskClient, session: Session, keys: Keys) -> None:
    a_patient(session, keys)
    assert client.get("/health/ready").json["checks"]["keys"] == {"ok": True, "decisive": True}
    replaced = settings.model_copy(update={"master_key": type(settings.master_key)(NEW)})
    answer = web_app(SERVICE, replaced).test_client().get("/health/ready")
    assert answer.status_code == 503
    assert "MASTER_KEY" in answer.json["checks"]["keys"]["problem"]
    assert answer.json["checks"]["keys"]["decisive"]


def test_a_file_whose_key_is_missing_is_not_lost_but_waits(
    settings: Any, client: FlaskClient, session: Session, keys: Keys
) -> None:
    known = a_patient(session, keys)
    replaced = settings.model_copy(update={"master_key": type(settings.master_key)(NEW)})
    answer = web_app(SERVICE, replaced).test_client().get(f"/api/patients/{known.id}")
    assert (answer.status_code, answer.json["code"]) == (503, "key.unknown")
    assert client.get(f"/api/patients/{known.id}").status_code == 200


@pytest.fixture
def a_committed_patient(real_commits: None, keys: Keys) -> UUID:
    with transaction() as session:
        return a_patient(session, keys).id


@pytest.mark.parametrize("process", ["web", "worker", "rewrap"])
@pytest.mark.parametrize("setting", ["MASTER_KEY", "INDEX_KEY"])
def test_no_process_starts_without_a_key_that_is_in_use(
    a_committed_patient: UUID, process: str, setting: str, tmp_path: Path
) -> None:
    """The wrong file was mounted: whoever started would answer 503 to everybody, or find nobody again."""
    (tmp_path / "key").write_text(NEW)
    (tmp_path / "key").chmod(0o600)
    done = ended("patient_service", process, **{setting: "", f"{setting}_FILE": str(tmp_path / "key")})
    assert done.returncode != 0
    assert f"{setting} (or the file that {setting}_FILE names) has the key {key_id(NEW).hex()}" in done.stderr
    assert "Traceback" not in done.stderr
    assert not [value for name, value in os.environ.items() if name.endswith("_KEY") and value and value in done.stderr]
    assert NEW not in done.stderr


@pytest.mark.parametrize(
    ("content", "mode", "said"),
    [
        (None, 0, "cannot be read: No such file"),
        (f"{NEW}\n", 0o644, "can be read by every user of the machine"),
        ("", 0o600, "is empty"),
        (NEW[:20], 0o600, "MASTER_KEY: Value error, "),
        (f"{NEW},", 0o600, "holds 0 bytes, 32 are needed"),
        (f"{NEW},{NEW}", 0o600, "has the same key twice"),
        (f"{NEW}\n{OLD}\n", 0o600, "must be one line"),
    ],
)
def test_a_key_file_that_is_of_no_use_is_refused_at_the_start(
    tmp_path: Path, content: str | None, mode: int, said: str
) -> None:
    file = tmp_path / "master_key"
    if content is not None:
        file.write_text(content)
        file.chmod(mode)
    done = ended("patient_service", "web", MASTER_KEY="", MASTER_KEY_FILE=str(file))
    assert done.returncode == 1
    assert said in done.stderr
    assert "MASTER_KEY" in done.stderr
    assert NEW[:20] not in done.stderr


@pytest.mark.parametrize("name", ["DIGEST_KEY", "MASTER_KEY"])
def test_a_key_is_for_one_purpose(name: str) -> None:
    """Also where the same bytes stand there in another text, as base64 allows it."""
    same = base64.b64decode(os.environ[name])
    other_text = next(
        text
        for end in f"{string.ascii_letters}{string.digits}+/"
        if base64.b64decode(text := os.environ[name][:-2] + end + "=") == same and text != os.environ[name]
    )
    done = ended("patient_service", "web", INDEX_KEY=f"{NEW},{other_text}")
    assert done.returncode == 1
    assert "INDEX_KEY: Value error, has the same key as DIGEST_KEY or MASTER_KEY" in done.stderr


def test_the_command_wraps_anew_shows_progress_and_lists_what_is_in_use(a_committed_patient: UUID) -> None:
    ring = f"{NEW},{os.environ['MASTER_KEY']}"
    done = ended("patient_service", "rewrap", MASTER_KEY=ring)
    assert (done.returncode, done.stdout.strip()) == (0, "1 keys wrapped anew, 0 left"), done.stderr
    assert "1 of 1" in done.stderr
    listed = ended("patient_service", "keys", MASTER_KEY=ring).stdout.splitlines()
    assert listed[0].split() == ["MASTER_KEY", key_id(NEW).hex(), "writes", "1", "rows"]
    assert listed[1].split() == ["MASTER_KEY", key_id(os.environ["MASTER_KEY"]).hex(), "reads", "0", "rows"]
    assert ended("patient_service", "rewrap", MASTER_KEY=ring).stdout.strip() == "0 keys wrapped anew, 0 left"
    with transaction() as session:
        key_rings.rings(Keys(NEW, os.environ["INDEX_KEY"])).check(session)
