"""The mail catcher as a part, and reading what it caught."""

import json
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from operations import probes
from operations.errors import Failure
from operations.paths import Places
from operations.process_environment import of_machine
from operations.process_specs import Elsewhere, Part


def part(settings: Mapping[str, str], places: Places, *, rank: int) -> Part:
    """A server that takes every mail, keeps it as a file and delivers none."""
    page = Mailbox.of(settings)
    words = (
        "--bind",
        settings["BIND"],
        "--smtp-port",
        settings["SMTP_PORT"],
        "--page-port",
        settings["MAIL_CATCHER_PORT"],
        "--allowed-hosts",
        settings["ALLOWED_HOSTS"],
    )
    return Part(
        name="mail",
        command=(sys.executable, "-m", "operations.mail_catcher", *words, "--folder", str(places.mails)),
        address=page.url,
        ready=lambda: probes.answers_http(f"{page.url}/health/ready"),
        rank=rank,
        environment=of_machine() | {"PYTHONUNBUFFERED": "1"},
        ports={name: int(settings[name]) for name in ("SMTP_PORT", "MAIL_CATCHER_PORT")},
        stop_seconds=5,
    )


def elsewhere(settings: Mapping[str, str]) -> Elsewhere:
    """An SMTP server that exists already."""
    return Elsewhere(
        name="mail",
        address=f"smtp://{settings['SMTP_HOST']}:{settings['SMTP_PORT']}",
        ready=lambda: probes.takes_mail(settings),
        settings="SMTP_HOST, SMTP_PORT, SMTP_USERNAME, SMTP_PASSWORD, SMTP_TLS",
    )


class Mailbox:
    """The mails of one mail catcher, and its bad moods for tests."""

    def __init__(self, url: str) -> None:
        self.url = url

    @classmethod
    def of(cls, settings: Mapping[str, str]) -> "Mailbox":
        """The mailbox of the catcher that these settings name."""
        host = "127.0.0.1" if settings["BIND"] == "0.0.0.0" else settings["BIND"]
        return cls(f"http://{host}:{settings['MAIL_CATCHER_PORT']}")

    def mails(self) -> list[dict[str, Any]]:
        """Every mail in the order of arrival: id, received_at, from, to, subject, date, message_id, envelope."""
        found: list[dict[str, Any]] = self._ask("GET", "/mails")
        return found

    def mail(self, number: str) -> dict[str, Any]:
        """One mail with all headers, its text and its HTML; a Failure where there is none of that id."""
        try:
            found: dict[str, Any] = self._ask("GET", f"/mails/{quote(number, safe='')}")
        except urllib.error.HTTPError as refused:
            if refused.code != HTTPStatus.NOT_FOUND:
                raise
            raise Failure(f"there is no mail with the id {number!r}; `make mails` lists them") from None
        return found

    def wait_for(self, count: int = 1, *, to: str | None = None, seconds: float = 30) -> list[dict[str, Any]]:
        """At least `count` mails (to that address), read whole; a Failure when they do not arrive in time."""
        deadline = time.monotonic() + seconds
        while True:
            found = [mail for mail in self.mails() if to is None or to in mail["envelope_to"]]
            if len(found) >= count:
                return [self.mail(mail["id"]) for mail in found]
            if time.monotonic() > deadline:
                raise Failure(f"{len(found)} of {count} mails arrived within {seconds} s")
            time.sleep(0.05)

    def refuse(
        self, code: int = 451, *, seconds: float = 3600, at: str = "recipient", text: str = "refused on request"
    ) -> None:
        """Answer mails with that code and text for a while; `at` is greeting, recipient, data or answer.

        `answer` is the doubtful case: the mail is kept, and the connection breaks before the sender learns of it.
        """
        self._ask("POST", "/refuse", {"code": code, "seconds": seconds, "at": at, "text": text})

    def accept(self) -> None:
        """Take mails again."""
        self._ask("DELETE", "/refuse")

    def clear(self) -> None:
        """Throw all mails away."""
        self._ask("DELETE", "/mails")

    def _ask(self, method: str, path: str, body: object = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"} if data else {}
        request = urllib.request.Request(self.url + path, data=data, method=method, headers=headers)  # noqa: S310
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310 - our own http:// address
            text = answer.read()
        return json.loads(text) if text else None
