"""A prior therapy within two years is a warning in letters and call sheets, until the two years are over
(docs/domain.md#contact-rule-14)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Engine

from communication_service.domain import calls, email_parts
from communication_service.store.tables import Email, PhoneCall
from patient_service.domain import birthdays
from tests.across_services.worlds import a_world
from tests.builders.communication import RULES, TEXTS
from tests.builders.world import World

WARNING = "In den letzten zwei Jahren gab es bereits eine Psychotherapie."
Engines = dict[str, tuple[Engine, Any]]


def asked(world: World, ended_on: str | None, **practice: Any) -> UUID:
    """A patient whose last therapy ended on that day, and whose request is composed."""
    anamnesis = {"therapy_experience": "Ja", "previous_therapy_ended_on": ended_on}
    patient = world.a_patient(anamnesis=anamnesis)
    therapist = world.a_therapist(**practice)
    world.set_status(patient, "searching")
    world.settle()
    assert world.approve(patient, therapist) is not None
    world.settle()
    return patient


def letter(world: World) -> str:
    """The letter that has not gone out."""
    (email,) = world.rows(Email)
    written = email_parts.read(world.communication, TEXTS, [email])[email.id]
    assert (WARNING in written.text) == (WARNING in written.html)
    assert email.status in ("approved", "waiting")
    return written.text


def warns_on_the_phone(world: World) -> bool | None:
    (call,) = world.rows(PhoneCall, status="planned")
    (patient,) = calls.get(world.communication, TEXTS, call.id, rules=RULES, now=world.now).patients
    return patient.prior_therapy_within_two_years


@pytest.mark.parametrize(
    ("ended_on", "warns"), [("2024-11-24", True), ("2024-11-22", False), ("1999-01-01", False), (None, False)]
)
def test_a_letter_warns_of_a_therapy_within_two_years(
    world_engines: Engines, ended_on: str | None, warns: bool
) -> None:
    with a_world(world_engines) as world:
        asked(world, ended_on, email="praxis@example.org")
        assert (WARNING in letter(world)) == warns


@pytest.mark.parametrize(("ended_on", "said"), [("2024-11-24", True), ("2024-11-22", False), (None, None)])
def test_a_call_sheet_says_so_too(world_engines: Engines, ended_on: str | None, said: bool | None) -> None:
    with a_world(world_engines) as world:
        asked(world, ended_on, email=None)
        assert warns_on_the_phone(world) is said


def test_a_letter_that_waits_warns_no_more_when_the_two_years_are_over(world_engines: Engines) -> None:
    with a_world(world_engines) as world:
        asked(world, "2024-11-25", email="praxis@example.org")
        assert WARNING in letter(world)
        world.now += timedelta(days=3)
        assert birthdays.publish_passed_therapies(world.patient, world.keys, now=world.now) == 1
        world.settle()
        assert WARNING not in letter(world)


def test_a_call_that_is_planned_warns_no_more_when_the_two_years_are_over(world_engines: Engines) -> None:
    with a_world(world_engines) as world:
        asked(world, "2024-11-25", email=None)
        assert warns_on_the_phone(world) is True
        world.now += timedelta(days=3)
        birthdays.publish_passed_therapies(world.patient, world.keys, now=world.now)
        world.settle()
        assert warns_on_the_phone(world) is False


def test_matching_asks_for_the_patient_all_the_same(world_engines: Engines) -> None:
    """It is a warning, not an exclusion."""
    with a_world(world_engines) as world:
        asked(world, "2026-11-01", email="praxis@example.org")
        assert len(world.requests_now()) == 1
