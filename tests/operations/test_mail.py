"""Reading what the mail catcher kept."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from operations.errors import OperationsError
from operations.mail import Mailbox


class Refusing(BaseHTTPRequestHandler):
    """A catcher that has no mail, and is broken under one path."""

    def do_GET(self) -> None:
        self.send_error(500 if self.path == "/mails/1" else 404)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def test_an_id_that_no_mail_has_is_said_so() -> None:
    with HTTPServer(("127.0.0.1", 0), Refusing) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        mailbox = Mailbox(f"http://127.0.0.1:{server.server_port}", "secret")
        for id in ("quatsch", "what ever?", "../ä"):
            with pytest.raises(OperationsError, match="there is no mail with the id"):
                mailbox.mail(id)
        with pytest.raises(OSError, match="500"):
            mailbox.mail("1")
        server.shutdown()
