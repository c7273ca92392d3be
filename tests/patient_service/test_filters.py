"""Patients found by what is missing, by their date of birth, and by how long they have searched."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from patient_service.domain import birthdays, consents, copies
from patient_service.domain.schemas import NewConsent
from shared.runtime import clock
from shared.security.encryption import Keys
from shared.values.datetimes import berlin_day, years_later
from shared.values.enums import MissingForSearch
from tests.builders.patients import NOBODY, a_patient, a_patient_who_is, a_ready_patient, geocoded

URL = "/api/patients"


def found(client: FlaskClient, **filters: str) -> set[UUID]:
    answer = client.get(URL, query_string={"view": "label", **filters})
    assert answer.status_code == 200, answer.json
    return {UUID(item["id"]) for item in answer.json["items"]}


def with_mandates(session: Session, keys: Keys, *withdrawn: bool) -> UUID:
    """A ready patient who gave so many mandates, some of which were withdrawn."""
    patient, now = a_ready_patient(session, keys), clock.now()
    for is_withdrawn in withdrawn:
        new = NewConsent.from_json({"purpose": "mandate", "given_on": str(berlin_day(now)), "text_version": "1"})
        given = consents.give(session, keys, patient.id, new, reader=NOBODY, now=now)
        if is_withdrawn:
            consents.withdraw(session, keys, patient.id, given.id, reader=NOBODY, now=now)
    return patient.id


@pytest.fixture
def everybody(session: Session, keys: Keys) -> list[UUID]:
    """Patients who lack each thing that a search needs, several things, or nothing."""
    lacking: list[dict[str, Any]] = [
        {},
        {"contracts_signed": False},
        {"diagnoses": []},
        {"diagnoses": [], "consultation": {"diagnoses": ["F32.1G"]}},
        {"diagnoses": ["F32.1A"]},
        {"date_of_birth": None},
        {"insurance_type": None},
        {"max_distance_km": None},
        {"max_distance_km": None, "max_travel_minutes": 30},
        {"date_of_birth": str(years_later(clock.now().date(), -10))},
        {"contracts_signed": False, "diagnoses": [], "insurance_type": None},
        {"postal_code": None},
    ]
    known = [a_ready_patient(session, keys, **fields).id for fields in lacking]
    not_found, elsewhere, pending = (
        a_patient(session, keys, postal_code=code).id for code in ("99998", "11111", "10115")
    )
    copies.keep_postal_codes(
        session, [geocoded(not_found, "99998", found=False), geocoded(elsewhere, "22222", found=False)]
    )
    mandates = [with_mandates(session, keys, *each) for each in ((False,), (True,), (True, False), (True, True))]
    return [*known, not_found, elsewhere, pending, *mandates]


def test_what_is_missing_finds_those_whose_readiness_says_so(client: FlaskClient, everybody: list[UUID]) -> None:
    lacked = {id: set(client.get(f"{URL}/{id}/readiness").json["missing"]) for id in everybody}
    assert set().union(*lacked.values()) == set(MissingForSearch)
    for what in MissingForSearch:
        assert found(client, missing=what, limit="100") == {id for id, missing in lacked.items() if what in missing}, (
            what
        )


def test_of_several_one_is_enough(client: FlaskClient, everybody: list[UUID]) -> None:
    both = found(client, missing="diagnoses,location")
    assert both == found(client, missing="diagnoses") | found(client, missing="location")
    assert len(both) > 3


def test_a_change_and_a_birthday_change_what_is_missing(client: FlaskClient, session: Session, keys: Keys) -> None:
    today = berlin_day(clock.now())
    child = a_ready_patient(session, keys, date_of_birth=str(years_later(today, -18) + timedelta(days=1)))
    grown = a_ready_patient(session, keys, contracts_signed=False)
    assert found(client, missing="guardian,contracts_signed") == {child.id, grown.id}
    client.patch(f"{URL}/{grown.id}", json={"contracts_signed": True})
    assert found(client, missing="guardian,contracts_signed") == {child.id}
    birthdays.publish_changed_ages(session, keys, now=clock.now() + timedelta(days=2))
    assert found(client, missing="guardian,contracts_signed") == set()


def test_a_date_of_birth_finds_everybody_born_on_it(client: FlaskClient, session: Session, keys: Keys) -> None:
    one, other = (a_patient(session, keys, last_name=name, date_of_birth="1990-05-17") for name in ("Eins", "Zwei"))
    a_patient(session, keys, date_of_birth="1991-05-17")
    a_patient(session, keys, date_of_birth=None)
    assert found(client, born_on="1990-05-17") == {one.id, other.id}
    assert found(client, born_on="1990-05-17", q="zwei") == {other.id}
    client.patch(f"{URL}/{one.id}", json={"date_of_birth": "1989-05-17"})
    assert found(client, born_on="1990-05-17") == {other.id}


def test_those_who_search_longer_than_so_many_days(client: FlaskClient, session: Session, keys: Keys) -> None:
    today = berlin_day(clock.now())

    def searching(days: int, *steps: str) -> UUID:
        began: date = today - timedelta(days=days)
        return a_patient_who_is(session, keys, "searching", *steps, now=clock.now(), search_started_on=str(began)).id

    short, exact, long, paused = searching(3), searching(10), searching(11), searching(400, "paused")
    over = searching(400, "search_aborted")
    assert found(client, search_longer_than_days="10") == {long, paused}
    assert found(client, search_longer_than_days="10", status="searching") == {long}
    assert found(client, search_longer_than_days="0") == {short, exact, long, paused}
    assert over not in found(client, search_longer_than_days="0")


@pytest.mark.parametrize(
    "filters", [{"missing": "hope"}, {"born_on": "17.5.1990"}, {"born_on": ""}, {"search_longer_than_days": "-1"}]
)
def test_what_is_no_filter_is_refused_by_name(client: FlaskClient, filters: dict[str, str]) -> None:
    answer = client.get(URL, query_string=filters)
    assert answer.status_code == 422
    assert answer.json["errors"][0]["field"].partition(".")[0] == next(iter(filters))
