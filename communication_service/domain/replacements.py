"""Who may be offered to a practice in place of a patient who needs no place there any more.

A withdrawal is an answer and passes at once; it never asks for somebody else, which would be an inquiry without its
cooldown. Staff see whom they may name when the practice answers or is called, and what an e-mail about these
patients waits for: it goes by itself as soon as the rule of contact lets it
(docs/domain.md#contact-rule-9).
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Final
from uuid import UUID

from communication_service.domain import waiting
from communication_service.domain.contact_waits import ContactWait
from communication_service.domain.mail_reply_schemas import Replacements
from communication_service.settings import ContactRules
from communication_service.store import copy_queries, email_queries, request_queries
from communication_service.store import mail_replies as store
from shared.database import Session
from shared.database.rows import require

NOT_OFFERED: Final = frozenset(
    {
        ContactWait.SEARCH_PAUSED,
        ContactWait.ACCEPTED_ELSEWHERE,
        ContactWait.SEARCH_ENDED,
        ContactWait.PATIENT_NOT_KNOWN,
        ContactWait.APPROVAL,
    }
)
"""Of patients who wait for these nobody may speak to a practice now."""


def of_email(session: Session, email_id: UUID, *, rules: ContactRules, now: datetime) -> Replacements:
    """Returns the patients whom the practice of this e-mail may be offered instead. Raises `NotFound`."""
    email = require(email_queries.email(session, email_id), "email")
    if email.therapist_id is None:
        return Replacements(email_id=email.id, therapist_id=None, items=[])
    there = {each.patient_id for each in request_queries.requests_now(session, email.placement_request_ids)}
    found = store.unsent_to(session, email.therapist_id, without=there)
    patients = copy_queries.patients(session, {each.patient_id for each in found})
    started = {id: patient.search_started_on or date.max for id, patient in patients.items()}
    shown = waiting.views(session, found, rules=rules, now=now)
    offered = [each for each in shown if each.waits_for not in NOT_OFFERED]
    offered.sort(key=lambda each: started.get(each.patient_id, date.max))
    return Replacements(email_id=email.id, therapist_id=email.therapist_id, items=offered)
