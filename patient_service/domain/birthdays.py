"""Ages in other services grow with the patients."""

from __future__ import annotations

from datetime import datetime

from patient_service.domain.files import decrypt, publish
from patient_service.domain.indexes import latest_birthdays
from patient_service.store import queries
from shared.database import Session
from shared.events.catalogue import PatientUpdated
from shared.security.encryption import Keys
from shared.values.datetimes import berlin_day


def publish_changed_ages(session: Session, keys: Keys, *, now: datetime, at_most: int = 200) -> int:
    """Publish patients again who had a birthday since their age was last published, however long ago.

    Returns the number of patients.
    """
    birthdays = latest_birthdays(keys, berlin_day(now))
    older = queries.patients_who_grew_older(session, birthdays, limit=at_most)
    for patient in older:
        publish(session, patient, decrypt(keys, patient), PatientUpdated, now=now)
    return len(older)
