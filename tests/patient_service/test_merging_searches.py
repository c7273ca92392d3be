"""Whose search goes on where two files become one, what is refused, and what comes late."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID, uuid4

import pytest
from flask.testing import FlaskClient
from sqlalchemy import text
from sqlalchemy.orm import Session

from migrations.connections import as_owner
from migrations.settings import MigrationSettings
from patient_service.clients.other_services import OtherServices
from patient_service.dependencies import Dependencies
from patient_service.domain import patients, searches
from patient_service.domain.schemas import NewStatus
from patient_service.listeners import listeners
from shared.database import transaction
from shared.events.catalogue import PatientPlaced, RequestAccepted
from shared.security.encryption import Keys
from tests.builders.events import happened
from tests.builders.merging import OTHER, merge, merged
from tests.builders.patients import NOBODY, STEPS_TO, a_patient, a_patient_who_is, a_ready_patient, new_patient
from tests.conftest import MONDAY
from tests.events import recorded
from tests.selection import mostly_slow, params_of_pairs


def handle(session: Session, keys: Keys, *events: Any) -> None:
    listeners.given(Dependencies(keys, OtherServices(()))).apply(session, events, now=MONDAY)


# Whose search goes on

GO_ON = ("searching", "paused", "in_therapy")


@pytest.mark.parametrize(("one", "two"), mostly_slow(params_of_pairs(STEPS_TO), every=5))
def test_the_search_or_therapy_that_goes_on_is_the_persons(
    client: FlaskClient, session: Session, keys: Keys, one: str, two: str
) -> None:
    kept, other = (a_patient_who_is(session, keys, *STEPS_TO[each], **more) for each, more in ((one, {}), (two, OTHER)))
    answer = merge(client, kept.id, other.id)
    if one in GO_ON and two in GO_ON and "in_therapy" in (one, two):
        assert (answer.status_code, answer.json["code"]) == (409, "patient.not_one_person")
        assert [each["field"] for each in answer.json["errors"]] == ["status"]
        assert client.get("/api/patients").json["total"] == 2
        return
    assert answer.status_code == 200, answer.json
    assert answer.json["status"] == (two if two in GO_ON and one not in GO_ON else one)
    if answer.json["status"] in (*GO_ON, "open"):
        assert (answer.json["search_started_on"] is None) == (answer.json["status"] == "open")


def test_the_person_has_waited_since_the_first_search_began(client: FlaskClient, session: Session, keys: Keys) -> None:
    kept = a_patient_who_is(session, keys, "searching")
    other = a_patient_who_is(session, keys, "searching", now=MONDAY - timedelta(days=40), **OTHER)
    shown = merged(client, kept, other)
    assert shown["search_started_on"] == other.search_started_on.isoformat()
    entry = client.get(f"/api/patients/{kept.id}/history").json["items"][-1]
    assert (entry["previous_search_started_on"], entry["search_started_on"]) == (
        kept.search_started_on.isoformat(),
        other.search_started_on.isoformat(),
    )


# What is refused


def test_a_file_cannot_be_merged_with_itself(client: FlaskClient, session: Session, keys: Keys) -> None:
    known = a_patient(session, keys)
    answer = merge(client, known.id, known.id)
    assert (answer.status_code, answer.json["code"]) == (409, "patient.same_file")


def test_who_does_not_exist_cannot_be_merged(client: FlaskClient, session: Session, keys: Keys) -> None:
    known = a_patient(session, keys)
    for kept, duplicate in ((known.id, uuid4()), (uuid4(), known.id)):
        answer = merge(client, kept, duplicate)
        assert (answer.status_code, answer.json["code"]) == (404, "patient.not_found")
    assert len(recorded(session)) == 1


def test_a_merge_in_a_circle_is_refused(client: FlaskClient, session: Session, keys: Keys) -> None:
    kept, other = a_patient(session, keys), a_patient(session, keys, **OTHER)
    merged(client, kept, other)
    answer = merge(client, other.id, kept.id)
    assert (answer.status_code, answer.json["code"]) == (409, "patient.merged_before")
    assert answer.json["merged_into"] == {"id": str(kept.id), "reference": kept.reference}


def test_who_was_merged_is_not_merged_into_another(client: FlaskClient, session: Session, keys: Keys) -> None:
    kept, other, third = (a_patient(session, keys, first_name=name) for name in ("Erika", "Erica", "Ericka"))
    merged(client, kept, other)
    for into in (third, kept):
        answer = merge(client, into.id, other.id)
        assert (answer.status_code, answer.json["code"]) == (409, "patient.merged_before")
        assert answer.json["merged_into"]["id"] == str(kept.id)


def test_a_repeated_key_merges_once(client: FlaskClient, session: Session, keys: Keys) -> None:
    kept, other = a_patient(session, keys), a_patient(session, keys, **OTHER)
    first, again = (merge(client, kept.id, other.id, **{"Idempotency-Key": "once"}) for _ in range(2))
    assert (first.status_code, again.status_code, again.json) == (200, 200, first.json)
    assert again.headers["Idempotency-Replayed"] == "true"
    assert [event["type"] for event in recorded(session, other.id)] == ["patient.registered", "patient.merged"]


def test_the_key_that_entered_the_merged_one_names_the_kept_one(
    client: FlaskClient, session: Session, keys: Keys
) -> None:
    kept, key = a_patient(session, keys), {"Idempotency-Key": "entered"}
    enter = partial(client.post, "/api/patients?force=true", json=new_patient(**OTHER), headers=key)
    merge(client, kept.id, UUID(enter().json["id"]))
    assert enter().json["merged_into"]["id"] == str(kept.id)


def test_one_merged_into_a_third_is_the_thirds_with_all_references(
    client: FlaskClient, session: Session, keys: Keys
) -> None:
    first, second, third = (a_patient(session, keys, first_name=name) for name in ("Erika", "Erica", "Ericka"))
    merged(client, second, first)
    shown = merged(client, third, second)
    assert shown["other_references"] == [second.reference, first.reference]
    for each in (first, second):
        assert client.get(f"/api/patients/{each.id}").json["merged_into"]["id"] == str(third.id)
        assert recorded(session, each.id)[-1]["data"]["merged_into"] == str(third.id)
        found = client.get("/api/patients", query_string={"q": each.reference}).json["items"]
        assert [patient["id"] for patient in found] == [str(third.id)]


@pytest.mark.parametrize(
    ("one", "two", "fields"),
    [
        ({"insurance_number": "A123456780"}, {"insurance_number": "T012345678"}, ["insurance_number"]),
        ({}, {"date_of_birth": "1980-01-01"}, ["date_of_birth"]),
        (
            {"excluded_therapist_ids": [str(uuid4()) for _ in range(600)]},
            {"excluded_therapist_ids": [str(uuid4()) for _ in range(600)]},
            ["excluded_therapist_ids"],
        ),
    ],
)
def test_two_people_are_not_merged(
    client: FlaskClient, session: Session, keys: Keys, one: Any, two: Any, fields: list[str]
) -> None:
    kept, other = a_patient(session, keys, **one), a_patient(session, keys, **(OTHER | two))
    answer = merge(client, kept.id, other.id, "?force=true")
    assert (answer.status_code, answer.json["code"]) == (409, "patient.not_one_person")
    assert [each["field"] for each in answer.json["errors"]] == fields
    assert client.get(f"/api/patients/{other.id}").status_code == 200
    assert client.get(f"/api/patients/{other.id}/access-log").json["items"][1]["action"] == "read"


def test_a_merge_that_makes_the_kept_one_like_a_third_is_suspected(
    client: FlaskClient, session: Session, keys: Keys
) -> None:
    third = a_patient(session, keys, street="Anderswo", house_number="7")
    kept = a_patient(session, keys, date_of_birth=None)
    other = a_patient(session, keys, first_name="Ganz", last_name="Anders", street=None, house_number=None)
    answer = merge(client, kept.id, other.id)
    assert (answer.status_code, answer.json["code"]) == (409, "patient.suspected_duplicate")
    assert [each["id"] for each in answer.json["candidates"]] == [str(third.id)]
    assert merge(client, kept.id, other.id, "?force=true").status_code == 200


# Events that come late


def accepted(patient_id: UUID, on: str = "2026-11-25", request: UUID | None = None) -> RequestAccepted:
    ids = {"placement_request_id": request or uuid4(), "patient_id": patient_id, "therapist_id": uuid4()}
    return happened(RequestAccepted.model_validate({**ids, "accepted_on": on}))


def placed(patient_id: UUID) -> PatientPlaced:
    ids = {"placement_request_id": uuid4(), "patient_id": patient_id, "therapist_id": uuid4()}
    return happened(PatientPlaced.model_validate({**ids, "placed_on": "2026-11-25"}))


def test_an_offer_and_a_place_of_the_merged_one_are_the_kept_ones(
    client: FlaskClient, session: Session, keys: Keys
) -> None:
    kept = a_patient_who_is(session, keys, "searching")
    other = a_patient_who_is(session, keys, "searching", **OTHER)
    merged(client, kept, other)
    place = placed(other.id)
    handle(session, keys, accepted(other.id), place)
    shown = patients.get(session, keys, kept.id, reader=NOBODY, now=MONDAY)
    assert (shown.status, shown.first_place_on.isoformat()) == ("in_therapy", "2026-11-25")
    published = recorded(session, kept.id)[-1]["data"]["patient"]
    assert (published["placement_request_id"], published["placement_state"]) == (
        str(place.placement_request_id),
        "taken_up",
    )


def test_a_place_fails_that_was_recorded_before_the_merged_ones_search_ended(
    client: FlaskClient, session: Session, keys: Keys
) -> None:
    kept = a_patient_who_is(session, keys, "searching")
    other = a_patient_who_is(session, keys, "searching", **OTHER)
    place = placed(other.id)
    ended = NewStatus.from_json({"status": "search_aborted"})
    searches.set_status(session, keys, other.id, ended, reader=NOBODY, now=MONDAY + timedelta(minutes=1))
    merged(client, kept, other)
    handle(session, keys, place)
    shown = patients.get(session, keys, kept.id, reader=NOBODY, now=MONDAY)
    assert shown.status == "searching"
    assert recorded(session, kept.id)[-1]["data"]["patient"]["placement_state"] == "failed"


@pytest.mark.parametrize("goes_on", ["kept", "other", "both"])
def test_the_first_offer_is_that_of_a_search_that_goes_on(
    client: FlaskClient, session: Session, keys: Keys, goes_on: str
) -> None:
    kept = a_patient_who_is(session, keys, "searching")
    other = a_patient_who_is(session, keys, "searching", **OTHER)
    handle(session, keys, accepted(kept.id, "2026-11-26"), accepted(other.id, "2026-11-25"))
    for patient, name in ((kept, "kept"), (other, "other")):
        if goes_on not in (name, "both"):
            ended = NewStatus.from_json({"status": "search_aborted"})
            searches.set_status(session, keys, patient.id, ended, reader=NOBODY, now=MONDAY)
    expected = {"kept": "2026-11-26", "other": "2026-11-25", "both": "2026-11-25"}[goes_on]
    assert merged(client, kept, other)["first_place_on"] == expected


# Crash halfway

BREAKS_OFF = """
    CREATE FUNCTION patient_service.break_off() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN RAISE 'broken off'; END
    $$;
    CREATE TRIGGER break_off BEFORE INSERT ON outbox FOR EACH ROW
        WHEN (new.value LIKE '%"patient.merged"%') EXECUTE FUNCTION patient_service.break_off()
"""


@pytest.fixture
def the_last_event_breaks_off(real_commits: None) -> Iterator[None]:
    """Everything is written but what the merged one leaves."""
    with as_owner(MigrationSettings(), "patient_service") as owner:
        owner.execute(text(BREAKS_OFF))
        owner.commit()
        yield
        owner.execute(text("DROP TRIGGER break_off ON outbox; DROP FUNCTION patient_service.break_off()"))
        owner.commit()


@pytest.mark.usefixtures("the_last_event_breaks_off")
def test_a_merge_that_breaks_off_leaves_both_files_as_they_were(client: FlaskClient, keys: Keys) -> None:
    with transaction() as session:
        kept, other = a_ready_patient(session, keys), a_patient(session, keys, **OTHER)
    before = [client.get(f"/api/patients/{each.id}").json for each in (kept, other)]
    assert merge(client, kept.id, other.id).status_code == 500
    assert [client.get(f"/api/patients/{each.id}").json for each in (kept, other)] == before
    with transaction() as session:
        assert {event["type"] for event in recorded(session)} == {"patient.registered"}
