"""Two files of one person became one: letters, calls and answers go on about the kept one."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import permutations
from typing import Any
from uuid import UUID

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from communication_service.store.tables import ContactRequest, Email, PatientPseudonym, PhoneCall
from shared.database import new_id, patient_keys, transaction
from shared.events import catalogue
from tests.builders.communication import (
    a_patient,
    a_practice_to_phone,
    a_request,
    a_therapist,
    arrives,
    composed,
    publish,
    read,
    the,
)
from tests.conftest import MONDAY

SOON = MONDAY + timedelta(minutes=2)
KEPT = {"reference": "P-KEPT-AB", "other_references": ["P-GONE-AB"]}


def was_merged(patient: UUID, into: UUID, *, sequence: int = 9, time: datetime = MONDAY) -> None:
    event = catalogue.PatientMerged(patient_id=patient, merged_into=into, kept_sequence=1, status="searching")
    arrives(event, patient, sequence=sequence, time=time)


def is_now_of(request: UUID, patient: UUID, *, status: str = "open", sequence: int = 2) -> None:
    publish(catalogue.RequestUpdated, request, sequence=sequence, patient_id=patient, status=status)


def the_copy(patient: UUID) -> Any:
    with transaction() as session:
        return session.get(PatientPseudonym, patient)


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_the_copy_of_the_merged_one_is_empty_whatever_is_read_first(session: Session, order: tuple[int, ...]) -> None:
    kept, other = a_patient(), new_id()
    events: list[Callable[[], object]] = [
        lambda: a_patient(id=other, sequence=3, diagnosis_block="F30-F39"),
        lambda: was_merged(other, kept),
        lambda: a_patient(id=other, sequence=8),
    ]
    for place in order:
        events[place]()
    copy = the_copy(other)
    assert (copy.merged_into, copy.sequence) == (kept, 9)
    assert (copy.reference, copy.age, copy.diagnosis_block, copy.status) == ("", None, None, "unknown")


@pytest.mark.parametrize("matching_knows", [True, False])
def test_a_letter_that_has_not_gone_out_speaks_of_the_kept_one(session: Session, matching_knows: bool) -> None:
    """Also while matching has not said yet whose request it is."""
    kept, other = a_patient(**KEPT), a_patient(reference="P-GONE-AB")
    request = a_request(a_therapist(), other)
    composed()
    assert "P-GONE-AB" in read(the(Email)).text
    was_merged(other, kept)
    if matching_knows:
        is_now_of(request, kept)
    composed(SOON)
    letter = the(Email)
    assert (letter.status, letter.placement_request_ids) == ("approved", [request])
    assert "P-KEPT-AB" in read(letter).text
    assert "P-GONE-AB" not in read(letter).text


def test_an_approval_that_comes_late_is_about_the_kept_one(session: Session) -> None:
    kept, other = a_patient(**KEPT), a_patient()
    was_merged(other, kept)
    request = a_request(a_therapist(), other)
    composed()
    assert "P-KEPT-AB" in read(the(Email)).text
    is_now_of(request, kept)
    assert the(ContactRequest).patient_id == kept


@pytest.mark.parametrize("status", ["open", "contacted", "accepted", "declined", "withdrawn"])
def test_whose_request_it_is_changes_nothing_else(session: Session, status: str) -> None:
    kept, request = a_patient(), a_request(a_therapist())
    composed()
    before = the(ContactRequest)
    is_now_of(request, kept, status="queued")
    after = the(ContactRequest)
    same = ("status", "inquiry_id", "waiting_since", "asked", "answered", "hold")
    assert [getattr(after, name) for name in same] == [getattr(before, name) for name in same]
    is_now_of(request, kept, status=status, sequence=3)
    assert the(ContactRequest).patient_id == kept


def test_a_caller_sees_by_which_other_reference_the_practice_may_know_the_person(
    client: FlaskClient, session: Session
) -> None:
    kept, other = a_patient(**KEPT), a_patient(reference="P-GONE-AB")
    request = a_request(a_practice_to_phone(), other)
    composed()
    was_merged(other, kept)
    is_now_of(request, kept)
    (patient,) = client.get(f"/api/phone-calls/{the(PhoneCall).id}").json["patients"]
    assert (patient["reference"], patient["other_references"]) == ("P-KEPT-AB", ["P-GONE-AB"])


def test_lists_find_what_was_the_merged_ones_by_either_id(client: FlaskClient, session: Session) -> None:
    kept, other = a_patient(), a_patient()
    request = a_request(a_therapist(), other)
    composed()
    was_merged(other, kept)
    is_now_of(request, kept)
    for path in ("/api/emails", "/api/inquiries", "/api/waiting-requests"):
        for id in (kept, other):
            found = client.get(path, query_string={"patient_id": str(id)}).json
            assert found["total"] == 1, path


def test_an_answer_to_the_letter_about_the_merged_one_is_taken(client: FlaskClient, sent: Callable[..., None]) -> None:
    kept, other = a_patient(), a_patient()
    request = a_request(a_therapist(), other)
    composed()
    sent()
    letter = the(Email)
    was_merged(other, kept)
    publish(catalogue.RequestWithdrawn, request, reason="patient_merged")
    is_now_of(request, kept, status="withdrawn", sequence=3)
    body = {"responses": [{"placement_request_id": str(request), "outcome": "accepted"}]}
    assert client.post(f"/api/emails/{letter.id}/response", json=body).status_code == 200


def test_a_letter_about_the_merged_one_is_read_until_the_kept_one_is_forgotten(sent: Callable[..., None]) -> None:
    kept, other = a_patient(), a_patient(reference="P-GONE-AB")
    request = a_request(a_therapist(), other)
    composed()
    sent()
    was_merged(other, kept)
    is_now_of(request, kept, status="contacted")
    assert "P-GONE-AB" in read(the(Email)).text
    with transaction() as session:
        patient_keys.destroy(session, kept)
    assert "P-GONE-AB" not in read(the(Email)).text
