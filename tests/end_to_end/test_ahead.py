"""Somebody writes a state to Kafka that its service never said: it is found, shown, and put right by `republish`."""

from __future__ import annotations

import json
import urllib.request
from datetime import UTC, datetime
from typing import Any

import pytest
from confluent_kafka import Producer

from operations.agency import Agency, Document
from operations.platform import Platform
from shared.database import new_id
from tests.end_to_end.operators import Tables, at_the_terminal, ended_well
from tests.end_to_end.people import a_searching_patient, a_therapist, known_to_matching

BOGUS = 1_000_000


@pytest.mark.timeout(300)
def test_a_block_reaches_everybody_in_spite_of_a_state_from_anybody(platform: Platform, agency: Agency) -> None:
    practice, patient = a_therapist(agency), a_searching_patient(agency)
    known_to_matching(agency, patient, practice)
    tables = Tables(platform)
    agency.until(tables.all_have_heard, "everybody to know everybody")
    dead_letters = figure(platform, "dead_letters")
    write(platform, practice, sequence=BOGUS)
    write(platform, practice, sequence=10**9)
    agency.until(lambda: copies_of(tables, practice) == {("active", BOGUS)}, "the copies to be frozen")
    stranger = {"id": str(new_id())}
    write(platform, stranger, sequence=7)
    found = at_the_terminal(platform, "therapist_service", "republish", "--check")
    said = found.communicate(timeout=60)[0]
    assert found.returncode == 1
    assert f"{practice['id']}  Kafka says {BOGUS}, here 1" in said
    assert f"{stranger['id']}  Kafka says 7, which is not known here" in said
    assert "2 states on Kafka" in said

    agency.post("therapist", f"/api/therapists/{practice['id']}/block", {"reason": "rests"})
    agency.until(lambda: figure(platform, "copies_ahead") == 1, "the copy to be found")
    assert figure(platform, "dead_letters") == dead_letters + 1, "more events than any aggregate has"
    assert practice["id"] in ended_well(at_the_terminal(platform, "matching_service", "ahead"))
    assert copies_of(tables, practice) == {("active", BOGUS)}

    ended_well(at_the_terminal(platform, "therapist_service", "republish"))
    agency.until(lambda: {status for status, _ in copies_of(tables, practice)} == {"blocked"}, "the block to arrive")
    agency.until(tables.all_have_heard, "everybody to know everybody again")
    assert figure(platform, "copies_ahead") == 0
    agency.post("therapist", f"/api/therapists/{practice['id']}/unblock", {})
    agency.until(lambda: {status for status, _ in copies_of(tables, practice)} == {"active"}, "later events to count")

    # all that somebody wrote still lies on Kafka, before what the source said
    ended_well(at_the_terminal(platform, "matching_service", "rebuild"))
    assert tables.all_have_heard()


def copies_of(tables: Tables, practice: Document) -> set[tuple[str, int]]:
    """What matching and communication know of the practice."""
    return {
        row
        for service in ("matching_service", "communication_service")
        for row in tables.run(f"SELECT status, sequence FROM {service}.therapists WHERE id = %s", practice["id"])
    }


def figure(platform: Platform, name: str) -> Any:
    """A figure in the readiness of matching's worker."""
    port = int(platform.settings["MATCHING_SERVICE_PORT"]) + 100
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/health/ready") as answer:
        return json.load(answer)["figures"][name]


def write(platform: Platform, practice: Document, *, sequence: int) -> None:
    """What anybody can do who reaches the broker."""
    producer = Producer({"bootstrap.servers": platform.settings["KAFKA_BOOTSTRAP_SERVERS"]})
    document = {
        "specversion": "1.0", "type": "therapist.updated", "source": "/therapist", "id": str(new_id()),
        "subject": practice["id"], "time": datetime.now(UTC).isoformat(), "sequence": sequence,
        "correlationid": "anybody", "traceparent": f"00-{1:032x}-{1:016x}-01",
        "data": {"therapist": {"id": practice["id"], "last_name": "Irgendwer", "status": "active"}},
    }  # fmt: skip
    producer.produce("therapist.events", key=practice["id"], value=json.dumps(document))
    assert producer.flush(10) == 0
