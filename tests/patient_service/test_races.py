"""Two who enter or change at once: nobody is entered twice, and the second one is told of the first."""

from __future__ import annotations

from functools import partial
from itertools import permutations
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from patient_service.domain import bulk, consents, crisis, merging, patients, retention, searches
from patient_service.domain.bulk_schemas import PatientBulkChange
from patient_service.domain.schemas import (
    ChangedPatient,
    CrisisNote,
    CrisisReason,
    DeclinedErasure,
    Merge,
    NewConsent,
    NewPatient,
    NewStatus,
    PatientView,
)
from patient_service.store.tables import Patient
from shared.database import transaction
from shared.errors import Conflict, NotFound
from shared.security.encryption import Keys
from shared.values.enums import ConsentPurpose
from shared.values.schemas import read_patch
from tests.builders.patients import NOBODY, a_patient, a_ready_patient, new_patient
from tests.concurrency import at_once, in_turn, while_uncommitted
from tests.conftest import MONDAY

pytestmark = pytest.mark.usefixtures("real_commits")

OTHER = {"first_name": "Jemand", "last_name": "Anders"}
NUMBER = {"insurance_number": "A123456780"}


def entered(keys: Keys, **fields: Any) -> PatientView:
    with transaction() as session:
        return a_patient(session, keys, **fields)


class Staff:
    """People who send requests, each with a client of their own."""

    def __init__(self, app: Flask) -> None:
        self._app = app

    def register(self, query: str = "", *, key: str | None = None, **fields: Any) -> Any:
        headers = {"Idempotency-Key": key} if key else {}
        return self._app.test_client().post(f"/api/patients{query}", json=new_patient(**fields), headers=headers)

    def change(self, patient: PatientView, query: str = "", **fields: Any) -> Any:
        return self._app.test_client().patch(f"/api/patients/{patient.id}{query}", json=fields)


@pytest.fixture
def staff(app: Flask) -> Staff:
    return Staff(app)


def registering(keys: Keys, **fields: Any) -> Any:
    """Somebody enters a patient without force."""
    new = NewPatient.from_json(new_patient(**fields))
    return lambda session: patients.register(session, keys, new, by=None, now=MONDAY)


def changing(keys: Keys, patient: PatientView, **fields: Any) -> Any:
    patch = read_patch(fields, ChangedPatient, PatientView)
    return lambda session: patients.change(
        session, keys, patient.id, patch, expected_versions=None, reader=NOBODY, now=MONDAY
    )


def everybody() -> list[Patient]:
    with transaction() as session:
        return list(session.scalars(select(Patient).order_by(Patient.namesake)))


def refused(answer: Any, code: str = "patient.suspected_duplicate") -> bool:
    return bool((answer.status_code, answer.json["code"]) == (409, code))


@pytest.mark.parametrize("key", [None, "with a key"])
def test_a_registration_waits_for_one_of_the_same_person_and_is_refused(
    staff: Staff, keys: Keys, key: str | None
) -> None:
    answer = while_uncommitted(registering(keys), lambda: staff.register(key=key))
    assert refused(answer)
    (known,) = everybody()
    assert known.reference in answer.json["detail"]


@pytest.mark.parametrize(
    "alike", [{"first_name": "Erica", "street": "Anderswo"}, {"last_name": "Ervunden", "date_of_birth": "1980-01-01"}]
)
def test_two_at_once_who_sound_alike_never_both_pass(staff: Staff, keys: Keys, alike: dict[str, str]) -> None:
    answer = while_uncommitted(registering(keys), lambda: staff.register(**alike))
    assert refused(answer)
    (known,) = everybody()
    assert [each["reference"] for each in answer.json["candidates"]] == [known.reference]


def test_of_many_who_sound_alike_at_once_exactly_one_passes(staff: Staff) -> None:
    for turn in range(5):
        spelled = [f"Meyer{turn}", f"Maier{turn}", f"Mayr{turn}", f"Meier{turn}"]
        births = ["1990-05-17", "1980-01-01", "1990-05-17", "1980-01-01"]
        people = [
            partial(staff.register, last_name=name, date_of_birth=born, house_number=str(turn + 10))
            for name, born in zip(spelled, births, strict=True)
        ]
        answers = at_once(people)
        assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]
    assert len(everybody()) == 5


def test_a_move_is_refused_beside_a_registration_at_that_address(staff: Staff, keys: Keys) -> None:
    other = entered(keys, date_of_birth="1980-01-01", house_number="99")
    answer = while_uncommitted(registering(keys), lambda: staff.change(other, house_number="1"))
    assert refused(answer)


def test_a_registration_passes_when_the_other_one_came_to_nothing(staff: Staff, keys: Keys) -> None:
    answer = while_uncommitted(registering(keys), staff.register, commits=False)
    assert answer.status_code == 201
    assert len(everybody()) == 1


def test_one_who_is_known_to_be_somebody_else_passes_beside_the_other(staff: Staff, keys: Keys) -> None:
    answer = while_uncommitted(registering(keys), lambda: staff.register("?force=true"))
    assert answer.status_code == 201
    assert [each.namesake for each in everybody()] == [0, 1]


def test_a_registration_is_refused_beside_a_forced_one(staff: Staff, keys: Keys) -> None:
    assert refused(while_uncommitted(lambda session: a_patient(session, keys), staff.register))


def test_a_registration_is_refused_beside_a_patient_who_becomes_the_same_person(staff: Staff, keys: Keys) -> None:
    other = entered(keys, **OTHER)
    renaming = changing(keys, other, first_name="Erika", last_name="Erfunden")
    assert refused(while_uncommitted(renaming, staff.register))


def test_a_change_is_refused_beside_a_registration_of_the_same_person(staff: Staff, keys: Keys) -> None:
    other = entered(keys, **OTHER)
    answer = while_uncommitted(registering(keys), lambda: staff.change(other, first_name="Erika", last_name="Erfunden"))
    assert refused(answer)


def test_two_who_become_the_same_person_at_once_are_one_too_many(staff: Staff, keys: Keys) -> None:
    one, other = (entered(keys, **OTHER, date_of_birth=f"1990-01-0{day}") for day in (1, 2))
    becoming = {"date_of_birth": "1980-01-01"}
    assert refused(while_uncommitted(changing(keys, one, **becoming), lambda: staff.change(other, **becoming)))
    assert staff.change(other, "?force=true", **becoming).status_code == 200
    assert [each.namesake for each in everybody()] == [0, 1]


@pytest.mark.parametrize("query", ["", "?force=true"])
def test_an_insurance_number_is_given_once_whoever_is_quicker(staff: Staff, keys: Keys, query: str) -> None:
    one, other = entered(keys, **OTHER), entered(keys)
    taking = changing(keys, one, **NUMBER)
    answer = while_uncommitted(taking, lambda: staff.change(other, query, **NUMBER))
    assert refused(answer, "patient.already_known")
    assert one.reference in answer.json["detail"]
    assert refused(staff.register(query, **NUMBER), "patient.already_known")


def test_a_registration_with_an_insurance_number_waits_for_whom_it_belongs_to(staff: Staff, keys: Keys) -> None:
    answer = while_uncommitted(registering(keys, **OTHER, **NUMBER), lambda: staff.register("?force=true", **NUMBER))
    assert refused(answer, "patient.already_known")


def test_of_many_registrations_at_once_exactly_one_passes(staff: Staff) -> None:
    for turn in range(10):
        answers = at_once([lambda turn=turn: staff.register(last_name=f"Nachname{turn}")] * 4)  # type: ignore[misc]
        assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]
    assert len(everybody()) == 10


def test_of_many_forced_at_once_all_pass_with_numbers_of_their_own(staff: Staff) -> None:
    answers = at_once([lambda: staff.register("?force=true")] * 8)
    assert {answer.status_code for answer in answers} == {201}
    assert [each.namesake for each in everybody()] == list(range(8))


def test_a_consent_is_withdrawn_once(keys: Keys) -> None:
    patient = entered(keys)
    given = NewConsent(purpose=ConsentPurpose.MANDATE, given_on=MONDAY.date(), text_version="1")
    with transaction() as session:
        consent = consents.give(session, keys, patient.id, given, reader=NOBODY, now=MONDAY)

    def withdraw(session: Session) -> Any:
        return consents.withdraw(session, keys, patient.id, consent.id, reader=NOBODY, now=MONDAY)

    second = in_turn(withdraw, withdraw)
    assert isinstance(second, Conflict)
    assert second.code == "consent.withdrawn_before"


def test_a_status_is_left_once(keys: Keys) -> None:
    with transaction() as session:
        patient = a_ready_patient(session, keys)
    new = NewStatus.from_json({"status": "searching"})

    def start(session: Session) -> Any:
        return searches.set_status(session, keys, patient.id, new, reader=NOBODY, now=MONDAY)

    second = in_turn(start, start)
    assert isinstance(second, Conflict)
    assert second.code == "patient.transition"


def test_a_crisis_is_acknowledged_once(keys: Keys) -> None:
    patient = entered(keys, anamnesis={"complaints": "Suizidgedanken"})

    def acknowledge(session: Session) -> Any:
        return crisis.acknowledge(session, keys, patient.id, CrisisNote(), reader=NOBODY, now=MONDAY)

    second = in_turn(acknowledge, acknowledge)
    assert isinstance(second, Conflict)
    assert second.code == "crisis.acknowledged_before"


def test_a_crisis_is_cleared_once(keys: Keys) -> None:
    patient = entered(keys, anamnesis={"complaints": "Suizidgedanken"})

    def clear(session: Session) -> Any:
        return crisis.clear(session, keys, patient.id, CrisisReason(reason="Ein Irrtum."), reader=NOBODY, now=MONDAY)

    second = in_turn(clear, clear)
    assert isinstance(second, Conflict)
    assert second.code == "crisis.not_flagged"


def test_a_file_whose_erasure_is_proposed_is_kept_or_erased(keys: Keys) -> None:
    """Who decides second decides nothing: neither on a file that is kept by now, nor on one that is erased."""
    patient = entered(keys)
    new = DeclinedErasure(reason="Es gibt eine Klage.")
    many = PatientBulkChange.from_json({"ids": [str(patient.id)], "expected_total": 1, "action": "approve_erasure"})

    def decline(session: Session) -> Any:
        return retention.decline(session, keys, patient.id, new, days=1, reader=NOBODY, now=MONDAY)

    def approve(session: Session) -> Any:
        (outcome,) = bulk.change(session, keys, many, days_kept=1, reader=NOBODY, now=MONDAY)
        return outcome.refusal

    for first, then in ((decline, decline), (decline, approve), (approve, decline)):
        with transaction() as session:
            session.execute(update(Patient).values(erasure_proposed_on=MONDAY.date()))
        refusal = in_turn(first, then)
        assert isinstance(refusal, NotFound if first is approve else Conflict)
        assert refusal.code == ("patient.not_found" if first is approve else "patient.erasure_not_proposed")


# Two files of one person


def merging_into(keys: Keys, kept: PatientView, other: PatientView) -> Any:
    wanted = Merge(duplicate_id=other.id)
    return lambda session: merging.merge(session, keys, kept.id, wanted, force=False, reader=NOBODY, now=MONDAY)


def rows() -> dict[str, Patient]:
    with transaction() as session:
        return {each.reference: each for each in session.scalars(select(Patient))}


def test_of_two_merges_in_a_circle_at_once_the_second_is_refused(keys: Keys) -> None:
    one, other = entered(keys), entered(keys, first_name="Erica")
    refused = in_turn(merging_into(keys, one, other), merging_into(keys, other, one))
    assert isinstance(refused, Conflict)
    assert refused.code == "patient.merged_before"
    assert rows()[one.reference].merged_into is None


def test_of_two_merges_of_one_patient_at_once_the_second_is_refused(app: Flask, keys: Keys) -> None:
    one, two, duplicate = (entered(keys, first_name=name) for name in ("Erika", "Erica", "Ericka"))
    url, body = f"/api/patients/{two.id}/merge", {"duplicate_id": str(duplicate.id)}
    refused = while_uncommitted(merging_into(keys, one, duplicate), lambda: app.test_client().post(url, json=body))
    assert (refused.status_code, refused.json["code"]) == (409, "patient.merged_before")
    assert refused.json["merged_into"]["id"] == str(one.id)


def test_all_merges_of_three_at_once_leave_one_person_with_all_references(app: Flask, keys: Keys) -> None:
    for _ in range(3):
        known = [entered(keys, first_name=name) for name in ("Erika", "Erica", "Ericka")]

        def merge(kept: PatientView, other: PatientView) -> int:
            body = {"duplicate_id": str(other.id)}
            return app.test_client().post(f"/api/patients/{kept.id}/merge", json=body).status_code

        pairs = list(permutations(known, 2))
        statuses = at_once([lambda pair=pair: merge(*pair) for pair in pairs])  # type: ignore[misc]
        assert set(statuses) <= {200, 409}
        # two merges may not have met yet: whoever is left is merged now
        for pair in pairs:
            merge(*pair)
        found = [each for reference, each in rows().items() if reference in {person.reference for person in known}]
        (kept,) = (each for each in found if each.merged_into is None)
        assert {each.merged_into for each in found} == {None, kept.id}
        assert {kept.reference, *kept.other_references} == {person.reference for person in known}
        with transaction() as session:
            session.execute(update(Patient).values(person_index=None, address_index=None))


def test_a_change_of_the_merged_one_waits_and_is_told_who_is_kept(app: Flask, keys: Keys) -> None:
    kept, other = entered(keys), entered(keys, first_name="Erica")
    change = lambda: app.test_client().patch(f"/api/patients/{other.id}", json={"city": "Bonn"})  # noqa: E731
    answer = while_uncommitted(merging_into(keys, kept, other), change)
    assert (answer.status_code, answer.json["merged_into"]["id"]) == (404, str(kept.id))
