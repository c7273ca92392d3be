"""Every header of every mail parses back to what was meant: by a strict reader of our own, and by the old one of the
standard library, before and after a real mail server."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from email import message_from_bytes
from email.header import decode_header, make_header
from email.policy import default
from email.utils import getaddresses, parsedate_to_datetime
from urllib.parse import unquote

import pytest
from hypothesis import HealthCheck, Phase, assume, example, given, settings
from hypothesis import strategies as st

from communication_service.domain.letter_headers import LetterHeaders
from communication_service.settings import Settings
from shared.database import new_id
from shared.runtime.settings import read as read_settings
from shared.values import email_headers
from shared.values.contacts import email_address
from shared.values.emails import EmailText, OutgoingEmail, Sender, as_message
from shared.values.text import one_line
from tests.communication_service.conftest import reaching
from tests.fakes.mail_reader import read
from tests.fakes.smtp import FakeMailServer, mail_server
from tests.fakes.smtp_script import scripted

ANYTHING = st.text(st.characters(exclude_categories=[]), max_size=120)
"""Every character there is, control characters, surrogates and noncharacters included."""
HARD_WORDS = (
    "Praxis,", "für", "<a@b.de>", "=?utf-8?q?x?=", "Ä" * 40, '"', "\\", "Dr.", "x" * 80, "=?", "?=", "a:b;", "(c)",
    "😀" * 9,
)  # fmt: skip
WORDS = st.lists(st.sampled_from(HARD_WORDS), max_size=9).map(" ".join)
TEXTS = ANYTHING | WORDS | st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=400)
NAMES = ANYTHING | WORDS
ATEXT = "abcdefghijklmnopqrstuvwxyzABCXYZ0123456789!#$%&'*+/=?^_`{|}~-"
LOCAL_PARTS = st.lists(st.text(ATEXT, min_size=1, max_size=20), min_size=1, max_size=3).map(".".join)
QUOTED_LOCAL_PARTS = st.text("ab ,.@", min_size=1, max_size=20).map(lambda text: f'"{text}"')
LABELS = st.from_regex(r"[a-z0-9](?:[a-z0-9-]{0,40}[a-z0-9])?", fullmatch=True) | st.just("xn--mller-kva")
DOMAINS = st.lists(LABELS, min_size=1, max_size=4).map(lambda labels: ".".join([*labels, "de"]))
ADDRESSES = st.builds("{}@{}".format, LOCAL_PARTS, DOMAINS)
QUOTED = st.builds("{}@{}".format, QUOTED_LOCAL_PARTS, DOMAINS)
MOMENTS = st.integers(946684800, 4102444800).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))
PHASES = [Phase.explicit, Phase.generate]
"""Without shrinking: a counterexample of so many long texts takes minutes to shrink."""
LONG_NAME = "Vermittlung von Therapieplätzen, Praxisverbund Aachen, Düren, Heinsberg e. V."


def written(
    sender: Sender, *, to: str = "praxis@example.org", subject: str = "Anfrage", cause: str = "c"
) -> OutgoingEmail:
    return as_message(
        EmailText(subject, "Text", "<p>Text</p>"),
        sender=sender,
        recipient=to,
        message_id=f"<0192@{sender.domain}>",
        more=LetterHeaders(sender).of(new_id(), date=datetime(2026, 11, 23, 9, tzinfo=UTC), correlation_id=cause),
    )


def check(message: bytes, *, name: str, sender: str, to: str, subject: str, cause: str) -> None:
    """Both readers find all of this, and nothing else."""
    shown, title, reason = (one_line(text) for text in (name, subject, cause))
    mail = read(message)
    assert mail.mailboxes("From") == [(shown, sender)]
    assert mail.mailboxes("To") == [("", to)]
    assert mail.text("Subject") == title
    assert mail.text("X-Correlation-Id") == reason if reason else True
    names = [each for each, _ in mail.headers]
    assert len(names) == len(set(names)) == 10 + bool(cause)
    assert mail.the("Message-ID") == f"<0192@{sender.rpartition('@')[2]}>"
    assert mail.the("Auto-Submitted") == "auto-generated"
    uri = mail.the("List-Unsubscribe")
    assert uri.isascii()
    assert " " not in uri
    assert uri.startswith("<mailto:")
    assert uri.endswith("?subject=Keine%20Anfragen%20mehr>")
    assert unquote(uri[len("<mailto:") :].partition("?")[0]) == sender

    old = message_from_bytes(message)
    assert not old.defects
    ((found, address),) = getaddresses([old["From"]])
    assert (str(make_header(decode_header(found))), address) == (shown, sender)
    if not to.startswith('"'):  # it takes a quoted local part apart
        assert getaddresses([old["To"]]) == [("", to)]
    unfolded = old["Subject"].replace("\r\n", "")  # which it leaves to its users
    assert str(make_header(decode_header(unfolded))) == title
    assert old["List-Unsubscribe"] == uri
    assert parsedate_to_datetime(old["Date"]) == datetime(2026, 11, 23, 9, tzinfo=UTC)
    assert old.get_content_type() == "multipart/alternative"
    assert [part.get_content_type() for part in old.walk()][1:] == ["text/plain", "text/html"]


@pytest.mark.slow
@given(name=NAMES, sender=ADDRESSES, to=ADDRESSES | QUOTED, subject=TEXTS, cause=NAMES)
@example(LONG_NAME, "vermittlung-von-therapieplaetzen@a-rather-long-domain.agentur.example.org", "a@b.de", "x", "c")
@example("A" * 75 + ",", "a" * 25 + "@example.org", "a@b.de", "=?utf-8?q?x?=", "c")
@example("", "a@b.de", '"a, b <c>"@xn--mller-kva.de', "", "c")
@example("", "a@b.de", f"{'x=?y' * 12}@{'a' * 40}.de", "", "c")
@settings(max_examples=150, phases=PHASES, suppress_health_check=[HealthCheck.too_slow])
def test_every_header_parses_back_to_what_was_meant(name: str, sender: str, to: str, subject: str, cause: str) -> None:
    envelope = written(Sender(sender, name), to=to, subject=subject, cause=cause)
    assert (envelope.sender, envelope.recipient) == (sender, to)
    check(envelope.message, name=name, sender=sender, to=to, subject=subject, cause=cause)


@pytest.mark.parametrize("length", range(1, 65))
def test_unsubscribing_works_for_a_sender_of_every_length(length: int) -> None:
    for domain in ("b.de", "agentur." * 20 + "example.org"):
        sender = f"{'a' * length}@{domain}"
        check(
            written(Sender(sender, LONG_NAME)).message,
            name=LONG_NAME, sender=sender, to="praxis@example.org", subject="Anfrage", cause="c",
        )  # fmt: skip


@given(st.integers(1, 100), st.sampled_from([",", "ä,", "Praxis, ", "x", "€ ", '"', ". "]))
def test_a_name_of_every_length_is_one_mailbox(length: int, pattern: str) -> None:
    name = (pattern * 100)[:length]
    check(
        written(Sender("a@example.org", name)).message,
        name=name, sender="a@example.org", to="praxis@example.org", subject="Anfrage", cause="c",
    )  # fmt: skip


@given(TEXTS)
def test_lines_are_folded_where_there_is_a_blank(subject: str) -> None:
    mail = read(written(Sender("a@example.org", "Agentur"), subject=subject).message)
    longest = max([len(word) for word in one_line(subject).split(" ")])
    assert max(map(len, mail.lines)) <= max(78, len("Subject: ") + longest)


@given(MOMENTS)
def test_dates_parse_back(moment: datetime) -> None:
    more = LetterHeaders(Sender("a@b.de", "x")).of(new_id(), date=moment, correlation_id=None)
    assert parsedate_to_datetime(more["Date"]) == moment


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=100).map(one_line))
@example("Vermittlung von Therapieplätzen")
@example("Dr. Müller & Partner, Aachen")
@example(LONG_NAME)
@settings(phases=PHASES)
def test_readers_that_keep_blanks_between_encoded_words_show_ordinary_names_rightly(name: str) -> None:
    """The standard library's newer reader does, before Python 3.13.2."""
    assume("=?" not in name)
    message = message_from_bytes(written(Sender("a@example.org", name)).message, policy=default)
    (found,) = message["From"].addresses
    assert (found.display_name, found.addr_spec) == (name, "a@example.org")


HOSTILE_ENDINGS = [
    "\r\nBcc: a@b.de",
    "\nBcc: a@b.de",
    "\rBcc: a@b.de",
    "\x00",
    "\x0bBcc: x",
    "\u2028Bcc: x",
    "\r\n\r\nText",
]


@pytest.mark.parametrize("ending", HOSTILE_ENDINGS)
def test_nothing_can_end_a_header(ending: str) -> None:
    sender = Sender("a@example.org", f"Agentur{ending}")
    names = [name for name, _ in read(written(sender, subject=f"x{ending}", cause=f"c{ending}").message).headers]
    assert "Bcc" not in names
    assert len(names) == 11
    for address in (f"a@example.org{ending}", f"a{ending}@example.org", f"{ending}a@example.org"):
        with pytest.raises(ValueError):
            written(Sender(address, "x"))
        with pytest.raises(ValueError):
            written(sender, to=address)


@pytest.mark.parametrize(
    "address",
    ["a,b@c.de", "a@b.de,c@d.de", "a@b.de, c@d.de", "<a@b.de>", "x <a@b.de>", "a@b.de (x)", "a b@c.de", "a@b@c.de",
     "a@", "@b.de", "a@b..de", "a.@b.de", "a@-b.de", "ä@b.de", "a@ä.de", '"a"b@c.de', '"a\nb"@c.de',
     "a" * 300 + "@b.de", ""],
)  # fmt: skip
def test_what_is_not_one_address_is_written_to_nobody(address: str) -> None:
    with pytest.raises(ValueError):
        written(Sender("a@example.org", "x"), to=address)


# Through a real mail server


@pytest.fixture(scope="module")
def server() -> Iterator[FakeMailServer]:
    with mail_server() as running:
        yield running


@given(name=NAMES, sender=ADDRESSES, to=ADDRESSES, subject=TEXTS)
@example(name=LONG_NAME, sender="a@b.de", to="praxis@xn--mller-kva.de", subject=".\r\n.\r\nQUIT")
@settings(max_examples=40, phases=PHASES, suppress_health_check=[HealthCheck.too_slow])
def test_a_real_server_gets_what_was_meant(
    name: str, sender: str, to: str, subject: str, server: FakeMailServer
) -> None:
    envelope = written(Sender(sender, name), to=to, subject=subject)
    server.envelopes.clear()
    assert reaching(server).deliver(envelope.sender, envelope.recipient, envelope.message).detail == ""
    ((said_from, said_to, message),) = server.envelopes
    assert (said_from, said_to) == (sender, [to])
    check(message, name=name, sender=sender, to=to, subject=subject, cause="c")


def test_a_quoted_local_part_is_said_as_it_is() -> None:
    with scripted() as script:
        reaching(script).deliver("a@b.de", '"a, b"@c.de', b"Subject: x\r\n\r\n")
    assert [line for line in script.received if line.startswith(b"RCPT")] == [b'RCPT TO:<"a, b"@c.de>\r\n']


# Settings


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        *[("CONTACT_MAIL_FROM", value) for value in ("", "agentur", "a@b.de, c@d.de", "Agentur <a@b.de>", "ä@b.de",
                                                     "a@ä.de", "a b@c.de", '"a b"@c.de', "a@b.de\nBcc: c@d.de",
                                                     "a" * 65 + "@b.de", "a@b")],
        *[("CONTACT_MAIL_FROM_NAME", value) for value in ("", "  ", "a\nb", "a\u2028b", "a\x7fb", "a" * 101, "\u200b")],
    ],
)  # fmt: skip
def test_a_sender_that_cannot_be_written_is_refused_at_the_start(
    setting: str, value: str, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(setting, value)
    with pytest.raises(SystemExit, match=rf"(?m)^  {setting}: "):
        read_settings(Settings)


@given(st.emails())
def test_every_address_that_settings_and_therapists_may_have_can_be_written_to(text: str) -> None:
    try:
        address = email_address(text)
    except ValueError:
        return
    if address.isascii():
        assert email_headers.address(address) == address
