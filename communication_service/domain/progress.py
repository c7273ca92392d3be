"""How the search goes on, written to patients from time to time: numbers of practices, and nothing that one said.

Only who consents to e-mails gets them, and nobody who used the link to stop them in this search.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from communication_service.domain import personal_letters, states
from communication_service.settings import ContactRules
from communication_service.store import progress_queries
from communication_service.store.progress_queries import ProgressDue
from shared.database import Session
from shared.security.patient_texts import PatientTexts
from shared.values.datetimes import berlin_day, start_of_berlin_day


def due(
    session: Session, *, rules: ContactRules, now: datetime, after: UUID | None = None, at_most: int
) -> Sequence[UUID]:
    """Returns patients whose search has gone on for so many days since it began, or since the last such e-mail.

    By their ids, from the one on that comes `after` this one; nobody where the agency writes none.
    """
    since = _since(rules, now)
    return [] if since is None else progress_queries.patients_to_write_to(session, since, after=after, limit=at_most)


def write(session: Session, patient_id: UUID, *, rules: ContactRules, texts: PatientTexts, now: datetime) -> int:
    """Write to a patient who is still due an e-mail; returns the number of e-mails.

    None to who cannot be written about until a damaged key is restored.
    """
    since = _since(rules, now)
    patient = None if since is None else progress_queries.patient_to_write_to(session, since, patient_id)
    if patient is None or texts.unwritable(session, [patient.id]):
        return 0
    email = states.new_patient_notice(patient.id, message_id_domain=rules.sender.domain, now=now)
    personal_letters.write_without_details(session, texts, email, rules=rules)
    session.add(email)
    session.flush()
    return 1


def _since(rules: ContactRules, now: datetime) -> ProgressDue | None:
    if not rules.days_between_progress_mails:
        return None
    last_day = berlin_day(now) - timedelta(days=rules.days_between_progress_mails)
    return ProgressDue(last_day, start_of_berlin_day(last_day + timedelta(days=1)))
