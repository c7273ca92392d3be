"""Kafka's data is gone: the services publish all states again, and work goes on."""

from __future__ import annotations

import shutil
from typing import Any

import pytest

from shared.runtime import registry
from testkit.api_client import ApiClient, Document
from testkit.private_platform import PrivatePlatform
from tests.end_to_end.operators import Tables, at_the_terminal, ended_well
from tests.end_to_end.people import a_searching_patient, a_therapist, asked, known_to_matching, status_becomes

ONE_MORE_EVENT = ("written_at", "sequence", "event_time", "geocoded_sequence", "geocoded_event_time")
"""What a copy of the same state differs in after the state was published again."""


@pytest.mark.timeout(600)  # five services at the terminal, which a busy machine takes its time to start
def test_a_kafka_that_lost_everything_is_filled_anew_and_life_goes_on(
    platform: PrivatePlatform, api: ApiClient
) -> None:
    practice, blocked, patient = a_therapist(api), a_therapist(api), a_searching_patient(api)
    known_to_matching(api, patient, practice, blocked)
    api.post("therapist", f"/api/therapists/{blocked['id']}/block", {"reason": "rests"})
    tables = Tables(platform)
    api.until(tables.all_have_handled, "everybody to know everybody")
    everybody = [each["id"] for each in (practice, blocked, patient)]
    before = copies_of(tables)
    # a request that lies on Kafka and that communication has not handled when all is lost
    platform.process("communication_service.worker").stop()
    (request,) = api.approve(patient["id"], [practice["id"]])["items"]
    api.until(lambda: tables.unpublished("matching_service") == 0, "the request to lie on Kafka")
    platform.process("kafka").kill()
    shutil.rmtree(platform.paths.state / "kafka" / "logs")
    meanwhile = api.enter_patient(first_name="Ohne", last_name="Kafka", postal_code="95028")

    platform.up()
    for running in [at_the_terminal(platform, service, "republish") for service in registry.names()]:
        assert "all of them are published" in ended_well(running)
    api.until(tables.all_have_handled, "everybody to know everybody again")
    tables.run("DELETE FROM matching_service.therapists; DELETE FROM matching_service.patients")
    ended_well(at_the_terminal(platform, "matching_service", "rebuild"))
    assert tables.all_have_handled()
    after = copies_of(tables)
    assert after[meanwhile["id"]]["status"] == "open"
    assert [after[each] for each in everybody] == [before[each] for each in everybody]

    exactly_one_letter(platform, api, practice, request)
    newcomer, another = a_therapist(api), a_searching_patient(api)
    (later,) = asked(api, another, newcomer)
    exactly_one_letter(platform, api, newcomer, later)


def copies_of(tables: Tables) -> dict[str, Any]:
    """What matching knows of everybody, by id."""
    content = tables.content("matching_service", without=ONE_MORE_EVENT)
    return {row["id"]: row for rows in content.values() for row in rows}


def exactly_one_letter(platform: PrivatePlatform, api: ApiClient, practice: Document, request: Document) -> None:
    """The practice was asked once."""
    status_becomes(api, request, "contacted")
    assert len(platform.mailbox.wait_for(1, to=practice["email"])) == 1
