"""Whoever learns of patients erases them too, and says so."""

from __future__ import annotations

import importlib
from typing import Any

import pytest

from patient_service.domain.erasures import CONFIRMING
from shared.database import Erasable
from shared.events.catalogue import PatientErased, PatientUpdated
from shared.runtime import registry
from tests.architecture.sources import SERVICES

OF_PATIENTS = {"PatientCopy", "PatientPseudonym", "LocatedAddress", "LocatedPostalCode"}
"""The tables that events about patients write to."""


def copies(service: str) -> set[type[Any]]:
    """The tables of a service that hold copies of what others publish."""
    tables = importlib.import_module(f"{service}.store.tables").Tables
    return {
        mapper.class_ for mapper in tables.registry.mappers if any("event_time" in each.name for each in mapper.columns)
    }


def test_every_service_that_hears_of_patients_confirms_their_erasure() -> None:
    """One that is missing in the list would keep what it has, and the erasure would count as complete."""
    hearing = {each for each in SERVICES if PatientUpdated in registry.load(each).listeners.handled_types()}
    assert set(CONFIRMING) == hearing


@pytest.mark.parametrize("service", CONFIRMING)
def test_an_erasure_happens_again_wherever_copies_are_made_anew(service: str) -> None:
    """A rebuild runs projections, and no effects; states that are published anew must have no effects either."""
    listeners = registry.load(service).listeners
    assert listeners.projections.get(PatientErased)
    assert not listeners.effects.get(PatientErased)


def test_every_copy_of_something_of_patients_can_become_a_tombstone() -> None:
    """A new table of copies is named here, or is of therapists alone."""
    of_therapists = {
        "TherapistCopy",
        "PracticeCopy",
        "PracticePlace",
        "ContactRequest",
        "PracticeContact",
        "CallingHours",
    }
    found = {each.__name__: issubclass(each, Erasable) for service in SERVICES for each in copies(service)}
    assert found == dict.fromkeys(OF_PATIENTS, True) | dict.fromkeys(of_therapists, False)
