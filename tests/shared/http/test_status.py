"""`/api/status`: how a service is, in words, for everybody on staff."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from flask.testing import FlaskClient

from shared.errors import Unreachable
from shared.events.listeners import Listeners
from shared.http.status import FIGURES, routes_of_every_service
from shared.runtime import clock
from shared.runtime.health import ReadinessCheck
from shared.security.authentication import Caller
from shared.values.account_enums import Scope
from shared.values.enums import Role
from tests.fakes.callers import called_by
from tests.shared.http.sample import ROUTES, create_app


def fails_for_a_reason() -> bool:
    raise Unreachable("kafka.silent")


def fails_without_one() -> bool:
    raise ValueError("secret")


CHECKS = (
    ReadinessCheck("mail", fails_for_a_reason, decisive=False),
    ReadinessCheck("rooms", fails_without_one),
    ReadinessCheck("paper", lambda: True),
)


def client_of(*roles: Role, scopes: frozenset[Scope] = frozenset()) -> FlaskClient:
    app = create_app([*ROUTES, *routes_of_every_service(Listeners("bench_service"))], ready_checks=CHECKS)
    return called_by(app, Caller(id=None, roles=frozenset(roles), scopes=scopes)).test_client()


def details(answer: Any) -> dict[str, tuple[bool, str]]:
    return {each["name"]: (each["decisive"], each["detail"]) for each in answer.json["problems"]}


@pytest.mark.parametrize("role", sorted(set(Role) - {Role.SERVICE}))
def test_everybody_on_staff_reads_in_words_what_a_service_lacks(role: Role) -> None:
    client = client_of(role)
    answer = client.get("/api/status", headers={"Accept-Language": "de"})
    assert answer.status_code == 200, answer.json
    assert (answer.json["service"], answer.json["ready"]) == ("bench_service", False)
    assert datetime.fromisoformat(answer.json["started_at"]) <= clock.now()
    found = details(answer)
    assert found["mail"] == (False, "Kafka sendet zurzeit nichts. Bitte versuchen Sie es später noch einmal.")
    assert found["rooms"] == (True, "Die Prüfung „rooms“ gelingt zurzeit nicht.")
    assert "paper" not in found
    assert "secret" not in answer.text
    english = details(client.get("/api/status", headers={"Accept-Language": "en"}))
    assert english["mail"][1].startswith("Kafka sends nothing")


def test_machines_do_not_read_it() -> None:
    assert client_of(Role.SERVICE, scopes=frozenset(Scope)).get("/api/status").status_code == 403


def test_figures_that_cannot_be_read_are_null_and_the_rest_is_shown() -> None:
    answer = client_of(Role.AUDITOR).get("/api/status").json
    assert {name: answer[name] for name in FIGURES} == dict.fromkeys(FIGURES)


def test_dead_letters_are_a_problem_in_words_that_stops_no_request(monkeypatch: pytest.MonkeyPatch) -> None:
    client = client_of(Role.AUDITOR)
    for number, said in ((0, None), (3, (False, "Events that could not be handled: 3. "))):
        monkeypatch.setitem(FIGURES, "dead_letters", lambda number=number: number)  # type: ignore[misc]
        found = details(client.get("/api/status", headers={"Accept-Language": "en"})).get("dead_letters")
        assert (found and (found[0], found[1][: len(said[1])] if said else None)) == said
