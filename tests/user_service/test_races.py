"""Two who do the same at the same moment: a look at the database is no guarantee, a lock or a constraint is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from shared.database import lost_to_others, repeat_if_lost, transaction
from shared.errors import Conflict
from shared.values.schemas import MergePatch
from tests.builders.accounts import EMAIL, a_machine, a_person
from tests.concurrency import at_once, in_turn
from tests.conftest import MONDAY
from user_service import jobs
from user_service.dependencies import Dependencies
from user_service.domain import accounts, machines, sign_in, signing_keys
from user_service.domain.schemas import MachineSignIn, NewMachine, NewUser
from user_service.store import queries
from user_service.store.tables import Account, SigningKey

pytestmark = pytest.mark.usefixtures("real_commits")

NEW = NewUser.from_json({"name": "Ada", "email": EMAIL, "roles": ["caller"]})
MACHINE = NewMachine.from_json({"name": "scraper", "scopes": []})


def conflict(outcome: Any) -> str | None:
    """The code with which one of two was refused; a constraint says the same (409) in its own words."""
    if isinstance(outcome, IntegrityError):
        return "a constraint"
    return outcome.code if isinstance(outcome, Conflict) else None


def test_two_make_an_account_with_one_address() -> None:
    make = partial(accounts.create, new=NEW, by=None, now=MONDAY)
    assert conflict(in_turn(lambda s: make(s), lambda s: make(s))) in ("account.email_known", "a constraint")
    with transaction() as session:
        assert session.scalar(select(func.count()).select_from(Account)) == 1


def test_two_make_a_machine_of_one_name() -> None:
    make = partial(machines.create, new=MACHINE, by=None, now=MONDAY)
    assert conflict(in_turn(lambda s: make(s), lambda s: make(s))) in ("machine_account.name_known", "a constraint")
    with transaction() as session:
        assert session.scalar(select(func.count()).select_from(Account)) == 1


def close(id: UUID, session: Session) -> None:
    accounts.delete(session, id, expected_versions=None, by=None, now=MONDAY)


def demote(id: UUID, session: Session) -> None:
    patch = MergePatch({"roles": ["caller"]}, {})
    accounts.change(session, id, patch, expected_versions=None, by=None, now=MONDAY)


def deactivate(id: UUID, session: Session) -> None:
    patch = MergePatch({"active": False}, {})
    accounts.change(session, id, patch, expected_versions=None, by=None, now=MONDAY)


@pytest.mark.slow
@pytest.mark.parametrize("second", [close, demote, deactivate])
@pytest.mark.parametrize("first", [close, demote, deactivate])
def test_the_last_two_administrators_take_each_other_out(
    first: Callable[[UUID, Session], None], second: Callable[[UUID, Session], None]
) -> None:
    """Each sees the other one when they look: whoever comes second must wait, and look again."""
    with transaction() as session:
        one, other = a_person(session).id, a_person(session, email="other@example.org").id
    assert conflict(in_turn(partial(first, one), partial(second, other))) == "account.last_administrator"


def test_ten_administrators_go_at_once_and_one_remains() -> None:
    with transaction() as session:
        ids = [a_person(session, email=f"admin{n}@example.org").id for n in range(10)]

    def leave(id: UUID) -> None:
        def in_a_transaction() -> None:
            with transaction() as session:
                demote(id, session)

        repeat_if_lost(in_a_transaction)

    outcomes = at_once([partial(leave, id) for id in ids])
    assert Counter(map(conflict, outcomes)) == {None: 9, "account.last_administrator": 1}, outcomes
    assert not [each for each in outcomes if isinstance(each, Exception) and lost_to_others(each)]
    with transaction() as session:
        assert len(queries.lock_administrators(session)) == 1


def test_two_rotate_the_keys(needed: Dependencies) -> None:
    def rotate(session: Session) -> None:
        signing_keys.rotate(session, needed.values, needed.tokens.times, now=MONDAY)

    with transaction() as session:
        signing_keys.current(session, needed.values, now=MONDAY)
    assert conflict(in_turn(rotate, rotate)) == "signing_key.pending"


def test_all_processes_start_at_once_and_one_makes_the_key(needed: Dependencies) -> None:
    def first_key() -> str:
        with transaction() as session:
            return signing_keys.current(session, needed.values, now=MONDAY).kid or ""

    kids = at_once([first_key] * 6)
    assert len(set(kids)) == 1, kids
    with transaction() as session:
        assert session.scalar(select(func.count()).select_from(SigningKey)) == 1


def test_the_first_administrator_is_made_once(needed: Dependencies) -> None:
    new = NewUser.from_json({"name": "Administrator", "email": EMAIL, "roles": ["admin"]})

    def make() -> bool:
        return jobs.create_administrator(new, "vier andere Wörter Nebel", needed, only_first=True, now=MONDAY)

    outcomes = at_once([make] * 3)
    assert outcomes.count(True) == 1, outcomes
    assert {conflict(each) for each in outcomes if each not in (True, False)} <= {"account.email_known", "a constraint"}
    assert make() is False


def test_a_machine_signs_in_from_many_processes_at_once(needed: Dependencies) -> None:
    with transaction() as session:
        machine = a_machine(session)
    given = {"client_id": str(machine.id), "client_secret": machine.client_secret}

    def token() -> str:
        body = MachineSignIn.from_json(given)
        with transaction() as session:
            return sign_in.of_machine(session, body, needed.tokens, needed.values, now=MONDAY).access_token

    assert all(isinstance(each, str) for each in at_once([token] * 8))
