"""Weekly contact plans: who can be contacted, and a plan that is ready."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import Any
from uuid import UUID

from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from matching_service import jobs
from matching_service.domain import plan_solving
from matching_service.domain.contact_plan_schemas import default_week
from matching_service.store.tables import ContactPlan, PlannedPatient, PlannedRequest
from shared.database import first_version, new_id
from shared.runtime import clock
from tests.builders.matching import RULES, TEXTS, a_known_therapist
from tests.conftest import MONDAY

URL = "/api/contact-plans"
MONDAY_OF_WEEK = default_week(clock.today())
WEEK = MONDAY_OF_WEEK.isoformat()
"""The week that is planned: the API reads the clock, and it must be neither over nor far ahead."""
WEDNESDAY = datetime.combine(MONDAY_OF_WEEK + timedelta(days=2), time(9), UTC)
"""In that week."""
HOURS = {"monday": [{"start": "09:00", "end": "10:00"}]}
"""When a practice answers the phone."""


def a_callable_therapist(session: Session, **fields: Any) -> UUID:
    """The id of a therapist who can be phoned and has no e-mail address."""
    return a_known_therapist(session, **({"phone": "+49241999999", "phone_hours": HOURS} | fields))


def a_mailable_therapist(session: Session, address: str, **fields: Any) -> UUID:
    """The id of a therapist who can be written to."""
    return a_known_therapist(session, **({"email": address} | fields))


def a_stored_plan(session: Session, patient_id: UUID, therapist_id: UUID) -> tuple[UUID, UUID]:
    """The ids of a proposed plan and of its only request, where it does not matter how they came about."""
    plan = ContactPlan(
        id=new_id(),
        status="proposed",
        week=MONDAY_OF_WEEK,
        max_requests_per_patient=5,
        max_patients_per_therapist=3,
        requests_for_everyone=1,
        **first_version(by=None, now=MONDAY),
    )
    session.add(plan)
    session.flush()
    counts = {"asked_already": 0, "candidates": 1, "planned": 1}
    session.add(PlannedPatient(plan_id=plan.id, patient_id=patient_id, position=1, **counts))
    request = PlannedRequest(id=new_id(), plan_id=plan.id, patient_id=patient_id, therapist_id=therapist_id)
    request.state = "proposed"
    session.add(request)
    session.flush()
    return plan.id, request.id


def compute() -> int:
    """The job makes the next plan, in this process."""
    return jobs.make_contact_plan(RULES, WEDNESDAY, solve=plan_solving.solve)


def make_requests() -> None:
    """The job makes all requests of plans that were approved."""
    while jobs.make_planned_requests(TEXTS, RULES, WEDNESDAY):
        pass


def a_proposed_plan(client: FlaskClient, **limits: Any) -> dict[str, Any]:
    """A plan that staff can look at."""
    begun = client.post(URL, json={"week": WEEK, **limits})
    assert begun.status_code == 202, begun.json
    assert compute() == 1
    plan = dict(client.get(begun.headers["Location"]).json or {})
    assert plan["status"] == "proposed"
    return plan


def requests_of(client: FlaskClient, plan: dict[str, Any], **filters: str) -> list[dict[str, Any]]:
    """The requests of a plan."""
    found: list[dict[str, Any]] = client.get(f"{URL}/{plan['id']}/requests", query_string=filters).json["items"]
    return found


def patients_of(client: FlaskClient, plan: dict[str, Any]) -> dict[UUID, dict[str, Any]]:
    """How a plan leaves each patient."""
    items = client.get(f"{URL}/{plan['id']}/patients").json["items"]
    return {UUID(each["patient_id"]): each for each in items}
