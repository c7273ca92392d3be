"""A mail catcher: takes every mail over SMTP, keeps it as a file, delivers none, and shows them on a page.

    MAIL_CATCHER_PASSWORD=… python -m operations.mail_catcher --smtp-port PORT --page-port PORT --folder FOLDER

A mail is on disk before the sender reads "250". It refuses mails for a while on request, to see what the platform
does then.
"""

import asyncio
import os
import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Protocol

import click
from aiosmtpd.smtp import SMTP, Envelope, Session

from operations.mail_page import MailPage, help_text, serve
from operations.mail_store import MailStore
from operations.settings import MailCatcherSettings
from shared.runtime.hosts import LOCAL, Hosts
from shared.runtime.settings import read

_UNWRAPPED = "\b\n"
"""Before a paragraph: click leaves its lines as they are."""
_HELP = f"{_UNWRAPPED}At the page's address:\n\n{help_text('http://127.0.0.1:PAGE_PORT')}".replace(
    "\n\n", f"\n\n{_UNWRAPPED}"
)


@dataclass(frozen=True)
class StepRefusal:
    """The step that is refused, with which code and text, and until when (monotonic clock)."""

    code: int
    at: str
    until: float
    text: str


class RefusalSwitch:
    """Which step of the conversation is refused at the moment; the page changes it."""

    STEPS: ClassVar = ("greeting", "recipient", "data", "answer")

    def __init__(self) -> None:
        self._refusal: StepRefusal | None = None

    def refuse(self, *, code: int, seconds: float, at: str, text: str) -> None:
        """Refuse a step from now on, for so many seconds, with this code and text."""
        if not 400 <= code <= 599:
            raise ValueError("code must be from 400 to 599")
        if not 0 < seconds < float("inf"):
            raise ValueError("seconds must be above 0")
        if at not in self.STEPS:
            raise ValueError(f"at must be one of {', '.join(self.STEPS)}")
        if not (text.isascii() and text.isprintable() and len(text) <= 500):
            raise ValueError("text must have at most 500 printable ASCII characters")
        self._refusal = StepRefusal(code, at, time.monotonic() + seconds, text)

    def accept(self) -> None:
        """Take mails again."""
        self._refusal = None

    def refusal(self, step: str) -> str | None:
        """The answer that refuses this step now; None while it is taken."""
        refusal = self._refusal
        if refusal is None or refusal.at != step or time.monotonic() > refusal.until:
            return None
        return f"{refusal.code} {refusal.text}"


class MailKeeper(Protocol):
    """Keeps mails."""

    def keep(self, content: bytes, sender: str, recipients: Sequence[str]) -> str:
        """Keep a mail and return its id."""


class RefusalSource(Protocol):
    """Says which step is refused at the moment."""

    def refusal(self, step: str) -> str | None:
        """The answer that refuses this step now; None while it is taken."""


class MailHandler:
    """What aiosmtpd asks at each step of a conversation; names and arguments are its own."""

    # ruff: noqa: ARG002

    def __init__(self, store: MailKeeper, switch: RefusalSource) -> None:
        self._store = store
        self._switch = switch

    async def handle_EHLO(
        self, server: SMTP, session: Session, envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        """Answer EHLO, or refuse it."""
        session.host_name = hostname
        refused = self._switch.refusal("greeting")
        return [refused] if refused else responses

    async def handle_HELO(self, server: SMTP, session: Session, envelope: Envelope, hostname: str) -> str:
        """Greet clients without extensions, and those that try HELO after EHLO was refused."""
        session.host_name = hostname
        return self._switch.refusal("greeting") or "250 mail-catcher"

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Accept a recipient, or refuse it."""
        refused = self._switch.refusal("recipient")
        if not refused:
            envelope.rcpt_tos.append(address)
        return refused or "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        """Keep the mail, then confirm it; or break the connection in between, so that the sender cannot know."""
        if refused := self._switch.refusal("data"):
            return refused
        content = envelope.original_content or b""
        number = await asyncio.to_thread(self._store.keep, content, envelope.mail_from or "", envelope.rcpt_tos)
        if self._switch.refusal("answer") and isinstance(server.transport, asyncio.WriteTransport):
            server.transport.abort()
        return f"250 kept as {number}"


class MailCatcher(SMTP):
    """aiosmtpd's server with our name in its answers; `more` are other options of it, such as TLS and sign-in."""

    def __init__(self, handler: MailHandler, **more: Any) -> None:
        super().__init__(handler, **{"enable_SMTPUTF8": True, **more}, ident="mail catcher", hostname="mail-catcher")


async def catch(bind: str, smtp_port: int, page_port: int, folder: Path, hosts: Hosts, *, password: str) -> None:
    """Serve until the process gets SIGTERM or SIGINT."""
    store, switch, end = MailStore(folder), RefusalSwitch(), asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, end.set)
    server = await loop.create_server(lambda: MailCatcher(MailHandler(store, switch)), bind, smtp_port)
    end_page = serve(bind, page_port, MailPage(store, switch), hosts, password=password)
    print(f"mails to {bind}:{smtp_port} are kept in {folder} and shown at http://{bind}:{page_port}", flush=True)
    await end.wait()
    server.close()
    end_page()


@click.command(epilog=_HELP)
@click.option("--bind", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option("--smtp-port", type=int, required=True, help="Where mails are taken.")
@click.option("--page-port", type=int, required=True, help="Where mails are shown.")
@click.option("--folder", type=click.Path(path_type=Path), required=True, help="Where the mails are kept.")
@click.option("--allowed-hosts", default=LOCAL, help="Names under which the page is reached, with commas.")
def main(bind: str, smtp_port: int, page_port: int, folder: Path, allowed_hosts: str) -> None:
    """Take every mail over SMTP, keep it as a file, deliver none."""
    os.umask(0o077)
    password = read(MailCatcherSettings).mail_catcher_password.get_secret_value()
    hosts = Hosts.of(allowed_hosts, bind=bind)
    try:
        asyncio.run(catch(bind, smtp_port, page_port, folder, hosts, password=password))
    except OSError as error:
        sys.exit(f"The mail catcher cannot work with these ports and this folder: {error}")


if __name__ == "__main__":
    main(prog_name="python -m operations.mail_catcher")
