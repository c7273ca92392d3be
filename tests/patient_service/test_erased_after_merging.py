"""A person with several files is erased: by the id that was kept, and with all of them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from patient_service.clients.other_services import OtherServices
from patient_service.dependencies import Dependencies
from patient_service.domain import access_verification, erasures, files, practice_summaries, retention
from patient_service.domain.schemas import PatientView
from patient_service.listeners import listeners
from patient_service.store import merging
from patient_service.store.tables import DataKey, Erasure, FileAccess, Patient, PlaceOffer
from shared.database import transaction
from shared.events.catalogue import (
    AddressErased,
    PatientErasedFromCommunication,
    PatientErasedFromMatching,
    RequestAccepted,
)
from shared.events.event import Event
from shared.security.encryption import Keys
from tests.builders.events import happened
from tests.builders.merging import OTHER, merge, merged
from tests.builders.patients import NOBODY, a_patient, a_patient_who_is
from tests.concurrency import at_once
from tests.conftest import MONDAY
from tests.events import recorded

URL = "/api/patients"
DAY = timedelta(days=1)


@pytest.fixture
def three(client: FlaskClient, session: Session, keys: Keys) -> list[PatientView]:
    """The files of one person: the kept one, one that was merged into it, and one that was merged into that before."""
    kept = a_patient_who_is(session, keys, "searching")
    other = a_patient(session, keys, **OTHER)
    first = a_patient(session, keys, **OTHER | {"first_name": "Erike", "house_number": "3"})
    for into, duplicate in ((other, first), (kept, other)):
        assert merge(client, into.id, duplicate.id, "?force=true").status_code == 200
    return [kept, other, first]


def erase(client: FlaskClient, patient: PatientView) -> Any:
    return client.delete(f"{URL}/{patient.id}?confirm={patient.reference}", headers={"X-Purpose": "Antrag"})


def handle(session: Session, keys: Keys, *events: Event) -> None:
    listeners.given(Dependencies(keys, OtherServices(()))).apply(session, events, now=MONDAY)
    session.flush()
    session.expire_all()


def number_of(session: Session, kind: Any) -> int:
    return session.scalar(select(func.count()).select_from(kind)) or 0


def test_to_erase_the_kept_one_is_to_erase_every_file(
    client: FlaskClient, session: Session, keys: Keys, three: list[PatientView]
) -> None:
    place = {"placement_request_id": uuid4(), "therapist_id": uuid4(), "accepted_on": MONDAY.date()}
    handle(session, keys, happened(RequestAccepted(patient_id=three[1].id, **place)))
    assert (number_of(session, PlaceOffer), number_of(session, DataKey)) == (1, 3)
    assert erase(client, three[0]).status_code == 202
    session.expire_all()
    for each in three:
        row = session.get_one(Patient, each.id)
        assert (row.sealed, row.data_key, row.search_index, row.other_references) == (b"", None, [], [])
        assert [event["type"] for event in recorded(session, each.id)] == ["patient.erased"]
    assert (number_of(session, PlaceOffer), number_of(session, DataKey), number_of(session, Erasure)) == (0, 0, 3)
    states = [state for _, state in files.snapshots(session, keys, after=UUID(int=0), limit=9, now=MONDAY)]
    assert {type(each).name for each in states} == {"patient.erased"}


def test_who_was_merged_is_not_erased_alone(client: FlaskClient, session: Session, three: list[PatientView]) -> None:
    kept, other, _ = three
    refused = erase(client, other)
    assert (refused.status_code, refused.json["merged_into"]) == (
        404,
        {"id": str(kept.id), "reference": kept.reference},
    )
    assert number_of(session, Erasure) == 0
    assert client.get(f"{URL}/{kept.id}").status_code == 200


def test_nobody_is_told_afterwards_who_was_one_person(
    client: FlaskClient, session: Session, keys: Keys, three: list[PatientView]
) -> None:
    erase(client, three[0])
    for each in three:
        for path in ("", "/export", "/history", "/access-log"):
            answer = client.get(f"{URL}/{each.id}{path}")
            assert (answer.status_code, answer.json["code"]) == (404, "patient.not_found")
            assert "merged_into" not in (answer.json or {})
    ids = [each.id for each in three]
    shown = practice_summaries.read(session, keys, ids, reader=NOBODY, now=MONDAY).items
    assert {each.practice_summary for each in shown} == {None}


def test_a_tombstone_is_nobody_for_who_does_not_know_its_reference(
    client: FlaskClient, three: list[PatientView]
) -> None:
    """Not only is the erasure not shown: that somebody was here is told by no other answer."""
    erase(client, three[0])

    def refused(patient_id: UUID, reference: str, headers: dict[str, str]) -> tuple[int, Any]:
        answer = client.delete(f"{URL}/{patient_id}?confirm={reference}", headers=headers)
        return answer.status_code, {name: each for name, each in answer.json.items() if name != "correlation_id"}

    for each in three:
        for headers in ({}, {"If-Match": '"1"'}, {"If-Match": '"9"'}, {"Accept-Language": "en"}):
            status, said = refused(each.id, "P-2345-67", headers)
            assert (status, said["code"]) == (404, "patient.not_found")
            assert (status, said) == refused(uuid4(), "P-2345-67", headers)
        assert erase(client, each).status_code == 202


def test_it_is_complete_when_every_service_has_confirmed_every_file(
    client: FlaskClient, session: Session, keys: Keys, three: list[PatientView]
) -> None:
    address = erase(client, three[0]).headers["Location"]
    late = MONDAY.replace(year=2027)
    for number, each in enumerate(three):
        assert client.get(address).json["state"] == "running"
        time = late + number * DAY
        handle(
            session,
            keys,
            happened(PatientErasedFromMatching(patient_id=each.id), time=time),
            happened(PatientErasedFromCommunication(patient_id=each.id), time=time),
            happened(AddressErased(owner_kind="patient", owner_id=each.id), time=time),
        )
    shown = client.get(address).json
    assert (shown["state"], shown["completed_at"]) == ("completed", f"{late + 2 * DAY:%Y-%m-%dT%H:%M:%SZ}")
    assert erase(client, three[0]).json == shown


def test_the_chain_of_every_file_ends_with_the_erasure_and_can_be_verified(
    client: FlaskClient, session: Session, three: list[PatientView]
) -> None:
    erase(client, three[0])
    for each in three:
        log = select(FileAccess.action, FileAccess.id).where(FileAccess.patient_id == each.id)
        entries = session.execute(log.order_by(FileAccess.number)).all()
        assert (entries[0].action, entries[-1].action) == ("created", "erased")
    access = select(FileAccess.id).where(FileAccess.action == "erased").distinct()
    assert len(session.scalars(access).all()) == 1, "it is one access to three files"
    found = []
    for part in access_verification.parts({}):
        while (portion := part.next(session, at_most=100)) is not None:
            found.append(portion)
    assert sum(each.entries for each in found) == number_of(session, FileAccess)
    assert [problem for each in found for problem in each.problems] == []


def test_who_came_back_with_a_backup_is_erased_again_with_every_file(
    session: Session, keys: Keys, three: list[PatientView]
) -> None:
    ids = [each.id for each in three]
    assert set(erasures.list_restored(session, ids)) == set(ids)
    for each in ids:
        erasures.erase_again(session, keys, each, now=MONDAY)
    session.expire_all()
    assert erasures.list_restored(session, ids) == []
    assert [len(recorded(session, each)) for each in ids] == [1, 1, 1]


def test_a_case_is_closed_for_as_long_as_both_its_files_are(client: FlaskClient, session: Session, keys: Keys) -> None:
    long_ago, lately = MONDAY.replace(year=2020), MONDAY.replace(year=2025)
    kept = a_patient_who_is(session, keys, "search_aborted", now=long_ago)
    other = a_patient_who_is(session, keys, "search_aborted", now=lately, **OTHER)
    assert retention.propose(session, years=3, now=MONDAY) == 1
    session.commit()
    session.expire_all()
    merged(client, kept, other)
    assert client.get(f"{URL}/{kept.id}").json["erasure_proposed_on"] is None
    assert retention.propose(session, years=3, now=MONDAY) == 0
    assert retention.propose(session, years=3, now=MONDAY.replace(year=2031)) == 1
    session.commit()
    assert client.get(f"{URL}?erasure=proposed").json["total"] == 1


@pytest.mark.usefixtures("real_commits")
def test_who_is_merged_at_the_same_moment_is_erased_too_or_stays_apart(app: Flask, keys: Keys) -> None:
    for _ in range(4):
        with transaction() as session:
            kept, other = a_patient(session, keys), a_patient(session, keys, **OTHER)
        erased, joined = at_once(
            [lambda: erase(app.test_client(), kept), lambda: merge(app.test_client(), kept.id, other.id)]  # noqa: B023
        )
        assert (erased.status_code, joined.status_code in (200, 404)) == (202, True)
        with transaction() as session:
            rows = {each: session.get_one(Patient, each) for each in (kept.id, other.id)}
            assert rows[kept.id].erased_at is not None
            assert (rows[other.id].erased_at is not None) == (joined.status_code == 200)
            assert merging.merged_into(session, kept.id) == ([other.id] if joined.status_code == 200 else [])
            if joined.status_code == 404:
                erasures.erase_again(session, keys, other.id, now=MONDAY)  # nobody is alike the next time
