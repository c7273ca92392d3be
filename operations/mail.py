"""The process of the mail catcher, and the mails that it kept."""

import json
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Self
from urllib.parse import quote

from operations import probes
from operations.errors import OperationsError
from operations.mail_page import READY, credentials
from operations.paths import Paths
from operations.process_environment import of_python_process
from operations.process_specs import LOOPBACK, ExternalService, ProcessSpec
from operations.settings import MailCatcherSettings


def process_spec(settings: Mapping[str, str], paths: Paths, *, rank: int) -> ProcessSpec:
    """A server that takes every mail, keeps it as a file and delivers none."""
    page = Mailbox.of(settings)
    options = (
        "--bind",
        LOOPBACK,
        "--smtp-port",
        settings["SMTP_PORT"],
        "--page-port",
        settings["MAIL_CATCHER_PORT"],
        "--allowed-hosts",
        settings["ALLOWED_HOSTS"],
    )
    return ProcessSpec(
        name="mail",
        command=(sys.executable, "-m", "operations.mail_catcher", *options, "--folder", str(paths.mails)),
        address=page.url,
        ready=lambda: probes.answers_http(f"{page.url}{READY}"),
        rank=rank,
        environment=of_python_process(MailCatcherSettings, settings),
        ports={name: int(settings[name]) for name in ("SMTP_PORT", "MAIL_CATCHER_PORT")},
        sources=tuple((paths.root / "operations").glob("mail*.py")),
        stop_seconds=5,
    )


def external_service(settings: Mapping[str, str]) -> ExternalService:
    """An SMTP server that exists already."""
    return ExternalService(
        name="mail",
        address=f"smtp://{settings['SMTP_HOST']}:{settings['SMTP_PORT']}",
        ready=lambda: probes.accepts_mail(settings),
        settings="SMTP_HOST, SMTP_PORT, SMTP_USERNAME, SMTP_PASSWORD, SMTP_TLS",
    )


class Mailbox:
    """The mails of one mail catcher."""

    def __init__(self, url: str, password: str) -> None:
        self.url = url
        self._password = password

    @classmethod
    def of(cls, settings: Mapping[str, str]) -> Self:
        """The mailbox of the catcher that these settings name."""
        return cls(f"http://{LOOPBACK}:{settings['MAIL_CATCHER_PORT']}", settings.get("MAIL_CATCHER_PASSWORD", ""))

    def mails(self) -> list[dict[str, Any]]:
        """Every mail in the order of arrival: id, received_at, from, to, subject, date, message_id, envelope."""
        found: list[dict[str, Any]] = self._ask("GET", "/mails")
        return found

    def mail(self, number: str) -> dict[str, Any]:
        """One mail with all headers, its text and its HTML; raises `OperationsError` where there is none of that id."""
        try:
            found: dict[str, Any] = self._ask("GET", f"/mails/{quote(number, safe='')}")
        except urllib.error.HTTPError as refused:
            if refused.code != HTTPStatus.NOT_FOUND:
                raise
            raise OperationsError(f"there is no mail with the id {number!r}; `make mails` lists them") from None
        return found

    def _ask(self, method: str, path: str, body: object = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        headers = {"Authorization": credentials(self._password)}
        headers |= {"Content-Type": "application/json"} if data else {}
        request = urllib.request.Request(self.url + path, data=data, method=method, headers=headers)  # noqa: S310
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310 - our own http:// address
            text = answer.read()
        return json.loads(text) if text else None
