"""The state of patients that is published again when Kafka has lost it."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from uuid import UUID

from sqlalchemy.orm import Session

from patient_service.domain import files, patients
from patient_service.domain.birthdays import publish_changed_ages
from shared.events.republish import republish
from shared.security.encryption import Keys
from tests.builders.patients import NOBODY, a_patient, a_patient_who_is
from tests.conftest import MONDAY
from tests.events import recorded


def test_every_patient_is_published_as_they_are_now_without_a_step_or_a_version(session: Session, keys: Keys) -> None:
    searching, paused = (
        a_patient_who_is(session, keys, "searching"),
        a_patient_who_is(session, keys, "searching", "paused"),
    )
    assert republish(partial(files.snapshots, keys=keys), portion=1).states == 2
    for known in (searching, paused):
        before, again = recorded(session, known.id)[-2:]
        assert (before["type"], again["type"]) == ("patient.status_changed", "patient.updated")
        assert again["sequence"] == before["sequence"] + 1
        assert again["data"]["patient"] == before["data"]["patient"]
        assert patients.get(session, keys, known.id, reader=NOBODY, now=MONDAY) == known


def test_the_age_is_todays_and_is_not_published_a_second_time(session: Session, keys: Keys) -> None:
    known = a_patient(session, keys, date_of_birth="1990-11-24")
    tomorrow = MONDAY + timedelta(days=1)
    ((patient, event),) = files.snapshots(session, keys, after=UUID(int=0), limit=10, now=tomorrow)
    assert (patient.id, event.patient.age) == (known.id, 36)
    session.flush()
    assert publish_changed_ages(session, keys, now=tomorrow) == 0
