"""What mail servers answer, at every stage of a conversation, and whom we take them to speak of."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.runtime.smtp import Delivery, MailServer, Report
from shared.runtime.smtp_answers import LONGEST_TEXT, ServerAnswer, judged
from shared.runtime.smtp_conversation import LONGEST_ANSWER
from shared.values.text import has_unstorable
from tests.fakes.certificates import certificates
from tests.fakes.mail_answers import TABLE, Reply
from tests.fakes.smtp_script import POLITE, ScriptedServer, scripted

SENDER = "v@agentur.example"
MEANS = {
    "recipient": Delivery.REFUSED_RECIPIENT,
    "message": Delivery.REFUSED_MESSAGE,
    "later": Delivery.TRY_LATER,
    "us": Delivery.REFUSED_US,
    "server": Delivery.SERVER_TROUBLE,
}
ABOUT_US = [
    "Sender address rejected",
    "Helo command rejected",
    "relay not permitted",
    "Relaying denied",
    "Client host [192.0.2.4] blocked using zen.spamhaus.org",
    "SPF fail",
    "does not pass DMARC verification",
    "your IP is listed at b.example",
    "bad reputation",
    "Authentication required",
    "too many connections",
    "Reject due to policy restrictions",
    "spam",
    "Return-Path",
    "MAIL FROM",
    "originator",
    "callout verification",
    "login required",
    "your account",
    "Versender",
    "Anmeldung erforderlich",
    "LDAP error",
]


@pytest.fixture(scope="module")
def script() -> Iterator[ScriptedServer]:
    with scripted() as running:
        yield running


def delivered(script: ScriptedServer, **more: Any) -> Report:
    waits: dict[str, Any] = {"connect_seconds": 2.0, "command_seconds": 2.0, "answer_seconds": 2.0} | more
    user, password = waits.pop("login", ("", ""))
    server = MailServer("127.0.0.1", script.port, waits.pop("tls", "none"), user, password, "a.example", **waits)
    return server.deliver(SENDER, "a@example.org", b"Subject: x\r\n\r\ny\r\n")


def each(table: list[Reply]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("reply", table, ids=[f"{s.by}: {s.answer[:50]}" for s in table])


@each(TABLE)
def test_an_answer_is_taken_for_what_it_says_and_before_the_recipient_never_for_the_recipients(
    reply: Reply, script: ScriptedServer
) -> None:
    answer = reply.answer.encode() + b"\r\n"
    found = {}
    for stage in POLITE.keys() - {"starttls", "rset"}:
        script.answers = {stage: answer}
        found[stage] = delivered(script).delivery
    about_us = dict.fromkeys(("banner", "ehlo", "mail"), Delivery.SERVER_TROUBLE)
    meant = dict.fromkeys(("rcpt", "data", "end"), MEANS[reply.means])
    assert found == about_us | meant | {"quit": Delivery.SENT}


# Answers that nobody has seen before


@given(
    code=st.integers(400, 599),
    status=st.sampled_from(["", "5.0.0 ", "5.1.1 ", "5.1.10 ", "4.2.2 ", "5.7.1 "]),
    words=st.permutations(["no such user", "User unknown", "Recipient address rejected"]),
    us=st.sampled_from(ABOUT_US),
    noise=st.text(max_size=40),
)
def test_words_about_us_suppress_nobody_whatever_else_is_said(
    code: int, status: str, words: list[str], us: str, noise: str
) -> None:
    for parts in ((us, *words, noise), (*words, us, noise), (noise, us, words[0])):
        assert judged(ServerAnswer(code, status + " ".join(parts)), sender=SENDER) != Delivery.REFUSED_RECIPIENT


@given(code=st.integers(400, 599), text=st.text(st.characters(exclude_categories=["L"]), max_size=80))
def test_an_answer_without_words_suppresses_only_by_a_code_that_speaks_of_the_address(code: int, text: str) -> None:
    answer = ServerAnswer(code, text)
    about_address = {(5, 1, detail) for detail in (1, 2, 3, 6, 10)}
    if judged(answer, sender=SENDER) == Delivery.REFUSED_RECIPIENT:
        assert code >= 500
        assert answer.statuses
        assert answer.statuses <= about_address


@given(st.integers(400, 499), st.text(max_size=80), st.sampled_from(["", "5.1.1 ", "4.1.1 ", "5.7.1 "]))
def test_an_answer_that_is_not_for_good_ends_nothing_for_good(code: int, text: str, status: str) -> None:
    assert judged(ServerAnswer(code, status + text), sender=SENDER) not in (
        Delivery.REFUSED_RECIPIENT,
        Delivery.REFUSED_MESSAGE,
    )


@given(st.integers(400, 599), st.binary(max_size=2000))
def test_what_is_kept_of_an_answer_can_be_stored_and_shown(code: int, words: bytes) -> None:
    text = ServerAnswer.of(code, words).text
    assert not has_unstorable(text)
    assert len(text.splitlines()) == 1
    assert len(text) <= LONGEST_TEXT
    assert text.encode()


@pytest.mark.parametrize("stage", ["banner", "ehlo", "mail", "rcpt", "data", "end"])
@pytest.mark.parametrize(
    "words", [b"\x00\x00", "nö – Ü\u202e".encode(), b"\xff\xfe\xfa", b"\x1b[2J", b"a" * 900, b"\xed\xa0\x80"]
)
def test_strange_characters_are_read_and_can_be_kept(stage: str, words: bytes, script: ScriptedServer) -> None:
    script.answers = {stage: b"550 " + words + b"\r\n"}
    report = delivered(script)
    assert report.delivery in (Delivery.SERVER_TROUBLE, Delivery.REFUSED_US)
    assert report.detail.isprintable()
    assert report.detail.startswith("550")


def test_reading_the_longest_answer_takes_no_time() -> None:
    for text in (
        "a" * LONGEST_ANSWER,
        "a@" * 4000,
        "<" * LONGEST_ANSWER,
        "mailbox " * 1000,
        "5.1.1 \n" * 1000,
        "(#5.1.1" * 999,
    ):
        started = time.thread_time()
        judged(ServerAnswer(550, text), sender=SENDER)
        assert time.thread_time() - started < 0.5


# Answers without end, and answers to what nobody asked


ENDLESS = [b"220-" + b"x" * LONGEST_ANSWER, b"220-x\r\n" * LONGEST_ANSWER, b"250 " + b"\x00" * 5 * LONGEST_ANSWER]


@pytest.mark.parametrize("stage", ["banner", "ehlo", "mail", "rcpt", "data", "end"])
@pytest.mark.parametrize("answer", ENDLESS, ids=["a line", "lines", "NULs"])
def test_an_answer_without_end_is_not_read_to_its_end(stage: str, answer: bytes, script: ScriptedServer) -> None:
    script.answers = {stage: answer}
    report = delivered(script)
    assert report.delivery == (Delivery.IN_DOUBT if stage == "end" else Delivery.SERVER_TROUBLE)
    assert "without end" in report.detail or "no answer of a mail server" in report.detail


@pytest.mark.slow
@pytest.mark.parametrize("stage", ["banner", "ehlo", "mail", "rcpt", "data", "end", "quit"])
def test_an_answer_that_comes_byte_by_byte_has_no_more_time_than_any_other(stage: str) -> None:
    with scripted(drip_seconds=0.05, **{stage: b"250-wait\r\n" * 700}) as slow:
        started = time.monotonic()
        report = delivered(slow, command_seconds=0.4, answer_seconds=0.4)
        assert time.monotonic() - started < 4
    expected = {"end": Delivery.IN_DOUBT, "quit": Delivery.SENT}
    assert report.delivery == expected.get(stage, Delivery.SERVER_TROUBLE)


def test_a_server_that_is_just_quick_enough_each_time_is_left_in_the_end() -> None:
    with scripted(
        drip_seconds=0.02, banner=b"220 x\r\n", ehlo=b"250 x\r\n", mail=b"250 x\r\n", rcpt=b"250 x\r\n"
    ) as slow:
        started = time.monotonic()
        report = delivered(slow, command_seconds=1, handover_seconds=0.3)
        assert time.monotonic() - started < 2
    assert (report.delivery, slow.messages) == (Delivery.SERVER_TROUBLE, [])


@pytest.mark.parametrize(
    ("stage", "answer"),
    [
        ("rcpt", b"250 ok\r\n354 go\r\n"),
        ("data", b"354 go\r\n250 taken\r\n"),
        ("mail", b"250 ok\r\n250 ok\r\n"),
        ("rcpt", b"354 go\r\n"),
        ("data", b"250 ok\r\n"),
        ("rcpt", b"250-ok\r\n550 5.1.1 no\r\n"),
        ("rcpt", b"550-5.1.1 no\r\n250 ok\r\n"),
        ("rcpt", b"999 5.1.1 no such user\r\n"),
        ("rcpt", b"5501 5.1.1 no such user\r\n"),
        ("rcpt", b"no such user\r\n"),
    ],
)
def test_answers_to_what_nobody_asked_are_not_believed(stage: str, answer: bytes, script: ScriptedServer) -> None:
    script.answers = {stage: answer}
    script.messages.clear()
    assert delivered(script).delivery == Delivery.SERVER_TROUBLE
    assert script.messages == []


def test_a_message_that_was_taken_is_sent_whatever_the_server_says_next(script: ScriptedServer) -> None:
    script.answers = {"end": b"250 taken\r\n421 good night\r\n"}
    assert delivered(script).delivery == Delivery.SENT


@pytest.mark.parametrize("answer", [b"354 go on\r\n", b"nonsense\r\n", b"250-ok\r\n550 no\r\n"])
def test_an_answer_to_the_message_that_nobody_understands_is_a_doubt(answer: bytes, script: ScriptedServer) -> None:
    script.answers = {"end": answer}
    assert delivered(script).delivery == Delivery.IN_DOUBT


# STARTTLS


LOGIN = ("vermittlung", "geheim-und-lang")
OFFERS_TLS = b"250-mail.example.org\r\n250-STARTTLS\r\n250 AUTH PLAIN LOGIN\r\n"


@pytest.mark.parametrize(
    "answers",
    [
        {"ehlo": b"250-mail.example.org\r\n250 AUTH PLAIN\r\n"},
        {"ehlo": b"502 5.5.1 what?\r\n"},
        {"ehlo": OFFERS_TLS, "starttls": b"454 4.7.0 not now\r\n"},
        {"ehlo": OFFERS_TLS, "starttls": b"250 no need\r\n"},
        {"ehlo": OFFERS_TLS, "starttls": b"220 go\r\n250-x\r\n250 AUTH PLAIN\r\n"},
        {"ehlo": OFFERS_TLS, "starttls": b"220 go\r\n235 you are in\r\n250 ok\r\n250 ok\r\n354 go\r\n250 taken\r\n"},
    ],
    ids=["none offered", "EHLO refused", "put off", "another answer", "offers injected", "answers injected"],
)
def test_without_tls_nothing_is_said_to_a_server_that_must_speak_it(
    answers: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = certificates(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(ours.authority))
    with scripted(ours.context(), **answers) as server:
        report = delivered(server, tls="starttls", login=LOGIN)
    assert report.delivery == Delivery.SERVER_TROUBLE
    assert [
        line for line in server.received if not line.startswith((b"ehlo", b"helo", b"HELO", b"EHLO", b"STARTTLS"))
    ] == []
    assert server.messages == []


def test_what_was_offered_before_tls_is_forgotten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody in between may offer AUTH before TLS; what counts is what the server itself offers inside."""
    ours = certificates(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(ours.authority))

    class TwoFaced(ScriptedServer):
        def _say(self, connection: Any, stage: str, recipient: str = "") -> bytes:
            in_tls = hasattr(connection, "cipher")
            self.answers["ehlo"] = b"250 mail.example.org\r\n" if in_tls else OFFERS_TLS
            return super()._say(connection, stage, recipient)

    with scripted(ours.context()) as server:
        server.__class__ = TwoFaced
        report = delivered(server, tls="starttls", login=LOGIN)
        assert delivered(server, tls="starttls").delivery == Delivery.SENT
    assert (report.delivery, [line for line in server.received if line.startswith(b"AUTH")]) == (
        Delivery.SERVER_TROUBLE,
        [],
    )
