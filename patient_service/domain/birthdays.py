"""What is published of patients and changes as days pass: their age, and whether a therapy ended within two years."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from uuid import UUID

from patient_service.domain.files import decrypt_each, publish
from patient_service.domain.indexes import ends_of_prior_therapies, latest_birthdays
from patient_service.store import due
from patient_service.store.tables import Patient
from shared.database import Session
from shared.events.catalogue import PatientUpdated
from shared.security.encryption import Keys
from shared.values.datetimes import berlin_day


def publish_changed_ages(session: Session, keys: Keys, *, now: datetime, at_most: int = 200) -> int:
    """Publish patients again who had a birthday since their age was last published, however long ago.

    Returns the number of patients.
    """
    birthdays = latest_birthdays(keys, berlin_day(now))
    return _publish(
        session,
        keys,
        lambda others: due.patients_who_grew_older(session, birthdays, without=others, limit=at_most),
        now=now,
    )


def publish_passed_therapies(session: Session, keys: Keys, *, now: datetime, at_most: int = 200) -> int:
    """Publish patients again whose prior therapy has become older than two years since they were last published.

    Returns the number of patients.
    """
    ends = ends_of_prior_therapies(keys, berlin_day(now))
    return _publish(
        session,
        keys,
        lambda others: due.patients_whose_therapy_passed(session, ends, without=others, limit=at_most),
        now=now,
    )


def _publish(
    session: Session, keys: Keys, find: Callable[[Collection[UUID]], Sequence[Patient]], *, now: datetime
) -> int:
    found = decrypt_each(keys, find)
    for patient, file in found:
        publish(session, patient, file, PatientUpdated, now=now)
    return len(found)
