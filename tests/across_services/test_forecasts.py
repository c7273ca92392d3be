"""What the communication service plans is forecast by matching as soon as it is published."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import Engine

from communication_service.domain import published_contacts
from communication_service.store import tables as c
from matching_service.domain import contact_forecasts
from matching_service.domain.forecast_schemas import Contactable
from tests.across_services.worlds import a_world
from tests.builders.communication import RULES

pytestmark = pytest.mark.slow


def test_a_planned_call_and_its_end_are_known_to_matching(world_engines: dict[str, tuple[Engine, Any]]) -> None:
    with a_world(world_engines) as world:
        patient = world.a_patient()
        therapist = world.a_therapist(email=None)
        world.set_status(patient, "searching")
        world.settle()
        request = world.approve(patient, therapist)
        assert request is not None
        world.settle()
        (call,) = world.rows(c.PhoneCall, status="planned")

        def forecast() -> Contactable:
            published_contacts.publish(world.communication, rules=RULES, now=world.now)
            world.communication.flush()
            world.settle()
            return contact_forecasts.contactable(world.matching, [therapist], now=world.now)[therapist][1]

        before = forecast()
        assert (before.waits_for, before.earliest_at) == ("planned_call", max(call.starts_at, world.now))
        world.withdraw(request)
        world.settle()
        assert forecast().waits_for != "planned_call"
