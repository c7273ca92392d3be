"""Copies of therapists, patients and places, from events in any order."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import event, select
from sqlalchemy.orm import Session

from matching_service.store import queries
from matching_service.store.tables import PatientCopy, TherapistCopy
from shared.database import new_id
from shared.events.catalogue import (
    PatientRegistered,
    PatientUpdated,
    TherapistBlocked,
    TherapistRegistered,
    TherapistUpdated,
)
from shared.values.places import Place
from tests.builders.events import happened
from tests.builders.matching import (
    AACHEN,
    a_known_patient,
    a_known_therapist,
    listeners,
    public_patient,
    public_therapist,
    publish_place,
)
from tests.conftest import MONDAY

NOWHERE: dict[str, Any] = {"latitude": None, "longitude": None}
ADDRESS = {"street": "Musterweg", "house_number": "1", "postal_code": "52062", "city": "Aachen"}
IN_AACHEN = Place(*AACHEN)


def therapist(session: Session, therapist_id: UUID) -> TherapistCopy:
    session.flush()
    session.expire_all()
    found = session.get(TherapistCopy, therapist_id)
    assert found is not None
    return found


def test_a_poll_of_events_leaves_the_newest_state_of_each(session: Session) -> None:
    one, other = public_therapist(), public_therapist(last_name="Null")
    poll = [
        happened(TherapistRegistered(therapist=one), one.id, sequence=1),
        happened(TherapistRegistered(therapist=other), other.id, sequence=1),
        happened(
            TherapistBlocked(therapist=one.model_copy(update={"status": "blocked", "languages": ["tr"]})),
            one.id,
            sequence=3,
        ),
        happened(TherapistUpdated(therapist=one), one.id, sequence=2),
    ]
    listeners.apply(session, poll, now=MONDAY)
    copy = therapist(session, one.id)
    assert (copy.status, copy.sequence, copy.languages) == ("blocked", 3, ["tr"])
    assert therapist(session, other.id).name == "Anna Null"
    hours = copy.working_hours
    assert hours is not None
    assert hours.to_json() == one.working_hours


def test_a_stale_event_changes_nothing_and_a_repeated_one_neither(session: Session) -> None:
    known = a_known_therapist(session, sequence=5, city="Köln")
    a_known_therapist(session, id=known, sequence=4, city="Bonn")
    assert therapist(session, known).city == "Köln"
    a_known_therapist(session, id=known, sequence=5, city="Köln")
    assert therapist(session, known).sequence == 5
    patient = a_known_patient(session, sequence=5, max_distance_km=10)
    a_known_patient(session, id=patient, sequence=4, max_distance_km=20)
    assert queries.patient(session, patient).max_distance_km == 10


def test_own_coordinates_win_over_the_geocoded_ones(session: Session) -> None:
    known = a_known_therapist(session, latitude=50.8, longitude=6.2)
    publish_place(session, "therapist", known, **ADDRESS)
    assert therapist(session, known).place == Place(50.8, 6.2)


def test_the_place_of_an_address_may_come_after_or_before_the_therapist(session: Session) -> None:
    after = a_known_therapist(session, **NOWHERE)
    assert therapist(session, after).place is None
    publish_place(session, "therapist", after, **ADDRESS)
    assert therapist(session, after).place == IN_AACHEN
    before = new_id()
    publish_place(session, "therapist", before, **ADDRESS)
    assert queries.therapist_status(session, before) is None
    a_known_therapist(session, id=before, **NOWHERE)
    assert therapist(session, before).place == IN_AACHEN


@pytest.mark.parametrize("changed", [{"street": "Andere Straße"}, {"house_number": "2"}, {"postal_code": "52064"}])
def test_a_place_counts_only_for_the_present_address(session: Session, changed: dict[str, str]) -> None:
    known = a_known_therapist(session, **NOWHERE)
    publish_place(session, "therapist", known, **ADDRESS)
    a_known_therapist(session, id=known, sequence=2, **NOWHERE, **changed)
    assert therapist(session, known).place is None
    publish_place(session, "therapist", known, sequence=2, latitude=50.8, longitude=6.2, **ADDRESS | changed)
    assert therapist(session, known).place == Place(50.8, 6.2)
    publish_place(session, "therapist", known, sequence=1, **ADDRESS)  # late: an answer about the address before
    assert therapist(session, known).place == Place(50.8, 6.2)


def test_an_address_that_nobody_found_has_no_place(session: Session) -> None:
    known = a_known_therapist(session, **NOWHERE)
    publish_place(session, "therapist", known, **ADDRESS, **NOWHERE)
    assert therapist(session, known).place is None


def test_blanks_and_capitals_make_no_other_address(session: Session) -> None:
    known = a_known_therapist(session, **NOWHERE)
    publish_place(session, "therapist", known, **ADDRESS | {"street": " MUSTERWEG "})
    assert therapist(session, known).place == IN_AACHEN


def test_a_patient_is_where_the_present_postal_code_is(session: Session) -> None:
    patient = a_known_patient(session, placed=False)

    def place() -> Place | None:
        session.flush()
        session.expire_all()
        found = session.get(PatientCopy, patient)
        assert found is not None
        return found.place

    assert place() is None
    publish_place(session, "patient", patient, postal_code="52062")
    assert place() == IN_AACHEN
    a_known_patient(session, id=patient, sequence=2, placed=False, postal_code="50667")
    assert place() is None
    publish_place(session, "patient", patient, sequence=2, postal_code="50667", latitude=50.94, longitude=6.96)
    assert place() == Place(50.94, 6.96)
    a_known_patient(session, id=patient, sequence=3, placed=False, postal_code=None)
    assert place() is None


def test_a_place_that_came_first_is_no_patient_yet(session: Session) -> None:
    patient = public_patient()
    publish_place(session, "patient", patient.id, postal_code="52062")
    assert queries.patient(session, patient.id) is None
    listeners.apply(session, [happened(PatientRegistered(patient=patient), patient.id)], now=MONDAY)
    found = queries.patient(session, patient.id)
    assert found is not None
    assert found.place == IN_AACHEN


def test_matching_keeps_of_a_diagnosis_its_group_while_the_patient_consents(session: Session) -> None:
    """What practices prefer to treat is compared with it (docs/domain.md#data-protection-events), and nothing else."""
    patient = public_patient(diagnosis_block="F30-F39", gender="female", age=44)
    for sequence, block in enumerate(("F30-F39", None), start=1):
        event = PatientUpdated(patient=patient.model_copy(update={"diagnosis_block": block}))
        listeners.apply(session, [happened(event, patient.id, sequence=sequence)], now=MONDAY)
        session.expire_all()
        copy = queries.patient(session, patient.id)
        assert copy is not None
        assert copy.diagnosis_block == block
    assert not {"age", "gender"} & set(PatientCopy.__table__.columns.keys())


def test_copies_are_written_in_one_statement_a_poll(session: Session) -> None:
    statements: list[str] = []

    def handled(_c: Any, _cursor: Any, statement: str, _p: Any, _x: Any, _many: bool) -> None:
        statements.append(statement)

    therapists = [public_therapist() for _ in range(50)]
    poll = [happened(TherapistUpdated(therapist=each), each.id) for each in therapists]
    event.listen(session.get_bind(), "before_cursor_execute", handled)
    try:
        listeners.apply(session, poll, now=MONDAY)
    finally:
        event.remove(session.get_bind(), "before_cursor_execute", handled)
    inserts = [statement for statement in statements if "INSERT INTO therapists" in statement]
    assert len(inserts) == 1
    assert {each.id for each in therapists} <= set(session.scalars(select(TherapistCopy.id)))


def test_what_people_write_is_kept_in_one_form_whoever_sends_it(session: Session) -> None:
    strange, ordinary = "Mu\u0308ller\u00adLu\u200bx \u2028\r\n x", "MüllerLux x"
    known = therapist(
        session, a_known_therapist(session, title=None, first_name=strange, last_name=strange, city=strange)
    )
    assert (known.name, known.city) == (f"{ordinary} {ordinary}", ordinary)
    patient = session.get_one(PatientCopy, a_known_patient(session, reference="P-7K\u00ad3M-2Q"))
    assert patient.reference == "P-7K3M-2Q"


@pytest.mark.parametrize(
    "week",
    [
        {"Montag": [{"start": "09:00", "end": "12:00"}]},
        {"monday": [{"start": "12:00", "end": "09:00"}]},
        {"monday": [{"start": "12", "end": "9"}]},
        {"monday": [{"start": "24:00", "end": "25:00"}]},
        {"monday": [{"start": "09:00", "end": "12:00"}, {"start": "11:00", "end": "13:00"}]},
    ],
)
def test_hours_that_cannot_be_read_are_unknown_and_cost_nothing_else(session: Session, week: dict[str, Any]) -> None:
    practice, patient = public_therapist(working_hours=week), public_patient(availability=week)
    published = [
        happened(TherapistUpdated(therapist=practice), practice.id),
        happened(PatientUpdated(patient=patient), patient.id),
    ]
    listeners.apply(session, published, now=MONDAY)
    assert (therapist(session, practice.id).city, therapist(session, practice.id).working_hours) == ("Aachen", None)
    assert session.get_one(PatientCopy, patient.id).availability is None
