"""Accounts for development that have one role only, so that a person can try what that role may do.

Made by the API as an administrator makes any account: an invitation goes out by e-mail, and the password is chosen with
the link in it. The e-mail is read from the mail catcher, so none of this is possible where e-mails reach people.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import time
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any, Final

import requests

from operations.env_file import local_parts
from operations.errors import OperationsError
from operations.mail import Mailbox
from operations.sign_in import AccessTokens, NoSignIn, PersonalSignIn, code_of, user_service_url
from shared.values.enums import Role

ROLES: Final = tuple(role.value for role in Role if role not in (Role.ADMIN, Role.SERVICE))
"""The roles of people but that of administrators, of whom there is the first; a machine has scopes instead."""
PAGE: Final = 200
_LINK_TOKEN = re.compile(r"#token=([\w-]+)")


class NoRoleAccount(OperationsError):
    """There cannot be an account with this role alone here."""


def tokens_of(settings: Mapping[str, str], role: str, *, mail_seconds: float = 60) -> AccessTokens:
    """Returns the tokens of an account that has this role alone, which is made where there is none yet.

    `mail_seconds`: for how long its first e-mail is waited for.

    Raises `NoRoleAccount` where e-mails reach people, or the account has other roles; `NoSignIn`.
    """
    _refuse_without_catcher(settings)
    account = sign_in_of(settings, role)
    tokens = AccessTokens(settings, account)
    try:
        token = tokens.current()
    except NoSignIn as refused:
        if refused.status != HTTPStatus.UNAUTHORIZED:
            raise
        _AccountSetup(settings, role, account, mail_seconds).run()
        token = tokens.current()
    if roles_in(token) != [role]:
        raise NoRoleAccount(f"{account.email} has the roles {', '.join(roles_in(token))} and not {role} alone")
    return tokens


def sign_in_of(settings: Mapping[str, str], role: str) -> PersonalSignIn:
    """The e-mail address and password of a role's account.

    The password follows from the administrator's, who may do all that the role may: so it is stored nowhere.
    """
    secret = hmac.digest(settings["ADMIN_PASSWORD"].encode(), f"account of the role {role}".encode(), hashlib.sha256)
    return PersonalSignIn(f"{role}@example.org", base64.urlsafe_b64encode(secret).decode())


def _refuse_without_catcher(settings: Mapping[str, str]) -> None:
    if settings["AUTH"] != "token":
        raise NoRoleAccount("with AUTH=none everybody is an administrator: no account has a role")
    if "mail" not in local_parts(settings):
        raise NoRoleAccount("e-mails reach people here (LOCAL_PARTS has no mail catcher): make the account by hand")


def roles_in(token: str) -> list[str]:
    """The roles that an access token names; whether it is genuine is for the services to check."""
    claims = token.split(".")[1]
    roles: list[str] = json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))["roles"]
    return roles


class _AccountSetup:
    """Lets the account of a role exist, with its password."""

    def __init__(self, settings: Mapping[str, str], role: str, account: PersonalSignIn, mail_seconds: float) -> None:
        self._url = user_service_url(settings)
        self._administrator = AccessTokens(settings)
        self._mailbox = Mailbox.of(settings)
        self._role = role
        self._account = account
        self._mail_seconds = mail_seconds

    def run(self) -> None:
        """Make or find the account, and choose its password with the link of an e-mail."""
        with self._administrator:
            account_id = self._create() or self._find()
            before = {mail["id"] for mail in self._mailbox.mails()}
            completion = self._ask_for_link(account_id)
            self._post(completion, {"token": self._link_token(before), "new_password": self._account.password})

    def _create(self) -> str | None:
        """Make the account and return its id; None where another one has its e-mail address."""
        new = {"name": f"Role {self._role}", "email": self._account.email, "roles": [self._role]}
        answer = self._send("POST", "/api/users", json=new)
        return None if code_of(answer) == "account.email_known" else str(_accepted(answer).json()["id"])

    def _find(self) -> str:
        """Return the id of the existing account. Raises `NoRoleAccount` where it has other roles."""
        for person in self._people():
            if person["email"] == self._account.email and person["roles"] == [self._role]:
                return str(person["id"])
        raise NoRoleAccount(f"{self._account.email} is an account that has not the role {self._role} alone")

    def _people(self) -> Iterator[dict[str, Any]]:
        offset, total = 0, 1
        while offset < total:
            query: dict[str, str | int] = {"role": self._role, "limit": PAGE, "offset": offset}
            page = _accepted(self._send("GET", "/api/users", params=query)).json()
            yield from page["items"]
            offset, total = offset + PAGE, page["total"]

    def _ask_for_link(self, account_id: str) -> str:
        """Returns where the token of the e-mailed link is used: of an invitation, or of a password reset."""
        answer = self._send("POST", f"/api/users/{account_id}/invite")
        if code_of(answer) == "account.has_password":
            self._post("/api/auth/password-resets", {"email": self._account.email})
            return "/api/auth/password-resets/complete"
        _accepted(answer)
        return "/api/auth/invitations/accept"

    def _link_token(self, before: set[str]) -> str:
        """The token in the first e-mail to the account that was not there before."""
        deadline = time.monotonic() + self._mail_seconds
        while time.monotonic() < deadline:
            for found in filter(None, map(_LINK_TOKEN.search, self._new_mails(before))):
                return found[1]
            time.sleep(0.2)
        raise NoRoleAccount(f"no e-mail with a link came to {self._account.email} within {self._mail_seconds:g} s")

    def _new_mails(self, before: set[str]) -> Iterator[str]:
        """The texts of the e-mails to the account that were not there before."""
        for mail in self._mailbox.mails():
            if mail["id"] not in before and self._account.email in mail["envelope_to"]:
                yield str(self._mailbox.mail(mail["id"])["text"])

    def _post(self, path: str, body: Mapping[str, str]) -> None:
        _accepted(self._send("POST", path, json=body))

    def _send(self, method: str, path: str, **more: Any) -> requests.Response:
        headers = self._administrator.headers()
        return requests.request(method, f"{self._url}{path}", headers=headers, timeout=30, **more)


def _accepted(answer: requests.Response) -> requests.Response:
    if not answer.ok:
        asked = f"{answer.request.method} {answer.request.path_url}"
        raise NoRoleAccount(f"{asked} was answered with {answer.status_code}: {answer.text[:500]}")
    return answer
