"""Erasing a patient: nobody finds or reads them again, whatever comes later, and the others are not disturbed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, insert, inspect, select
from sqlalchemy.orm import Session

from patient_service import jobs
from patient_service.clients.other_services import OtherServices
from patient_service.dependencies import Dependencies
from patient_service.domain import erasures, files
from patient_service.listeners import listeners
from patient_service.store import erasures as store
from patient_service.store.tables import (
    Consent,
    DataKey,
    Erasure,
    ErasureConfirmation,
    FileAccess,
    ListAccess,
    LocatedPostalCode,
    Patient,
    StatusChange,
)
from shared.database import new_id
from shared.database.tables import dead_letter_table, outbox
from shared.events.catalogue import (
    AddressErased,
    PatientErasedFromCommunication,
    PatientErasedFromMatching,
    PatientPlaced,
    RequestAccepted,
)
from shared.events.event import Event
from shared.events.republish import republish
from shared.runtime.housekeeping import prune
from shared.security.encryption import Keys
from tests.builders.events import happened
from tests.builders.patients import NOBODY, a_patient, a_patient_who_is, consent, geocoded, new_patient
from tests.conftest import MONDAY
from tests.events import recorded

URL = "/api/patients"
SECRET = "Geheimwort"
DAY = timedelta(days=1)


def handle(session: Session, keys: Keys, *events: Event) -> None:
    listeners.given(Dependencies(keys, OtherServices(()))).apply(session, events, now=MONDAY)
    session.flush()
    session.expire_all()


def erase(client: FlaskClient, patient: Any, reference: str | None = None, **headers: str) -> Any:
    return client.delete(f"{URL}/{patient.id}?confirm={reference or patient.reference}", headers=headers)


def confirmations(patient_id: UUID, time: datetime = MONDAY) -> dict[str, Event]:
    """What each service says when it has nothing left."""
    return {
        "matching_service": happened(PatientErasedFromMatching(patient_id=patient_id), time=time),
        "communication_service": happened(PatientErasedFromCommunication(patient_id=patient_id), time=time),
        "geocoding_service": happened(AddressErased(owner_kind="patient", owner_id=patient_id), time=time),
    }


def test_an_erasure_is_told_by_its_address_until_every_service_has_confirmed(
    client: FlaskClient, session: Session, keys: Keys
) -> None:
    patient = a_patient(session, keys)
    answer = erase(client, patient)
    assert (answer.status_code, answer.headers["Location"]) == (202, f"/api/erasures/{patient.id}")
    assert answer.json == client.get(answer.headers["Location"]).json
    assert (answer.json["state"], answer.json["completed_at"]) == ("running", None)
    earliest = answer.json["kafka_until"]
    asked_at = datetime.fromisoformat(answer.json["requested_at"])
    assert datetime.fromisoformat(earliest) == asked_at + DAY + timedelta(hours=1)
    assert answer.json["services"] == {
        "patient_service": "erased",
        "communication_service": "pending",
        "geocoding_service": "pending",
        "matching_service": "pending",
    }
    late = MONDAY.replace(year=2027)
    for number, event in enumerate(confirmations(patient.id, late).values(), 1):
        handle(session, keys, event, event)
        shown = client.get(answer.headers["Location"]).json
        assert list(shown["services"].values()).count("erased") == number + 1
        assert shown["kafka_until"] >= earliest, "each confirmation may only move it"
    assert (shown["state"], shown["completed_at"]) == ("completed", f"{late:%Y-%m-%dT%H:%M:%SZ}")
    assert shown["kafka_until"] == f"{late + DAY + timedelta(hours=1):%Y-%m-%dT%H:%M:%SZ}"
    assert client.get(f"/api/erasures/{uuid4()}").json["code"] == "erasure.not_found"


def test_only_the_patients_own_reference_erases(client: FlaskClient, session: Session, keys: Keys) -> None:
    patient, other = a_patient(session, keys), a_patient(session, keys)
    refused = erase(client, patient, other.reference)
    assert (refused.status_code, refused.json["errors"][0]["field"]) == (422, "confirm")
    for query in ("", "?confirm=", "?confirm=x", "?confirm=P-"):
        assert client.delete(f"{URL}/{patient.id}{query}").status_code == 422
    assert erase(client, patient, **{"If-Match": '"7"'}).status_code == 412
    assert client.delete(f"{URL}/{uuid4()}?confirm={patient.reference}").status_code == 404
    assert session.scalar(select(func.count()).select_from(Erasure)) == 0
    assert client.get(f"{URL}/{patient.id}").status_code == 200
    # as people write it
    assert erase(client, patient, f"{patient.reference.lower()} ").status_code == 202


def test_twice_is_the_same_erasure_and_still_needs_the_reference(
    client: FlaskClient, session: Session, keys: Keys
) -> None:
    patient, other = a_patient(session, keys), a_patient(session, keys)
    first = erase(client, patient)
    again = erase(client, patient, **{"If-Match": f'"{patient.version}"'})
    assert (again.status_code, again.json) == (202, first.json)
    assert erase(client, patient, other.reference).status_code == 404
    assert [event["type"] for event in recorded(session, patient.id)] == ["patient.erased"]


def endpoints(id: UUID) -> list[tuple[str, str, Any]]:
    """Every operation on a patient, with a body that would do."""
    path = f"{URL}/{id}"
    return [
        ("get", path, None),
        ("patch", path, {"first_name": "Neu"}),
        ("get", f"{path}/access-log", None),
        ("get", f"{path}/export", None),
        ("post", f"{path}/merge", {"duplicate_id": str(uuid4())}),
        ("get", f"{path}/history", None),
        ("get", f"{path}/readiness", None),
        ("post", f"{path}/status", {"status": "search_aborted"}),
        ("post", f"{path}/crisis/flag", {"reason": "weil"}),
        ("post", f"{path}/crisis/clear", {"reason": "weil"}),
        ("post", f"{path}/crisis/acknowledge", {}),
        ("post", f"{path}/placement-code/reveal", {}),
        ("post", f"{path}/consents", {"purpose": "mandate", "given_on": "2026-01-02", "text_version": "1"}),
    ]


def test_who_was_erased_is_nobody_to_every_operation(client: FlaskClient, session: Session, keys: Keys) -> None:
    patient = a_patient(session, keys)
    erase(client, patient)
    before = session.scalar(select(func.count()).select_from(FileAccess))
    for method, path, body in endpoints(patient.id):
        answer: Any = client.open(path, method=method.upper(), json=body) if body is not None else client.get(path)
        assert (answer.status_code, answer.json["code"]) == (404, "patient.not_found"), (method, path)
        # whoever was never here is answered in the same way
        unknown = path.replace(str(patient.id), str(uuid4()))
        other: Any = client.open(unknown, method=method.upper(), json=body) if body is not None else client.get(unknown)
        assert (other.status_code, other.json["code"], other.json["detail"]) == (
            404,
            "patient.not_found",
            answer.json["detail"],
        )
    assert session.scalar(select(func.count()).select_from(FileAccess)) == before


def test_lists_go_on_without_who_was_erased(client: FlaskClient, session: Session, keys: Keys) -> None:
    patients = [a_patient(session, keys, last_name=f"Erfunden{letter}", postal_code="52062") for letter in "abc"]
    erased = patients[1]
    erase(client, erased)
    left = {str(each.id) for each in patients if each is not erased}
    for query in (
        "view=full", "view=row", "view=label", f"ids={erased.id},{patients[0].id},{patients[2].id}", "status=open",
        "postal_code=52062", "sort=search_started_on", "sort=last_contact_on", "count_by=status",
    ):  # fmt: skip
        page = client.get(f"{URL}?{query}").json
        assert ({each["id"] for each in page["items"]}, page["total"]) == (left, 2), query
    assert page["counts"] == {"open": 2}
    for q in (erased.last_name, erased.reference):
        assert client.get(f"{URL}?q={q}").json["total"] == 0
    chosen = {"ids": [str(erased.id)], "action": "assign", "assigned_to": str(uuid4()), "expected_total": 1}
    assert client.post(f"{URL}/bulk", json=chosen).status_code == 409
    exported = client.get(URL, headers={"Accept": "text/csv"}).text
    assert erased.reference not in exported
    assert patients[0].reference in exported


def everything(session: Session) -> str:
    """All that the database of this service holds, as text."""
    tables = session.connection().exec_driver_sql(
        "SELECT table_name FROM information_schema.tables WHERE table_schema = current_schema"
    )
    return "\n".join(
        str(row)
        for (table,) in tables.all()
        for row in session.connection().exec_driver_sql(f"SELECT * FROM {table}").all()
    )


def test_nothing_is_left_but_an_id_a_reference_dates_and_what_nobody_can_read(
    client: FlaskClient, session: Session, keys: Keys
) -> None:
    patient = a_patient_who_is(session, keys, "searching", "paused", last_name=SECRET)
    client.get(f"{URL}/{patient.id}", headers={"X-Purpose": SECRET})
    client.get(f"{URL}?q={SECRET}", headers={"X-Purpose": SECRET})
    client.patch(f"{URL}/{patient.id}", json={"assigned_to": str(uuid4()), "insurance_number": "A123456780"})
    client.post(f"{URL}/{patient.id}/consents", json=consent("mandate"))
    key = session.scalar(select(DataKey.wrapped).where(DataKey.owner_id == patient.id))
    assert key
    accesses = session.scalar(select(func.count()).select_from(FileAccess))
    lists = session.scalar(select(func.count()).select_from(ListAccess))
    erase(client, patient)
    session.expire_all()
    row = session.get_one(Patient, patient.id)
    assert row.data_key is None
    assert (row.sealed, row.postal_code, row.assigned_to, row.paused_until) == (b"", None, None, None)
    assert [row.search_index, row.person_index, row.address_index, row.insurance_number_index] == [[], *[None] * 3]
    assert (row.reference, row.search_started_on) == (patient.reference, date(2026, 11, 23))
    copy = session.get_one(LocatedPostalCode, patient.id)
    assert (copy.postal_code, copy.is_known, copy.erased) == (None, False, True)
    # what proves that something happened stays, under the id of nobody
    assert session.scalar(select(func.count()).select_from(FileAccess)) == (accesses or 0) + 1
    assert session.scalar(select(func.count()).select_from(ListAccess)) == lists
    assert session.scalar(select(func.count()).select_from(StatusChange)) == 2
    assert session.scalars(select(Consent.text_version)).all() == ["2026-1"]
    held = everything(session)
    assert not [each for each in (SECRET, "52062", str(key), key.hex()) if each in held]


KEPT = {
    "id", "created_at", "updated_at", "updated_by", "version", "sequence", "erased_at",
    "merged_into", "merged_at", "kept_sequence",  # ids and dates of nobody: which erasures belong together
    "reference",  # stands in letters: nobody else may get it
    "status", "registered_on", "registered_by", "search_started_on", "last_contact_on", "first_place_on",
    "working_place_on", "placement_request_id", "placement_state", "placement_recorded_at",
    "age_published_on",  # counts and dates, of nobody
    "index_key", "prior_therapy_index", "crisis_index",  # of the present key, and random
}  # fmt: skip


def test_every_column_is_emptied_or_stays_for_a_reason(client: FlaskClient, session: Session, keys: Keys) -> None:
    """One that is added says what becomes of it."""
    patient = a_patient_who_is(session, keys, "searching", contracts_signed=True)
    before = {
        name: getattr(session.get_one(Patient, patient.id), name) for name in ("prior_therapy_index", "crisis_index")
    }
    erase(client, patient)
    session.expire_all()
    row = session.get_one(Patient, patient.id)
    columns = {each.name for each in inspect(Patient).columns if each.table is Patient.__table__}
    assert {name for name in columns - KEPT if getattr(row, name) not in (None, b"", [], 0)} == set()
    assert all(getattr(row, name) != value for name, value in before.items())


def test_the_same_person_can_be_entered_anew(client: FlaskClient, session: Session, keys: Keys) -> None:
    patient = a_patient(session, keys, insurance_number="A123456780")
    assert client.post(URL, json=new_patient(insurance_number="A123456780")).status_code == 409
    erase(client, patient)
    anew = client.post(URL, json=new_patient(insurance_number="A123456780"))
    assert anew.status_code == 201
    assert anew.json["reference"] != patient.reference


def test_a_reference_that_stands_in_letters_is_nobodys_again(session: Session, keys: Keys) -> None:
    """Whoever had it next would be asked about as the one before."""
    patient = a_patient(session, keys)
    row = session.get_one(Patient, patient.id)
    files.destroy(session, keys, row, by=None, now=MONDAY)
    assert session.scalar(select(Patient.reference).where(Patient.id == patient.id)) == patient.reference


LATE: dict[str, Callable[[UUID], Event]] = {
    "accepted": lambda id: happened(
        RequestAccepted(placement_request_id=uuid4(), patient_id=id, therapist_id=uuid4(), accepted_on=MONDAY.date())
    ),
    "placed": lambda id: happened(
        PatientPlaced(placement_request_id=uuid4(), patient_id=id, therapist_id=uuid4(), placed_on=MONDAY.date())
    ),
    "geocoded": lambda id: geocoded(id, "52062", sequence=100),
    "geocoded, and republished": lambda id: geocoded(id, "52062", sequence=10**6),
}


@pytest.mark.parametrize("late", LATE)
def test_what_is_heard_of_them_later_changes_nothing(
    client: FlaskClient, session: Session, keys: Keys, late: str
) -> None:
    patient = a_patient_who_is(session, keys, "searching")
    erase(client, patient)
    before = everything(session).splitlines()
    handle(session, keys, LATE[late](patient.id))
    added = [row for row in everything(session).splitlines() if row not in before]
    assert not [row for row in added if "52062" in row or (str(patient.id) in row and "in_therapy" in row)]
    row = session.get_one(Patient, patient.id)
    assert (row.status, row.first_place_on, row.placement_request_id) == ("searching", None, None)


@pytest.mark.parametrize("job", ["birthdays", "prior_therapies", "crises", "reindex", "pauses"])
def test_no_job_finds_who_was_erased(client: FlaskClient, session: Session, keys: Keys, job: str) -> None:
    patient = a_patient_who_is(session, keys, "searching", "paused", date_of_birth="1990-11-24")
    erase(client, patient)
    (run,) = [each.run for each in jobs.jobs(Dependencies(keys, OtherServices(()))) if each.name == job]
    assert run(MONDAY.replace(year=2028)) == 0
    assert [event["type"] for event in recorded(session, patient.id)] == ["patient.erased"]


def test_the_last_states_are_not_published_once_more(client: FlaskClient, session: Session, keys: Keys) -> None:
    """Kafka would have to forget them again; so an event that waits for the relay does not go either."""
    patient, other = a_patient(session, keys), a_patient(session, keys)
    session.execute(outbox.update().values(published_at=MONDAY))
    client.patch(f"{URL}/{patient.id}", json={"first_name": "Neu"})
    erase(client, patient)
    assert [event["type"] for event in recorded(session, patient.id)] == ["patient.erased"]
    assert [event["type"] for event in recorded(session, other.id)] == ["patient.registered"]


def test_republishing_says_of_the_erased_that_they_were(client: FlaskClient, session: Session, keys: Keys) -> None:
    patient, other = a_patient(session, keys), a_patient(session, keys)
    erase(client, patient)
    session.commit()
    republish(lambda session, **page: files.snapshots(session, keys, **page))
    last = [recorded(session, each.id)[-1] for each in (patient, other)]
    assert [event["type"] for event in last] == ["patient.erased", "patient.updated"]
    assert [event["republished"] for event in last] == [True, True]
    assert last[0]["data"] == {"patient_id": str(patient.id)}


def test_dead_letters_of_the_erased_go_also_those_that_come_later(
    client: FlaskClient, session: Session, keys: Keys
) -> None:
    patient, other = a_patient(session, keys), a_patient(session, keys)

    def dead_letter(key: bytes | None) -> None:
        row = {"id": new_id(), "topic": "geocoding.events", "partition": 0, "offset": 0, "key": key}
        session.execute(insert(dead_letter_table).values(**row, value=key, reason="a mistake", traceback=""))

    def kept() -> set[bytes | None]:
        return {key if key is None else bytes(key) for key in session.scalars(select(dead_letter_table.c.key))}

    theirs, others = str(patient.id).encode(), {str(other.id).encode(), None, b"\xff\x00", b""}
    for key in (theirs, *others):
        dead_letter(key)
    erase(client, patient)
    assert kept() == others
    dead_letter(theirs)
    prune(MONDAY)
    session.expire_all()
    assert kept() == others


def test_who_confirms_what_nobody_asked_for_is_passed_over(client: FlaskClient, session: Session, keys: Keys) -> None:
    patient = a_patient(session, keys)
    handle(session, keys, *confirmations(patient.id).values())
    handle(session, keys, *confirmations(uuid4()).values())
    assert session.scalar(select(func.count()).select_from(ErasureConfirmation)) == 0


def test_the_first_confirmation_counts(client: FlaskClient, session: Session, keys: Keys) -> None:
    patient = a_patient(session, keys)
    erase(client, patient)
    for time in (MONDAY, MONDAY + DAY):
        handle(session, keys, confirmations(patient.id, time)["matching_service"])
    assert store.confirmations(session, [patient.id])[patient.id] == {"matching_service": MONDAY}
    assert erasures.get(session, patient.id, compaction_lag=DAY).state == "running"


def test_an_erasure_is_published_once_more_when_kafka_may_forget(
    client: FlaskClient, session: Session, keys: Keys
) -> None:
    patient, running = a_patient(session, keys), a_patient(session, keys)
    for each in (patient, running):
        erase(client, each)
    for event in confirmations(patient.id).values():
        handle(session, keys, event)
    handle(session, keys, confirmations(running.id)["matching_service"])
    (run,) = [each.run for each in jobs.jobs(Dependencies(keys, OtherServices(()), DAY)) if each.name == "erasures"]
    assert [run(MONDAY + days * DAY) for days in (1, 2, 2)] == [0, 1, 0]
    assert [event["sequence"] for event in recorded(session, patient.id)] == [2, 3]
    assert len(recorded(session, running.id)) == 1


def test_a_crash_halfway_leaves_the_patient_whole(client: FlaskClient, session: Session, keys: Keys) -> None:
    """Everything here is one transaction: one that ends in the middle has done nothing."""
    patient = a_patient(session, keys)
    attempt = session.begin_nested()
    erasures.erase(
        session, keys, patient.id, confirm=patient.reference, expected_versions=None, reader=NOBODY,
        compaction_lag=DAY, now=MONDAY,
    )  # fmt: skip
    attempt.rollback()
    session.expire_all()
    assert client.get(f"{URL}/{patient.id}").json["last_name"] == patient.last_name
    assert [event["type"] for event in recorded(session, patient.id)] == ["patient.registered"]
