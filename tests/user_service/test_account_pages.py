"""The pages behind the links in e-mails: over HTTP, and in a real browser behind the real gateway."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from shared.database import transaction
from shared.runtime import clock
from shared.runtime.server import Limits, Server, listening_socket
from shared.values.account_enums import AccountEmailKind, OneTimeTokenPurpose
from tests.builders.accounts import EMAIL, HASHES, a_person
from tests.builders.sign_ins import NEW_PASSWORD
from tests.fakes.browser import CHROMIUM, Browser, browsing
from tests.gateway.running import gateway
from tests.shared.http.addresses import a_free_port
from user_service.api.account_pages import FILES, FOLDER
from user_service.domain import links
from user_service.store.tables import Account, AccountEmail

PAGES = ["/accept-invitation", "/reset-password"]
INVITATION, RESET = OneTimeTokenPurpose.INVITATION, OneTimeTokenPurpose.PASSWORD_RESET
SAFE = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


@pytest.mark.parametrize("path", [*PAGES, *(f"/account-pages/{name}" for name in FILES)])
def test_pages_and_files_are_kept_by_nobody_and_name_nobody(client: FlaskClient, path: str) -> None:
    answer = client.get(path)
    assert (answer.status_code, {name: answer.headers[name] for name in SAFE}) == (200, SAFE)
    head = client.head(path)
    assert (head.status_code, head.data) == (200, b"")
    assert head.headers["Content-Length"] == str(len(answer.data))
    assert client.post(path).status_code == 405


@pytest.mark.parametrize("path", PAGES)
def test_the_policy_admits_nothing_but_files_of_ours(client: FlaskClient, path: str) -> None:
    answer = client.get(path)
    policy = dict(part.strip().split(" ", 1) for part in answer.headers["Content-Security-Policy"].split(";"))
    assert policy == {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "connect-src": "'self'",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
    }
    assert answer.mimetype == "text/html"
    assert not re.search(r"<script[^>]*>[^<]|<style|\son\w+=|\sstyle=", answer.text)
    loaded = re.findall(r'(?:href|src)="([^"]+)"', answer.text)
    assert loaded
    for link in loaded:
        assert client.get(link).status_code == 200


@pytest.mark.parametrize("name", ["none.js", "password.html", "..%2faccount_pages.py", ".", "..%2f", "%00", "a/b"])
def test_no_other_file_is_given(client: FlaskClient, name: str) -> None:
    answer = client.get(f"/account-pages/{name}")
    assert (answer.status_code, answer.mimetype) == (404, "application/problem+json")


def test_every_file_of_the_folder_is_given() -> None:
    assert {each.name for each in FOLDER.iterdir()} == {"password.html", *FILES}


def _keys(language: str) -> list[str]:
    text = (FOLDER / "sentences.js").read_text()
    part = text[text.index(f"\n  {language}: {{") :]
    return re.findall(r'^ {4,}"?([\w.]+)"?:', part[: part.index("\n  },")], re.MULTILINE)


def test_both_languages_say_the_same_things() -> None:
    assert len(_keys("de")) > 20
    assert _keys("de") == _keys("en")


def test_every_sentence_that_the_page_asks_for_is_there() -> None:
    asked = re.findall(r'data-sentence="(\w+)"', (FOLDER / "password.html").read_text())
    asked += re.findall(r"[^/]sentences\.(\w+)", (FOLDER / "password.js").read_text())
    assert set(asked) <= set(_keys("de"))


HELPERS = """
const until = async (find) => {
  for (const end = Date.now() + 20000; Date.now() < end; await new Promise((done) => setTimeout(done, 20))) {
    const found = find();
    if (found) return found;
  }
  throw new Error(`not there: ${find} in ${document.body?.innerText}`);
};
const text = (id) => document.getElementById(id).textContent;
const send = async (form, value) => {
  await until(() => document.readyState === "complete" && !document.getElementById(form).hidden);
  document.querySelector(`#${form} input`).value = value;
  document.querySelector(`#${form} button`).click();
  await until(() => !document.querySelector(`#${form} button`).disabled);
};
"""
STATE = """({
  heading: text("heading"), message: text("message"), problem: text("problem"), address: location.href,
  title: document.title, language: document.documentElement.lang, focus: document.activeElement.id,
  forms: [...document.forms].filter((each) => !each.hidden).map((each) => each.id),
  stored: localStorage.length + sessionStorage.length + document.cookie.length,
})"""


@dataclass
class Reader:
    """Somebody with a browser who opens links."""

    browser: Browser
    url: str

    def open(self, address: str) -> dict[str, Any]:
        """Open an address in a page of its own; returns what is seen."""
        self.browser.order("Page.navigate", url="about:blank")
        self.browser.order("Page.navigate", url=address)
        return self._see('await until(() => document.readyState === "complete" && text("heading"))')

    def send(self, form: str, value: str) -> dict[str, Any]:
        """Fill in a form and press its button; returns what is seen then."""
        return self._see(f"await send({json.dumps(form)}, {json.dumps(value)})")

    def _see(self, action: str) -> dict[str, Any]:
        seen = self.browser.run(f"(async () => {{ {HELPERS} {action}; return {STATE}; }})()")
        assert isinstance(seen, dict)
        return seen


@pytest.fixture
def public_url(app: Flask, real_commits: None) -> Iterator[str]:
    """The address of the gateway as it is written, in front of this service as it runs in production."""
    port = a_free_port()
    end = Server(app, listening_socket("127.0.0.1", port), threads=4, limits=Limits()).run_in_thread("user_service")
    with gateway(settings={"USER_SERVICE_PORT": str(port)}) as running:
        yield running.url
    end()


@pytest.fixture
def reader(public_url: str, tmp_path: Path) -> Iterator[Reader]:
    """Somebody whose browser prefers German."""
    with browsing(tmp_path) as browser:
        _prefer(browser, "de-DE,de;q=0.9,en;q=0.8")
        yield Reader(browser, public_url)


def _prefer(browser: Browser, languages: str) -> None:
    agent = browser.run("navigator.userAgent")
    browser.order("Emulation.setUserAgentOverride", userAgent=agent, acceptLanguage=languages)


def _a_link(url: str, purpose: OneTimeTokenPurpose, *, minutes: float = 60) -> str:
    """The link that a person is sent."""
    with transaction() as session:
        account = session.scalar(select(Account)) or a_person(session, password=None)
        token = links.issue(session, account, purpose, lifetime=timedelta(minutes=minutes), now=clock.now())
    return links.address(url, purpose, token)


def _has_password(password: str) -> bool:
    with transaction() as session:
        account = session.scalar(select(Account))
        return account is not None and HASHES.is_right(account.password_hash, password)


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="needs chromium (apt-get install chromium)")
class TestInABrowser:
    """What people see who open a link."""

    @pytest.mark.parametrize("purpose", [INVITATION, RESET])
    def test_who_has_a_link_chooses_a_password(self, reader: Reader, purpose: OneTimeTokenPurpose) -> None:
        link = _a_link(reader.url, purpose)
        opened = reader.open(link)
        assert (opened["forms"], opened["focus"], opened["language"]) == (["choice"], "heading", "de")
        assert "wählen" in opened["heading"] == opened["title"]
        assert opened["address"] == link.partition("#")[0], "the token is not left in the address bar"
        chosen = reader.send("choice", NEW_PASSWORD)
        assert (chosen["forms"], chosen["problem"]) == ([], "")
        assert "Sie können sich jetzt mit" in chosen["message"]
        assert (_has_password(NEW_PASSWORD), chosen["stored"]) == (True, 0)
        errors = [each for each in reader.browser.complaints if "'level': 'verbose'" not in each]
        assert errors == [], "its policy forbids what the page needs"

    def test_a_weak_password_is_explained_and_another_one_is_taken(self, reader: Reader) -> None:
        reader.open(_a_link(reader.url, INVITATION))
        nothing = reader.send("choice", "")
        assert nothing["problem"] == "Bitte geben Sie ein neues Passwort ein."
        for weak in ("kurz", "passwort passwort"):
            refused = reader.send("choice", weak)
            assert refused["problem"].startswith("Dieses Passwort ist zu kurz oder zu leicht zu erraten.")
            assert (refused["forms"], refused["focus"]) == (["choice"], "password")
        assert reader.send("choice", "x" * 1001)["problem"].startswith("Dieses Passwort ist zu lang")
        assert reader.send("choice", NEW_PASSWORD)["forms"] == []
        assert _has_password(NEW_PASSWORD)

    @pytest.mark.parametrize("purpose", [INVITATION, RESET])
    def test_who_has_a_used_link_asks_for_a_new_one(self, reader: Reader, purpose: OneTimeTokenPurpose) -> None:
        link = _a_link(reader.url, purpose)
        reader.open(link)
        reader.send("choice", NEW_PASSWORD)
        reader.open(link)
        over = reader.send("choice", "vier andere Wörter Nebel")
        assert (over["heading"], over["forms"]) == ("Dieser Link gilt nicht mehr", ["request"])
        assert not _has_password("vier andere Wörter Nebel")
        assert reader.send("request", "nobody")["problem"] == "Das ist keine E-Mail-Adresse."
        requested = reader.send("request", f" {EMAIL} ")
        assert (requested["heading"], requested["forms"]) == ("Bitte sehen Sie in Ihr Postfach", [])
        with transaction() as session:
            resets = select(AccountEmail).where(AccountEmail.kind == AccountEmailKind.PASSWORD_RESET)
            assert [each.email_key for each in session.scalars(resets)] == [EMAIL]

    @pytest.mark.parametrize("fragment", ["", "#token=", "#other=1"])
    def test_without_a_token_one_can_ask_for_a_link(self, reader: Reader, fragment: str) -> None:
        heading = {"reset-password": "Neues Passwort anfordern", "accept-invitation": "Dieser Link gilt nicht mehr"}
        for page, expected in heading.items():
            opened = reader.open(f"{reader.url}/{page}{fragment}")
            assert (opened["heading"], opened["forms"]) == (expected, ["request"])

    def test_a_garbled_or_expired_link_has_its_sentence(self, reader: Reader) -> None:
        for link in (_a_link(reader.url, RESET, minutes=-1), f"{reader.url}/reset-password#token={'x' * 300}"):
            reader.open(link)
            assert reader.send("choice", NEW_PASSWORD)["heading"] == "Dieser Link gilt nicht mehr"

    def test_another_link_opened_in_the_same_tab_is_taken(self, reader: Reader) -> None:
        reader.open(_a_link(reader.url, RESET, minutes=-1))
        assert reader.send("choice", NEW_PASSWORD)["forms"] == ["request"]
        reader.browser.order("Page.navigate", url=_a_link(reader.url, RESET))
        assert reader.send("choice", NEW_PASSWORD)["forms"] == []

    @pytest.mark.parametrize(("languages", "expected"), [("en-GB,de", "en"), ("tr", "de"), ("fr,en,de", "en")])
    def test_it_speaks_the_language_that_the_browser_prefers(
        self, reader: Reader, languages: str, expected: str
    ) -> None:
        _prefer(reader.browser, languages)
        opened = reader.open(_a_link(reader.url, INVITATION))
        heading = {"de": "Ihr Konto: Passwort wählen", "en": "Your account: choose a password"}
        assert (opened["language"], opened["heading"]) == (expected, heading[expected])
