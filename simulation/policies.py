"""Whom an agency asks in a week: the weekly contact plan, and simpler rules with the same candidates and limits.

The simple ones go through patients or pairs in an order and take what has room: in the patient's week, in the
practice's, in its mailbox, among the calls. What is chosen becomes placement requests by `placement_requests.approve`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final
from uuid import UUID

import numpy as np

from matching_service.domain.plan_pairs import in_order, unpack
from matching_service.domain.plan_question import Practice, Question
from shared.values.contact_plan_enums import PlannedChannel


@dataclass(frozen=True)
class Chosen:
    """One request that is to be made."""

    patient_id: UUID
    therapist_id: UUID
    chance: int
    """In ten-thousandths."""


Waited = Mapping[UUID, int]
"""For how many days each patient has searched."""
Choice = Callable[[Question, Waited], list[Chosen]]


@dataclass(frozen=True)
class Pair:
    """A practice that fits a patient, with the chance that a plan gives it."""

    patient_id: UUID
    practice: Practice
    metres: int
    chance: int


class Room:
    """What is left of the limits while requests are chosen."""

    def __init__(self, question: Question) -> None:
        self._of_practice = {each.id: each.room for each in question.practices if not each.lack}
        self._of_patient = {each.id: each.room for each in question.patients}
        self._calls = question.limits.calls
        self._mailboxes: dict[str, UUID] = {}
        self._called: set[UUID] = set()

    def of_patient(self, id: UUID) -> int:
        """How many more practices may be asked for this patient."""
        return self._of_patient[id]

    def take(self, pair: Pair) -> bool:
        """Take the room of one request; False, and nothing, where there is none."""
        practice = pair.practice
        if not (self._of_patient[pair.patient_id] and self._of_practice.get(practice.id)):
            return False
        if not self._is_reachable(practice):
            return False
        self._of_patient[pair.patient_id] -= 1
        self._of_practice[practice.id] -= 1
        if practice.channel == PlannedChannel.PHONE:
            self._called.add(practice.id)
        elif practice.mailbox is not None:
            self._mailboxes[practice.mailbox] = practice.id
        return True

    def _is_reachable(self, practice: Practice) -> bool:
        if practice.channel == PlannedChannel.PHONE:
            return practice.id in self._called or self._calls is None or len(self._called) < self._calls
        return practice.mailbox is None or self._mailboxes.get(practice.mailbox, practice.id) == practice.id


def oldest_first(question: Question, waited: Waited) -> list[Chosen]:
    """Each patient in turn, by how long they search, gets the likeliest practices that have room."""
    room, found = Room(question), _Found(question)
    patients = sorted(question.patients, key=lambda each: (-waited[each.id], each.id))
    return _taken(room, (pair for each in patients for pair in _likeliest(room, found, each.id)))


def nearest_first(question: Question, waited: Waited) -> list[Chosen]:  # noqa: ARG001 - waiting does not count
    """The shortest way first, for however long its patient has searched."""
    room, found = Room(question), _Found(question)
    pairs = [pair for each in question.patients for pair in found.of(each.id)]
    pairs.sort(key=lambda each: (each.metres, each.patient_id, each.practice.id))
    return _taken(room, pairs)


def _taken(room: Room, wanted: Iterable[Pair]) -> list[Chosen]:
    return [Chosen(pair.patient_id, pair.practice.id, pair.chance) for pair in wanted if room.take(pair)]


def _likeliest(room: Room, found: _Found, patient_id: UUID) -> Iterator[Pair]:
    """The patient's practices, the likeliest first, until the patient's room is full."""
    for pair in sorted(found.of(patient_id), key=lambda each: (each.chance, each.practice.id), reverse=True):
        if not room.of_patient(patient_id):
            return
        yield pair


class _Found:
    """The pairs of a question, by patient."""

    def __init__(self, question: Question) -> None:
        self._practices = in_order(question.practices)
        self._found = unpack(question, self._practices)
        numbers = range(len(question.patients) + 1)
        bounds = np.searchsorted(self._found.pairs.patient, numbers).tolist()
        self._spans = {each.id: slice(*bounds[n : n + 2]) for n, each in enumerate(question.patients)}

    def of(self, patient_id: UUID) -> list[Pair]:
        """The pairs of one patient."""
        span, pairs = self._spans[patient_id], self._found.pairs
        columns = (pairs.practice, self._found.metres, pairs.chance)
        return [
            Pair(patient_id, self._practices[practice], metres, chance)
            for practice, metres, chance in zip(*(each[span].tolist() for each in columns), strict=True)
        ]


PLAN: Final = "plan"
"""The weekly contact plan of the matching service (docs/decisions/0040), through its own endpoints' functions."""
SIMPLE: Final[Mapping[str, Choice]] = {"oldest-first": oldest_first, "nearest-first": nearest_first}
POLICIES: Final = (*SIMPLE, PLAN)
