"""A whole import is taken back: what it changed is as before, what is newer stays and is named."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from shared.database import transaction
from shared.http.web import web_app
from tests.builders.imports import EVERYTHING, FIRST, SECOND, THIRD, Folder, a_file, a_record
from tests.conftest import MONDAY
from tests.events import recorded
from therapist_service import jobs
from therapist_service.domain import import_undo, imports, reviews
from therapist_service.domain.import_schemas import ImportView
from therapist_service.domain.review_schemas import ReviewApproval
from therapist_service.jobs import undoing
from therapist_service.service import SERVICE
from therapist_service.store.tables import Import, ImportReview, Therapist, TherapistChange, TherapistSource


@pytest.fixture
def app(folder: Folder) -> Flask:
    return web_app(SERVICE, folder.settings)


def by_id(session: Session) -> dict[str, Therapist]:
    """The therapists as they are now, by what the source calls them."""
    session.expire_all()
    entries = select(TherapistSource.external_id, Therapist).join(Therapist)
    return dict(session.execute(entries).all())


def undone(client: FlaskClient, known: ImportView) -> Any:
    """The import after it was undone as far as a worker can."""
    assert client.post(f"/api/imports/{known.id}/undo").status_code == 202
    while undoing.undo_imports(MONDAY):
        pass
    return client.get(f"/api/imports/{known.id}").json


def fates(client: FlaskClient, known: ImportView) -> dict[str, Any]:
    """What became of each therapist, and what stays."""
    items = client.get(f"/api/imports/{known.id}/undo").json["items"]
    return {each["therapist_id"]: (each["outcome"], each["kept"]) for each in items}


FOURTH = "therapists_20261123_070000.json"
HOURS = {"monday": [{"start": "09:00", "end": "10:00"}]}
BEFORE = [
    a_record("moves", city="Aachen", phone_hours=HOURS),
    a_record("married", last_name="Vorher"),
    a_record("leaves"),
    a_record("edited", phone="+49241111111"),
    a_record("stays"),
]
AFTER = [
    a_record("moves", city="Bonn", street="Neuer Weg"),
    a_record("married", last_name="Nachher"),
    a_record("edited", phone="+49241222222", city="Bonn"),
    a_record("newcomer"),
    a_record("newcomer who is phoned"),
]


def test_everything_is_as_before_but_for_what_staff_and_a_later_file_changed(
    folder: Folder, client: FlaskClient, session: Session
) -> None:
    folder.bring(FIRST, a_file(BEFORE))
    second = folder.bring(SECOND, a_file(AFTER, deletions=["leaves"]))
    known = by_id(session)
    for name, patch in (("edited", {"phone": "+49241333333"}), ("newcomer who is phoned", {"fax": "+49241444444"})):
        assert client.patch(f"/api/therapists/{known[name].id}", json=patch).status_code == 200
    folder.bring(THIRD, a_file(modifications=[a_record("married", last_name="Später")]))
    versions = {name: each.version for name, each in by_id(session).items()}

    shown = undone(client, second)
    assert (shown["status"], [shown["undo"][name] for name in ("done", "total", "kept")]) == ("undone", [6, 6, 3])
    now = by_id(session)
    assert (now["moves"].city, now["moves"].street, now["moves"].phone_hours.to_json()) == ("Aachen", None, HOURS)
    assert now["married"].last_name == "Später"
    assert (now["leaves"].status, now["leaves"].inactive_by) == ("active", None)
    assert (now["edited"].phone, now["edited"].city) == ("+49241333333", "Aachen")
    assert (now["newcomer"].status, now["newcomer"].inactive_by) == ("inactive", "import")
    assert now["newcomer who is phoned"].status == "active"
    entries = dict(session.execute(select(TherapistSource.external_id, TherapistSource.gone_at)).all())
    assert {name for name, gone_at in entries.items() if gone_at is not None} == {"newcomer"}
    assert fates(client, second) == {
        str(now["moves"].id): ("restored", []),
        str(now["married"].id): ("kept", ["last_name"]),
        str(now["leaves"].id): ("restored", []),
        str(now["edited"].id): ("partly_restored", ["phone"]),
        str(now["newcomer"].id): ("deactivated", []),
        str(now["newcomer who is phoned"].id): ("kept", ["fax"]),
    }
    in_town = {city: client.get(f"/api/therapists?q={city}").json["total"] for city in ("aachen", "bonn")}
    assert in_town == {"aachen": 7, "bonn": 0}, "they are found by what they are now"
    changed = {name for name, each in now.items() if each.version > versions[name]}
    assert changed == {"moves", "leaves", "edited", "newcomer"}
    assert recorded(session, now["newcomer"].id)[-1]["type"] == "therapist.deactivated"
    event = recorded(session, now["moves"].id)[-1]
    assert (event["type"], event["data"]["therapist"]["city"]) == ("therapist.updated", "Aachen")
    entry = session.scalars(
        select(TherapistChange).where(TherapistChange.therapist_id == now["moves"].id).order_by(TherapistChange.id)
    ).all()[-1]
    assert (entry.action, entry.import_id, entry.file) == ("undone", second.id, SECOND)


def test_imports_are_undone_in_any_order_and_nothing_of_them_is_left(
    folder: Folder, client: FlaskClient, session: Session
) -> None:
    folder.bring(FIRST, a_file([a_record("a-1", city="A"), a_record("a-2", city="A")]))
    second = folder.bring(SECOND, a_file([a_record("a-1", city="B"), a_record("a-2", city="B")]))
    third = folder.bring(THIRD, a_file([a_record("a-1", city="C")]))
    assert undone(client, second)["undo"]["kept"] == 1
    assert {name: each.city for name, each in by_id(session).items()} == {"a-1": "C", "a-2": "A"}
    assert undone(client, third)["undo"]["kept"] == 0
    assert {name: each.city for name, each in by_id(session).items()} == {"a-1": "A", "a-2": "A"}
    again = client.post(f"/api/imports/{third.id}/undo")
    assert (again.status_code, again.json["code"]) == (409, "import.undone_already")


def test_a_worker_that_dies_leaves_whole_portions_and_files_wait_until_all_is_undone(
    folder: Folder, client: FlaskClient, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(undoing, "PORTION", 2)
    folder.bring(FIRST, a_file([a_record(f"a-{n}", city="A") for n in range(5)]))
    second = folder.bring(SECOND, a_file([a_record(f"a-{n}", city="B") for n in range(5)]))
    client.post(f"/api/imports/{second.id}/undo")
    assert client.post(f"/api/imports/{second.id}/undo").json["code"] == "import.undo_asked"
    assert undoing.undo_imports(MONDAY) == 2

    def die_half_way() -> None:
        with transaction() as other:
            import_undo.undo_portion(other, at_most=2, now=MONDAY)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        die_half_way()
    assert [by_id(session)[f"a-{n}"].city for n in range(5)] == ["B", "B", "B", "A", "A"]
    waits = folder.bring(THIRD, a_file([a_record("a-0", city="C")]))
    assert (waits.status, waits.total) == ("running", None)
    assert [undoing.undo_imports(MONDAY) for _ in range(4)] == [2, 1, 1, 0]
    folder.work()
    assert [each.status for each in folder.imports()] == ["completed", "undone", "completed"]
    assert [by_id(session)[f"a-{n}"].city for n in range(5)] == ["C", "A", "A", "A", "A"]


def test_an_undo_waits_for_the_file_that_is_being_applied(folder: Folder, client: FlaskClient) -> None:
    first = folder.bring(FIRST, a_file([a_record("a-1")]))
    folder.drop(SECOND, a_file([a_record("a-2")]))
    folder.watch.watch(MONDAY)
    with transaction() as session:
        assert imports.claim(session, now=MONDAY, lease=jobs.LEASE) is not None
    client.post(f"/api/imports/{first.id}/undo")
    assert undoing.undo_imports(MONDAY) == 0
    assert undoing.undo_imports(MONDAY + timedelta(minutes=1)) == 1


def test_a_therapist_whom_the_database_refuses_is_alone_in_that(
    folder: Folder, client: FlaskClient, session: Session
) -> None:
    folder.bring(FIRST, a_file([a_record(f"a-{n}", city="A") for n in range(3)]))
    second = folder.bring(SECOND, a_file([a_record(f"a-{n}", city="B") for n in range(3)]))
    known = by_id(session)["a-1"]
    broken = [{"field": "last_name", "before": None, "after": known.last_name}]
    with transaction() as other:  # as a mistake in the log would
        other.add(
            TherapistChange(
                therapist_id=known.id, changed_at=MONDAY, import_id=second.id, action="changed", difference=broken
            )
        )
    assert undone(client, second)["undo"]["kept"] == 1
    assert {name: each.city for name, each in by_id(session).items()} == {"a-0": "A", "a-1": "B", "a-2": "A"}
    assert fates(client, second)[str(known.id)][0] == "failed"


def test_what_nobody_can_undo_any_more_is_refused(folder: Folder, client: FlaskClient, session: Session) -> None:
    first = folder.bring(FIRST, a_file([a_record("a-1")]))
    failed = folder.bring(SECOND, "[]")
    assert client.post(f"/api/imports/{failed.id}/undo").json["code"] == "import.not_completed"
    session.execute(update(Import).values(records_removed_at=MONDAY))
    assert client.post(f"/api/imports/{first.id}/undo").json["code"] == "import.records_removed"


def test_what_of_it_waits_is_not_to_be_decided_any_more(folder: Folder, client: FlaskClient, session: Session) -> None:
    folder.bring(FIRST, a_file([a_record("a-1", city="A", phone_hours=HOURS)]))
    folder.passes = frozenset()
    second = folder.bring(SECOND, a_file([a_record("a-1", city="B", languages=["fr"]), a_record("a-2")]))
    assert second.counts.waiting == 2
    shown = undone(client, second)
    assert [shown["undo"][name] for name in ("done", "total", "kept")] == [1, 1, 0]
    assert set(session.scalars(select(ImportReview.state))) == {"superseded"}
    known = by_id(session)["a-1"]
    assert (known.city, known.languages) == ("A", [])


def test_what_it_found_to_be_somebody_who_was_known_is_theirs_no_more_unless_a_newer_file_shows_it(
    folder: Folder, client: FlaskClient, session: Session
) -> None:
    def person(external_id: str, name: str, **fields: Any) -> dict[str, Any]:
        return a_record(external_id, first_name="Mira", last_name=name, street="Musterweg", **fields)

    folder.bring(FIRST, a_file([person("a-1", "Sonnentau"), person("b-1", "Mondschein"), person("c-1", "Regen")]))
    renamed = [person("a-2", "Sonnentau", languages=["fr"]), person("b-2", "Mondschein"), person("d-2", "Neu")]
    second = folder.bring(SECOND, a_file(renamed, deletions=["a-1", "b-1", "c-1"]))
    newer = a_file(modifications=[person("b-2", "Mondschein", city="Bonn")])
    newer["metadata"]["timestamp"] = "2026-11-23T06:00:00Z"
    folder.bring(THIRD, newer)
    before = by_id(session)
    assert before["b-1"].id == before["b-2"].id

    assert undone(client, second)["undo"]["kept"] == 1
    entries = dict(session.execute(select(TherapistSource.external_id, TherapistSource.gone_at)).all())
    assert {name: gone_at is None for name, gone_at in entries.items()} == {
        "a-1": True, "b-1": True, "b-2": True, "c-1": True, "d-2": False,
    }  # fmt: skip
    kept = fates(client, second)[str(before["b-2"].id)]
    assert (kept, before["a-1"].id) == (("kept", ["sources"]), by_id(session)["a-1"].id)
    assert [by_id(session)[name].status for name in ("a-1", "b-1", "c-1")] == 3 * ["active"]


def test_what_people_approved_of_it_stays_and_is_named_and_so_does_what_was_merged(
    folder: Folder, client: FlaskClient, session: Session
) -> None:
    folder.passes = frozenset()
    first = folder.bring(FIRST, a_file([a_record("a-1"), a_record("a-2")]))
    waiting = [each["id"] for each in client.get("/api/import-reviews").json["items"]]
    assert client.post(f"/api/import-reviews/{waiting[0]}/approve").status_code == 200
    with transaction() as other:  # as at the terminal, where nobody is known
        reviews.approve(other, UUID(waiting[1]), ReviewApproval(), by=None, now=MONDAY)
    assert undone(client, first)["undo"]["kept"] == 2
    known = by_id(session)
    assert {each.status for each in known.values()} == {"active"}
    named = [fates(client, first)[str(each.id)] for each in known.values()]
    assert [(outcome, {"city", "last_name"} <= set(kept)) for outcome, kept in named] == 2 * [("kept", True)]

    folder.passes = EVERYTHING
    second = folder.bring(SECOND, a_file(modifications=[a_record("a-1", city="B"), a_record("a-2", city="B")]))
    kept, merged = known["a-1"].id, known["a-2"].id
    merge = client.post(f"/api/therapists/{kept}/merge", json={"duplicate_id": str(merged)})
    assert merge.status_code == 200
    assert undone(client, second)["undo"]["kept"] == 1
    assert fates(client, second) == {str(kept): ("restored", []), str(merged): ("kept", ["city", "merged_into"])}


def test_what_the_import_had_overtaken_waits_again_and_what_a_later_file_says_too_goes_on(
    folder: Folder, client: FlaskClient
) -> None:
    folder.bring(FIRST, a_file([a_record("a-1", phone="+49241111111"), a_record("a-4"), a_record("a-5")]))
    folder.passes = frozenset()

    def waiting() -> list[tuple[str, str, str]]:
        found = client.get("/api/import-reviews?state=pending&sort=created_at").json["items"]
        return sorted((each["external_id"], each["kind"], each["import_id"]) for each in found)

    new = [a_record("a-2"), a_record("a-3")]
    second = folder.bring(SECOND, a_file([*new, a_record("a-4", phone="+49241444444")]))
    said_again = a_record("a-1", phone="+49241999999")
    overtaking = [a_record("a-2", phone_hours=HOURS), said_again, a_record("a-5", phone="+49241555555")]
    third = folder.bring(THIRD, a_file(overtaking, deletions=["a-3", "a-4"]))
    fourth = folder.bring(FOURTH, a_file([{**said_again, "languages": ["fr"]}]))
    rejected = next(each for each in client.get("/api/import-reviews?state=pending").json["items"]
                    if each["external_id"] == "a-5")  # fmt: skip
    assert client.post(f"/api/import-reviews/{rejected['id']}/reject").status_code == 200
    assert waiting() == [("a-1", "contact", str(third.id)), ("a-2", "new", str(third.id))]

    assert undone(client, third)["status"] == "undone"
    assert waiting() == [
        ("a-1", "contact", str(fourth.id)),
        ("a-2", "new", str(second.id)),
        ("a-3", "new", str(second.id)),
        ("a-4", "contact", str(second.id)),
    ]
    refused = client.post(f"/api/import-reviews/{rejected['id']}/reopen")
    assert (refused.status_code, refused.json["code"]) == (409, "import_review.import_undone")


def test_what_another_source_was_found_to_be_is_the_first_ones_again(folder: Folder, client: FlaskClient) -> None:
    def file(name: str, external_id: str, source: str, **fields: Any) -> dict[str, Any]:
        mira = a_record(external_id, first_name="Mira", street="Musterweg", **fields)
        document = a_file([mira])
        document["metadata"] |= {"source": source, "timestamp": f"2026-11-23T{name[20:22]}:00:00Z"}
        return document

    folder.bring(FIRST, file(FIRST, "a-1", "116117.de"))
    other = folder.bring(SECOND, file(SECOND, "z-1", "another directory"))
    (known,) = client.get("/api/therapists").json["items"]
    assert [each["external_id"] for each in known["sources"]] == ["z-1", "a-1"]
    assert undone(client, other)["status"] == "undone"
    folder.bring(THIRD, file(THIRD, "a-1", "116117.de", city="Bonn"))
    (known,) = client.get("/api/therapists").json["items"]
    assert (known["city"], [each["external_id"] for each in known["sources"]]) == ("Bonn", ["a-1"])
