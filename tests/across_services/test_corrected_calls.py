"""The outcome of a call that was recorded by mistake is taken back in every service, with what followed from it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Engine

from communication_service.store import tables as c
from tests.across_services.worlds import a_world
from tests.builders.communication import RULES
from tests.builders.world import World

Engines = dict[str, tuple[Engine, Any]]
pytestmark = pytest.mark.slow


def asked(world: World, patient: UUID, **practice: Any) -> UUID:
    """A request to a practice that is phoned."""
    therapist = world.a_therapist(**{"email": None, **practice})
    world.set_status(patient, "searching")
    world.settle()
    request = world.approve(patient, therapist)
    assert request is not None
    world.settle()
    return request


def statuses(world: World) -> dict[UUID, tuple[str, str]]:
    """How each request stands, by matching and by communication."""
    return {ours.id: (ours.status, theirs.status) for ours, theirs in world.requests_now()}


def record(world: World, request: UUID, result: str, answer: str | None = None) -> None:
    (call,) = (each for each in world.rows(c.PhoneCall, status="planned") if request in each.placement_request_ids)
    said = {"responses": [{"placement_request_id": str(request), "outcome": answer}]} if answer else {}
    world.record_call(call.id, {"result": result, **said})
    world.settle()


def test_answers_of_a_call_are_taken_back_with_what_followed(world_engines: Engines) -> None:
    """A place in the wrong line: the search goes on, the other request too, and both practices are called again."""
    with a_world(world_engines) as world:
        patient = world.a_patient()
        request, other = asked(world, patient), asked(world, patient)
        record(world, request, "reached", "accepted")
        world.place(request)
        world.settle()
        assert statuses(world)[other][0] == "withdrawn"
        assert world.patient_now(patient).status == "in_therapy"
        with world.taken_back():
            world.correct_call(0)
            world.settle()
            assert world.patient_now(patient).status == "searching"
            assert {ours for ours, _ in statuses(world).values()} <= {"contacted", "queued", "open"}
            planned = world.rows(c.PhoneCall, status="planned")
            assert {each.placement_request_ids[0] for each in planned} == {request, other}
            record(world, request, "reached", "declined_other")
            assert statuses(world)[request] == ("declined", "over")
        # staff have corrected the answer meanwhile: theirs counts
        world.correct(request, "declined_capacity")
        world.settle()
        world.correct_call(0)
        world.settle()
        assert statuses(world)[request][0] == "declined"


@pytest.mark.parametrize("corrects_before_matching_knows", [False, True])
def test_the_last_attempt_is_taken_back_and_one_more_is_made(
    world_engines: Engines, corrects_before_matching_knows: bool
) -> None:
    with a_world(world_engines) as world:
        request = asked(world, world.a_patient())
        for attempt in range(RULES.call_attempts):
            (call,) = world.rows(c.PhoneCall, status="planned")
            world.record_call(call.id, {"result": "no_answer"})
            if attempt < RULES.call_attempts - 1 or not corrects_before_matching_knows:
                world.settle()
            world.now += timedelta(days=1)
        world.correct_call(RULES.call_attempts - 1)
        world.settle()
        (call,) = world.rows(c.PhoneCall, status="planned")
        assert call.attempt == RULES.call_attempts
        assert statuses(world)[request] == ("queued", "waiting")
        record(world, request, "no_answer")
        assert statuses(world)[request] == ("no_answer", "over")
