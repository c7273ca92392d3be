"""Connections to a mail server that are kept, and what is made of one that ends."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from shared.runtime.smtp import Delivery, MailServer, Report
from shared.runtime.smtp_connections import KeptConnections
from tests.fakes.smtp_script import ScriptedServer, scripted

SENDER = "v@agentur.example"


@pytest.fixture(autouse=True)
def _in_one_transaction() -> None:
    """No database is needed here."""


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with scripted() as running:
        yield running


def kept(server: ScriptedServer, most: int = 2) -> KeptConnections:
    waits = {"connect_seconds": 2.0, "command_seconds": 2.0, "answer_seconds": 2.0}
    return KeptConnections(MailServer("127.0.0.1", server.port, "none", "", "", "agentur.example", **waits), most)


def sent(connections: KeptConnections, *names: str) -> list[Delivery]:
    return [_deliver(connections, name).delivery for name in names]


def _deliver(connections: KeptConnections, name: str) -> Report:
    return connections.deliver(SENDER, f"{name}@example.org", f"To: {name}\n\n{name}\n".encode())


def said(server: ScriptedServer, verb: bytes) -> int:
    return sum(line.upper().startswith(verb) for line in server.received)


def test_one_connection_has_many_messages(server: ScriptedServer) -> None:
    connections = kept(server)
    assert sent(connections, "a", "b", "c") == [Delivery.SENT] * 3
    connections.close()
    assert server.taken == ["a@example.org", "b@example.org", "c@example.org"]
    assert (said(server, b"EHLO"), said(server, b"QUIT")) == (1, 1)


@pytest.mark.parametrize(
    "later",
    [
        {"mail": b"421 4.7.0 too many messages\r\n"},
        {"mail": b"550 5.7.1 not in this session\r\n"},
        {"rcpt": b"452 4.5.3 too many recipients\r\n"},
        {"rcpt": b"550 5.7.1 rate limit\r\n"},
        {"data": b"451 4.3.0 too busy\r\n"},
        {"mail": b"what?\r\n"},
        {"mail": b"250 ok\r\n250 and more\r\n"},
    ],
)
def test_a_message_that_a_used_connection_does_not_take_goes_on_a_new_one(
    later: dict[str, bytes], server: ScriptedServer
) -> None:
    server.answers_later = later
    assert sent(kept(server), "a", "b", "c") == [Delivery.SENT] * 3
    assert server.taken == ["a@example.org", "b@example.org", "c@example.org"]
    assert said(server, b"EHLO") == 3


def test_a_server_that_hangs_up_after_each_message_gets_every_message_once() -> None:
    with scripted(hangs_up="end") as server:
        assert sent(kept(server), *"abcd") == [Delivery.SENT] * 4
        assert len(server.messages) == len(server.taken) == 4


def test_an_address_that_is_refused_is_believed_and_the_connection_goes_on(server: ScriptedServer) -> None:
    server.for_recipient["b@example.org"] = b"550 5.1.1 no such user\r\n"
    assert sent(kept(server), "b", "a", "b", "c") == [
        Delivery.REFUSED_RECIPIENT,
        Delivery.SENT,
        Delivery.REFUSED_RECIPIENT,
        Delivery.SENT,
    ]
    assert (said(server, b"EHLO"), said(server, b"RSET")) == (1, 2)


def test_what_is_not_answered_after_its_first_byte_is_in_doubt_and_never_offered_again(server: ScriptedServer) -> None:
    connections = kept(server)
    assert sent(connections, "a") == [Delivery.SENT]
    server.answers["end"] = b""
    server.hangs_up = "end"
    assert sent(connections, "b") == [Delivery.IN_DOUBT]
    assert len(server.messages) == 2
    assert said(server, b"EHLO") == 1


def test_what_may_not_go_any_more_is_not_handed_over(server: ScriptedServer) -> None:
    connections = kept(server)
    report = connections.deliver(SENDER, "a@example.org", b"x", may_go=lambda: False)
    assert report.delivery == Delivery.NOT_TRIED
    assert sent(connections, "b") == [Delivery.SENT]
    assert server.taken == ["b@example.org"]


def test_where_no_further_connection_is_taken_the_others_go_on(server: ScriptedServer) -> None:
    server.most_connections = 1
    connections, reports = kept(server), list[Report]()
    other = threading.Event()

    def second_comes() -> bool:
        work = threading.Thread(target=lambda: reports.append(_deliver(connections, "b")))
        work.start()
        work.join()
        other.set()
        return True

    first = connections.deliver(SENDER, "a@example.org", b"x", may_go=second_comes)
    assert (first.delivery, reports[0].delivery) == (Delivery.SENT, Delivery.NOT_TRIED)
    assert connections.room == 1
    assert sent(connections, "b") == [Delivery.SENT]
    connections.close()
    assert connections.room == 2


def test_a_server_that_is_away_is_in_trouble(server: ScriptedServer) -> None:
    server.answers["banner"] = b"554 5.3.2 closed\r\n"
    assert sent(kept(server), "a") == [Delivery.SERVER_TROUBLE]
