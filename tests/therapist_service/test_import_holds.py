"""Files that would do too much wait for a person, and later files with them."""

from __future__ import annotations

import string
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from shared.database import transaction
from shared.http.web import web_app
from tests.builders.imports import FIRST, SECOND, THIRD, Folder, a_file, a_record
from tests.conftest import MONDAY
from tests.events import recorded
from therapist_service import jobs
from therapist_service.domain import import_records, imports
from therapist_service.domain.import_records import Entry, RawRecord
from therapist_service.service import SERVICE
from therapist_service.settings import HoldRule
from therapist_service.store.tables import Import, ImportContent, ImportRecord, Therapist, TherapistSource

FOURTH = "therapists_20261123_070000.json"


@pytest.fixture
def app(folder: Folder) -> Flask:
    return web_app(SERVICE, folder.settings)


def people(number: int, **fields: Any) -> list[dict[str, Any]]:
    return [a_record(f"a-{each}", **fields) for each in range(number)]


def ids(number: int, start: int = 0) -> list[str]:
    return [f"a-{each}" for each in range(start, start + number)]


def in_town(session: Session, city: str) -> int:
    return session.scalar(select(func.count()).where(Therapist.city == city)) or 0


@pytest.mark.parametrize(
    ("affected", "known", "holds"),
    [(0, 0, False), (20, 20, False), (21, 21, True), (21, 104, True), (21, 105, False), (8001, 40_000, True)],
)
def test_a_share_and_a_floor_decide_together(affected: int, known: int, holds: bool) -> None:
    assert HoldRule().holds(affected, known=known) == holds


def test_the_first_file_of_a_source_passes_and_so_does_what_changes_few(folder: Folder) -> None:
    assert folder.bring(FIRST, a_file(people(60))).status == "completed"
    unchanged_with_a_few = [*people(45), *people(60, city="Bonn")[45:]]
    second = folder.bring(SECOND, a_file(unchanged_with_a_few))
    assert (second.status, second.counts.modifications, second.hold) == ("completed", 15, None)
    other = a_file([a_record(f"b-{n}") for n in range(60)])
    other["metadata"]["source"] = "another directory"
    assert folder.bring(THIRD, other).status == "completed", "the share is of what this source has shown"


def test_a_held_file_waits_for_approval_and_later_files_with_it(
    folder: Folder, client: FlaskClient, session: Session
) -> None:
    folder.bring(FIRST, a_file(people(60)))
    held = folder.bring(SECOND, a_file(modifications=people(60, city="Bonn")[30:], deletions=ids(10)))
    folder.bring(THIRD, a_file(modifications=people(1, city="Jena")))
    waits = folder.imports()[-1]
    assert [each.status for each in folder.imports()] == ["completed", "held", "running"]
    assert (held.done, held.total, in_town(session, "Bonn"), waits.total) == (0, 40, 0, None)
    assert [each["file"] for each in client.get("/api/imports?status=held").json["items"]] == [SECOND]
    assert [each.waits_for for each in folder.imports()] == [None, None, SECOND]
    assert held.reason == (
        "It would deactivate 10 and change 30 of 60 therapists who are known from 116117.de: more than 20 %"
    )
    event = recorded(session, held.id)[-1]
    assert (event["type"], event["data"]["would_deactivate"], event["data"]["known_before"]) == ("import.held", 10, 60)

    approved = client.post(f"/api/imports/{held.id}/approve").json
    assert (approved["status"], approved["hold"]["would_change"]) == ("running", 30)
    for action in ("approve", "reject"):
        again = client.post(f"/api/imports/{held.id}/{action}", json={} if action == "reject" else None)
        assert (again.status_code, again.json["code"]) == (409, "import.not_held")
    folder.work()
    assert [each.status for each in folder.imports()] == ["completed"] * 3
    assert (in_town(session, "Bonn"), in_town(session, "Jena")) == (30, 1)
    completed = recorded(session, held.id)[-1]
    assert (completed["type"], completed["data"]["modifications"]) == ("import.completed", 30)


def test_a_source_that_mixes_up_whose_ids_are_whose_is_held(folder: Folder) -> None:
    names = [f"{letter}ame" for letter in string.ascii_lowercase]
    both = [a_record(f"a-{n}", first_name=name, last_name=f"von {name}") for n, name in enumerate(names)]
    assert folder.bring(FIRST, a_file(both)).counts.additions == 26
    mixed_up = [{**each, "external_id": other["external_id"]} for each, other in zip(both, reversed(both), strict=True)]
    held = folder.bring(SECOND, a_file(modifications=mixed_up))
    assert (held.status, held.hold and held.hold.would_change) == ("held", 26)


def test_a_source_under_another_name_is_judged_by_those_whom_it_names(folder: Folder, session: Session) -> None:
    names = [f"{letter}ame" for letter in string.ascii_lowercase]
    both = [a_record(f"a-{n}", first_name=name, last_name=f"von {name}") for n, name in enumerate(names)]
    folder.bring(FIRST, a_file(both))
    renamed = a_file([{**each, "external_id": f"z-{n}", "procedures": ["AP"]} for n, each in enumerate(both)])
    renamed["metadata"]["source"] = "arztsuche.116117.de"
    held = folder.bring(SECOND, renamed)
    assert (held.status, held.hold and (held.hold.known_before, held.hold.would_change)) == ("held", (26, 26))
    assert held.reason == (
        "It would deactivate 0 and change 26 of 26 therapists who are known from arztsuche.116117.de or found by its "
        "records (26): more than 20 %"
    )
    assert {each.procedures[0] for each in session.scalars(select(Therapist))} == {"VT"}


def test_deletions_of_everything_is_held(folder: Folder, session: Session) -> None:
    folder.bring(FIRST, a_file(people(60)))
    held = folder.bring(SECOND, a_file(deletions=ids(60)))
    assert (held.status, held.done, held.hold and held.hold.would_deactivate) == ("held", 0, 60)
    assert held.reason == (
        "It would deactivate 60 and change 0 of 60 therapists who are known from 116117.de: more than 20 %"
    )
    assert session.scalar(select(func.count()).where(Therapist.status == "active")) == 60


def test_unchanged_records_are_not_looked_at_when_a_file_is_judged(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.bring(FIRST, a_file(people(60)))
    parsed: list[str | None] = []
    read = import_records.entry

    def noting(sent: RawRecord) -> Entry:
        parsed.append(sent.external_id)
        return read(sent)

    monkeypatch.setattr(import_records, "entry", noting)
    held = folder.bring(SECOND, a_file([*people(25, city="Bonn"), *people(60)[25:]]))
    assert (held.status, held.hold and held.hold.would_change, parsed) == ("held", 25, ids(25))


def test_a_rejected_file_changes_nothing_and_later_files_go_on(
    folder: Folder, client: FlaskClient, session: Session
) -> None:
    folder.bring(FIRST, a_file(people(30)))
    held = folder.bring(SECOND, a_file(deletions=ids(30)))
    folder.bring(THIRD, a_file(modifications=people(1, city="Jena")))
    rejected = client.post(f"/api/imports/{held.id}/reject", json={"reason": "The source was down."}).json
    assert (rejected["status"], rejected["reason"]) == ("rejected", "Rejected: The source was down.")
    folder.work()
    assert [each.status for each in folder.imports()] == ["completed", "rejected", "completed"]
    assert session.scalar(select(func.count()).where(Therapist.status == "active")) == 30
    assert session.scalar(select(func.count()).select_from(ImportContent)) == 0
    failed = recorded(session, held.id)[-1]
    assert (failed["type"], failed["data"]["status"], failed["data"]["reason"]) == ("import.failed", "rejected", None)


def test_an_earlier_file_that_comes_late_goes_before_the_held_one(folder: Folder) -> None:
    folder.bring(FIRST, a_file(people(30)))
    folder.bring(THIRD, a_file(deletions=ids(30)))
    folder.bring(SECOND, a_file(people(1, city="Bonn")))
    assert [each.status for each in folder.imports()] == ["completed", "held", "completed"]


def test_those_who_are_gone_are_not_among_the_known_and_their_return_is_a_change(
    folder: Folder, session: Session
) -> None:
    folder.bring(FIRST, a_file(people(100)))
    session.execute(update(Therapist).values(status="inactive", inactive_by="import"))
    session.execute(update(TherapistSource).values(gone_at=MONDAY))
    back = folder.bring(SECOND, a_file(people(40)))
    assert (back.status, back.hold and back.hold.known_before, back.hold and back.hold.would_change) == ("held", 0, 40)


def test_a_worker_that_ends_while_it_judges_leaves_a_file_that_is_judged_again(folder: Folder) -> None:
    folder.bring(FIRST, a_file(people(60)))
    folder.drop(SECOND, a_file(people(60)))  # nothing would change
    folder.watch.watch(MONDAY)

    def ends_while_judging(number: int) -> None:
        with transaction() as session:
            claim = imports.claim(session, now=MONDAY + number * 2 * jobs.LEASE, lease=jobs.LEASE)
        assert claim is not None
        assert not claim.is_judged
        with transaction() as session:
            known = session.get_one(Import, claim.import_id)
            known.total, known.tries = 60, known.tries if number else 0

    ends_while_judging(0)
    ends_while_judging(1)
    folder.work(MONDAY + 4 * jobs.LEASE)
    assert folder.imports()[-1].status == "completed"

    folder.drop(FOURTH, a_file([*people(59), a_record("a-59", city="Bonn")]))
    folder.watch.watch(MONDAY)
    for number in range(imports.TRIES):
        ends_while_judging(number)
    folder.work(MONDAY + 2 * imports.TRIES * jobs.LEASE)
    held = folder.imports()[-1]
    assert held.status == "held", "nobody looks at the records again that ended three workers"
    assert (held.reason or "").startswith("It could deactivate 0 and change 60 of 60")


def test_what_is_held_is_applied_once_after_a_crash(folder: Folder, client: FlaskClient, session: Session) -> None:
    folder.bring(FIRST, a_file(people(30)))
    held = folder.bring(SECOND, a_file(deletions=ids(30)))
    client.post(f"/api/imports/{held.id}/approve")
    with transaction() as other:
        assert imports.claim(other, now=MONDAY, lease=jobs.LEASE) is not None
    folder.work(MONDAY + timedelta(minutes=5))
    (done,) = [each for each in folder.imports() if each.id == held.id]
    assert (done.status, done.counts.deletions, done.done) == ("completed", 30, 30)
    assert session.scalar(select(func.count()).where(ImportRecord.import_id == held.id)) == 30
