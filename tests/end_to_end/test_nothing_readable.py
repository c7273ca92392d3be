"""What a patient tells the agency is readable through the patient service alone, and by no practice before it accepts.
Then the practice reads who it is, and nothing about health beside it; the patient reads nothing of either.
What staff write about a patient in other services, and letters, are readable through these services alone.

Dumped are all tables of all services, every event, all logs, metrics, refusals and mails, and every file that the
platform wrote. What a letter says is looked for everywhere but in the mails themselves.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import requests
from confluent_kafka import Consumer, TopicPartition

from operations import env_file
from operations.sign_in import AccessTokens
from shared.events.event import PARTITIONS, TOPICS
from shared.runtime import clock
from shared.runtime.worker_port import WORKER_PORT_DISTANCE
from testkit.api_client import ApiClient, RequestRefused
from testkit.private_platform import PrivatePlatform
from tests.architecture.sources import SERVICES
from tests.builders.marked_files import CRISIS, OF_A_FORM, completed, without_marker
from tests.end_to_end.operators import Tables, at_the_terminal, ended_well
from tests.end_to_end.people import a_therapist, known_to_matching, status_becomes

SENSITIVE, TEXTS = completed(
    {
        "salutation": "Frau Anredemarke",
        "title": "Titelmarke",
        "first_name": "Vornamensmarke",
        "last_name": "Nachnamensmarke",
        "date_of_birth": "1971-03-29",
        "street": "Strassenmarkenweg",
        "house_number": "4711-Hausmarke",
        "city": "Ortsmarkenstadt",
        "email": "adressmarke@example.org",
        "phone": "0241 98765432",
        "contact_persons": [
            {"name": "Bezugsmarke Person", "phone": "0241 87654321", "email": "bezugsadresse@example.org"},
        ],
        "reason_without_guardian": "Vormundsmarke",
        "general_practitioner": "Hausarztmarke",
        "health_insurer": "Kassenmarke",
        "insurance_number": "T012345678",
        "diagnoses": ["F44.81G"],
        "referred_by": "Zuweisermarke",
        "practice_summary": "Zusammenfassungsmarke",
    }
)
"""Every field of a file, also those that are not named here (a new one among them), and what stands in them."""
PURPOSE, REASON, SEARCHED = "Zweckmarke", "Begruendungsmarke", "Suchmarke"
NOTES = {
    "request": "Anfragenotizmarke", "override": "Ausnahmemarke", "history": "Verlaufsmarke", "answer": "Antwortmarke",
    "call": "Anrufnotizmarke", "call's answer": "Gespraechsmarke", "call that reached nobody": "Bandmarke",
}  # fmt: skip
PRACTICE = "Praxisnamensmarke"
IN_LETTERS = (
    f"Sehr geehrte Frau {PRACTICE}", "Therapieplatz für eine Person", "somatoforme", "möglich:  nicht angegeben",
)  # fmt: skip
"""What letters say, and nothing else that the platform writes into tables, events and logs: templates have values."""
IDENTITY = (
    "Titelmarke", "Vornamensmarke", "Nachnamensmarke", "Strassenmarken", "Hausmarke", "Ortsmarken", "adressmarke",
    "98765432", "Bezugsmarke", "87654321", "bezugsadresse", "0241 87654321", "bezugsadresse@example.org",
)  # fmt: skip
"""What a practice is given after it has accepted."""
ADDRESSED = ("Titelmarke", "Nachnamensmarke", "adressmarke")
"""What an e-mail to the patient says of them."""
HEALTH = ("somatoforme", "F40-F48", "gesetzlich", "Jahre,", "Privatpraxis")
"""What practices read of a patient beside the reference, and what nobody is to read beside a name."""
MARKERS = (
    "Anredemarke", "Titelmarke", "Vornamensmarke", "Nachnamensmarke", "1971-03-29", "Strassenmarken", "Hausmarke",
    "Ortsmarken", "adressmarke", "98765432", "Bezugsmarke", "87654321", "bezugsadresse", "Vormundsmarke",
    "Hausarztmarke", "Kassenmarke", "T012345678", "F44.81", "Zuweisermarke", "Zusammenfassungsmarke", PURPOSE, REASON,
    "-marke", CRISIS, *OF_A_FORM.values(), SEARCHED, *NOTES.values(),
)  # fmt: skip
OTHERS = {"gender": "female", "postal_code": "95028", "insurance_type": "statutory", "max_distance_km": 30}


@pytest.fixture(scope="module")
def told(platform: PrivatePlatform, tokens: AccessTokens) -> dict[str, Any]:
    """The story, told once: a patient is entered, changed, searched for, refused, asked for by e-mail and by phone."""
    api = ApiClient(platform.settings, tokens)
    api._session.headers["X-Purpose"] = PURPOSE
    patient = api.enter_patient(**SENSITIVE, **OTHERS)
    path = f"/api/patients/{patient['id']}"
    written_to = {"purpose": "patient_mail", "given_on": patient["registered_on"], "text_version": "2026-01"}
    api.post("patient", f"{path}/consents", written_to)
    api.post("patient", f"{path}/crisis/flag", {"reason": CRISIS})
    refusals = list(_refusals(api, path))
    api.patch("patient", path, {"practice_summary": "Zusammenfassungsmarke, anders"})
    api.start_search(patient["id"])
    api.post("patient", f"{path}/status", {"status": "paused", "reason": REASON})
    api.post("patient", f"{path}/status", {"status": "searching", "reason": REASON})
    api.get("patient", "/api/patients", q="Nachnamensmarke")
    practice = a_therapist(api, last_name=PRACTICE, gender="female", accreditation="private")
    to_phone, later, agrees = (a_therapist(api, email=None) for _ in range(3))
    known_to_matching(api, patient, practice, to_phone, later, agrees, reimbursement_case=True)
    set_aside = {"therapist_id": practice["id"], "rule": "accreditation", "reason": NOTES["override"]}
    practices = [practice, to_phone, later, agrees]
    approved = api.approve(patient["id"], [each["id"] for each in practices], overrides=[set_aside])
    request, by_phone, _, agreed = approved["items"]
    status_becomes(api, request, "contacted")
    said = _notes_are_written(api, request, by_phone, to_phone, later)
    api.until(Tables(platform).all_have_handled, "everybody to know everybody")
    (letter,) = platform.mailbox.wait_for(1, to=practice["email"])
    known = {"patient": patient, "refusals": refusals, "letter": letter, "said": said}
    known["before"] = [*map(repr, platform.mailbox.wait_for(1)), *_pages(api, letter, practices)]
    known["news"] = _news(platform)
    known["sheet"] = _accepted(api, request, agreed, agrees)
    to_practice = platform.mailbox.wait_for(2, to=practice["email"])
    (confirmation,) = (each for each in to_practice if each["id"] != letter["id"])
    notices = platform.mailbox.wait_for(3, to=SENSITIVE["email"])
    api.until(Tables(platform).all_have_handled, "everybody to know everybody")
    return known | {"mails": [confirmation, *notices]}


def _pages(api: ApiClient, letter: Any, practices: Sequence[Any]) -> list[str]:
    """The page behind the link in the letter, and the sheets of all calls, as people read them."""
    (link,) = set(re.findall(r"/reply/[a-z0-9]+", letter["text"]))
    page = requests.get(api.url("communication", link), headers={"Accept": "text/html"}, timeout=30)
    assert page.status_code == 200
    of_practices = ",".join(each["id"] for each in practices)
    calls = api.get("communication", "/api/phone-calls", therapist_id=of_practices)["items"]
    assert len(calls) >= len(practices) - 1
    return [page.text, *(str(api.get("communication", f"/api/phone-calls/{each['id']}")) for each in calls)]


def _news(platform: PrivatePlatform) -> Any:
    """The e-mail that the patient is written a week later about how the search goes on."""
    in_a_week = clock.now() + timedelta(days=8)
    command = ("job", "progress", "--now", f"{in_a_week:%Y-%m-%dT%H:%M}")
    ended_well(at_the_terminal(platform, "communication_service", *command))
    (news,) = platform.mailbox.wait_for(1, to=SENSITIVE["email"])
    return news


def _accepted(api: ApiClient, request: Any, agreed: Any, agrees: Any) -> Any:
    """One practice accepts on the phone, another one by e-mail; returns the sheet of the call."""
    said = {"placement_request_id": agreed["id"], "outcome": "accepted"}
    call = _called(api, agrees, {"result": "reached", "responses": [said]})
    api.post("matching", f"/api/placement-requests/{request['id']}/response", {"outcome": "accepted"})

    def sheet_with_name() -> Any:
        sheet = api.get("communication", f"/api/phone-calls/{call}")
        return sheet if sheet["identities"] else None

    return api.until(sheet_with_name, "the sheet to name who was accepted")


def _notes_are_written(api: ApiClient, request: Any, by_phone: Any, to_phone: Any, later: Any) -> list[str]:
    """Staff write something wherever they can; returns what they read afterwards."""
    path = f"/api/placement-requests/{request['id']}"
    api.patch("matching", path, {"note": NOTES["request"]})
    (email,) = api.get("communication", "/api/emails", therapist_id=request["therapist_id"])["items"]
    written = {"placement_request_id": request["id"], "outcome": "later", "note": NOTES["answer"]}
    api.post("communication", f"/api/emails/{email['id']}/response", {"responses": [written]})
    status_becomes(api, request, "deferred")
    api.post("matching", f"{path}/response", {"outcome": "later", "note": NOTES["history"]})
    spoken = {"placement_request_id": by_phone["id"], "outcome": "declined_other", "note": NOTES["call's answer"]}
    _called(api, to_phone, {"result": "reached", "note": NOTES["call"], "responses": [spoken]})
    _called(api, later, {"result": "voicemail", "note": NOTES["call that reached nobody"]})
    lists = {
        "matching": ["/api/placement-requests", f"{path}/history"],
        "communication": [
            "/api/emails",
            "/api/phone-calls",
            *(f"/api/therapists/{each}/contact-history" for each in (request["therapist_id"], to_phone["id"])),
        ],
    }
    return [str(api.get(service, each)) for service, paths in lists.items() for each in paths]


def _called(api: ApiClient, therapist: Any, outcome: dict[str, Any]) -> str:
    """A call with this outcome; returns its id."""

    def planned() -> Any:
        return api.get("communication", "/api/phone-calls", therapist_id=therapist["id"], status="planned")["items"]

    (call,) = api.until(planned, "a call to be planned")
    api.post("communication", f"/api/phone-calls/{call['id']}/outcome", outcome)
    return str(call["id"])


def _refusals(api: ApiClient, path: str) -> Iterator[str]:
    """The texts of requests that are refused although they name something sensitive."""
    wrong: list[Callable[[], Any]] = [
        lambda: api.post("patient", "/api/patients", SENSITIVE),
        lambda: api.post("patient", "/api/patients", SENSITIVE, force="true"),
        lambda: api.post("patient", "/api/patients", SENSITIVE | {"colour": SEARCHED}),
        lambda: api.post("patient", "/api/patients", SENSITIVE | {"gender": SEARCHED, "insurance_number": SEARCHED}),
        lambda: api.post("patient", "/api/patients", SENSITIVE | {"last_name": f"Nachnamensmarke\x00{SEARCHED}"}),
        lambda: api.patch("patient", path, {"email": f"{SEARCHED}@", "phone": f"{SEARCHED} 98765432"}),
        lambda: api.patch("patient", path, {"date_of_birth": "1971-03-29T25"}),
        lambda: api.post("patient", f"{path}/status", {"status": "in_therapy", "reason": REASON}),
        lambda: api.get("patient", "/api/patients", q=" ".join([SEARCHED] * 40)),
        lambda: api.get("patient", f"/api/patients/{SEARCHED}"),
        lambda: api.get("matching", "/api/placement-requests", patient_id=SEARCHED),
        lambda: api.post("matching", "/api/matches", {"patient_id": str(uuid4()), "note": SEARCHED}),
    ]
    for each in wrong:
        with pytest.raises(RequestRefused) as refused:
            each()
        yield str(refused.value).partition(" was answered with ")[2]


def readable(text: str | bytes, markers: Sequence[str] = (*MARKERS, *IN_LETTERS)) -> list[str]:
    """The markers that stand in a text, in any case, also as PostgreSQL shows bytes."""
    content = (text if isinstance(text, bytes) else text.encode()).lower()
    return [each for each in markers if each.lower().encode() in content or each.encode().hex().encode() in content]


def test_who_may_reads_what_was_written(told: dict[str, Any]) -> None:
    """Or the rest would look for something that nobody has written."""
    assert set(readable("\n".join(told["said"]))) == {*NOTES.values(), *IN_LETTERS}


def test_every_field_of_a_file_is_looked_for() -> None:
    assert without_marker(TEXTS, MARKERS) == []


def test_in_no_table_of_any_service(platform: PrivatePlatform, told: dict[str, Any]) -> None:
    tables, dumped = Tables(platform), 0
    names = tables.run("SELECT schemaname, tablename FROM pg_tables WHERE schemaname LIKE %s", "%\\_service")
    assert {schema for schema, _ in names} == set(SERVICES)
    for schema, table in names:
        for (row,) in tables.run(f'SELECT t::text FROM {schema}."{table}" t'):
            assert not readable(row), (schema, table)
            dumped += told["patient"]["reference"] in row
    assert dumped > 5, "the looking itself finds the patient's reference"


def test_in_no_event(platform: PrivatePlatform, told: dict[str, Any]) -> None:
    found = 0
    for message in everything_on_kafka(platform):
        parts = [message.value() or b"", message.key() or b"", *(value for _, value in message.headers() or [])]
        assert not readable(b"\n".join(part for part in parts if part)), message.topic()
        found += told["patient"]["reference"].encode() in parts[0]
    assert found > 3


def everything_on_kafka(platform: PrivatePlatform) -> Iterator[Any]:
    """Every message of our topics, whoever wrote it and whether its transaction was committed."""
    consumer = Consumer(
        platform.kafka_client()
        | {"group.id": f"test-{uuid4()}", "isolation.level": "read_uncommitted", "enable.partition.eof": False}
    )
    places = [TopicPartition(topic.name, number, 0) for topic in TOPICS.values() for number in range(PARTITIONS)]
    ends = {(each.topic, each.partition): consumer.get_watermark_offsets(each, timeout=30)[1] for each in places}
    consumer.assign(places)
    while any(ends[each.topic, each.partition] > max(each.offset, 0) for each in consumer.position(places)):
        for message in consumer.consume(1000, timeout=1):
            assert not message.error()
            yield message
    consumer.close()


def test_in_no_refusal(told: dict[str, Any]) -> None:
    assert len(told["refusals"]) == 12
    for refusal in told["refusals"]:
        assert not readable(refusal), refusal


def test_in_no_letter_page_or_sheet_before_a_practice_accepted(told: dict[str, Any]) -> None:
    assert told["patient"]["reference"] in told["letter"]["text"]
    assert set(readable(repr(told["letter"]), IN_LETTERS)) == {*IN_LETTERS}
    about_us = [each for each in told["before"] if told["patient"]["reference"] in each]
    assert len(about_us) >= 5, "the letter, its page, and the sheets"
    for each in told["before"]:
        assert set(readable(each, MARKERS)) <= {*NOTES.values()}, "staff read what they wrote themselves"


def test_after_the_acceptance_who_it_is_and_nothing_about_health(told: dict[str, Any]) -> None:
    """The practice reads all that it needs, the patient nothing but how they are addressed."""
    confirmation, *to_patient = map(repr, told["mails"])
    assert set(readable(confirmation, MARKERS)) == {*IDENTITY}
    assert told["patient"]["reference"] in confirmation
    for each in to_patient:
        assert set(readable(each, MARKERS)) == {*ADDRESSED}
        assert told["patient"]["reference"] not in each
    for each in (confirmation, *to_patient):
        assert not readable(each, HEALTH)
    assert PRACTICE not in repr(told["news"]), "no practice that was asked is named"
    assert any(PRACTICE in each for each in to_patient), "the one that offers a place is"


def test_the_sheet_of_the_call_by_which_a_practice_accepted_names_the_patient(told: dict[str, Any]) -> None:
    sheet = told["sheet"]
    assert set(readable(str(sheet), MARKERS)) == {*IDENTITY}
    assert not readable(str(sheet), HEALTH)
    assert [each["reference"] for each in sheet["identities"]] == [told["patient"]["reference"]]


def test_in_no_metric_and_no_health(platform: PrivatePlatform, told: dict[str, Any]) -> None:
    for port in env_file.service_ports(platform.settings).values():
        for address in (port, port + WORKER_PORT_DISTANCE):
            for path in ("metrics", "health/ready"):
                url = f"http://127.0.0.1:{address}/{path}"
                assert not readable(requests.get(url, timeout=30).text), url


def test_in_no_file_that_the_platform_wrote(platform: PrivatePlatform, told: dict[str, Any]) -> None:
    """Logs of every process, PostgreSQL's tables and its write-ahead log, Kafka's segments, caught mails."""
    folders = {platform.paths.state, platform.paths.servers}
    files = [each for folder in folders for each in Path(folder).rglob("*") if each.is_file()]
    assert {"patient_service.web.log", "postgresql.log", "kafka.log"} <= {each.name for each in files}
    assert any("pg_wal" in each.parts for each in files)
    for file in files:
        in_mails = [each for each in MARKERS if each not in IDENTITY]
        assert not readable(_content(file), in_mails if "mails" in file.parts else (*MARKERS, *IN_LETTERS)), file


def _content(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except FileNotFoundError:  # PostgreSQL and Kafka tidy up
        return b""
