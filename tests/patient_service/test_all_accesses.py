"""The access log over all files, for those who look at what all others read."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import timedelta
from typing import Any, get_args
from uuid import UUID, uuid4

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from patient_service.domain import accesses
from patient_service.domain.access_schemas import Action, ListAction
from patient_service.domain.accesses import Reader
from patient_service.domain.lists import ALL_ACCESSES
from patient_service.store import access_log, lists
from patient_service.store.lists import AccessesWanted
from patient_service.store.tables import DataKey, ListAccess, Patient
from shared.security.encryption import Keys
from shared.values.enums import Role
from tests.accounts import ANNA, signed_in
from tests.builders.lists import asked_for, sorted_without_index
from tests.builders.patients import a_patient
from tests.conftest import MONDAY

URL = "/api/access-log"
BERTA = UUID("0190bbbb-0000-7000-8000-000000000002")


@pytest.fixture
def auditor(app: Flask, client: FlaskClient) -> FlaskClient:
    return signed_in(app, Role.AUDITOR, id=UUID("0190cccc-0000-7000-8000-000000000003"))


@pytest.fixture
def two(session: Session, keys: Keys) -> list[UUID]:
    """Two patients, of whom Anna read one and Berta changed both, a day later, and saw both in a list, another one."""
    known = [a_patient(session, keys, last_name=name).id for name in ("Erfunden", "Andere")]
    note(session, keys, known[:1], ANNA, "read", days=0)
    note(session, keys, known, BERTA, "changed", days=1)
    record_list(session, keys, known, BERTA, days=2)
    return known


def note(session: Session, keys: Keys, ids: list[UUID], by: UUID, action: Action, *, days: int) -> None:
    reader, now = Reader(id=by, purpose="Rückruf"), MONDAY + timedelta(days=days)
    accesses.record(session, keys, access_log.owners(session, ids), reader, action, now=now)


def record_list(session: Session, keys: Keys, ids: list[UUID], by: UUID, *, days: int) -> None:
    shown: Any = access_log.owners(session, ids)
    reader, now = Reader(id=by, purpose="Liste"), MONDAY + timedelta(days=days)
    accesses.record_list(session, keys, shown, reader, "row", is_export=False, now=now)


def entries(client: FlaskClient, query: str = "") -> list[dict[str, Any]]:
    answer = client.get(f"{URL}?{query}")
    assert answer.status_code == 200, answer.json
    return list(answer.json["items"])


@pytest.mark.parametrize("order", [(0, 1, 2), (1, 0, 2), (2, 1, 0)])
def test_what_is_done_with_the_same_patients_is_an_entry_for_each_way(
    client: FlaskClient, session: Session, keys: Keys, order: tuple[int, ...]
) -> None:
    """People refresh their screens, which is noted once: but nobody hides one list behind another."""
    known = a_patient(session, keys).id
    ways: list[tuple[str, dict[str, str]]] = [
        (f"/api/patients?view=row&ids={known}", {}),
        (f"{URL}?view=row&patient_id={known}", {}),
        (f"/api/patients?view=row&ids={known}", {"Accept": "text/csv"}),
    ]
    for place in (*order, *order[:2]):
        path, headers = ways[place]
        assert client.get(path, headers=headers).status_code == 200
    noted = session.scalars(select(ListAccess.action).order_by(ListAccess.accessed_at)).all()
    assert set(noted) == set(get_args(ListAction))
    assert [noted.count(each) for each in ("listed", "audited")] == [1, 1]


def test_every_access_is_listed_with_whom_it_names_newest_first(
    auditor: FlaskClient, session: Session, two: list[UUID]
) -> None:
    listed, *rest = entries(auditor)
    assert (listed["by"], listed["action"], listed["view"]) == (str(BERTA), "listed", "row")
    assert (listed["patients"], listed["patient_ids"]) == (2, sorted(map(str, two)))
    assert [(each["action"], each["patients"]) for each in rest] == [("changed", 1)] * 2 + [
        ("read", 1), ("created", 1), ("created", 1)
    ]  # fmt: skip
    assert [each["purpose"] for each in entries(auditor)][1:5] == ["Liste", "Rückruf", "Rückruf", "Rückruf"]
    assert {each["patient_ids"][0] for each in rest[:2]} == set(map(str, two))
    known = {str(each): session.get_one(Patient, each).reference for each in two}
    assert all(each["references"] == [known[id] for id in each["patient_ids"]] for each in [listed, *rest])


def test_a_row_has_no_purpose(auditor: FlaskClient, two: list[UUID]) -> None:
    assert {"purpose"} == entries(auditor)[1].keys() - entries(auditor, "view=row")[1].keys()


FILTERS = {
    f"by={ANNA}": ["read"],
    f"by={ANNA},{BERTA}": ["listed", "changed", "changed", "read"],
    f"by={uuid4()}": [],
    "action=listed,read": ["listed", "read"],
    "from=2026-11-24&to=2026-11-24": ["changed", "changed"],
    "from=2026-11-25": ["listed"],
    "to=2026-11-23": ["read", "created", "created"],
    f"by={BERTA}&action=changed&to=2026-11-23": [],
}


@pytest.mark.parametrize("query", FILTERS)
def test_accesses_are_found_by_who_how_and_when(auditor: FlaskClient, two: list[UUID], query: str) -> None:
    assert [each["action"] for each in entries(auditor, query)] == FILTERS[query]
    if "from" not in query:  # since the first request is an access, too, and of today
        assert auditor.get(f"{URL}?{query}").json["total"] == len(FILTERS[query])


def test_accesses_are_found_by_patient(auditor: FlaskClient, two: list[UUID]) -> None:
    def found(*patients: UUID) -> list[str]:
        query = f"to=2026-11-25&patient_id={','.join(map(str, patients))}"
        return [each["action"] for each in entries(auditor, query)]

    assert found(two[0]) == ["listed", "changed", "read", "created"]
    assert found(two[1]) == ["listed", "changed", "created"]
    assert found(*two) == ["listed", "changed", "changed", "read", "created", "created"]
    assert found(uuid4()) == []


@pytest.mark.parametrize("limit", [1, 2, 5])
@pytest.mark.parametrize("sort", ["at", "-at"])
def test_no_access_is_shown_twice_or_left_out(auditor: FlaskClient, two: list[UUID], limit: int, sort: str) -> None:
    """Also those of one access: they have the same instant and the same id."""

    def walk() -> Iterator[Any]:
        after = ""
        while after is not None:
            page = auditor.get(f"{URL}?to=2026-11-25&sort={sort}&limit={limit}{after}").json
            yield from ((each["id"], each["patient_ids"][0]) for each in page["items"])
            after = page["next"] and f"&after={page['next']}"

    seen = list(walk())
    assert len(seen) == len(set(seen)) == 6
    assert seen == [(each["id"], each["patient_ids"][0]) for each in entries(auditor, f"to=2026-11-25&sort={sort}")]


def test_accesses_are_counted_by_kind(auditor: FlaskClient, two: list[UUID]) -> None:
    counts = auditor.get(f"{URL}?count_by=action&to=2026-11-25").json["counts"]
    assert counts == {"created": 2, "read": 1, "changed": 2, "listed": 1}


def audits(session: Session) -> list[ListAccess]:
    return list(session.scalars(select(ListAccess).where(ListAccess.action == "audited").order_by(ListAccess.number)))


def test_who_reads_the_log_stands_in_it_with_everybody_whom_it_names(
    auditor: FlaskClient, session: Session, two: list[UUID]
) -> None:
    auditor.get(f"{URL}?by={ANNA}", headers={"X-Purpose": "Stichprobe"})
    (noted,) = audits(session)
    assert noted.patient_ids == [two[0]]
    audited = entries(auditor)[0]
    assert (audited["action"], audited["purpose"], audited["patient_ids"]) == (
        "audited",
        "Stichprobe",
        [str(two[0])],
    )
    assert audits(session)[1].patient_ids == sorted(two)


def test_a_log_that_shows_nothing_was_read_nevertheless(auditor: FlaskClient, session: Session) -> None:
    assert entries(auditor, f"by={ANNA}") == []
    (noted,) = audits(session)
    assert noted.patient_ids == []


def test_a_file_with_the_log_is_noted_too(auditor: FlaskClient, session: Session, two: list[UUID]) -> None:
    answer = auditor.get(f"{URL}?to=2026-11-25", headers={"Accept": "text/csv"})
    assert len(list(csv.DictReader(io.StringIO(answer.get_data(as_text=True), newline="")))) == 6
    assert [(each.action, each.patient_ids) for each in audits(session)] == [("audited", sorted(two))]


def test_of_an_erased_patient_who_and_when_remain(
    auditor: FlaskClient, session: Session, keys: Keys, two: list[UUID]
) -> None:
    """The purpose of a list stays readable for those of its patients who are not erased."""
    session.execute(delete(DataKey).where(DataKey.owner_id == min(two)))
    headers = {"X-Purpose": "Stichprobe"}
    shown = auditor.get(f"{URL}?to=2026-11-25", headers=headers).json["items"]
    assert [each["purpose"] for each in shown if each["action"] == "listed"] == ["Liste"]
    of_erased = [each for each in shown if each["patient_ids"] == [str(min(two))]]
    reference = session.get_one(Patient, min(two)).reference
    assert {(each["purpose"], *each["references"]) for each in of_erased} == {(None, reference)}
    own = auditor.get(f"/api/patients/{min(two)}/access-log", headers=headers)
    assert own.status_code == 200
    assert {each["purpose"] for each in own.json["items"]} == {None}


def test_a_damaged_purpose_hides_no_other_entry(auditor: FlaskClient, session: Session, two: list[UUID]) -> None:
    damaged = access_log.NewFileAccess(uuid4(), two[0], "read", b"damaged purpose of an entry", b"")
    access_log.add_file_accesses(session, [damaged], by=ANNA, at=MONDAY + timedelta(days=3))
    assert [each["purpose"] for each in entries(auditor)[:2]] == [None, "Liste"]
    assert auditor.get(f"/api/patients/{two[0]}/access-log").json["items"][0]["purpose"] is None


def test_an_action_that_is_none_is_refused_once(auditor: FlaskClient) -> None:
    for action in ("foo", "read,foo", ""):
        answer = auditor.get(URL, query_string={"action": action})
        assert (answer.status_code, [each["field"] for each in answer.json["errors"]]) == (422, ["action"]), action
        assert "exported" in answer.json["errors"][0]["message"]
    assert auditor.get(f"{URL}?action=listed,read").status_code == 200


def test_a_span_that_ends_before_it_begins_is_refused(auditor: FlaskClient) -> None:
    answer = auditor.get(f"{URL}?from=2026-11-25&to=2026-11-24")
    assert (answer.status_code, [each["field"] for each in answer.json["errors"]]) == (422, ["to"])
    assert auditor.get(f"{URL}?from=2026-11-25&to=2026-11-25").status_code == 200


def test_of_a_long_list_the_first_patients_are_named(session: Session, keys: Keys) -> None:
    many = [uuid4() for _ in range(lists.MOST_SHOWN + 1)]
    shown: Any = [Patient(id=each, data_key=None) for each in many]
    accesses.record_list(session, keys, shown, Reader(ANNA, None), "full", is_export=False, now=MONDAY)
    wanted = asked_for(ALL_ACCESSES)
    (entry,) = accesses.list_all(session, keys, wanted, reader=Reader(BERTA, None), now=MONDAY).items
    assert (entry.patients, entry.patient_ids) == (len(many), sorted(many)[: lists.MOST_SHOWN])


def test_the_order_has_an_index(session: Session) -> None:
    everything = lists.select_accesses(AccessesWanted())
    assert sorted_without_index(session, everything, lists.ALL_ACCESSES) == []
