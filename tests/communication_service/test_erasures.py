"""A patient is erased: letters and calls that have not gone out go on without them, and then it is confirmed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

from flask.testing import FlaskClient

from communication_service import jobs
from communication_service.domain import sending
from communication_service.store.tables import ContactRequest, Email, Inquiry, PatientPseudonym, PhoneCall
from shared.database import transaction
from shared.events.catalogue import PatientErased, PatientUpdated, PublicPatient
from shared.values.datetimes import berlin_day
from tests.builders.communication import (
    RULES,
    TEXTS,
    a_patient,
    a_practice_to_phone,
    a_request,
    a_therapist,
    arrives,
    composed,
    outcome,
    read,
    rows,
    the,
    withdraw,
)
from tests.communication_service.conftest import NOW
from tests.conftest import MONDAY
from tests.events import recorded

LATER = NOW + timedelta(minutes=5)


def erase(patient: UUID, *, sequence: int = 9) -> None:
    arrives(PatientErased(patient_id=patient), patient, sequence=sequence, time=NOW)


def confirmed(patient: UUID) -> bool:
    """Whether it was said that nothing is left, after the job has run."""
    while jobs.confirm_erasures(LATER):
        pass
    with transaction() as session:
        return [event["type"] for event in recorded(session, patient)] == ["communication.patient_erased"]


def pseudonym(patient: UUID) -> PatientPseudonym:
    with transaction() as session:
        return session.get_one(PatientPseudonym, patient)


def is_tombstone(patient: UUID) -> bool:
    row = pseudonym(patient)
    personal = ("age", "insurance_type", "diagnosis_block", "availability", "prior_therapy_within_two_years",
                "paused_until", "search_started_on")  # fmt: skip
    texts = (row.reference, row.gender, row.reimbursement_case, row.status)
    is_empty = {getattr(row, each) for each in personal} == {None}
    return row.erased and is_empty and texts == ("", "unknown", False, "unknown")


def test_a_letter_that_has_not_gone_out_is_written_anew_for_the_others(sent: Callable[..., None]) -> None:
    practice, patients = a_therapist(), [a_patient(reference=f"P-7K3M-{each}Q") for each in "234"]
    requests = [a_request(practice, patient) for patient in patients]
    composed()
    assert "P-7K3M-3Q" in read(the(Email)).text
    erase(patients[1])
    assert not confirmed(patients[1]), "the letter speaks of them"
    composed(NOW)
    text = read(the(Email))
    for whole in (text.subject, text.text, text.html):
        assert ("P-7K3M-2Q" in whole, "P-7K3M-3Q" in whole, "P-7K3M-4Q" in whole) == (True, False, True)
    assert confirmed(patients[1])
    sent(LATER)
    email = the(Email)
    assert (email.status, email.placement_request_ids) == ("sent", [requests[0], requests[2]])


def test_a_letter_about_nobody_else_is_cancelled() -> None:
    patient = a_patient()
    a_request(a_therapist(), patient)
    composed()
    erase(patient)
    composed(NOW)
    assert (the(Email).status, the(Inquiry).status) == ("cancelled", "dissolved")
    assert "P-" not in read(the(Email)).text
    assert confirmed(patient)


def test_a_call_that_is_planned_is_cancelled_or_is_about_the_others() -> None:
    alone, one, other = a_patient(), a_patient(), a_patient()
    a_request(a_practice_to_phone(), alone)
    both = a_practice_to_phone()
    a_request(both, one)
    kept = a_request(both, other)
    composed()
    assert not confirmed(alone)
    for patient in (alone, one):
        erase(patient)
    composed(NOW)
    assert sorted((each.status, each.placement_request_ids == [kept]) for each in rows(PhoneCall)) == [
        ("cancelled", False),
        ("planned", True),
    ]
    assert confirmed(alone)
    assert confirmed(one)


def test_a_letter_on_its_way_goes_and_is_confirmed_once_it_went() -> None:
    patient = a_patient()
    a_request(a_therapist(), patient)
    composed()
    with transaction() as session:
        claim = sending.claim(session, the(Email).id, rules=RULES, texts=TEXTS, lease=timedelta(minutes=1), now=NOW)
    assert claim is not None
    erase(patient)
    composed(NOW)
    assert (the(Email).status, confirmed(patient)) == ("sending", False)
    with transaction() as session:
        assert sending.record_sent(session, claim.email_id, claim.attempt, rules=RULES, now=LATER)
    assert the(Email).status == "sent"
    assert confirmed(patient)
    assert "P-" not in read(the(Email)).text


def test_a_letter_that_did_not_go_is_not_tried_again_with_them() -> None:
    practice, patient, other = a_therapist(), a_patient(), a_patient(reference="P-7K3M-2Q")
    a_request(practice, patient)
    kept = a_request(practice, other)
    composed()
    with transaction() as session:
        claim = sending.claim(session, the(Email).id, rules=RULES, texts=TEXTS, lease=timedelta(minutes=1), now=NOW)
    assert claim is not None
    erase(patient)
    with transaction() as session:
        sending.record_not_tried(session, claim.email_id, claim.attempt, detail="no network", now=LATER)
    composed(LATER)
    assert (the(Email).status, the(Email).placement_request_ids) == ("approved", [kept])
    assert confirmed(patient)


def test_nobody_is_called_about_them_after_a_letter_without_an_answer(sent: Callable[..., None]) -> None:
    patient = a_patient()
    request = a_request(a_therapist(phone_hours={"monday": [{"start": "10:00", "end": "11:00"}]}), patient)
    composed()
    sent()
    erase(patient)
    later = MONDAY + timedelta(days=8)
    assert berlin_day(later) > berlin_day(MONDAY)
    jobs.follow_up(RULES, later)
    composed(later)
    assert rows(PhoneCall) == []
    withdraw(request)
    assert the(ContactRequest).status == "over"


def test_notes_of_calls_and_answers_are_unreadable_for_whom_was_erased(client: FlaskClient) -> None:
    practice, patient, other = a_practice_to_phone(), a_patient(), a_patient()
    both = [a_request(practice, each) for each in (patient, other)]
    composed()
    call = the(PhoneCall)
    said = [
        {"placement_request_id": str(each), "outcome": "later", "note": f"Notiz {number}"}
        for number, each in enumerate(both)
    ]
    outcome(call.id, "reached", responses=said)
    erase(patient)
    shown = client.get(f"/api/phone-calls/{call.id}").text
    assert ("Notiz 0" in shown, "Notiz 1" in shown) == (False, True)


def test_what_comes_late_brings_nobody_back() -> None:
    patient = a_patient(reference="P-7K3M-2Q", diagnosis_block="F30-F39")
    erase(patient)
    state = PublicPatient(id=patient, reference="P-7K3M-2Q", status="searching")
    arrives(PatientUpdated(patient=state), patient, sequence=10**6, time=LATER)
    assert is_tombstone(patient)
    # a request that was approved before, and of which the event took another way
    a_request(a_therapist(), patient)
    composed(LATER)
    assert (rows(Email), rows(Inquiry)) == ([], [])


def test_the_copy_of_somebody_who_never_arrived_is_a_tombstone_too() -> None:
    patient = a_patient()
    with transaction() as session:
        session.delete(session.get_one(PatientPseudonym, patient))
    erase(patient)
    assert is_tombstone(patient)
    assert confirmed(patient)


def test_it_is_confirmed_again_when_it_is_told_again() -> None:
    patient = a_patient()
    erase(patient)
    assert confirmed(patient)
    erase(patient, sequence=10)
    assert confirmed(patient)
    with transaction() as session:
        assert recorded(session, patient)[0]["sequence"] == 2
