"""From the question of a weekly plan to its solution: puts what is known into numbers, and numbers back into words.

Like `contact_assignment` it is imported only by the process that solves.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from uuid import UUID

import numpy as np

from matching_service.domain.contact_assignment import NO_MAILBOX, Assignment, Practices, assign
from matching_service.domain.plan_pairs import FoundPairs, Numbers, in_order, unpack
from matching_service.domain.plan_question import PatientResult, Planned, Practice, Question, Solution
from shared.values.contact_plan_enums import ContactLack, PlannedChannel


def solve(question: Question) -> Solution:
    """The plan: who is asked for whom, and how it leaves each patient. The same question has the same answer.

    Pairs with a therapist who is not among the practices are left out.
    """
    practices = in_order(question.practices)
    found = unpack(question, practices)
    rooms = np.array([each.room for each in question.patients], dtype=np.int64)
    weights = np.array([each.weight for each in question.patients], dtype=np.int64)
    assignment = assign(rooms, weights, _as_numbers(practices), found.pairs, question.limits)
    return Solution(
        requests=_requests(question, practices, found, assignment),
        patient_results=_patient_results(question, practices, found, assignment),
    )


def _as_numbers(practices: Sequence[Practice]) -> Practices:
    shared: dict[str, int] = {}
    mailbox = [
        shared.setdefault(each.mailbox, len(shared))
        if each.mailbox is not None and each.channel == PlannedChannel.EMAIL
        else NO_MAILBOX
        for each in practices
    ]
    return Practices(
        room=np.array([0 if each.lack else each.room for each in practices], dtype=np.int64),
        mailbox=np.array(mailbox, dtype=np.int64),
        is_called=np.array([each.channel == PlannedChannel.PHONE for each in practices], dtype=np.bool_),
    )


def _requests(
    question: Question, practices: Sequence[Practice], found: FoundPairs, assignment: Assignment
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


def _patient_results(
    question: Question, practices: Sequence[Practice], found: FoundPairs, assignment: Assignment
) -> dict[UUID, PatientResult]:
    lacks = _lack_of_each(practices, assignment)
    patients, reasons = len(question.patients), list(ContactLack)
    is_left = np.ones(len(found.pairs.patient), dtype=np.bool_)
    is_left[assignment.chosen] = False
    planned = np.bincount(found.pairs.patient[assignment.chosen], minlength=patients).tolist()
    counts = np.zeros((patients, len(reasons) + 1), dtype=np.int64)
    np.add.at(counts, (found.pairs.patient[is_left], lacks[found.pairs.practice[is_left]]), 1)
    packed = {each.patient_id: each for each in question.pairs}
    patient_results = {}
    for index, patient in enumerate(question.patients):
        left = dict(zip(reasons, counts[index].tolist(), strict=False))
        theirs = packed.get(patient.id)
        patient_results[patient.id] = PatientResult(
            candidates=theirs.candidates if theirs else 0,
            planned=planned[index],
            lacks=_summed(left, theirs.lacks if theirs else {}) if planned[index] < patient.room else {},
        )
    return patient_results


def _summed(one: Mapping[ContactLack, int], other: Mapping[ContactLack, int]) -> dict[ContactLack, int]:
    summed = {each: one.get(each, 0) + other.get(each, 0) for each in ContactLack}
    return {lack: number for lack, number in summed.items() if number}


def _lack_of_each(practices: Sequence[Practice], assignment: Assignment) -> Numbers:
    """Of each practice the number of the reason why it is not asked for more; behind the last where there is none."""
    reasons = list(ContactLack)
    lacks = np.where(assignment.is_full, reasons.index(ContactLack.PRACTICE_FULL), len(reasons))
    for index, practice in enumerate(practices):
        lack = practice.lack or assignment.closed.get(index)
        if lack is not None:
            lacks[index] = reasons.index(lack)
    return lacks
