"""Index keys are replaced while the service serves: nobody is lost, and nobody entered twice."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import delete, event, select, text, update
from sqlalchemy.orm import Session

from patient_service import jobs
from patient_service.domain import key_rings, patients
from patient_service.domain.birthdays import publish_changed_ages
from patient_service.domain.lists import PATIENTS
from patient_service.domain.schemas import NewPatient, PatientFields, PatientView
from patient_service.store.tables import DataKey, Patient
from shared.database import transaction
from shared.errors import Conflict, PlatformError, Unreachable
from shared.security.encryption import Keys, key_id
from shared.values.schemas import read_patch
from tests.builders.keys import NEW, OLD, OTHER, PHASES, with_indexes
from tests.builders.lists import asked_for
from tests.builders.patients import NOBODY, a_patient, new_patient
from tests.concurrency import in_turn
from tests.conftest import MONDAY


def ids(session: Session, keys: Keys, number: int, **fields: Any) -> list[UUID]:
    return [a_patient(session, keys, **fields).id for _ in range(number)]


def columns(session: Session, column: Any) -> list[bytes]:
    return list(session.scalars(select(column)))


NAMED = {"first_name": "Jörg", "last_name": "Müller-Weiß", "date_of_birth": "1990-05-17"}
NUMBER = {"insurance_number": "A123456780"}
OVERLAP = [pair for each in pairwise(PHASES) for pair in (each, each[::-1])]
"""Who wrote, and who looks for it at the same time. What the last two share is written anew before."""


@pytest.fixture(params=OVERLAP, ids=lambda pair: "-".join(str(PHASES.index(each)) for each in pair))
def phases(request: pytest.FixtureRequest, session: Session) -> tuple[Keys, Keys]:
    wrote, asks = request.param
    return with_indexes(wrote), with_indexes(asks)


def enter(session: Session, keys: Keys, *, force: bool = False, **fields: Any) -> PatientView:
    new = NewPatient.from_json(new_patient(**fields))
    return patients.register(session, keys, new, force=force, by=None, now=MONDAY)


def change(session: Session, keys: Keys, patient_id: UUID, **fields: Any) -> PatientView:
    patch = read_patch(fields, PatientFields, PatientView)
    return patients.change(session, keys, patient_id, patch, expected_versions=None, reader=NOBODY, now=MONDAY)


def found(session: Session, keys: Keys, q: str) -> list[UUID]:
    session.expire_all()
    shown = patients.list_part(session, keys, asked_for(PATIENTS, q=q), reader=NOBODY, now=MONDAY)
    return [each.id for each in shown.items]


def code(work: Any, *given: Any, **fields: Any) -> str:
    with pytest.raises(PlatformError) as refused:
        work(*given, **fields)
    return refused.value.code


def test_everybody_is_found_in_every_phase(session: Session, phases: tuple[Keys, Keys]) -> None:
    wrote, asks = phases
    known = enter(session, wrote, **NAMED)
    for q in ("joerg", "mueller", "Weiß Jörg", known.reference):
        assert found(session, asks, q) == [known.id]
    assert found(session, asks, "joerg erfunden") == []


def test_nobody_is_entered_twice_in_any_phase(session: Session, phases: tuple[Keys, Keys]) -> None:
    wrote, asks = phases
    known = enter(session, wrote, **NAMED, **NUMBER)
    assert code(enter, session, asks, **NAMED) == "patient.suspected_duplicate"
    assert code(enter, session, asks, force=True, **NUMBER) == "patient.already_known"
    other = enter(session, asks)
    assert code(change, session, asks, other.id, **NAMED) == "patient.suspected_duplicate"
    assert code(change, session, asks, other.id, **NUMBER) == "patient.already_known"
    assert change(session, asks, known.id, phone="0241 123").id == known.id
    assert code(enter, session, wrote, **NAMED) == "patient.suspected_duplicate"


def test_those_who_were_let_in_by_force_stay_apart(session: Session, phases: tuple[Keys, Keys]) -> None:
    wrote, asks = phases
    entered = [enter(session, keys, force=True, **NAMED).id for keys in (wrote, asks, wrote)]
    assert sorted(session.scalars(select(Patient.namesake))) == [0, 1, 2]
    for each in entered:
        assert change(session, asks, each, phone="0241 123").phone
    key_rings.reindex(session, with_indexes(f"{NEW},{OLD}"))
    session.flush()
    assert sorted(session.scalars(select(Patient.namesake))) == [0, 1, 2]


def test_birthdays_are_noticed_in_every_phase(session: Session, phases: tuple[Keys, Keys]) -> None:
    wrote, asks = phases
    a_patient(session, wrote, now=datetime(2026, 5, 1, tzinfo=UTC), **NAMED)
    assert publish_changed_ages(session, asks, now=datetime(2026, 5, 20, tzinfo=UTC)) == 1


def test_indexes_are_written_anew_in_portions(session: Session) -> None:
    before, after = with_indexes(OLD), with_indexes(f"{NEW},{OLD}")
    known = enter(session, before, **NAMED, **NUMBER)
    ids(session, before, 3)
    assert [key_rings.reindex(session, after, at_most=3) for _ in range(3)] == [3, 1, 0]
    session.flush()
    assert set(columns(session, Patient.index_key)) == {key_id(NEW)}
    key_rings.rings(with_indexes(NEW)).check(session)
    assert found(session, with_indexes(NEW), "mueller") == [known.id]
    assert code(enter, session, with_indexes(NEW), **NAMED) == "patient.suspected_duplicate"
    assert code(enter, session, with_indexes(NEW), force=True, **NUMBER) == "patient.already_known"
    assert found(session, before, "mueller") == []


def test_a_lost_index_key_is_replaced_from_the_documents(session: Session) -> None:
    known = enter(session, with_indexes(OLD), **NAMED)
    assert jobs.reindex(with_indexes(NEW), MONDAY) == 1
    session.expire_all()
    assert found(session, with_indexes(NEW), known.reference) == [known.id]


def test_who_was_erased_is_found_by_nothing_and_holds_no_key_back(session: Session) -> None:
    known = enter(session, with_indexes(OLD), **NAMED, **NUMBER)
    session.execute(delete(DataKey))
    session.execute(update(Patient).values(sealed=b"", erased_at=MONDAY))
    session.expire_all()
    assert key_rings.reindex(session, with_indexes(f"{NEW},{OLD}")) == 1
    session.flush()
    key_rings.rings(with_indexes(NEW)).check(session)
    row = session.execute(select(Patient.search_index, Patient.person_index, Patient.birthday_index)).one()
    assert tuple(row) == ([], None, None)
    assert known.reference


def test_namesakes_who_were_entered_with_keys_apart_are_kept_apart(session: Session) -> None:
    """Whoever skips a step of the rotation has two processes that do not see each other's patients."""
    enter(session, with_indexes(OLD), **NAMED)
    enter(session, with_indexes(NEW), **NAMED)
    assert key_rings.reindex(session, with_indexes(f"{NEW},{OLD}")) == 1
    assert sorted(session.scalars(select(Patient.namesake))) == [0, 1]
    assert sorted(session.scalars(select(Patient.neighbour))) == [0, 1]
    key_rings.rings(with_indexes(NEW)).check(session)


@pytest.mark.parametrize("apart", [{"street": "Anderswo"}, {"date_of_birth": "1980-01-01"}])
def test_those_who_share_one_of_both_are_kept_apart_too(session: Session, apart: dict[str, str]) -> None:
    enter(session, with_indexes(OLD), **NAMED)
    enter(session, with_indexes(NEW), **NAMED | apart)
    assert key_rings.reindex(session, with_indexes(f"{NEW},{OLD}")) == 1
    session.flush()
    assert code(enter, session, with_indexes(NEW), **NAMED) == "patient.suspected_duplicate"


def test_one_insurance_number_of_two_and_a_damaged_file_stop_nobody_else(session: Session) -> None:
    before, after = with_indexes(OLD), with_indexes(f"{NEW},{OLD}")
    damaged, twice = enter(session, before, **NAMED), enter(session, before, last_name="Anders", **NUMBER)
    ids(session, before, 2, last_name="Weiter")
    enter(session, with_indexes(NEW), **NUMBER)
    session.execute(update(Patient).where(Patient.id == damaged.id).values(sealed=bytes(40)))
    session.expire_all()
    assert key_rings.reindex(session, after) == 2
    left = session.scalars(select(Patient.id).where(Patient.index_key == key_id(OLD)))
    assert set(left) == {damaged.id, twice.id}
    with pytest.raises(Unreachable):
        key_rings.rings(with_indexes(NEW)).check(session)
    assert change(session, after, twice.id, insurance_number=None).insurance_number is None
    assert key_rings.reindex(session, after) == 0


def committed(keys: Keys, *, force: bool = False, **fields: Any) -> Any:
    return lambda session: enter(session, keys, force=force, **fields)


@pytest.mark.parametrize(("first", "second"), [(PHASES[1], PHASES[2]), (PHASES[2], PHASES[1])])
@pytest.mark.parametrize("fields", [NAMED, NUMBER | {"last_name": "Anders"}])
def test_two_who_write_with_different_keys_do_not_pass_each_other(
    real_commits: None, first: str, second: str, fields: dict[str, Any]
) -> None:
    """The unique indexes hold within one key only."""
    force = "insurance_number" in fields
    one, other = (committed(with_indexes(ring), force=force, **fields) for ring in (first, second))
    refused = in_turn(one, other)
    assert isinstance(refused, Conflict)
    with transaction() as session:
        assert len(columns(session, Patient.id)) == 1


def test_a_change_waits_for_whoever_becomes_the_same_with_another_key(real_commits: None) -> None:
    old, new = with_indexes(PHASES[1]), with_indexes(PHASES[2])
    with transaction() as session:
        one, other = (enter(session, old, last_name=name).id for name in ("Eins", "Zwei"))

    def renamed(keys: Keys, patient_id: UUID) -> Any:
        return lambda session: change(session, keys, patient_id, **NAMED)

    assert isinstance(in_turn(renamed(old, one), renamed(new, other)), Conflict)


def statements(session: Session, work: Any) -> Sequence[str]:
    made: list[str] = []

    def note(*given: Any) -> None:
        made.append(given[2])

    event.listen(session.connection(), "before_cursor_execute", note)
    work()
    event.remove(session.connection(), "before_cursor_execute", note)
    return [each for each in made if "SAVEPOINT" not in each]


def test_with_one_key_a_patient_is_still_entered_in_one_statement(session: Session) -> None:
    session.execute(text("SELECT 1"))
    assert len(statements(session, lambda: enter(session, Keys(OTHER, OLD)))) == 1
    assert len(statements(session, lambda: enter(session, Keys(OTHER, f"{NEW},{OLD}"), last_name="Anders"))) == 2
