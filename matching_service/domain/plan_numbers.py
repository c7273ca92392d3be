"""The numbers of a contact plan: what its requests cost and promise, as it was proposed and after staff changed it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from typing import Protocol
from uuid import UUID

from matching_service.domain import acceptance
from matching_service.store import contact_plans as store
from matching_service.store.tables import ContactPlan
from shared.database import Session
from shared.values.contact_plan_enums import PlannedChannel


class CountedRequest(Protocol):
    """What is counted of a request."""

    @property
    def therapist_id(self) -> UUID:
        """Who is asked."""

    @property
    def channel(self) -> PlannedChannel | None:
        """How."""

    @property
    def chance(self) -> int:
        """How likely the practice accepts, in ten-thousandths."""


def sum_up(plan: ContactPlan, requests: Sequence[CountedRequest]) -> None:
    """Write what these requests of a plan come to."""
    channels = {each.therapist_id: each.channel for each in requests}
    plan.requests, plan.contacts = len(requests), len(channels)
    plan.calls = sum(each == PlannedChannel.PHONE for each in channels.values())
    plan.expected = acceptance.expected((each.therapist_id, each.chance or 0) for each in requests)


def sum_up_anew(session: Session, plan: ContactPlan, patient_ids: Collection[UUID]) -> None:
    """Write what a plan comes to after staff changed the requests for these patients."""
    session.flush()
    requests = store.proposed(session, plan.id)
    sum_up(plan, requests)
    planned = Counter(each.patient_id for each in requests)
    for patient in store.planned_patients(session, plan.id, patient_ids):
        patient.planned = planned[patient.patient_id]
