"""The access log while several read at once, while something breaks, and as the command verifies it (decision 0035)."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from functools import partial
from threading import get_ident
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Engine, event, func, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from patient_service import jobs
from patient_service.domain import access_verification, accesses, bulk
from patient_service.domain.bulk_schemas import PatientBulkChange
from patient_service.store import access_log
from patient_service.store.tables import AccessAnchor, AnchoredChain, FileAccess
from shared.database import transaction
from shared.security.encryption import Keys
from testkit.private_platform import ROOT
from tests.builders.access_log import READER, add_chain, anchor, chain, problems, read, read_list, rows, tamper
from tests.builders.patients import a_patient
from tests.concurrency import at_once, in_turn
from tests.conftest import MONDAY

pytestmark = pytest.mark.usefixtures("real_commits")


@pytest.fixture
def patient(keys: Keys) -> UUID:
    """A patient whose file was created and read three times; another one, too, and a list of both."""
    with transaction() as session:
        known, other = (a_patient(session, keys).id for _ in range(2))
    for _ in range(3):
        read(keys, known)
        read(keys, other)
    read_list(keys, known, other)
    return known


def note(keys: Keys, patient_id: UUID, session: Session) -> None:
    accesses.record(session, keys, access_log.owners(session, [patient_id]), READER, "read", now=MONDAY)


def test_two_who_read_one_file_at_once_are_two_entries_of_its_chain(keys: Keys, patient: UUID) -> None:
    assert in_turn(partial(note, keys, patient), partial(note, keys, patient)) is None
    assert at_once([partial(read, keys, patient)] * 8) == [None] * 8
    assert [each.number for each in chain(patient)] == list(range(1, 15))
    assert problems() == []


def test_many_who_read_the_same_files_at_once_do_not_block_each_other(keys: Keys) -> None:
    with transaction() as session:
        several = [a_patient(session, keys).id for _ in range(5)]
    assert at_once([partial(read, keys, *several[::turn]) for turn in (1, -1, 1, -1)]) == [None] * 4
    assert [len(chain(each)) for each in several] == [5] * 5
    assert problems() == []


def test_who_is_overtaken_in_one_chain_holds_no_later_one_while_asking_again(keys: Keys) -> None:
    """Else who has the first and waits for the later one would wait for whom it keeps waiting."""
    with transaction() as session:
        first, second, third = sorted(a_patient(session, keys).id for _ in range(3))
    overtaking: list[Future[None]] = []
    asking: list[int] = []
    tries = [*range(9, 0, -1)]

    def overtake(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        is_asking_again = get_ident() in asking and "INSERT INTO file_accesses" in statement and tries.pop() == 2
        if is_asking_again:
            overtaking.append(others.submit(read, keys, second, third))
            wait(overtaking, timeout=1)

    def record_all_of_them(session: Session) -> None:
        asking.append(get_ident())
        several = access_log.owners(session, [first, second, third])
        accesses.record(session, keys, several, READER, "read", now=MONDAY)

    event.listen(Engine, "before_cursor_execute", overtake)
    with ThreadPoolExecutor(1) as others:
        try:
            assert in_turn(partial(note, keys, second), record_all_of_them) is None
        finally:
            event.remove(Engine, "before_cursor_execute", overtake)
        assert [each.result(timeout=10) for each in overtaking] == [None]
    assert [len(chain(each)) for each in (first, second, third)] == [2, 4, 3]
    assert problems() == []


def test_several_accesses_to_the_same_files_are_noted_in_one_order(keys: Keys) -> None:
    """A change of many files that reveals others, and the other way round, at once."""
    with transaction() as session:
        several = sorted(a_patient(session, keys).id for _ in range(4))

    def record_both(changed: list[UUID], revealed: list[UUID]) -> None:
        with transaction() as session:
            entries = [
                entry
                for action, ids in (("changed", changed), ("read", revealed))
                for entry in accesses.seal(keys, access_log.owners(session, ids), READER, action, now=MONDAY)
            ]
            accesses.record_sealed(session, entries, READER, now=MONDAY)

    both = [(several[2:], several[:3]), (several[:2], several[1:])]
    assert at_once([partial(record_both, *each) for each in both * 4]) == [None] * 8
    assert [len(chain(each)) for each in several] == [9, 13, 13, 9]
    assert sorted(each.action for each in chain(several[2])) == ["changed"] * 4 + ["created"] + ["read"] * 8
    assert problems() == []


def test_nobody_waits_for_a_read_of_another_file_or_for_a_list(keys: Keys, patient: UUID) -> None:
    """Ends by a timeout where somebody waits."""
    with transaction() as session:
        other = a_patient(session, keys).id
    with ThreadPoolExecutor(1) as somebody, transaction() as session:
        accesses.record(session, keys, access_log.owners(session, [patient]), READER, "read", now=MONDAY)
        shown: Any = access_log.owners(session, [patient, other])
        accesses.record_list(session, keys, shown, READER, "full", is_export=False, now=MONDAY)
        somebody.submit(read, keys, other).result(timeout=10)
        somebody.submit(read_list, keys, patient, other).result(timeout=10)
    assert problems() == []


def test_a_change_of_many_notes_them_in_one_statement_at_its_end(keys: Keys) -> None:
    with transaction() as session:
        several = [a_patient(session, keys).id for _ in range(5)]
        assigned = {"ids": [str(each) for each in several], "expected_total": 5, "action": "assign"}
        wanted = PatientBulkChange.from_json(assigned | {"assigned_to": str(READER.id)})
        assert len(bulk.change(session, keys, wanted, days_kept=1, reader=READER, now=MONDAY)) == 5
    assert {each.id for each in rows(FileAccess) if each.action == "changed"} == {chain(several[0])[-1].id}
    assert [chain(each)[-1].action for each in several] == ["changed"] * 5
    assert problems() == []


class Crash(Exception):
    """The process ends here."""


def crash(_session: Session) -> None:
    raise Crash


def lose_the_connection(session: Session) -> None:
    session.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))


def interrupted(work: Callable[[Session], Any], by: Callable[[Session], None]) -> None:
    """Something happens after the work, before it is committed."""
    with transaction() as session:
        work(session)
        session.flush()
        by(session)


@pytest.mark.parametrize(("happens", "raised"), [(crash, Crash), (lose_the_connection, DBAPIError)])
def test_what_breaks_off_halfway_leaves_no_entry_and_no_gap(
    keys: Keys, patient: UUID, happens: Callable[[Session], None], raised: type[Exception]
) -> None:
    with pytest.raises(raised):
        interrupted(partial(note, keys, patient), happens)
    read(keys, patient)
    assert [each.number for each in chain(patient)] == [1, 2, 3, 4, 5]
    assert problems() == []


def test_an_anchor_that_breaks_off_halfway_is_made_whole_by_the_next_run(patient: UUID) -> None:
    with pytest.raises(Crash):
        interrupted(partial(access_verification.anchor, now=MONDAY), crash)
    assert rows(AccessAnchor) == rows(AnchoredChain) == []
    anchor()
    assert len(rows(AccessAnchor)) == 1
    assert problems() == []


def test_two_workers_make_one_anchor(patient: UUID) -> None:
    assert sorted(at_once([partial(jobs.anchor_access_log, MONDAY)] * 4)) == [0, 0, 0, 1]
    assert len(rows(AccessAnchor)) == 1
    assert problems() == []


# --- the command ------------------------------------------------------------------------------------------------------


COMMAND = [sys.executable, "-m", "patient_service", "verify-access-log"]


def verified(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [*COMMAND, *arguments]
    return subprocess.run(command, cwd=ROOT, env=os.environ, capture_output=True, text=True, check=False, timeout=60)


def test_the_command_says_what_is_wrong_and_ends_with_1(patient: UUID) -> None:
    anchor()
    hash = rows(AccessAnchor)[0].hash.hex()
    done = verified("--anchor", f"1:{hash}")
    assert (done.returncode, done.stdout.strip()) == (
        0,
        "9 entries and 1 anchors verified, 0 of them not as they were written",
    ), done.stderr
    assert "9 entries and 1 anchors read" in done.stderr
    tamper("DELETE FROM file_accesses WHERE patient_id = :patient AND number = 3", patient=patient)
    done = verified("--anchor", f"2:{hash}")
    assert done.returncode == 1
    assert done.stdout.splitlines() == [
        f"entry 4 of patient {patient} follows number 2: what was between them is missing",
        "anchor 2 is missing, but the log has it",
        "",
        "8 entries and 1 anchors verified, 2 of them not as they were written",
    ]
    assert "Traceback" not in done.stderr
    assert verified("--anchor", "1:short").returncode == 2


MEASURED = """
import resource, subprocess, sys
print(subprocess.run(sys.argv[1:], check=True, capture_output=True, text=True).stdout)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""


def kilobytes_of_the_command(said: str) -> int:
    """The most memory that the command had, which found nothing wrong with so many.

    A small process starts it: of one that this one starts, the system counts what this one has.
    """
    measured = [sys.executable, "-c", MEASURED, *COMMAND]
    *printed, kilobytes = subprocess.run(measured, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split(
        "\n"
    )[:-1]
    assert any(f"{said} verified, 0 of them" in line for line in printed)
    return int(kilobytes)


@pytest.mark.slow
def test_a_hundred_thousand_entries_are_verified_in_little_memory() -> None:
    few = kilobytes_of_the_command("0 entries and 0 anchors")
    for _ in range(2):
        add_chain(uuid4(), 50_000)
    anchor()
    many = kilobytes_of_the_command("100000 entries and 1 anchors")
    assert many - few < 30_000


def test_the_role_of_the_service_only_adds_to_the_log(patient: UUID) -> None:
    """Also where it tries to forge an entry: what it adds out of the order is found."""
    with transaction() as session:
        assert session.scalar(select(func.count()).select_from(FileAccess)) == 8
        for table in ("file_accesses", "list_accesses", "access_anchors", "anchored_chains"):
            rights = ("UPDATE", "DELETE", "TRUNCATE")
            may = [session.scalar(select(func.has_table_privilege(table, right))) for right in rights]
            assert may == [False] * 3
