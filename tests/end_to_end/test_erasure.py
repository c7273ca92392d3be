"""A patient is erased while work for them goes on and a service is down: in the end nobody has anything of them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
import requests
from confluent_kafka import Producer

from operations import env_file
from shared.events.catalogue import PatientUpdated, PublicPatient
from testkit.api_client import ApiClient, Document, RequestRefused
from testkit.private_platform import PrivatePlatform
from tests.builders.events import happened
from tests.end_to_end.kafka_log import cleaning_eagerly, on_kafka
from tests.end_to_end.operators import Tables, at_the_terminal, ended_well
from tests.end_to_end.people import a_searching_patient, a_therapist, known_to_matching
from tests.events import document

COPIES = ("matching_service.patients", "communication_service.patients", "geocoding_service.located_addresses",
          "patient_service.located_postal_codes")  # fmt: skip


BACKED_UP = {"patients": "id", "data_keys": "owner_id"}
"""The tables of a patient's file, and the column that is the patient's id."""


def state_of(api: ApiClient, erasure: str) -> Document:
    found: Document = api.get("patient", erasure)
    return found


def pending(api: ApiClient, erasure: str) -> set[str]:
    return {name for name, state in state_of(api, erasure)["services"].items() if state == "pending"}


def refused(ask: Callable[[], Any]) -> int:
    """The status with which the platform refuses."""
    with pytest.raises(RequestRefused) as refusal:
        ask()
    return refusal.value.status


def are_tombstones(tables: Tables, patient: Document) -> bool:
    """Whether every copy says that its owner was erased, and nothing else of what was there."""
    rows = [tables.run(f"SELECT erased, t::text FROM {table} t WHERE id = %s", patient["id"]) for table in COPIES]
    told = [patient["reference"], patient["postal_code"], patient["insurance_type"]]
    return all(row[0][0] and not any(each in row[0][1] for each in told) for row in rows)


def rows_of(tables: Tables, patient: Document) -> dict[str, dict[str, Any]]:
    """What a backup has of the patient: the row and, from its own backup, the key."""
    found = {}
    for table, id in BACKED_UP.items():
        names = tables.run(
            "SELECT column_name FROM information_schema.columns WHERE table_schema = 'patient_service'"
            " AND table_name = %s ORDER BY ordinal_position",
            table,
        )
        (row,) = tables.run(f"SELECT * FROM patient_service.{table} WHERE {id} = %s", patient["id"])
        found[table] = dict(zip((name for (name,) in names), row, strict=True))
    return found


def restore(tables: Tables, saved: dict[str, dict[str, Any]]) -> None:
    for table, row in saved.items():
        names, holders = ", ".join(row), ", ".join(["%s"] * len(row))
        renewed = ", ".join(f"{name} = EXCLUDED.{name}" for name in row)
        tables.run(
            f"INSERT INTO patient_service.{table} ({names}) VALUES ({holders})"
            f" ON CONFLICT ({BACKED_UP[table]}) DO UPDATE SET {renewed}",
            *row.values(),
        )


def ready(platform: PrivatePlatform) -> requests.Response:
    port = env_file.service_ports(platform.settings)["PATIENT_SERVICE_PORT"]
    return requests.get(f"http://127.0.0.1:{port}/health/ready", timeout=30)


def publish(platform: PrivatePlatform, event: Any) -> None:
    """Somebody writes this to Kafka, late."""
    producer = Producer(platform.kafka_client())
    producer.produce(type(event).topic.name, key=str(event.envelope.subject), value=document(event))
    assert producer.flush(30) == 0


@pytest.mark.timeout(600)
def test_a_patient_is_erased_everywhere_whatever_is_under_way(platform: PrivatePlatform, api: ApiClient) -> None:
    patient, other = a_searching_patient(api), a_searching_patient(api)
    practice = a_therapist(api)
    for each in (patient, other):
        known_to_matching(api, each, practice)
    saved = rows_of(Tables(platform), patient)
    worker = platform.process("communication_service.worker")
    worker.kill()
    requests = {each["id"]: api.approve(each["id"], [practice["id"]])["items"][0] for each in (patient, other)}
    path = f"/api/patients/{patient['id']}"

    assert refused(lambda: api.delete("patient", path, confirm=other["reference"])) == 422
    first, again = (api.delete("patient", path, confirm=patient["reference"]) for _ in range(2))
    moving = {"services", "kafka_until"}  # a service may confirm between the two
    assert all(first[name] == again[name] for name in first.keys() - moving), (first, again)
    erasure = f"/api/erasures/{first['id']}"

    # at once here, soon elsewhere, and in a service that is down for a day when it is up again
    assert refused(lambda: api.get("patient", path)) == 404
    listed = api.get("patient", "/api/patients", ids=f"{patient['id']},{other['id']}")
    assert [each["id"] for each in listed["items"]] == [other["id"]]
    api.until(lambda: pending(api, erasure) == {"communication_service"}, "the others to confirm")
    withdrawn = api.get("matching", f"/api/placement-requests/{requests[patient['id']]['id']}")
    assert (withdrawn["status"], withdrawn["withdrawn_reason"]) == ("withdrawn", "patient_erased")
    earliest = state_of(api, erasure)["kafka_until"]
    worker.start()
    api.until(lambda: state_of(api, erasure)["state"] == "completed", "communication to confirm")
    assert state_of(api, erasure)["kafka_until"] > max(earliest, state_of(api, erasure)["completed_at"])

    # the letter speaks of the other one alone
    (letter,) = platform.mailbox.wait_for(1, to=practice["email"])
    assert other["reference"] in str(letter)
    assert patient["reference"] not in str(letter)
    tables = Tables(platform)
    assert are_tombstones(tables, patient)

    # a state that comes late, as if a relay had repeated it, and a rebuild that reads it
    fields = {name: patient[name] for name in ("reference", "postal_code", "insurance_type")}
    late = PatientUpdated(patient=PublicPatient(id=UUID(patient["id"]), status="searching", **fields))
    publish(platform, happened(late, sequence=2, time=datetime.now(UTC)))
    assert "removed" in ended_well(at_the_terminal(platform, "matching_service", "rebuild"))
    assert are_tombstones(tables, patient)

    # whoever fills Kafka anew says of the erased that they were
    assert "all of them are published" in ended_well(at_the_terminal(platform, "patient_service", "republish"))
    api.until(tables.all_have_handled, "everybody to know everybody")
    assert are_tombstones(tables, patient)
    assert pending(api, erasure) == set()

    # the patient service is restored from a backup of before
    restore(tables, saved)
    assert api.get("patient", path)["last_name"] == patient["last_name"]
    unready = ready(platform)
    assert unready.status_code == 503
    assert "erase-restored --yes" in unready.json()["checks"]["erasures"]["problem"]
    assert patient["id"] in ended_well(at_the_terminal(platform, "patient_service", "erase-restored"))
    assert "is erased again" in ended_well(at_the_terminal(platform, "patient_service", "erase-restored", "--yes"))
    assert refused(lambda: api.get("patient", path)) == 404
    assert tables.run("SELECT 1 FROM patient_service.patients WHERE sealed = '' AND id = %s", patient["id"])
    assert not tables.run("SELECT 1 FROM patient_service.data_keys WHERE owner_id = %s", patient["id"])
    assert ready(platform).status_code == 200
    assert other["id"] in str(api.get("patient", f"/api/patients/{other['id']}"))


def test_kafka_forgets_what_came_before_also_where_nothing_else_happens(
    platform: PrivatePlatform, api: ApiClient
) -> None:
    """A segment of its log is closed, and then cleaned, only when something is added to it."""
    patient, tables = a_searching_patient(api), Tables(platform)
    erasure = f"/api/erasures/{patient['id']}"
    api.until(tables.all_have_handled, "everybody to know the patient")
    places = [(topic, UUID(patient["id"])) for topic in ("patient.events", "geocoding.events")]
    with cleaning_eagerly(platform):
        api.delete("patient", f"/api/patients/{patient['id']}", confirm=patient["reference"])
        api.until(lambda: state_of(api, erasure)["state"] == "completed", "every service to confirm")
        before = on_kafka(platform)
        assert all(len(before[place]) > 1 for place in places), "the states before still lie there"
        # a day later
        tables.run("UPDATE patient_service.erasure_confirmations SET confirmed_at = confirmed_at - interval '25 hours'")
        ended_well(at_the_terminal(platform, "patient_service", "job", "erasures"))

        def only_erasures_are_left() -> bool:
            kept = on_kafka(platform)
            return all(set(before[place][:-1]).isdisjoint(kept[place]) and kept[place] for place in places)

        api.until(only_erasures_are_left, "Kafka to forget", every=1)
