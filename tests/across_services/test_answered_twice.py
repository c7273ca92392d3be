"""Whatever way a practice's answer comes in: what was acknowledged counts in matching, and what cannot is refused."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from itertools import product
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Engine

from communication_service.domain import call_outcomes, emails
from communication_service.domain.schemas import CallOutcome, EmailResponse
from communication_service.store import tables as c
from matching_service.domain import answers
from matching_service.domain.schemas import NewAnswer
from matching_service.domain.states import status_after
from matching_service.store import tables as m
from shared.errors import Conflict
from shared.values.enums import RequestOutcome
from tests.across_services.worlds import a_world
from tests.builders.communication import RULES, TEXTS
from tests.builders.matching import RULES as ASK_AGAIN
from tests.builders.matching import TEXTS as NOTES
from tests.builders.world import World


def by_letter(world: World, request: UUID, outcome: str) -> None:
    (letter,) = (each for each in world.rows(c.Email, status="sent") if request in each.placement_request_ids)
    said = EmailResponse.from_json({"responses": [{"placement_request_id": str(request), "outcome": outcome}]})
    emails.answer(world.communication, TEXTS, letter.id, said, rules=RULES, by=None, now=world.now)


def by_phone(world: World, request: UUID, outcome: str) -> None:
    call = next(each for each in world.rows(c.PhoneCall) if request in each.placement_request_ids)
    said = {"result": "reached", "responses": [{"placement_request_id": str(request), "outcome": outcome}]}
    result = CallOutcome.from_json(said)
    call_outcomes.record_outcome(world.communication, TEXTS, call.id, result, rules=RULES, by=None, now=world.now)


def to_matching(world: World, request: UUID, outcome: str) -> None:
    said = NewAnswer.from_json({"outcome": outcome})
    answers.respond(world.matching, NOTES, request, said, rules=ASK_AGAIN, by=None, now=world.now)


Way = Callable[[World, UUID, str], None]
WAYS = [by_letter, by_phone, to_matching]
pytestmark = pytest.mark.slow


def asked_by_letter_and_phone(world: World, number: int) -> list[UUID]:
    """Requests of as many patients, each of whose practice has a letter and is to be called about it."""
    patients = [world.a_patient() for _ in range(number)]
    practices = [world.a_therapist(email=f"praxis{each}@example.org") for each in range(number)]
    for patient in patients:
        world.set_status(patient, "searching")
    world.settle()
    made = [world.approve(patient, practice) for patient, practice in zip(patients, practices, strict=True)]
    world.settle()
    for _ in range(number):
        world.send()
    world.settle()
    world.now += timedelta(days=8)
    world.follow_up()
    world.settle()
    assert len(world.rows(c.PhoneCall, status="planned")) == number
    return [request for request in made if request is not None]


def everything_arrives(world: World) -> None:
    """But composing has not looked at it."""
    world.deliver_all()


def acknowledged(world: World, way: Way, request: UUID, outcome: str) -> bool:
    world.now += timedelta(seconds=20)
    try:
        way(world, request, outcome)
    except Conflict as problem:
        refused = problem
    else:
        return True
    assert refused.code in ("placement_request.answered_already", "phone_call.not_planned")
    return False


def test_of_two_answers_each_counts_or_is_refused(world_engines: dict[str, tuple[Engine, Any]]) -> None:
    both = list(product(RequestOutcome, RequestOutcome))
    with a_world(world_engines) as world:
        requests = asked_by_letter_and_phone(world, len(both))
        for first_way, second_way in product(WAYS, WAYS):
            with world.taken_back():
                _each_counts_or_is_refused(world, first_way, second_way, dict(zip(requests, both, strict=True)))


def _each_counts_or_is_refused(
    world: World, first_way: Way, second_way: Way, answers_to: dict[UUID, tuple[RequestOutcome, RequestOutcome]]
) -> None:
    expected = {}
    for request, (first, second) in answers_to.items():
        assert acknowledged(world, first_way, request, first)
        everything_arrives(world)
        taken = acknowledged(world, second_way, request, second)
        is_open = first == RequestOutcome.LATER and (first_way, second_way) != (by_phone, by_phone)
        assert taken is is_open, (first_way.__name__, second_way.__name__, first, second)
        expected[request] = second if taken else first
    world.settle()
    for request, outcome in expected.items():
        known = world.matching.get_one(m.PlacementRequest, request, populate_existing=True)
        assert (known.outcome, known.status) == (outcome, status_after(outcome))


@pytest.mark.parametrize("way", WAYS)
def test_a_request_that_is_asked_anew_takes_an_answer_again(
    world_engines: dict[str, tuple[Engine, Any]], way: Way
) -> None:
    with a_world(world_engines) as world:
        (request,) = asked_by_letter_and_phone(world, 1)
        assert acknowledged(world, way, request, "later")
        world.settle()
        world.now += timedelta(days=30)
        world.reopen_deferred()
        world.settle()
        assert acknowledged(world, by_letter, request, "declined_other")
        world.settle()
        assert not acknowledged(world, by_letter, request, "accepted")
        assert status(world, request) == "declined"


def test_a_practice_that_nobody_reached_may_still_answer_once(world_engines: dict[str, tuple[Engine, Any]]) -> None:
    with a_world(world_engines) as world:
        (request,) = asked_by_letter_and_phone(world, 1)
        for _ in range(RULES.call_attempts):
            world.now += timedelta(days=1)
            world.compose()
            world.call(0, "no_answer")
        world.settle()
        assert status(world, request) == "no_answer"
        world.republish()
        world.settle()
        for way, outcome in product((by_letter, to_matching), RequestOutcome):
            with world.taken_back():
                _may_answer_once(world, way, request, outcome)


def _may_answer_once(world: World, way: Way, request: UUID, outcome: RequestOutcome) -> None:
    case = way.__name__, outcome
    assert acknowledged(world, way, request, outcome), case
    everything_arrives(world)
    assert acknowledged(world, by_letter, request, "declined_other") is (outcome == RequestOutcome.LATER), case
    world.settle()
    expected = RequestOutcome.DECLINED_OTHER if outcome == RequestOutcome.LATER else outcome
    assert status(world, request) == status_after(expected), case


def status(world: World, request: UUID) -> str:
    return world.matching.get_one(m.PlacementRequest, request, populate_existing=True).status


def test_an_answer_to_a_withdrawn_request_is_noted_as_matching_does(
    world_engines: dict[str, tuple[Engine, Any]],
) -> None:
    with a_world(world_engines) as world:
        (request,) = asked_by_letter_and_phone(world, 1)
        world.withdraw(request)
        everything_arrives(world)
        assert acknowledged(world, by_letter, request, "declined_other")
        world.settle()
        assert status(world, request) == "withdrawn"
        noted = [entry.outcome for entry in world._rows(world.matching, m.AuditLogEntry) if entry.outcome]
        assert noted == ["declined_other"]


def test_one_closed_answer_among_several_refuses_all_and_says_which(
    world_engines: dict[str, tuple[Engine, Any]],
) -> None:
    with a_world(world_engines) as world:
        patients = [world.a_patient(), world.a_patient()]
        practice = world.a_therapist(email="praxis@example.org")
        for patient in patients:
            world.set_status(patient, "searching")
        world.settle()
        one, other = (world.approve(patient, practice) for patient in patients)
        world.settle()
        world.send()
        world.settle()
        assert one is not None
        assert other is not None
        by_letter(world, other, "declined_other")
        (letter,) = world.rows(c.Email, status="sent")
        both = [{"placement_request_id": str(each), "outcome": "accepted"} for each in (one, other)]
        said = EmailResponse.from_json({"responses": both})
        with pytest.raises(Conflict) as refused:
            emails.answer(world.communication, TEXTS, letter.id, said, rules=RULES, by=None, now=world.now)
        assert [problem.field for problem in refused.value.errors] == ["responses.1.placement_request_id"]
        assert acknowledged(world, by_letter, one, "accepted")
