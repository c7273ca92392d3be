"""Two who do the same at the same moment: a look at the database is no guarantee, a lock or a constraint is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from shared.database import lost_to_others, repeat_if_lost, transaction
from shared.errors import Conflict
from shared.values.account_enums import AccountChangeKind, AccountEmailKind, OneTimeTokenPurpose
from shared.values.schemas import MergePatch
from tests.builders.accounts import EMAIL, PASSWORD, a_machine, a_person
from tests.builders.sign_ins import HOME, Device, a_device, newest_session
from tests.builders.sign_ins import sign_in as sign_in_as
from tests.concurrency import at_once, in_turn
from tests.conftest import MONDAY
from user_service import jobs
from user_service.dependencies import Dependencies
from user_service.domain import (
    account_emails,
    accounts,
    email_delivery,
    links,
    machines,
    one_time_passwords,
    own_password,
    sign_in,
    signing_keys,
)
from user_service.domain.schemas import (
    MachineSignIn,
    NewMachine,
    NewUser,
    OtpRemoval,
    OtpSetup,
    PasswordChoice,
    PasswordResetRequest,
)
from user_service.domain.sign_in import SignedIn
from user_service.store import queries
from user_service.store.tables import Account, AccountEmail, OneTimeToken, SigningKey

pytestmark = pytest.mark.usefixtures("real_commits")

INVITATION, RESET = OneTimeTokenPurpose.INVITATION, OneTimeTokenPurpose.PASSWORD_RESET
NEW = NewUser.from_json({"name": "Ada", "email": EMAIL, "roles": ["caller"]})
SOON = MONDAY + timedelta(seconds=1)
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


# Links, invitations and one-time passwords


def move(id: UUID, session: Session) -> None:
    """Let the account have another address."""
    patch = MergePatch({"email": "new@example.org"}, {})
    accounts.change(session, id, patch, expected_versions=None, by=None, now=SOON)


def set_a_password(id: UUID, session: Session) -> None:
    account = queries.account(session, id, lock=True)
    assert account is not None
    own_password.set_password(session, account, "a hash", change=AccountChangeKind.PASSWORD_CHANGED, now=SOON)


@pytest.mark.parametrize("kind", [AccountEmailKind.PASSWORD_RESET, AccountEmailKind.INVITATION])
@pytest.mark.parametrize("change", [move, set_a_password, deactivate, close])
def test_no_link_is_written_to_whom_it_may_not_go_any_more(
    needed: Dependencies, change: Callable[[UUID, Session], None], kind: AccountEmailKind
) -> None:
    """Who changes an account ends its links: a worker that writes one meanwhile looks again after the change."""
    is_reset = kind == AccountEmailKind.PASSWORD_RESET
    with transaction() as session:
        a_person(session, email="other@example.org")
        account_id = a_person(session, password=PASSWORD if is_reset else None).id
        if is_reset:
            account_emails.request_reset(session, PasswordResetRequest(email=EMAIL), HOME, needed.values, now=MONDAY)
        else:
            account_emails.invite(session, account_id, by=None, now=MONDAY)
        claimed = email_delivery.claim(session, lease=timedelta(minutes=1), now=MONDAY)
        assert claimed is not None

    def write(session: Session) -> str | None:
        written = email_delivery.write(session, claimed, needed.emails, public_url="https://example.org", now=SOON)
        return written.recipient if written else None

    # an invitation is for whoever the account is of, wherever they read it; a reset is for who asked from that address
    goes_on = change is move and not is_reset
    assert in_turn(partial(change, account_id), write) == ("new@example.org" if goes_on else None)
    with transaction() as session:
        assert session.scalar(select(func.count()).select_from(OneTimeToken)) == int(goes_on)
        while email_delivery.claim(session, lease=timedelta(minutes=1), now=SOON):
            pass  # notices of the change
        assert session.query(AccountEmail).filter_by(kind=kind.value).count() == int(goes_on)


@pytest.fixture
def invited() -> UUID:
    """A person without a password."""
    with transaction() as session:
        return a_person(session, password=None).id


def test_an_invitation_is_accepted_while_another_one_is_asked_for(needed: Dependencies, invited: UUID) -> None:
    with transaction() as session:
        account = queries.account(session, invited)
        assert account is not None
        token = links.issue(session, account, INVITATION, lifetime=timedelta(days=1), now=MONDAY)

    def accept(session: Session) -> None:
        own_password.choose(session, token, INVITATION, "a hash", HOME, needed.values, now=MONDAY)

    def invite(session: Session) -> None:
        account_emails.invite(session, invited, by=None, now=MONDAY)

    assert conflict(in_turn(accept, invite)) == "account.has_password"


def test_who_is_deactivated_meanwhile_is_not_invited(invited: UUID) -> None:
    with transaction() as session:
        a_person(session, email="other@example.org")

    def invite(session: Session) -> None:
        account_emails.invite(session, invited, by=None, now=MONDAY)

    assert conflict(in_turn(partial(deactivate, invited), invite)) == "account.not_active"


def test_two_invite_one_person(invited: UUID) -> None:
    def invite(session: Session) -> str:
        return account_emails.invite(session, invited, by=None, now=MONDAY).name

    assert in_turn(invite, invite) == "Erika Musterfrau"
    with transaction() as session:
        assert session.scalar(select(func.count()).select_from(AccountEmail)) == 1


def test_one_link_is_used_by_several_at_once(needed: Dependencies) -> None:
    with transaction() as session:
        account = a_person(session)
        token = links.issue(session, account, RESET, lifetime=timedelta(days=1), now=MONDAY)

    def use(number: int) -> bool:
        given = PasswordChoice(token=token, new_password=f"vier andere Wörter Nebel {number}")
        jobs.choose_password(given, RESET, HOME, needed, now=MONDAY)
        return True

    outcomes = at_once([partial(use, number) for number in range(2)])
    assert outcomes.count(True) == 1, outcomes
    assert [each.code for each in outcomes if each is not True] == ["link.over"]


@pytest.fixture
def protected(needed: Dependencies) -> tuple[UUID, Device]:
    """A person with one-time passwords."""
    with transaction() as session:
        account_id = a_person(session).id
    return account_id, a_device(needed, account_id)


@pytest.mark.parametrize("what", ["one-time password", "recovery code"])
def test_what_counts_once_is_sent_several_times_at_once(
    needed: Dependencies, protected: tuple[UUID, Device], what: str
) -> None:
    _, device = protected
    later = MONDAY + timedelta(hours=1)
    otp = device.shows(later) if what == "one-time password" else device.recovery_codes[0]
    outcomes = at_once([lambda: sign_in_as(needed, otp=otp, now=later)] * 3)
    assert len([each for each in outcomes if isinstance(each, SignedIn)]) == 1, outcomes
    refused = {getattr(each, "code", each) for each in outcomes if not isinstance(each, SignedIn)}
    assert refused <= {"sign_in.otp_refused", "sign_in.busy"}


def test_two_tabs_turn_one_time_passwords_on_and_off(needed: Dependencies, protected: tuple[UUID, Device]) -> None:
    account_id, device = protected
    mine = newest_session(account_id)
    values = needed.values

    def begin(session: Session) -> Any:
        return one_time_passwords.begin(
            session, session_id=mine, issuer="x", values=values, by=account_id, now=MONDAY
        ).secret

    codes = iter(device.recovery_codes)

    def turn_off(session: Session) -> None:
        attempt = one_time_passwords.count(session, values, by=account_id, now=MONDAY)
        one_time_passwords.turn_off(
            session,
            OtpRemoval(otp=next(codes)),
            attempt,
            session_id=mine,
            values=values,
            expected_versions=None,
            by=account_id,
            now=MONDAY,
        )

    def confirm(otp: str, session: Session) -> Any:
        attempt = one_time_passwords.count(session, values, by=account_id, now=MONDAY)
        return one_time_passwords.confirm(
            session, OtpSetup(otp=otp), attempt, session_id=mine, values=values, by=account_id, now=MONDAY
        )

    assert isinstance(in_turn(turn_off, begin), str)
    assert conflict(in_turn(turn_off, partial(confirm, device.shows(MONDAY)))) == "otp.not_begun"
    with transaction() as session:
        key = Device(begin(session), [])
    shown = key.shows(MONDAY)
    assert conflict(in_turn(partial(confirm, shown), partial(confirm, shown))) == "otp.enabled_before"
