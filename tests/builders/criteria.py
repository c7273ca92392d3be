"""Cases of a criterion: a therapist and a patient who fit each other but for what a case says."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import insert
from sqlalchemy.orm import Session

from matching_service.domain import matches
from matching_service.domain.match_schemas import MatchesView, MatchQuestion, OtherCriteria
from matching_service.store.tables import PlacementRequest
from shared.database import new_id
from tests.builders.matching import RULES, a_known_patient, a_known_therapist
from tests.conftest import MONDAY

TODAY = MONDAY.date()
MONDAY_MORNING = {"monday": [{"start": "09:00", "end": "12:00"}]}
FROM_NOON = {"monday": [{"start": "12:00", "end": "18:00"}]}
NOWHERE: dict[str, Any] = {"latitude": None, "longitude": None}
HERSELF = UUID(int=7)
FAILED: dict[str, Any] = {"status": "failed", "failed_on": TODAY}


class Case(NamedTuple):
    """What is recorded, beside a therapist and a patient who fit each other, and what the criterion says of it."""

    result: str
    therapist: dict[str, Any] = {}
    patient: dict[str, Any] = {}
    asked: dict[str, Any] = {}
    """The request that this patient made of this therapist before, if any."""


def refused(at: datetime) -> dict[str, Any]:
    """A request that the practice refused at this instant."""
    return {"status": "declined", "responded_at": at}


def recorded(session: Session, case: Case) -> tuple[UUID, UUID]:
    """The ids of the patient and the therapist of a case."""
    patient, therapist = a_known_patient(session, **case.patient), a_known_therapist(session, **case.therapist)
    if case.asked:
        request = {"id": new_id(), "patient_id": patient, "therapist_id": therapist, "approved_at": MONDAY}
        session.execute(insert(PlacementRequest), [request | case.asked])
    return patient, therapist


def candidates(session: Session, patient: UUID, **overrides: Any) -> MatchesView:
    """The answer of matching for a patient, with these criteria in place of theirs."""
    other = OtherCriteria.model_validate_json(json.dumps(overrides))
    return matches.find(session, MatchQuestion(patient_id=patient, overrides=other), rules=RULES, today=TODAY)
