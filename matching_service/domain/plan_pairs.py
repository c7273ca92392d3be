"""The pairs of a weekly plan as numbers: unpacked from what PostgreSQL sent, each with its chance.

For who solves a plan, and for who compares it with simpler ways to choose.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from matching_service.domain import acceptance
from matching_service.domain.plan_question import PackedPairs, Practice, Question

Numbers = NDArray[np.int64]

_ID = np.dtype("S16")
_FOUR_BYTES = np.dtype(">i4")


@dataclass(frozen=True)
class Pairs:
    """Who fits whom; all arrays have one number for each pair. In the order of patients, then practices."""

    patient: Numbers
    practice: Numbers
    chance: Numbers
    """In ten-thousandths."""


@dataclass(frozen=True)
class FoundPairs:
    """The pairs, and what they were found with; one number for each, in the same order."""

    pairs: Pairs
    metres: Numbers
    unknown: Numbers
    preferred: Numbers


def in_order(practices: Sequence[Practice]) -> list[Practice]:
    """The practices in the order of their numbers."""
    return sorted(practices, key=lambda each: each.id.bytes)


def unpack(question: Question, practices: Sequence[Practice]) -> FoundPairs:
    """The pairs with numbers in place of ids; those with a therapist who is none of these practices are left out.

    `practices` are in the order of their numbers.
    """
    number = {each.id: index for index, each in enumerate(question.patients)}
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
    return FoundPairs(Pairs(patient, practice, chance), metres, unknown, preferred)


def _numbers_of(packed: Sequence[PackedPairs], practices: Sequence[Practice]) -> tuple[Numbers, NDArray[np.bool_]]:
    """The number of each pair's practice, and whether it is one of them at all."""
    known = np.frombuffer(b"".join(each.id.bytes for each in practices), dtype=_ID)
    wanted = np.frombuffer(b"".join(each.therapist_ids for each in packed), dtype=_ID)
    if not len(known):
        return np.zeros(len(wanted), dtype=np.int64), np.zeros(len(wanted), dtype=np.bool_)
    number = np.minimum(np.searchsorted(known, wanted), len(known) - 1)
    return number.astype(np.int64), known[number] == wanted


def _joined(packed: Sequence[PackedPairs], name: str, kind: np.dtype[np.generic]) -> Numbers:
    return np.frombuffer(b"".join(getattr(each, name) for each in packed), dtype=kind).astype(np.int64)
