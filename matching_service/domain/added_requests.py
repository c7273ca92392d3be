"""Whether staff may add requests to a plan: by the criteria of matching, as an approval will judge them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from uuid import UUID

from matching_service.domain.criteria import JUDGE
from matching_service.domain.explaining import failures_of
from matching_service.domain.search import Search, of_patient
from matching_service.settings import AskAgainRules
from matching_service.store import queries
from matching_service.store.matching import Judged
from matching_service.store.tables import PatientCopy
from shared.database import Session
from shared.errors import FieldProblem

Pair = tuple[UUID, UUID]
"""A patient and a therapist."""


def judge(
    session: Session,
    pairs: Sequence[Pair],
    patients: Mapping[UUID, PatientCopy],
    *,
    rules: AskAgainRules,
    today: date,
) -> dict[Pair, tuple[Judged, Search]]:
    """What is known of each pair whose therapist is known here."""
    found = {}
    for id in {patient for patient, _ in pairs}:
        patient = patients[id]
        excluded = queries.with_kept_therapists(session, patient.excluded_therapist_ids)
        search = of_patient(patient, excluded=excluded, rules=rules, today=today)
        theirs = [therapist for of, therapist in pairs if of == id]
        for therapist, judged in JUDGE.each(session, search, theirs).items():
            found[id, therapist] = (judged, search)
    return found


def problems(index: int, judged: tuple[Judged, Search] | None) -> Iterator[FieldProblem]:
    """Why the pair at this index cannot be added: staff ask with a reason what a plan does not, outside of it."""
    field = f"added_requests.{index}.therapist_id"
    if judged is None:
        yield FieldProblem.of(field, "field.nobody_known")
        return
    for failure in failures_of(*judged):
        yield FieldProblem.of(field, "field.criterion_fails", rule=failure.rule, detail=failure.detail)
