"""A file that cannot be read, since its key is missing or something is damaged, stops nobody else.

Each test has such a patient beside a healthy one.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from functools import partial
from typing import Any
from uuid import UUID, uuid4

import pytest
from flask import Flask
from flask.testing import FlaskClient
from prometheus_client import REGISTRY
from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from patient_service.domain import birthdays, files, key_rings, places, practice_summaries, searches
from patient_service.domain.files import UnreadableFile
from patient_service.domain.places import RecordedPlace
from patient_service.store.tables import DataKey, FileAccess, ListAccess, Patient
from shared.database import is_trouble
from shared.errors import Unreachable
from shared.events.republish import republish
from shared.security.encryption import Keys
from tests.builders.keys import NEW
from tests.builders.patients import NOBODY, a_patient, a_patient_who_is, consent, new_patient
from tests.conftest import MONDAY
from tests.events import recorded
from tests.patient_service.conftest import Others

URL = "/api/patients"


def without_key(session: Session, _: Keys, id: UUID) -> None:
    session.execute(delete(DataKey).where(DataKey.owner_id == id))


def altered_key(place: int, session: Session, _: Keys, id: UUID) -> None:
    (wrapped,) = session.scalars(select(DataKey.wrapped).where(DataKey.owner_id == id))
    altered = bytearray(wrapped)
    altered[place] ^= 1
    session.execute(update(DataKey).where(DataKey.owner_id == id).values(wrapped=bytes(altered)))


def damaged_document(document: bytes, session: Session, _: Keys, id: UUID) -> None:
    session.execute(update(Patient).where(Patient.id == id).values(sealed=document))


def document_of_another_form(session: Session, keys: Keys, id: UUID) -> None:
    (key,) = session.scalars(select(DataKey.wrapped).where(DataKey.owner_id == id))
    document = keys.encrypt(key, id.bytes, {"first_name": "", "last_name": "Marker", "date_of_birth": "gestern"})
    damaged_document(document, session, keys, id)


WAYS: dict[str, Callable[[Session, Keys, UUID], None]] = {
    "without key": without_key,
    "altered key": partial(altered_key, -1),
    "key of an unknown ring": partial(altered_key, 0),
    "altered document": partial(damaged_document, bytes(40)),
    "cut off": partial(damaged_document, b""),
    "of another form": document_of_another_form,
}

Spoil = Callable[..., None]


@pytest.fixture(params=WAYS)
def spoil(request: pytest.FixtureRequest, session: Session, keys: Keys) -> Spoil:
    def do(id: UUID) -> None:
        session.flush()
        WAYS[request.param](session, keys, id)
        session.expire_all()

    return do


@pytest.fixture
def lose(session: Session, keys: Keys) -> Spoil:
    """The first of these patients loses the key, the document of the second is damaged."""

    def do(*ids: UUID) -> None:
        session.flush()
        for way, id in zip((without_key, WAYS["altered document"]), ids, strict=False):
            way(session, keys, id)
        session.expire_all()

    return do


@pytest.mark.parametrize("view", ["full", "row", "label"])
def test_a_list_shows_the_others_and_of_an_unreadable_file_what_lies_beside_it(
    client: FlaskClient, session: Session, keys: Keys, lose: Spoil, view: str
) -> None:
    healthy, other, damaged = (a_patient(session, keys) for _ in range(3))
    client.post(f"{URL}/{other.id}/consents", json=consent("mandate"))
    lose(other.id, damaged.id)
    purpose = {"X-Purpose": "Rückruf"}
    answer = client.get(URL, query_string={"view": view, "sort": "created_at"}, headers=purpose)
    assert answer.status_code == 200, answer.text
    first, second, third = answer.json["items"]
    assert (first["id"], first["unreadable"]) == (str(healthy.id), False)
    shown = [second[name] for name in ("id", "reference", "status", "unreadable")]
    assert shown == [str(other.id), other.reference, "open", True]
    assert (third["id"], third["unreadable"]) == (str(damaged.id), True)
    assert {second.get(name, "?") for name in ("name", "first_name", "last_name")} == {"?"}
    assert len(second.get("consents", [None])) == 1
    assert session.scalars(select(ListAccess.patient_ids)).one() == sorted([healthy.id, other.id, damaged.id])
    file = client.get(URL, query_string={"view": view}, headers={"Accept": "text/csv", **purpose})
    assert (file.status_code, file.text.count(other.reference), file.text.count(healthy.reference)) == (200, 1, 1)


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("get", "", None),
        ("patch", "", {"first_name": "Anders"}),
        ("get", "/readiness", None),
        ("post", "/status", {"status": "search_aborted"}),
        ("post", "/consents", consent("mandate")),
        ("post", "/placement-code/reveal", None),
        ("post", "/crisis/flag", {"reason": "sagt es am Telefon"}),
        ("get", "/export", None),
    ],
)
def test_who_asks_for_the_file_is_told_that_it_cannot_be_read(
    client: FlaskClient, session: Session, keys: Keys, lose: Spoil, others: Others, method: str, path: str, body: Any
) -> None:
    known, healthy = a_patient(session, keys), a_patient(session, keys)
    lose(known.id)
    language = {"Accept-Language": "en"}
    answer = getattr(client, method)(f"{URL}/{known.id}{path}", json=body, headers=language)
    assert (answer.status_code, answer.json["code"]) == (503, "patient.unreadable")
    assert "was not erased" in answer.json["detail"]
    assert client.get(f"{URL}/{healthy.id}").status_code == 200


def test_however_a_file_is_damaged_the_others_are_read(
    client: FlaskClient, session: Session, keys: Keys, spoil: Spoil
) -> None:
    healthy, known = a_patient(session, keys), a_patient(session, keys)
    spoil(known.id)
    answer = client.get(f"{URL}/{known.id}")
    assert (answer.status_code, answer.json["code"] in {"patient.unreadable", "key.unknown"}) == (503, True)
    shown = client.get(f"{URL}?view=label", headers={"X-Purpose": "Rückruf"}).json["items"]
    assert {each["id"]: each["unreadable"] for each in shown} == {str(healthy.id): False, str(known.id): True}


def test_what_was_restored_is_read_again(client: FlaskClient, session: Session, keys: Keys, lose: Spoil) -> None:
    known = a_patient(session, keys)
    (key,) = session.scalars(select(DataKey.wrapped).where(DataKey.owner_id == known.id))
    lose(known.id)
    assert client.get(f"{URL}/{known.id}").status_code == 503
    session.add(DataKey(owner_id=known.id, wrapped=key))
    session.flush()
    session.expire_all()
    assert client.get(f"{URL}/{known.id}").json["last_name"] == known.last_name


def test_history_and_access_log_show_all_but_the_texts(
    client: FlaskClient, session: Session, keys: Keys, spoil: Spoil
) -> None:
    known = a_patient_who_is(session, keys, "search_aborted")
    client.get(f"{URL}/{known.id}", headers={"X-Purpose": "Rückruf"})
    spoil(known.id)
    history = client.get(f"{URL}/{known.id}/history", headers={"X-Purpose": "Prüfung"})
    assert [each["to"] for each in history.json["items"]] == ["search_aborted"]
    log = client.get(f"{URL}/{known.id}/access-log", headers={"X-Purpose": "Prüfung"})
    assert "read" in [each["action"] for each in log.json["items"]]
    assert client.get("/api/access-log", headers={"X-Purpose": "Prüfung"}).status_code == 200


def test_somebody_alike_is_refused_by_name_and_may_be_forced(
    client: FlaskClient, session: Session, keys: Keys, spoil: Spoil
) -> None:
    known = a_patient(session, keys, insurance_number="A123456780")
    spoil(known.id)
    answer = client.post(URL, json=new_patient())
    assert (answer.status_code, answer.json["code"]) == (409, "patient.suspected_duplicate")
    why = ["similar_name", "date_of_birth", "address"]
    assert answer.json["candidates"] == [{"id": str(known.id), "reference": known.reference, "why": why}]
    assert client.post(f"{URL}?force=true", json=new_patient()).status_code == 201
    number = new_patient(last_name="Ganzanders", insurance_number="A123456780")
    assert client.post(f"{URL}?force=true", json=number).json["code"] == "patient.already_known"
    assert client.post(URL, json=new_patient(last_name="Niemandsonst")).status_code == 201


def test_pauses_of_others_end(session: Session, keys: Keys, lose: Spoil) -> None:
    one, other, healthy = (a_patient_who_is(session, keys, "searching", "paused").id for _ in range(3))
    for number, id in enumerate([one, other, healthy], start=19):
        session.execute(update(Patient).where(Patient.id == id).values(paused_until=date(2026, 11, number)))
    lose(one, other)
    portions = [searches.end_pauses_that_passed(session, keys, now=MONDAY, at_most=1) for _ in range(2)]
    assert portions == [1, 0]
    states = dict(session.execute(select(Patient.id, Patient.status)).all())
    assert states == {one: "paused", other: "paused", healthy: "searching"}


@pytest.mark.parametrize(
    ("publish", "field"),
    [
        (birthdays.publish_changed_ages, {"date_of_birth": "1990-11-24"}),
        (birthdays.publish_passed_therapies, {"anamnesis": {"previous_therapy_ended_on": "2025-01-01"}}),
    ],
)
def test_what_days_change_of_others_is_published(
    session: Session, keys: Keys, lose: Spoil, publish: Any, field: dict[str, Any]
) -> None:
    one, other, healthy = (a_patient(session, keys, **field).id for _ in range(3))
    lose(one, other)
    later = MONDAY + timedelta(days=50)
    assert [publish(session, keys, now=later, at_most=1) for _ in range(2)] == [1, 0]
    assert [len(recorded(session, each)) for each in (one, other, healthy)] == [1, 1, 2]


def test_all_others_are_published_anew(session: Session, keys: Keys, lose: Spoil) -> None:
    known = [a_patient(session, keys).id for _ in range(5)]
    lose(known[1], known[2])
    done = republish(partial(files.snapshots, keys=keys), portion=2)
    assert (done.states, done.unreadable) == (3, 2)
    assert ["republished" in recorded(session, each)[-1] for each in known] == [True, False, False, True, True]


def test_a_letter_about_others_does_not_wait(client: FlaskClient, session: Session, keys: Keys, lose: Spoil) -> None:
    known = [a_patient(session, keys, practice_summary="Kann vormittags.").id for _ in range(3)]
    for each in known:
        client.post(f"{URL}/{each}/consents", json=consent("practice_summary"))
    lose(*known[:2])
    found = practice_summaries.read(session, keys, known, reader=NOBODY, now=MONDAY)
    assert [each.practice_summary for each in found.items] == [None, None, "Kann vormittags."]


def test_an_event_about_one_is_no_trouble_of_the_database(session: Session, keys: Keys, lose: Spoil) -> None:
    """So the consumer makes it a dead letter, and goes on with the others."""
    known = a_patient_who_is(session, keys, "searching")
    lose(known.id)
    place = RecordedPlace(uuid4(), recorded_at=MONDAY)
    with pytest.raises(UnreadableFile) as refused:
        places.record_place(session, keys, known.id, place, now=MONDAY)
    assert not is_trouble(refused.value)


def test_a_change_of_many_names_whom_it_left_out(
    client: FlaskClient, session: Session, keys: Keys, lose: Spoil
) -> None:
    known = [str(a_patient(session, keys).id) for _ in range(3)]
    lose(*map(UUID, known[:2]))
    wanted = {"ids": known, "expected_total": 3, "action": "assign", "assigned_to": str(uuid4())}
    answer = client.post(f"{URL}/bulk", json=wanted, headers={"X-Purpose": "Übergabe"})
    assert answer.status_code == 200, answer.text
    assert {each["id"]: each["status"] for each in answer.json["results"]} == dict(
        zip(known, (503, 503, 200), strict=True)
    )


def test_it_can_be_erased_and_is_gone_then(client: FlaskClient, session: Session, keys: Keys, spoil: Spoil) -> None:
    known = a_patient(session, keys)
    spoil(known.id)
    purpose = {"X-Purpose": "Antrag"}
    answer = client.delete(f"{URL}/{known.id}?confirm={known.reference}", headers=purpose)
    assert answer.status_code == 202, answer.text
    assert client.get(f"{URL}/{known.id}").status_code == 404
    noted = session.scalars(select(FileAccess.action).where(FileAccess.patient_id == known.id))
    assert list(noted) == ["created", "erased"]


def test_it_is_found_by_its_indexes_until_it_is_restored(session: Session, keys: Keys, lose: Spoil) -> None:
    """Were they dropped, a restored file would be found by nobody."""
    lose(a_patient(session, keys).id)
    before = session.execute(select(Patient.search_index, Patient.index_key)).one()
    with_another_key = Keys(NEW, NEW)
    assert key_rings.reindex(session, with_another_key) == 0
    assert session.execute(select(Patient.search_index, Patient.index_key)).one() == before
    assert before.index_key != with_another_key.indexes[0].id


def test_an_operator_sees_it_without_any_name(
    app: Flask, session: Session, keys: Keys, spoil: Spoil, capsys: pytest.CaptureFixture[str]
) -> None:
    known = a_patient(session, keys, last_name="Geheimnis")
    spoil(known.id)
    before = _counted()
    with pytest.raises(Unreachable):
        files.decrypt(keys, session.get_one(Patient, known.id))
    said = capsys.readouterr()
    assert "patient_file.unreadable" in said.out + said.err
    assert str(known.id) in said.out + said.err
    assert "Geheimnis" not in said.out + said.err
    assert "Marker" not in said.out + said.err
    assert _counted() == before + 1


def _counted() -> float:
    name = "platform_patient_files_unreadable_total"
    return sum(REGISTRY.get_sample_value(name, {"why": why}) or 0 for why in ("without_key", "damaged", "key_unknown"))
