"""The list of erasures: what still runs, at which service, and who asked for it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, get_args
from uuid import UUID

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from patient_service.domain.erasure_schemas import ConfirmingService
from patient_service.domain.lists import ERASURES
from patient_service.store import erasures as store
from patient_service.store.tables import Erasure
from shared.runtime import clock
from shared.security.encryption import Keys
from shared.values.enums import Role
from tests.accounts import ANNA, signed_in
from tests.builders.lists import sorted_without_index
from tests.builders.patients import a_patient

URL = "/api/erasures"
SERVICES: Sequence[str] = get_args(ConfirmingService)


@pytest.fixture
def four(app: Flask, session: Session, keys: Keys) -> list[Any]:
    """Erased patients: confirmed by every service, by all but the last, by none, and one whose duplicate waits."""
    coordinator, now = signed_in(app, Role.COORDINATOR), clock.now()
    patients = [a_patient(session, keys, last_name=f"Erfunden {name}") for name in "ABCDE"]
    body = {"duplicate_id": str(patients[4].id)}
    merged = coordinator.post(f"/api/patients/{patients[3].id}/merge?force=true", json=body)
    assert merged.status_code == 200, merged.json
    for each in patients[:4]:
        answer = coordinator.delete(f"/api/patients/{each.id}?confirm={each.reference}")
        assert answer.status_code == 202, answer.json
    confirmed = {0: SERVICES, 1: SERVICES[:-1], 3: SERVICES, 4: SERVICES[1:]}
    for place, services in confirmed.items():
        for service in services:
            store.confirm(session, service, [(patients[place].id, now)])
    return patients


def listed(client: FlaskClient, query: str = "") -> set[UUID]:
    answer = client.get(f"{URL}?{query}")
    assert answer.status_code == 200, answer.json
    assert answer.json["total"] == len(answer.json["items"])
    return {UUID(each["id"]) for each in answer.json["items"]}


@pytest.mark.parametrize("role", [Role.COORDINATOR, Role.AUDITOR])
def test_erasures_are_found_by_how_far_they_are(app: Flask, four: list[Any], role: Role) -> None:
    client = signed_in(app, role)
    a, b, c, d, e = (each.id for each in four)
    assert listed(client) == {a, b, c, d, e}
    assert listed(client, "state=completed") == {a}
    assert listed(client, "state=running") == {b, c, d, e}
    assert listed(client, "state=running,completed") == {a, b, c, d, e}
    assert listed(client, f"pending={SERVICES[-1]}") == {b, c}
    assert listed(client, f"pending={SERVICES[0]}") == {c, d, e}
    assert listed(client, f"pending={SERVICES[1]}") == {c}
    assert listed(client, f"state=completed&pending={SERVICES[0]}") == set()
    assert client.get(f"{URL}?pending=patient_service").status_code == 422


def test_an_entry_is_the_erasure_with_who_asked_for_it(app: Flask, four: list[Any]) -> None:
    auditor = signed_in(app, Role.AUDITOR)
    for each in auditor.get(URL).json["items"]:
        assert each == auditor.get(f"{URL}/{each['id']}").json
        (patient,) = (one for one in four if str(one.id) == each["id"])
        assert (each["reference"], each["requested_by"]) == (patient.reference, str(ANNA))


def test_the_newest_come_first_and_none_twice(app: Flask, four: list[Any]) -> None:
    client = signed_in(app, Role.AUDITOR)
    seen, after = [], ""
    while after is not None:
        page = client.get(f"{URL}?limit=2{after}").json
        seen += [UUID(each["id"]) for each in page["items"]]
        after = page["next"] and f"&after={page['next']}"
    assert seen == [each.id for each in reversed(four)]


def test_who_phones_practices_reads_no_erasure(app: Flask, four: list[Any]) -> None:
    assert signed_in(app, Role.CALLER).get(URL).status_code == 403


def test_the_order_has_an_index(session: Session) -> None:
    assert sorted_without_index(session, select(Erasure.id), ERASURES.orders) == []
