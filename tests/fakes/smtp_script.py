"""A mail server on 127.0.0.1 that says at each stage exactly what a test wants, byte by byte if need be."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

Stage = str
STAGES: tuple[Stage, ...] = ("banner", "ehlo", "mail", "rcpt", "data", "end", "quit")

POLITE: dict[Stage, bytes] = {
    "banner": b"220 mail.example.org ESMTP\r\n",
    "ehlo": b"250 mail.example.org\r\n",
    "mail": b"250 2.1.0 ok\r\n",
    "rcpt": b"250 2.1.5 ok\r\n",
    "data": b"354 go ahead\r\n",
    "end": b"250 2.0.0 taken\r\n",
    "quit": b"221 2.0.0 bye\r\n",
    "rset": b"250 2.0.0 ok\r\n",
    "starttls": b"220 2.0.0 go ahead\r\n",
}
VERBS = {
    b"EHLO": "ehlo",
    b"HELO": "ehlo",
    b"MAIL": "mail",
    b"RCPT": "rcpt",
    b"DATA": "data",
    b"QUIT": "quit",
    b"RSET": "rset",
    b"STARTTLS": "starttls",
    b"AUTH": "auth",
}


@dataclass
class ScriptedServer:
    """`answers` are said instead of polite ones; `for_recipient` instead of the answer to RCPT for one address."""

    port: int = 0
    context: ssl.SSLContext | None = None
    answers: dict[Stage, bytes] = field(default_factory=dict)
    for_recipient: dict[str, bytes] = field(default_factory=dict)
    drip_seconds: float | None = None
    """The pause between two bytes of what `answers` say."""
    hangs_up: Stage | None = None
    """The stage after whose answer the server leaves."""
    most_connections: int = 100
    """So many at once; to a further one it says that it takes no more."""
    answers_later: dict[Stage, bytes] = field(default_factory=dict)
    """What is said instead on a connection that has had a message."""
    connected: int = 0
    received: list[bytes] = field(default_factory=list)
    """The lines of all commands."""
    messages: list[bytes] = field(default_factory=list)
    """Messages that were handed over whole, whatever was said of them."""
    taken: list[str] = field(default_factory=list)
    """Recipients of the messages that were taken."""
    over: threading.Event = field(default_factory=threading.Event)

    def converse(self, connection: socket.socket) -> None:
        """Speak with one client until it leaves."""
        self.connected += 1
        try:
            if self.connected > self.most_connections:
                connection.sendall(b"421 4.7.0 too many connections\r\n")
            else:
                self._converse(connection)
        finally:
            self.connected -= 1

    def _converse(self, connection: socket.socket) -> None:
        lines = connection.makefile("rb")
        recipient, had_message = "", False
        self._say(connection, "banner")
        while self.hangs_up != "banner" and (line := lines.readline()):
            self.received.append(line)
            stage = VERBS.get(line.split()[0].upper() if line.split() else b"", "")
            if stage == "rcpt":
                recipient = line.decode("utf-8", "replace").partition("<")[2].partition(">")[0]
            if had_message and stage in self.answers_later:
                connection.sendall(self.answers_later[stage])
                continue
            said = self._say(connection, stage, recipient)
            if stage == "data" and said.startswith(b"354"):
                self._take(connection, lines, recipient)
                had_message = True
            elif stage == "starttls" and said.startswith(b"220") and self.context is not None:
                connection = self.context.wrap_socket(connection, server_side=True)
                lines = connection.makefile("rb")
            if stage in ("quit", self.hangs_up) or (stage == "data" and self.hangs_up == "end"):
                return

    def _take(self, connection: socket.socket, lines: object, recipient: str) -> None:
        message = b""
        while not message.endswith(b"\r\n.\r\n"):
            line = lines.readline()  # type: ignore[attr-defined]
            if not line:
                return
            message += line
        self.messages.append(message[: -len(b".\r\n")])
        if self._answer("end").startswith(b"2"):
            self.taken.append(recipient)  # before it is said: who hears that a message was taken may look at once
        self._say(connection, "end")

    def _answer(self, stage: Stage, recipient: str = "") -> bytes:
        answer = self.answers.get(stage)
        if stage == "rcpt":
            answer = self.for_recipient.get(recipient, answer)
        return POLITE.get(stage, b"502 5.5.1 what?\r\n") if answer is None else answer

    def _say(self, connection: socket.socket, stage: Stage, recipient: str = "") -> bytes:
        said = self._answer(stage, recipient)
        if self.drip_seconds is None or said == POLITE.get(stage):
            connection.sendall(said)
            return said
        for byte in said:
            connection.sendall(bytes([byte]))
            self.over.wait(self.drip_seconds)
        return said


@contextmanager
def scripted(
    context: ssl.SSLContext | None = None,
    *,
    drip_seconds: float | None = None,
    hangs_up: Stage | None = None,
    **answers: bytes,
) -> Iterator[ScriptedServer]:
    """A running server that says these answers; with a `context` it can speak TLS after STARTTLS."""
    script = ScriptedServer(answers=answers, context=context, drip_seconds=drip_seconds, hangs_up=hangs_up)
    threads: list[threading.Thread] = []

    def serve(connection: socket.socket) -> None:
        with suppress(OSError), connection:
            script.converse(connection)

    def accept(server: socket.socket) -> None:
        with suppress(OSError):
            while True:
                connection, _ = server.accept()
                threads.append(threading.Thread(target=serve, args=(connection,), daemon=True))
                threads[-1].start()

    with socket.create_server(("127.0.0.1", 0)) as server:
        script.port = server.getsockname()[1]
        listener = threading.Thread(target=accept, args=(server,), daemon=True)
        listener.start()
        try:
            yield script
        finally:
            script.over.set()
            server.shutdown(socket.SHUT_RDWR)
            for thread in (listener, *threads):
                thread.join(5)
