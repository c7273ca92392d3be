"""Somebody writes a state to Kafka that its service never said: it is found, shown, and put right by `republish`."""

from __future__ import annotations

import json
import urllib.request
from datetime import UTC, datetime
from typing import Any

from confluent_kafka import Producer

from shared.database import new_id
from shared.events import catalogue  # noqa: F401 - fills CATALOGUE
from shared.events.event import CATALOGUE, LARGEST_SEQUENCE
from testkit.api_client import ApiClient, Document
from testkit.private_platform import PrivatePlatform
from tests.end_to_end.operators import Tables, at_the_terminal, ended_well
from tests.end_to_end.people import a_searching_patient, a_therapist, asked, known_to_matching

BOGUS = 1_000_000


def test_a_block_reaches_everybody_in_spite_of_a_state_from_anybody(platform: PrivatePlatform, api: ApiClient) -> None:
    practice, patient = a_therapist(api), a_searching_patient(api)
    known_to_matching(api, patient, practice)
    tables = Tables(platform)
    api.until(tables.all_have_handled, "everybody to know everybody")
    dead_letters = figure(platform, "dead_letters")
    write(platform, practice, sequence=BOGUS)
    write(platform, practice, sequence=10**9)
    api.until(lambda: copies_of(tables, practice) == {("active", BOGUS)}, "the copies to be frozen")
    stranger = {"id": str(new_id())}
    write(platform, stranger, sequence=7)
    found = at_the_terminal(platform, "therapist_service", "republish", "--check")
    said = found.communicate(timeout=150)[0]
    assert found.returncode == 1
    assert f"{practice['id']}  sequence {BOGUS} on Kafka, here 1" in said
    assert f"{stranger['id']}  sequence 7 on Kafka, no such aggregate here" in said
    assert "2 states on Kafka" in said

    api.post("therapist", f"/api/therapists/{practice['id']}/block", {"reason": "rests"})
    api.until(lambda: figure(platform, "copies_ahead") == 1, "the copy to be found")
    assert figure(platform, "dead_letters") == dead_letters + 1, "more events than any aggregate has"
    assert practice["id"] in ended_well(at_the_terminal(platform, "matching_service", "ahead"))
    assert copies_of(tables, practice) == {("active", BOGUS)}

    ended_well(at_the_terminal(platform, "therapist_service", "republish"))
    api.until(lambda: {status for status, _ in copies_of(tables, practice)} == {"blocked"}, "the block to arrive")
    api.until(tables.all_have_handled, "everybody to know everybody again")
    assert figure(platform, "copies_ahead") == 0
    api.post("therapist", f"/api/therapists/{practice['id']}/unblock", {})
    api.until(lambda: {status for status, _ in copies_of(tables, practice)} == {"active"}, "later events to count")

    # all that somebody wrote still lies on Kafka, before what the source said
    ended_well(at_the_terminal(platform, "matching_service", "rebuild"))
    assert tables.all_have_handled()


def test_false_events_of_requests_neither_send_nor_delay_an_email(platform: PrivatePlatform, api: ApiClient) -> None:
    patient, reader = a_searching_patient(api), a_searching_patient(api)
    # no letter can be sent to these practices, so what is asked waits
    practices = [a_therapist(api, email=None, phone_hours=None) for _ in range(2)]
    kept, taken_back = asked(api, patient, *practices)
    (other,) = asked(api, reader, practices[0])
    tables = Tables(platform)
    handled_events = [each["id"] for each in (kept, taken_back, other)]
    api.until(lambda: {status for status, _ in known_of(tables, *handled_events)} == {"waiting"}, "all to be known")
    speak(platform, kept, "request_withdrawn", reason="other")
    speak(platform, taken_back, "request_approved", approved_at=datetime.now(UTC).isoformat())
    invented = {**kept, "id": str(new_id())}
    speak(platform, invented, "request_approved", sequence=1, approved_at=datetime.now(UTC).isoformat())
    api.until(
        lambda: (
            known_of(tables, kept["id"], taken_back["id"], invented["id"])
            == [("over", LARGEST_SEQUENCE), ("waiting", LARGEST_SEQUENCE), ("waiting", 1)]
        ),
        "the false news to be believed",
    )
    found = at_the_terminal(platform, "matching_service", "republish", "--check")
    said = found.communicate(timeout=150)[0]
    assert found.returncode == 1
    assert f"{kept['id']}  sequence {LARGEST_SEQUENCE} on Kafka, here 1" in said
    assert f"{invented['id']}  sequence 1 on Kafka, no such aggregate here" in said
    assert other["id"] not in said

    api.post("matching", f"/api/placement-requests/{taken_back['id']}/withdraw", {"reason": "patient_declined"})
    api.until(lambda: figure(platform, "copies_ahead", "COMMUNICATION_SERVICE_PORT") == 1, "it to be found")
    assert taken_back["id"] in ended_well(at_the_terminal(platform, "communication_service", "ahead"))
    assert [status for status, _ in known_of(tables, taken_back["id"])] == ["waiting"]

    ended_well(at_the_terminal(platform, "matching_service", "republish"))
    api.until(
        lambda: (
            [status for status, _ in known_of(tables, kept["id"], taken_back["id"], invented["id"], other["id"])]
            == ["waiting", "over", "over", "waiting"]
        ),
        "matching to have the last word",
    )
    assert figure(platform, "copies_ahead", "COMMUNICATION_SERVICE_PORT") == 0
    said = ended_well(at_the_terminal(platform, "matching_service", "republish", "--check"))
    assert "0 states on Kafka" in said
    api.post("matching", f"/api/placement-requests/{kept['id']}/withdraw", {"reason": "patient_declined"})
    api.until(lambda: [status for status, _ in known_of(tables, kept["id"])] == ["over"], "later events to count")


def known_of(tables: Tables, *ids: str) -> list[tuple[str, int]]:
    """What communication knows of these requests, in this order."""
    found = {
        str(id): (status, sequence)
        for id, status, sequence in tables.run(
            "SELECT id, status, asked_sequence FROM communication_service.placement_requests"
            " WHERE id = ANY (CAST(%s AS uuid[]))",
            list(ids),
        )
    }
    return [found[id] for id in ids if id in found]


def speak(
    platform: PrivatePlatform, request: Document, what: str, *, sequence: int = LARGEST_SEQUENCE, **fields: Any
) -> None:
    """Say something of a request, as anybody can."""
    whose = {name: request[name] for name in ("patient_id", "therapist_id")}
    data = {"placement_request_id": request["id"], **whose, **fields}
    produce(platform, f"matching.{what}", request["id"], sequence=sequence, data=data)


def copies_of(tables: Tables, practice: Document) -> set[tuple[str, int]]:
    """What matching and communication know of the practice."""
    return {
        row
        for service in ("matching_service", "communication_service")
        for row in tables.run(f"SELECT status, sequence FROM {service}.therapists WHERE id = %s", practice["id"])
    }


def figure(platform: PrivatePlatform, name: str, service: str = "MATCHING_SERVICE_PORT") -> Any:
    """A figure in the readiness of matching's worker, or another's."""
    port = int(platform.settings[service]) + 100
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/health/ready") as answer:
        return json.load(answer)["figures"][name]


def write(platform: PrivatePlatform, practice: Document, *, sequence: int) -> None:
    """Say something of a therapist, as anybody can."""
    published = {"id": practice["id"], "last_name": "Irgendwer", "status": "active"}
    produce(platform, "therapist.updated", practice["id"], sequence=sequence, data={"therapist": published})


def produce(platform: PrivatePlatform, kind: str, subject: str, *, sequence: int, data: Document) -> None:
    """What anybody can do who reaches the broker."""
    producer = Producer(platform.kafka_client())
    document = {
        "specversion": "1.0", "type": kind, "source": "/anybody", "id": str(new_id()),
        "subject": subject, "time": datetime.now(UTC).isoformat(), "sequence": sequence,
        "correlationid": "anybody", "traceparent": f"00-{1:032x}-{1:016x}-01",
        "data": data,
    }  # fmt: skip
    producer.produce(CATALOGUE[kind].topic.name, key=subject, value=json.dumps(document))
    assert producer.flush(10) == 0
