"""How the search goes on, written to patients from time to time: numbers of practices, and nothing that one said.

Only who consents to e-mails gets them, and nobody who used the link to stop them in this search.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from communication_service.domain import personal_letters, states
from communication_service.settings import ContactRules
from communication_service.store import progress_queries
from shared.database import Session
from shared.security.patient_texts import PatientTexts
from shared.values.datetimes import berlin_day, start_of_berlin_day


def write_due(session: Session, *, rules: ContactRules, texts: PatientTexts, now: datetime, at_most: int) -> int:
    """Write to patients whose search has gone on for so many days since it began, or since the last such e-mail.

    Returns the number of e-mails; none where the agency writes none. Who cannot be written about until a damaged key is
    restored is left out.
    """
    if not rules.days_between_progress_mails:
        return 0
    last_day = berlin_day(now) - timedelta(days=rules.days_between_progress_mails)
    patients = progress_queries.patients_to_write_to(
        session, started_by=last_day, written_before=start_of_berlin_day(last_day + timedelta(days=1)), limit=at_most
    )
    unwritable = texts.unwritable(session, [each.id for each in patients])
    written = [each for each in patients if each.id not in unwritable]
    for patient in written:
        email = states.new_patient_notice(patient.id, message_id_domain=rules.sender.domain, now=now)
        personal_letters.write_without_details(session, texts, email, rules=rules)
        session.add(email)
    session.flush()
    return len(written)
