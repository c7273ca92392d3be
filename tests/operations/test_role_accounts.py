"""`make token`: of the administrator, or of an account that has one role only, and never where others could read it."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from operations import commands
from operations.role_accounts import ROLES, NoRoleAccount, roles_in, sign_in_of, tokens_of
from operations.sign_in import AccessTokens
from shared.values.enums import Role
from testkit.private_platform import private_settings
from tests.architecture.sources import ROOT
from tests.fakes.accounts_service import ADMIN, AccountsService, accounts_service

INVITED = "POST /api/auth/invitations/accept"
RESET = "POST /api/auth/password-resets/complete"


@pytest.fixture
def service() -> Iterator[AccountsService]:
    with accounts_service() as running:
        yield running


@pytest.mark.parametrize("role", ROLES)
def test_a_role_gets_an_account_that_has_it_alone(service: AccountsService, role: str) -> None:
    assert roles_in(tokens_of(service.settings, role).current()) == [role]
    made = service.accounts[-1]
    assert (made["email"], made["roles"]) == (f"{role}@example.org", [role])
    assert INVITED in service.asked


def test_the_account_is_used_again(service: AccountsService) -> None:
    tokens_of(service.settings, "caller")
    service.asked.clear()
    tokens_of(service.settings, "caller")
    assert service.asked == ["POST /api/auth/login"]
    assert len(service.accounts) == 2


def test_an_account_whose_password_is_another_one_gets_this_one(service: AccountsService) -> None:
    """As after a change of ADMIN_PASSWORD; older e-mails to it are not used."""
    tokens_of(service.settings, "caller")
    settings = service.settings | {"ADMIN_PASSWORD": "another long password"}
    service.accounts[0]["password"] = settings["ADMIN_PASSWORD"]
    assert roles_in(tokens_of(settings, "caller").current()) == ["caller"]
    assert RESET in service.asked


def test_one_that_was_invited_and_never_came_is_invited_again(service: AccountsService) -> None:
    service.accounts.append({"id": "2", "email": "caller@example.org", "roles": ["caller"]})
    assert roles_in(tokens_of(service.settings, "caller").current()) == ["caller"]
    assert len(service.accounts) == 2


def test_it_is_found_among_many(service: AccountsService) -> None:
    for number in range(2, 450):
        service.accounts.append({"id": str(number), "email": f"c{number}@example.net", "roles": ["caller"]})
    service.accounts.append({"id": "450", "email": "caller@example.org", "roles": ["caller"]})
    assert roles_in(tokens_of(service.settings, "caller").current()) == ["caller"]


@pytest.mark.parametrize("roles", [["admin"], ["caller", "coordinator"]])
def test_an_account_with_other_roles_is_left_as_it_is(service: AccountsService, roles: list[str]) -> None:
    """Somebody else's: neither its password nor its roles are changed."""
    other = {"id": "2", "email": "caller@example.org", "roles": roles, "password": "of somebody else"}
    service.accounts.append(dict(other))
    with pytest.raises(NoRoleAccount, match="has not the role caller alone"):
        tokens_of(service.settings, "caller")
    assert service.accounts[-1] == other
    assert service.mails == []


def test_a_role_that_was_added_since_is_noticed(service: AccountsService) -> None:
    tokens_of(service.settings, "caller")
    service.accounts[-1]["roles"] = ["caller", "coordinator"]
    with pytest.raises(NoRoleAccount, match="caller, coordinator and not caller alone"):
        tokens_of(service.settings, "caller")


def test_where_e_mails_reach_people_none_is_made(service: AccountsService) -> None:
    with pytest.raises(NoRoleAccount, match="e-mails reach people"):
        tokens_of(service.settings | {"LOCAL_PARTS": "postgresql,kafka"}, "caller")
    assert service.asked == []


def test_without_accounts_none_is_made(service: AccountsService) -> None:
    with pytest.raises(NoRoleAccount, match="AUTH=none"):
        tokens_of(service.settings | {"AUTH": "none"}, "caller")
    assert service.asked == []


def test_what_the_user_service_refuses_is_said(service: AccountsService) -> None:
    service.has_invitations = False
    with pytest.raises(NoRoleAccount, match="invite was answered with 404"):
        tokens_of(service.settings, "caller")


def test_an_e_mail_that_does_not_come_is_not_waited_for_without_end(service: AccountsService) -> None:
    service.sends_mails = False
    with pytest.raises(NoRoleAccount, match=r"no e-mail with a link came to caller@example\.org"):
        tokens_of(service.settings, "caller", mail_seconds=0.5)


def test_administrators_and_machines_are_no_role_to_try() -> None:
    """The first administrator's own address is admin@example.org: their password would be replaced."""
    assert {*ROLES} == {each.value for each in Role} - {"admin", "service"}


def test_each_role_and_each_administrator_has_a_password_of_its_own(service: AccountsService) -> None:
    other = service.settings | {"ADMIN_PASSWORD": "another long password"}
    found = [sign_in_of(settings, role).password for settings in (service.settings, other) for role in ROLES]
    assert len({*found, ADMIN["password"]}) == 2 * len(ROLES) + 1
    assert all(len(each) >= 40 for each in found)
    assert found[0] not in repr(sign_in_of(service.settings, ROLES[0]))


# --- the request that `make up` prints -------------------------------------------------------------------------------


def test_the_printed_request_shows_the_token_to_no_other_user_of_the_machine(tmp_path: Path) -> None:
    """The arguments of every process, of the shell too, are in /proc for everybody."""
    settings = private_settings(tmp_path)
    token = "head.secret.signature"
    seen = tmp_path / "seen"
    programs = {
        "make": f"printf '%s\\n' \"$*\" >> {tmp_path}/arguments; echo 'Authorization: Bearer {token}'",
        "curl": f"cat > {seen}; printf '%s\\n' \"$*\" >> {tmp_path}/arguments",
    }
    for name, text in programs.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{text}\n")
        (tmp_path / name).chmod(0o755)
    printed = commands.first_request(settings)
    subprocess.run(["sh", "-c", printed], env={"PATH": f"{tmp_path}:{os.environ['PATH']}"}, check=True)
    assert seen.read_text() == f"Authorization: Bearer {token}\n"
    arguments = (tmp_path / "arguments").read_text()
    assert token not in arguments + printed
    assert "-s token HEADER=1" in arguments
    assert f"-s -H @- http://127.0.0.1:{settings['GATEWAY_PORT']}/api/therapists?limit=3" in arguments


@pytest.mark.parametrize(
    "page", [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))], ids=lambda each: each.name
)
def test_no_page_tells_to_write_a_token_into_the_arguments_of_curl(page: Path) -> None:
    assert not re.search(r"(-H|--header)[ =]?[\"']Authorization", page.read_text())


def test_without_accounts_the_printed_request_has_no_token(tmp_path: Path) -> None:
    assert "token" not in commands.first_request(private_settings(tmp_path, AUTH="none"))


def test_the_administrator_signs_in_without_a_role(service: AccountsService) -> None:
    assert roles_in(AccessTokens(service.settings).current()) == ["admin"]
