"""The access log is a chain for each patient: whatever is done to it afterwards is found (decision 0035)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import partial
from hashlib import sha256
from uuid import UUID

import pytest
from sqlalchemy import delete

from migrations.connections import as_owner
from migrations.settings import MigrationSettings
from patient_service import jobs
from patient_service.domain.access_chains import BEGINNING, as_text, chained, file_content
from patient_service.store.tables import AccessAnchor, DataKey, FileAccess, ListAccess
from shared import database
from shared.database import transaction
from shared.security.encryption import Keys
from tests.builders.access_log import add_chain, anchor, chain, execute, problems, read, read_list, rows
from tests.builders.patients import a_patient
from tests.infrastructure import Infrastructure

Tamper = Callable[..., None]


@pytest.fixture
def tamper(infrastructure: Infrastructure) -> Iterator[Tamper]:
    """Executes statements as somebody who may do everything, in the one transaction of a test, which is rolled back."""
    with as_owner(MigrationSettings(), "patient_service") as owner:
        outer = owner.begin()
        database.use(owner)
        yield partial(execute, owner)
        outer.rollback()


@pytest.fixture
def patient(tamper: Tamper, keys: Keys) -> UUID:
    """A patient whose file was created, read three times and shown in three lists; another one, too."""
    with transaction() as session:
        known, other = (a_patient(session, keys).id for _ in range(2))
    for _ in range(3):
        read(keys, known)
        read(keys, other)
        read_list(keys, known, other)
    return known


def test_what_was_written_is_verified_in_whatever_portions(patient: UUID) -> None:
    assert [each.action for each in chain(patient)] == ["created", "read", "read", "read"]
    assert {each.purpose is None for each in chain(patient)[1:]} == {False}
    for day in range(3):
        anchor(day=day)
    for portion in (1, 2, 3, 11, 5000):
        assert problems(portion=portion) == []
        found = list(jobs.verify_access_log({}, portion=portion))
        assert (sum(each.entries for each in found), sum(each.anchors for each in found)) == (11, 3)


def test_a_chain_holds_when_the_patient_s_key_is_destroyed(patient: UUID) -> None:
    with transaction() as session:
        session.execute(delete(DataKey).where(DataKey.owner_id == patient))
    assert problems() == []


CHANGES = {
    "id": "gen_random_uuid()",
    "action": "'changed'",
    "purpose": "purpose || '\\x00'",
    "accessed_at": "accessed_at + interval '1 microsecond'",
    "accessed_by": "NULL",
    "hash": "sha256(hash)",
}
OF_FILE = "file_accesses SET {} WHERE patient_id = :patient AND number = :number"


@pytest.mark.parametrize("number", [1, 2, 4])
@pytest.mark.parametrize("column", CHANGES)
def test_an_entry_that_was_changed_is_found(tamper: Tamper, patient: UUID, column: str, number: int) -> None:
    new = "'\\x00'" if (column, number) == ("purpose", 1) else CHANGES[column]
    new = "gen_random_uuid()" if (column, number) == ("accessed_by", 1) else new
    tamper(f"UPDATE {OF_FILE.format(f'{column} = {new}')}", patient=patient, number=number)
    expected = [f"entry {number} of patient {patient} is not what was written there"]
    # the hash of an entry is part of the next one's
    if column == "hash" and number < 4:
        expected.append(f"entry {number + 1} of patient {patient} is not what was written there")
    if column == "action" and number == 1:
        expected.append(NOT_CREATED.format(patient))
    assert problems() == expected


LIST_CHANGES = {
    "id": "gen_random_uuid()",
    "patient_ids": "patient_ids[1:1]",
    "action": "'audited'",
    "view": "'label'",
    "purposes": "NULL",
    "digest": "sha256(digest)",
    "accessed_at": "accessed_at - interval '1 day'",
    "accessed_by": "gen_random_uuid()",
}


@pytest.mark.parametrize("column", LIST_CHANGES)
def test_a_list_that_was_changed_is_found(tamper: Tamper, patient: UUID, column: str) -> None:
    tamper(f"UPDATE list_accesses SET {column} = {LIST_CHANGES[column]} WHERE number = 1")
    assert len(problems()) == len({each.chain for each in rows(ListAccess)})
    assert "entry 1 of lists" in problems()[0]


@pytest.mark.parametrize("instant", ["infinity", "-infinity", "20000-01-01", "0044-03-15 BC"])
def test_an_instant_that_python_does_not_know_is_found(tamper: Tamper, patient: UUID, instant: str) -> None:
    tamper(f"UPDATE {OF_FILE.format('accessed_at = :at')}", patient=patient, number=2, at=instant)
    assert problems() == [f"entry 2 of patient {patient} is not what was written there"]


def test_every_column_is_among_those_that_were_changed() -> None:
    place = {"patient_id", "number", "chain", "hash"}
    for table, changed in ((FileAccess, CHANGES), (ListAccess, LIST_CHANGES)):
        assert {each.name for each in table.__table__.columns} - place == changed.keys() - place


SHIFT = [
    "UPDATE file_accesses SET number = number + 1000 WHERE patient_id = :patient AND number >= 2",
    "UPDATE file_accesses SET number = number - 999 WHERE patient_id = :patient AND number >= 1000",
]
SWAP = [f"UPDATE {OF_FILE.format('number = ' + new)}".replace(":number", old) for new, old in
        (("99", "2"), ("2", "3"), ("3", "99"))]  # fmt: skip
NO_ENTRY = "'read', NULL, now(), NULL, sha256('x') FROM file_accesses WHERE patient_id = :patient AND number = 1"
NOT_CREATED = "patient {} has no entry that says who created the file"
MANIPULATIONS = {
    "removed": (["DELETE FROM file_accesses WHERE patient_id = :patient AND number = 2"],
                ["entry 3 of patient {} follows number 1: what was between them is missing"]),
    "the first removed": (["DELETE FROM file_accesses WHERE patient_id = :patient AND number = 1"],
                          ["entry 2 of patient {} follows number 0: what was between them is missing", NOT_CREATED]),
    "removed, and the others moved up": (
        ["DELETE FROM file_accesses WHERE patient_id = :patient AND number = 2",
         "UPDATE file_accesses SET number = 2 WHERE patient_id = :patient AND number = 3",
         "UPDATE file_accesses SET number = 3 WHERE patient_id = :patient AND number = 4"],
        ["entry 2 of patient {} is not what was written there"]),
    "inserted": ([*SHIFT, f"INSERT INTO file_accesses SELECT gen_random_uuid(), :patient, 2, {NO_ENTRY}"],
                 [f"entry {number} of patient {{}} is not what was written there" for number in (2, 3)]),
    "inserted behind the last": (
        [f"INSERT INTO file_accesses SELECT gen_random_uuid(), :patient, 5, {NO_ENTRY}"],
        ["entry 5 of patient {} is not what was written there"]),
    "reordered": (SWAP, [f"entry {number} of patient {{}} is not what was written there" for number in (2, 3, 4)]),
    "taken to another patient": (
        ["UPDATE file_accesses SET patient_id = '0193a1b2-0000-7000-8000-000000000009' WHERE patient_id = :patient"
         " AND number = 1"],
        ["entry 1 of patient 0193a1b2-0000-7000-8000-000000000009 is not what was written there",
         "entry 2 of patient {} follows number 0: what was between them is missing", NOT_CREATED]),
}  # fmt: skip


@pytest.mark.parametrize("manipulation", MANIPULATIONS)
def test_a_log_that_was_tampered_with_is_found(tamper: Tamper, patient: UUID, manipulation: str) -> None:
    statements, expected = MANIPULATIONS[manipulation]
    tamper(*statements, patient=patient)
    assert sorted(problems(portion=2)) == sorted(each.format(patient) for each in expected)


# --- what only an anchor finds ----------------------------------------------------------------------------------------


def forge(tamper: Tamper, patient_id: UUID) -> None:
    """Somebody changes an entry and computes every hash from there on: this chain is valid then."""
    before = BEGINNING
    for entry in chain(patient_id):
        entry.action = "changed" if entry.number == 2 else entry.action
        at = as_text(entry.accessed_at)
        content = file_content(entry.id, patient_id, entry.action, entry.purpose, at, entry.accessed_by)
        before = chained(before, content)
        made = {"action": entry.action, "hash": before, "patient": patient_id, "number": entry.number}
        tamper(f"UPDATE {OF_FILE.format('action = :action, hash = :hash')}", **made)


def test_a_last_entry_that_was_removed_is_found_by_the_anchor(tamper: Tamper, patient: UUID) -> None:
    removal = "DELETE FROM file_accesses WHERE patient_id = :patient AND number = 4"
    anchor()
    tamper(removal, patient=patient)
    held = f"entry 4 of patient {patient} is missing: anchor 1 of 2026-11-23 holds it"
    assert problems() == [held]
    tamper("DELETE FROM file_accesses WHERE patient_id = :patient", patient=patient)
    assert problems() == [NOT_CREATED.format(patient), held]


@pytest.mark.parametrize("removed", ["number >= 1", "number = 1"])
def test_a_patient_without_the_beginning_of_a_chain_is_found_without_an_anchor(
    tamper: Tamper, patient: UUID, removed: str
) -> None:
    tamper(f"DELETE FROM file_accesses WHERE patient_id = :id AND {removed}", id=patient)
    for portion in (1, 5000):
        assert NOT_CREATED.format(patient) in problems(portion=portion)


def test_a_chain_that_does_not_begin_with_the_creation_is_found(tamper: Tamper, patient: UUID) -> None:
    """Who computes it anew may leave out who created the file."""
    tamper("DELETE FROM file_accesses WHERE patient_id = :id", id=patient)
    add_chain(patient, 3)
    assert problems() == [NOT_CREATED.format(patient)]


def test_a_list_that_was_removed_is_found_by_the_anchor(tamper: Tamper, patient: UUID) -> None:
    anchor()
    tamper("DELETE FROM list_accesses")
    assert len(problems()) == 1
    assert "of lists" in problems()[0]


def test_a_chain_that_was_written_anew_is_found_by_the_anchor(tamper: Tamper, patient: UUID) -> None:
    anchor()
    forge(tamper, patient)
    assert problems() == [f"entry 4 of patient {patient} is another one now: anchor 1 of 2026-11-23 holds it"]


def logged() -> dict[int, bytes]:
    """The hashes of all anchors, as the workers' log has them."""
    return {each.number: each.hash for each in rows(AccessAnchor)}


def test_anchors_that_were_written_anew_are_found_by_those_in_the_log(tamper: Tamper, patient: UUID) -> None:
    anchor()
    known = logged()
    forge(tamper, patient)
    tamper("DELETE FROM anchored_chains", "DELETE FROM access_anchors")
    anchor()
    assert problems() == []
    assert problems(known) == ["anchor 1 of 2026-11-23 is another one than the log has"]
    tamper("DELETE FROM anchored_chains", "DELETE FROM access_anchors")
    assert problems(known) == ["anchor 1 is missing, but the log has it"]


ANCHORS = {
    "of other chains": ("UPDATE access_anchors SET chains = 7 WHERE number = 2",
                        ["anchor 2 of 2026-11-24 is not what was written there"]),
    "of no instant": ("UPDATE access_anchors SET made_at = 'infinity', day = '20000-01-01' WHERE number = 2",
                      ["anchor 2 of 20000-01-01 is not what was written there"]),
    "changed": ("UPDATE access_anchors SET made_at = now() WHERE number = 2",
                ["anchor 2 of 2026-11-24 is not what was written there"]),
    "of another day": ("UPDATE access_anchors SET day = '2026-11-29' WHERE number = 2",
                       ["anchor 2 of 2026-11-29 is not what was written there"]),
    "removed": ("DELETE FROM access_anchors WHERE number = 2",
                ["anchor 3 follows anchor 1: what was between them is missing",
                 "anchor 3 of 2026-11-25 is not what was written there"]),
    "the last removed": ("DELETE FROM access_anchors WHERE number = 3",
                         ["anchor 3 is missing, but the chains that it holds are there"]),
    "without a chain": ("DELETE FROM anchored_chains WHERE anchor = 1 AND chain = :patient",
                        ["anchor 1 of 2026-11-23 is not what was written there"]),
}  # fmt: skip


@pytest.mark.parametrize("manipulation", ANCHORS)
def test_an_anchor_that_was_tampered_with_is_found(
    tamper: Tamper, keys: Keys, patient: UUID, manipulation: str
) -> None:
    for day in range(3):
        anchor(day=day)
        read(keys, patient)
    statement, expected = ANCHORS[manipulation]
    tamper(statement, **({"patient": patient} if ":patient" in statement else {}))
    assert problems() == expected


def test_an_anchor_holds_only_chains_with_new_entries_and_is_made_once_a_day(keys: Keys, patient: UUID) -> None:
    for _ in range(2):
        anchor()
    read(keys, patient)
    anchor()
    anchor(day=1)
    anchor(day=2)
    lists = len({each.chain for each in rows(ListAccess)})
    assert [(each.number, each.chains) for each in rows(AccessAnchor)] == [(1, 2 + lists), (2, 1), (3, 0)]
    assert problems() == []


def test_the_newest_anchor_leaves_the_database_with_the_log(patient: UUID, capsys: pytest.CaptureFixture[str]) -> None:
    anchor()
    anchor()
    (made,) = rows(AccessAnchor)
    assert capsys.readouterr().out.count(made.hash.hex()) == 2


def test_what_is_hashed_is_what_decision_0035_says(patient: UUID) -> None:
    """So that an auditor may compute it without our code."""
    before = b""
    for entry in chain(patient):
        purpose = None if entry.purpose is None else entry.purpose.hex()
        by = None if entry.accessed_by is None else str(entry.accessed_by)
        at = f"{entry.accessed_at:%Y-%m-%dT%H:%M:%S.%f}+00:00"
        content = json.dumps(
            ["file", str(entry.id), str(patient), entry.action, purpose, at, by], separators=(",", ":")
        )
        before = sha256(before + sha256(content.encode()).digest()).digest()
        assert entry.hash == before
