"""Somebody whose two files became one is erased: no letter speaks of either, whatever is heard first."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from itertools import permutations
from uuid import UUID

import pytest
from sqlalchemy.orm import Session

from communication_service import jobs
from communication_service.store.tables import Email, PatientPseudonym
from shared.database import patient_keys, transaction
from shared.events import catalogue
from tests.builders.communication import a_patient, a_request, a_therapist, arrives, composed, publish, read, the
from tests.conftest import MONDAY
from tests.events import recorded
from tests.selection import mostly_slow

LATER = MONDAY + timedelta(minutes=5)


def erased(patient: UUID) -> None:
    arrives(catalogue.PatientErased(patient_id=patient), patient, sequence=10, time=MONDAY)


@pytest.mark.parametrize("order", mostly_slow(permutations(range(4)), every=4))
def test_a_letter_about_either_does_not_go(session: Session, order: tuple[int, ...]) -> None:
    kept, other = a_patient(reference="P-KEPT-AB", other_references=["P-GONE-AB"]), a_patient(reference="P-GONE-AB")
    request = a_request(a_therapist(), other)
    composed()
    assert "P-GONE-AB" in read(the(Email)).text
    merged = catalogue.PatientMerged(patient_id=other, merged_into=kept, kept_sequence=1, status="searching")
    events: list[Callable[[], object]] = [
        lambda: arrives(merged, other, sequence=9, time=MONDAY),
        lambda: publish(catalogue.RequestUpdated, request, sequence=2, patient_id=kept, status="open"),
        lambda: erased(other),
        lambda: erased(kept),
    ]
    for place in order:
        events[place]()
    composed(LATER)
    while jobs.confirm_erasures(LATER):
        pass
    assert the(Email).status == "cancelled"
    assert "AB" not in read(the(Email)).text
    with transaction() as session:
        copies = [session.get_one(PatientPseudonym, each) for each in (kept, other)]
        assert {(each.erased, each.merged_into, each.reference) for each in copies} == {(True, None, "")}
        assert set(patient_keys.find(session, [kept, other]).values()) == {None}
        for each in (kept, other):
            assert [event["type"] for event in recorded(session, each)] == ["communication.patient_erased"]
