"""Somebody new joins: invited by e-mail, with one-time passwords, and one day without their password."""

from __future__ import annotations

import re
import time
from typing import Any
from uuid import uuid4

import pyotp
import requests

from testkit.api_client import ApiClient
from testkit.private_platform import PrivatePlatform

FIRST, SECOND = "elf Birken am Waldrand sieben", "Nebelhorn zählt vier Zebras"
INVITATION, RESET = "Ihre Einladung", "Neues Passwort"
CHANGED, ON, CODE_USED = "Ihr Passwort", "Einmalpasswörter sind eingeschaltet", "Ein Wiederherstellungscode"


class Browser:
    """One browser of a person at the user service."""

    def __init__(self, api: ApiClient, email: str) -> None:
        self._address, self._email, self._session = api.url("user"), email, requests.Session()

    def post(self, path: str, **body: str) -> requests.Response:
        """The answer to a POST, in the name of who signed in."""
        return self._session.post(f"{self._address}{path}", json=body, timeout=30)

    def sign_in(self, password: str, **otp: str) -> requests.Response:
        """The answer to a sign-in; after it requests are in this person's name."""
        answer = self.post("/api/auth/login", email=self._email, password=password, **otp)
        if answer.ok:
            self._session.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
        return answer

    def me(self) -> Any:
        """One's own account."""
        return self._session.get(f"{self._address}/api/me", timeout=30).json()


def test_who_is_invited_signs_in_with_one_time_passwords_and_gets_a_new_password(
    platform: PrivatePlatform, api: ApiClient
) -> None:
    email = f"caller-{uuid4().hex[:12]}@example.org"
    browser, other = Browser(api, email), Browser(api, email)

    def mail(subject: str) -> str:
        """The text of the e-mail with this subject, once it has arrived."""

        def arrived() -> list[str]:
            mails = platform.mailbox.wait_for(0, to=email)
            return [each["text"] for each in mails if each["subject"].startswith(subject)]

        (text,) = api.until(arrived, f"an e-mail {subject!r}")
        return text

    def token(subject: str) -> str:
        """The token of the link in that e-mail."""
        (found,) = set(re.findall(r"#token=(\S+)", mail(subject)))
        return str(found)

    new = api.post("user", "/api/users", {"name": "Rita Ruf", "email": email, "roles": ["caller"]})
    api.post("user", f"/api/users/{new['id']}/invite")
    accept = {"token": token(INVITATION), "new_password": FIRST}
    assert browser.post("/api/auth/invitations/accept", **accept).status_code == 204
    assert browser.post("/api/auth/invitations/accept", **accept).json()["code"] == "link.over"

    assert browser.sign_in(FIRST).status_code == 200
    device = pyotp.TOTP(browser.post("/api/me/otp").json()["secret"])
    codes = browser.post("/api/me/otp", otp=device.now()).json()["recovery_codes"]
    assert mail(ON)
    assert other.sign_in(FIRST).json()["code"] == "sign_in.otp_needed"
    assert other.sign_in(FIRST, otp=device.at(time.time() + 30)).status_code == 200
    assert other.post("/api/auth/refresh").status_code == 200

    assert browser.post("/api/auth/password-resets", email=email).status_code == 204
    complete = {"token": token(RESET), "new_password": SECOND}
    assert browser.post("/api/auth/password-resets/complete", **complete).status_code == 204
    assert {each.post("/api/auth/refresh").status_code for each in (browser, other)} == {401}
    assert browser.sign_in(FIRST).json()["code"] == "sign_in.refused"
    assert browser.sign_in(SECOND).json()["code"] == "sign_in.otp_needed", "a reset is no way around them"
    assert browser.sign_in(SECOND, otp=codes[0]).status_code == 200
    assert browser.me()["recovery_codes_left"] == len(codes) - 1
    for text in (mail(CHANGED), mail(CODE_USED)):
        assert not [secret for secret in (FIRST, SECOND, complete["token"], *codes) if secret in text]
