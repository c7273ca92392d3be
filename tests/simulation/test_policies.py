"""Whom the simple policies choose, within the limits that a plan has too."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

import pytest

from matching_service.domain.plan_question import PackedPairs, PlanLimits, Practice, Question, WaitingPatient
from shared.values.contact_plan_enums import ContactLack, PlannedChannel
from simulation.policies import Choice, nearest_first, oldest_first

NEW, OLD = UUID(int=1), UUID(int=2)
NEAR, FAR, THIRD = UUID(int=11), UUID(int=12), UUID(int=13)
WAITED = {NEW: 5, OLD: 300}
Metres = Mapping[UUID, Mapping[UUID, int]]
BOTH_NEAR_AND_FAR: Metres = {NEW: {NEAR: 100, FAR: 9000}, OLD: {NEAR: 2000, FAR: 8000}}


def a_practice(id: UUID, *, room: int = 1, **facts: object) -> Practice:
    usual: dict[str, object] = {"channel": PlannedChannel.PHONE, "chance": 500}
    return Practice(id=id, room=room, **(usual | facts))


def a_question(metres: Metres, *practices: Practice, room: int = 1, calls: int | None = None) -> Question:
    patients = [WaitingPatient(id=id, room=room, weight=100, radius_metres=10_000) for id in metres]
    pairs = [_packed(patient, ways) for patient, ways in metres.items()]
    return Question(patients, practices, pairs, PlanLimits(1, calls))


def _packed(patient: UUID, ways: Mapping[UUID, int]) -> PackedPairs:
    return PackedPairs(
        patient_id=patient,
        therapist_ids=b"".join(id.bytes for id in ways),
        metres=b"".join(each.to_bytes(4) for each in ways.values()),
        unknown=bytes(4 * len(ways)),
        preferred=bytes(len(ways)),
        candidates=len(ways),
        lacks={},
    )


def chosen(policy: Choice, question: Question) -> set[tuple[UUID, UUID]]:
    """Who is asked for whom."""
    return {(each.patient_id, each.therapist_id) for each in policy(question, WAITED)}


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        # the likeliest practice, which is the nearer one, is for who has searched longest
        (oldest_first, {(OLD, NEAR), (NEW, FAR)}),
        (nearest_first, {(NEW, NEAR), (OLD, FAR)}),
    ],
)
def test_who_comes_first_has_the_better_practice(policy: Choice, expected: set[tuple[UUID, UUID]]) -> None:
    question = a_question(BOTH_NEAR_AND_FAR, a_practice(NEAR), a_practice(FAR))
    assert chosen(policy, question) == expected


@pytest.mark.parametrize("policy", [oldest_first, nearest_first])
@pytest.mark.parametrize(
    ("question", "number"),
    [
        (a_question(BOTH_NEAR_AND_FAR, a_practice(NEAR, room=2), a_practice(FAR, room=2), room=2), 4),
        # a practice's room, and a patient's
        (a_question(BOTH_NEAR_AND_FAR, a_practice(NEAR), a_practice(FAR), room=2), 2),
        (a_question(BOTH_NEAR_AND_FAR, a_practice(NEAR, room=2), a_practice(FAR, room=2)), 2),
        # one call is about several patients
        (a_question(BOTH_NEAR_AND_FAR, a_practice(NEAR, room=2), a_practice(FAR, room=2), room=2, calls=1), 2),
        (a_question(BOTH_NEAR_AND_FAR, a_practice(NEAR), a_practice(FAR), calls=0), 0),
        # one of a mailbox
        (
            a_question(
                BOTH_NEAR_AND_FAR,
                a_practice(NEAR, channel=PlannedChannel.EMAIL, mailbox="praxis@example.org"),
                a_practice(FAR, channel=PlannedChannel.EMAIL, mailbox="praxis@example.org"),
                room=2,
            ),
            1,
        ),
        (a_question(BOTH_NEAR_AND_FAR, a_practice(NEAR, lack=ContactLack.MAILED_RECENTLY), a_practice(FAR)), 1),
        # a practice of which nothing is known
        (a_question({NEW: {THIRD: 5}}, a_practice(NEAR)), 0),
        (a_question({}), 0),
    ],
)
def test_the_limits_are_kept(policy: Choice, question: Question, number: int) -> None:
    assert len(chosen(policy, question)) == number
