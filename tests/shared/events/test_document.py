"""The AsyncAPI document tells readers the truth: what was and is published is what it describes."""

from __future__ import annotations

import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from operations import event_document
from shared.events.document import document, events
from shared.events.event import TOPICS
from tests.architecture.sources import ROOT

DOCUMENT = document({"matching.request_held": "matching_service"}, {"matching.request_held": ["communication_service"]})
SAMPLES = sorted((ROOT / "tests" / "samples" / "events").glob("*.json"))


def problems(message: str, event: Any) -> list[str]:
    schema = {"$ref": f"#/components/messages/{message}/payload", "components": DOCUMENT["components"]}
    return [problem.message for problem in Draft202012Validator(schema).iter_errors(event)]


@pytest.mark.parametrize("file", SAMPLES, ids=lambda file: file.stem)
def test_every_sample_is_as_described(file: Path) -> None:
    event = json.loads(file.read_text())
    assert problems(event["type"], event) == []


@pytest.mark.parametrize(
    "damage",
    [{"specversion": "0.3"}, {"type": "matching.request_held"}, {"subject": None}, {"sequence": 0}, {"sequence": "1"},
     {"correlationid": "with space"}, {"traceparent": "00-0-0-01"}, {"source": "/matching"}, {"data": {}}],
    ids=str,
)  # fmt: skip
def test_what_we_never_publish_is_not_described(damage: dict[str, Any]) -> None:
    event = json.loads((ROOT / "tests/samples/events/patient.updated.1.json").read_text())
    assert problems("patient.updated", deepcopy(event) | damage)


def test_every_topic_and_every_event_is_there_with_its_meaning() -> None:
    assert set(DOCUMENT["channels"]) == {topic.name for topic in TOPICS.values()}
    for event in events():
        assert event.name in DOCUMENT["channels"][event.topic.name]["messages"]
        assert DOCUMENT["components"]["messages"][event.name]["summary"] in (event.__doc__ or "")


def test_every_reference_leads_somewhere() -> None:
    def references(part: Any) -> Any:
        if isinstance(part, dict):
            yield from [part["$ref"]] if isinstance(part.get("$ref"), str) else []
            part = list(part.values())
        if isinstance(part, list):
            for each in part:
                yield from references(each)

    for reference in set(references(DOCUMENT)):
        part: Any = DOCUMENT
        for name in reference.removeprefix("#/").split("/"):
            part = part[name]


def test_compacted_topics_say_so_and_facts_say_how_long_they_stay() -> None:
    settings = {n: c["bindings"]["kafka"] for n, c in DOCUMENT["channels"].items()}
    assert {each["partitions"] for each in settings.values()} == {12}
    assert settings["patient.events"]["topicConfiguration"]["cleanup.policy"] == ["compact"]
    assert settings["matching.events"]["topicConfiguration"]["retention.ms"] == 90 * 24 * 3600 * 1000


def test_publishers_and_listeners_are_there() -> None:
    sends = DOCUMENT["operations"]["matching_service.sends.matching.events"]
    receives = DOCUMENT["operations"]["communication_service.receives.matching.events"]
    assert (sends["action"], receives["action"]) == ("send", "receive")
    assert sends["messages"] == [{"$ref": "#/channels/matching.events/messages/matching.request_held"}]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Two services in source form."""
    for service in ("matching_service", "communication_service"):
        (tmp_path / service / "domain").mkdir(parents=True)
        (tmp_path / service / "service.py").touch()
    return tmp_path


def test_the_sender_is_the_service_whose_domain_makes_the_event(checkout: Path) -> None:
    (checkout / "matching_service/domain/consequences.py").write_text(
        "from shared.events.catalogue import RequestHeld, EmailSent\n"
        "def hold(session, sent: EmailSent) -> EmailSent | None:\n    record(session, RequestHeld(hold='x'))\n"
    )
    (checkout / "communication_service/domain/sending.py").write_text("def _kind():\n    return EmailSent\n")
    assert event_document.senders(checkout) == {
        "matching.request_held": "matching_service",
        "communication.email_sent": "communication_service",
    }


def test_an_event_with_two_senders_is_refused(checkout: Path) -> None:
    for service in ("matching_service", "communication_service"):
        (checkout / service / "domain/x.py").write_text("record(RequestHeld())")
    with pytest.raises(ValueError, match="communication_service and by matching_service"):
        event_document.senders(checkout)


def test_handlers_are_found_in_their_listeners_also_by_way_of_a_group(checkout: Path) -> None:
    (checkout / "communication_service/listeners.py").write_text(
        "from shared.events.catalogue import *\nSTATES = (TherapistUpdated, TherapistBlocked)\n"
        "Any = PatientUpdated | None\n"
        "@listeners.projection(*STATES)\ndef f(): ...\n"
        "def listeners(keys):\n    @events.effect(RequestHeld)\n    def g(event: RequestReleased): ...\n"
    )
    assert set(event_document.handlers(checkout)) == {"matching.request_held", "therapist.blocked", "therapist.updated"}
