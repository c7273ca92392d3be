"""From the question of a weekly plan to its solution: unpacks the pairs, and puts numbers back into words.

Like `contact_assignment` it is imported only by the process that solves.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from matching_service.domain import acceptance
from matching_service.domain.contact_assignment import NOBODY, Assignment, Numbers, Pairs, Practices, assign
from matching_service.domain.plan_question import Outlook, PackedPairs, Planned, Practice, Question, Solution
from shared.values.contact_plan_enums import ContactLack, PlannedChannel

_ID = np.dtype("S16")
_FOUR_BYTES = np.dtype(">i4")


@dataclass(frozen=True)
class _Found:
    """The pairs of all patients, one number for each; in the order of patients, then practices."""

    pairs: Pairs
    metres: Numbers
    unknown: Numbers
    preferred: Numbers


def solve(question: Question) -> Solution:
    """The plan: who is asked for whom, and how it leaves each patient. The same question has the same answer.

    Pairs with a therapist who is not among the practices are left out.
    """
    practices = sorted(question.practices, key=lambda each: each.id.bytes)
    found = _unpack(question, practices)
    rooms = np.array([each.room for each in question.patients], dtype=np.int64)
    weights = np.array([each.weight for each in question.patients], dtype=np.int64)
    assignment = assign(rooms, weights, _as_numbers(practices), found.pairs, question.limits)
    return Solution(
        requests=_requests(question, practices, found, assignment),
        outlooks=_outlooks(question, practices, found, assignment),
    )


def _unpack(question: Question, practices: Sequence[Practice]) -> _Found:
    """Flatten the pairs, with numbers in place of ids."""
    number = {each.id: place for place, each in enumerate(question.patients)}
    packed = sorted((each for each in question.pairs if each.patient_id in number), key=lambda e: number[e.patient_id])
    sizes = [len(each.preferred) for each in packed]
    patient = np.repeat(np.array([number[each.patient_id] for each in packed], dtype=np.int64), sizes)
    practice, is_known = _numbers_of(packed, practices)
    order = np.lexsort((practice, patient))
    order = order[is_known[order]]
    patient, practice = patient[order], practice[order]
    metres, unknown = (_joined(packed, name, _FOUR_BYTES)[order] for name in ("metres", "unknown"))
    preferred = _joined(packed, "preferred", np.dtype("u1"))[order]
    radius = np.array([each.radius_metres for each in question.patients], dtype=np.int64)[patient]
    chance = acceptance.of_pair(
        np.array([each.chance for each in practices], dtype=np.int64)[practice],
        unknown=np.bitwise_count(unknown).astype(np.int64),
        metres=np.minimum(metres, radius),
        radius=radius,
        is_preferred=preferred,
    )
    return _Found(Pairs(patient, practice, chance), metres, unknown, preferred)


def _numbers_of(packed: Sequence[PackedPairs], practices: Sequence[Practice]) -> tuple[Numbers, NDArray[np.bool_]]:
    """The number of each pair's practice, and whether it is one of them at all."""
    known = np.frombuffer(b"".join(each.id.bytes for each in practices), dtype=_ID)
    wanted = np.frombuffer(b"".join(each.therapist_ids for each in packed), dtype=_ID)
    if not len(known):
        return np.zeros(len(wanted), dtype=np.int64), np.zeros(len(wanted), dtype=np.bool_)
    place = np.minimum(np.searchsorted(known, wanted), len(known) - 1)
    return place.astype(np.int64), known[place] == wanted


def _joined(packed: Sequence[PackedPairs], name: str, kind: np.dtype[np.generic]) -> Numbers:
    return np.frombuffer(b"".join(getattr(each, name) for each in packed), dtype=kind).astype(np.int64)


def _as_numbers(practices: Sequence[Practice]) -> Practices:
    shared: dict[str, int] = {}
    mailbox = [
        shared.setdefault(each.mailbox, len(shared))
        if each.mailbox is not None and each.channel == PlannedChannel.EMAIL
        else NOBODY
        for each in practices
    ]
    return Practices(
        room=np.array([0 if each.lack else each.room for each in practices], dtype=np.int64),
        mailbox=np.array(mailbox, dtype=np.int64),
        is_called=np.array([each.channel == PlannedChannel.PHONE for each in practices], dtype=np.bool_),
    )


def _requests(
    question: Question, practices: Sequence[Practice], found: _Found, assignment: Assignment
) -> list[Planned]:
    chosen, pairs = assignment.chosen, found.pairs
    order = chosen[np.lexsort((pairs.practice[chosen], -pairs.chance[chosen], pairs.patient[chosen]))]
    columns = (pairs.patient, pairs.practice, pairs.chance, found.metres, found.unknown, found.preferred)
    return [
        Planned(
            patient_id=question.patients[patient].id,
            therapist_id=practices[practice].id,
            channel=practices[practice].channel,
            chance=chance,
            metres=metres,
            unknown=unknown,
            is_hinted=practices[practice].is_hinted,
            is_preferred=bool(preferred),
        )
        for patient, practice, chance, metres, unknown, preferred in zip(
            *(each[order].tolist() for each in columns), strict=True
        )
    ]


def _outlooks(
    question: Question, practices: Sequence[Practice], found: _Found, assignment: Assignment
) -> dict[UUID, Outlook]:
    lacks = _lack_of_each(practices, assignment)
    patients, reasons = len(question.patients), list(ContactLack)
    is_left = np.ones(len(found.pairs.patient), dtype=np.bool_)
    is_left[assignment.chosen] = False
    candidates = np.bincount(found.pairs.patient, minlength=patients).tolist()
    planned = np.bincount(found.pairs.patient[assignment.chosen], minlength=patients).tolist()
    counts = np.zeros((patients, len(reasons) + 1), dtype=np.int64)
    np.add.at(counts, (found.pairs.patient[is_left], lacks[found.pairs.practice[is_left]]), 1)
    return {
        patient.id: Outlook(
            candidates[place],
            planned[place],
            {reason: int(number) for reason, number in zip(reasons, counts[place], strict=False) if number}
            if planned[place] < patient.room
            else {},
        )
        for place, patient in enumerate(question.patients)
    }


def _lack_of_each(practices: Sequence[Practice], assignment: Assignment) -> Numbers:
    """Of each practice the number of the reason why it is not asked for more; behind the last where there is none."""
    reasons = list(ContactLack)
    lacks = np.where(assignment.is_full, reasons.index(ContactLack.PRACTICE_FULL), len(reasons))
    for place, practice in enumerate(practices):
        lack = practice.lack or assignment.closed.get(place)
        if lack is not None:
            lacks[place] = reasons.index(lack)
    return lacks
