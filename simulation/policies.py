"""Whom an agency asks in a week: the weekly contact plan, and simpler rules with the same candidates and limits.

The simple ones go through patients or pairs in an order and take what has room: in the patient's week, in the
practice's, in its mailbox, among the calls. What is chosen becomes placement requests by `placement_requests.approve`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from matching_service.domain import acceptance
from matching_service.domain.plan_question import PackedPairs, Practice, Question, WaitingPatient
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
    """A practice that fits a patient."""

    therapist_id: bytes
    metres: int
    chance: int


class Room:
    """What is left of the limits while requests are chosen."""

    def __init__(self, question: Question) -> None:
        self._practices = {each.id.bytes: each for each in question.practices if not each.lack and each.room}
        self._of_practice = {id: each.room for id, each in self._practices.items()}
        self._of_patient = {each.id: each.room for each in question.patients}
        self._calls = question.limits.calls
        self._mailboxes: dict[str, bytes] = {}
        self._called: set[bytes] = set()

    def practice(self, id: bytes) -> Practice | None:
        """The practice, if it can be asked at all in this week."""
        return self._practices.get(id)

    def of_patient(self, id: UUID) -> int:
        """How many more practices may be asked for this patient."""
        return self._of_patient[id]

    def take(self, patient_id: UUID, therapist_id: bytes) -> bool:
        """Take the room of one request; False, and nothing, where there is none."""
        practice = self._practices[therapist_id]
        if not (self._of_patient[patient_id] and self._of_practice[therapist_id] and self._is_reachable(practice)):
            return False
        self._of_patient[patient_id] -= 1
        self._of_practice[therapist_id] -= 1
        if practice.channel == PlannedChannel.PHONE:
            self._called.add(therapist_id)
        elif practice.mailbox is not None:
            self._mailboxes[practice.mailbox] = therapist_id
        return True

    def _is_reachable(self, practice: Practice) -> bool:
        id = practice.id.bytes
        if practice.channel == PlannedChannel.PHONE:
            return id in self._called or self._calls is None or len(self._called) < self._calls
        return practice.mailbox is None or self._mailboxes.get(practice.mailbox, id) == id


def oldest_first(question: Question, waited: Waited) -> list[Chosen]:
    """Each patient in turn, by how long they search, gets the likeliest practices that have room."""
    room, packed = Room(question), {each.patient_id: each for each in question.pairs}
    patients = sorted(question.patients, key=lambda each: (-waited[each.id], each.id))
    return _taken(room, ((each.id, pair) for each in patients for pair in _likeliest(room, packed, each)))


def nearest_first(question: Question, waited: Waited) -> list[Chosen]:  # noqa: ARG001 - waiting does not count
    """The shortest way first, for however long its patient has searched."""
    room, packed = Room(question), {each.patient_id: each for each in question.pairs}
    pairs = [(pair.metres, each.id, pair) for each in question.patients for pair in _pairs(room, packed, each)]
    pairs.sort(key=lambda each: (each[0], each[1], each[2].therapist_id))
    return _taken(room, ((patient, pair) for _, patient, pair in pairs))


def _taken(room: Room, wanted: Iterable[tuple[UUID, Pair]]) -> list[Chosen]:
    return [
        Chosen(patient, UUID(bytes=pair.therapist_id), pair.chance)
        for patient, pair in wanted
        if room.take(patient, pair.therapist_id)
    ]


def _likeliest(room: Room, packed: Mapping[UUID, PackedPairs], patient: WaitingPatient) -> Iterator[Pair]:
    """The patient's practices, the likeliest first, until the patient's room is full."""
    pairs = _pairs(room, packed, patient)
    for pair in sorted(pairs, key=lambda each: (each.chance, each.therapist_id), reverse=True):
        if not room.of_patient(patient.id):
            return
        yield pair


def _pairs(room: Room, packed: Mapping[UUID, PackedPairs], patient: WaitingPatient) -> list[Pair]:
    found = packed.get(patient.id)
    return [] if found is None else list(unpacked(found, room.practice, patient.radius_metres))


def unpacked(packed: PackedPairs, practice: Callable[[bytes], Practice | None], radius: int) -> Iterator[Pair]:
    """The pairs of one patient with practices that can be asked, each with the chance that a plan gives it."""
    for place in range(len(packed.preferred)):
        id = packed.therapist_ids[16 * place : 16 * place + 16]
        known = practice(id)
        if known is None:
            continue
        metres = int.from_bytes(packed.metres[4 * place : 4 * place + 4])
        chance = acceptance.of_pair(
            known.chance,
            unknown=int.from_bytes(packed.unknown[4 * place : 4 * place + 4]).bit_count(),
            metres=min(radius, metres),
            radius=radius,
            is_preferred=packed.preferred[place],
        )
        yield Pair(id, metres, chance)


PLAN: Final = "plan"
"""The weekly contact plan of the matching service (docs/decisions/0040), through its own endpoints' functions."""
SIMPLE: Final[Mapping[str, Choice]] = {"oldest-first": oldest_first, "nearest-first": nearest_first}
POLICIES: Final = (*SIMPLE, PLAN)
