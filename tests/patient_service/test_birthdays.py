"""Ages in other services grow with the patients."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from patient_service.domain.birthdays import publish_changed_ages
from shared.security.encryption import Keys
from tests.builders.patients import a_patient
from tests.events import recorded


def at(day: str, time: str = "12:00") -> datetime:
    return datetime.fromisoformat(f"{day}T{time}").replace(tzinfo=UTC)


def ages(session: Session, patient_id: object) -> list[int]:
    return [event["data"]["patient"]["age"] for event in recorded(session, patient_id)]


def test_a_birthday_is_published_once_and_from_midnight_in_berlin(session: Session, keys: Keys) -> None:
    known = a_patient(session, keys, now=at("2026-05-01"), date_of_birth="2005-05-17")
    a_patient(session, keys, now=at("2026-05-01"), date_of_birth="2005-06-17")
    a_patient(session, keys, now=at("2026-05-01"), date_of_birth=None)
    assert publish_changed_ages(session, keys, now=at("2026-05-16", "21:59")) == 0
    assert publish_changed_ages(session, keys, now=at("2026-05-16", "22:00")) == 1
    assert publish_changed_ages(session, keys, now=at("2026-05-17")) == 0
    first, last = recorded(session, known.id)
    assert (first["data"]["patient"]["age"], last["data"]["patient"]["age"]) == (20, 21)
    assert first["data"]["patient"]["age_groups"] == ["child_adolescent", "adult"]
    assert (last["type"], last["data"]["patient"]["age_groups"]) == ("patient.updated", ["adult"])


@pytest.mark.parametrize(
    ("born", "published", "looked", "grown"),
    [
        ("1990-05-17", "2026-05-16", "2026-05-17", True),
        ("1990-05-17", "2026-05-17", "2026-05-17", False),
        ("1990-05-17", "2026-05-18", "2027-05-16", False),
        ("1990-05-17", "2026-05-18", "2027-05-17", True),
        ("1990-05-17", "2026-05-18", "2029-01-01", True),
        ("1990-12-31", "2026-12-30", "2027-01-01", True),
        ("1990-01-01", "2026-12-31", "2027-01-01", True),
        ("1992-02-29", "2027-02-27", "2027-02-28", False),
        ("1992-02-29", "2027-02-28", "2027-03-01", True),
        ("1992-02-29", "2028-02-28", "2028-02-29", True),
    ],
)
def test_an_age_is_out_of_date_after_a_birthday(
    session: Session, keys: Keys, born: str, published: str, looked: str, grown: bool
) -> None:
    known = a_patient(session, keys, now=at(published), date_of_birth=born)
    assert publish_changed_ages(session, keys, now=at(looked)) == grown
    assert len(set(ages(session, known.id))) == 1 + grown


def test_what_was_published_for_another_reason_is_not_published_again(
    client: FlaskClient, session: Session, keys: Keys
) -> None:
    now = datetime.now(UTC)
    born = f"1990-{(now - timedelta(days=3)):%m-%d}"
    known = a_patient(session, keys, now=now - timedelta(days=10), date_of_birth=born)
    client.patch(f"/api/patients/{known.id}", json={"city": "Bonn"})
    assert publish_changed_ages(session, keys, now=now) == 0


def test_birthdays_are_published_in_portions(session: Session, keys: Keys) -> None:
    for _ in range(3):
        a_patient(session, keys, now=at("2026-05-01"), date_of_birth="2005-05-17")
    now = at("2026-05-20")
    assert [publish_changed_ages(session, keys, now=now, at_most=2) for _ in range(3)] == [2, 1, 0]
