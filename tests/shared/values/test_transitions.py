"""The transitions that states.py of each service declares."""

from __future__ import annotations

from typing import Any

import pytest

from matching_service.domain import planned_request_states
from matching_service.domain import states as matching
from patient_service.domain import states as patient
from shared.values.contact_plan_enums import ContactPlanStatus, PlannedRequestState
from shared.values.enums import ImportStatus, PatientStatus, RequestStatus, TherapistStatus
from shared.values.transitions import TransitionNotAllowed, check_transition
from therapist_service.domain import states as therapist

MACHINES: dict[str, tuple[Any, Any]] = {
    "patient": (PatientStatus, patient.ALLOWED),
    "placement request": (RequestStatus, matching.ALLOWED),
    "contact plan": (ContactPlanStatus, matching.PLANS),
    "planned request": (PlannedRequestState, planned_request_states.ALLOWED),
    "therapist": (TherapistStatus, therapist.THERAPISTS),
    "import": (ImportStatus, therapist.IMPORTS),
}


@pytest.mark.parametrize("name", MACHINES)
def test_every_status_says_what_may_follow_it(name: str) -> None:
    statuses, allowed = MACHINES[name]
    assert set(allowed) == set(statuses)


@pytest.mark.parametrize("name", MACHINES)
def test_exactly_the_declared_transitions_are_allowed(name: str) -> None:
    statuses, allowed = MACHINES[name]
    for before in statuses:
        for after in statuses:
            if after in allowed[before]:
                check_transition(allowed, str(before), after)
            else:
                with pytest.raises(TransitionNotAllowed):
                    check_transition(allowed, str(before), after)


def test_a_status_that_nobody_declared_leads_nowhere() -> None:
    with pytest.raises(TransitionNotAllowed):
        check_transition(patient.ALLOWED, "unheard_of", PatientStatus.OPEN)
