"""An e-mail is read whatever stands in it: what somebody wrote, what it is, what it answers, and never for long."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import date

import pytest

from communication_service.domain import answer_proposals, bounce_reports, incoming_mail, mail_texts
from communication_service.domain.answer_proposals import Proposed
from shared.values.enums import RequestOutcome as R
from shared.values.reply_enums import ReplyKind
from tests.builders.incoming_mail import a_bounce, an_answer

OURS = "<0199@agentur.example.org>"
TEN_LETTERS = "\r\n\r\nAm 20.11.2026 um 10:00 schrieb Vermittlung\r\n<v@agentur.example.org>:\r\n" + (
    "> Guten Tag, ja, gerne haben wir einen Platz frei.\r\n" * 10
)


def a_multipart(*parts: str, kind: str = "mixed", boundary: str = "b") -> bytes:
    """An e-mail of these parts."""
    written = "".join(f"--{boundary}\r\n{part}\r\n" for part in parts)
    head = f'From: p@example.org\r\nContent-Type: multipart/{kind}; boundary="{boundary}"\r\n\r\n'
    return f"{head}{written}--{boundary}--\r\n".encode()


TEXT_PART = "Content-Type: text/plain; charset=utf-8\r\n\r\nKein Platz frei."
TEXTS = {
    "quotes ten letters": (an_answer(f"Leider kein Platz.{TEN_LETTERS}"), "Leider kein Platz."),
    "outlook": (
        an_answer(
            "Kein Platz.\r\n\r\nVon: Vermittlung\r\nGesendet: Montag\r\nAn: Praxis\r\nBetreff: Anfrage\r\n\r\nTag"
        ),
        "Kein Platz.",
    ),
    "original message": (an_answer("Nein.\r\n\r\n-----Ursprüngliche Nachricht-----\r\nGuten Tag"), "Nein."),
    "answers below": (an_answer("> Haben Sie Platz?\r\nLeider nicht."), "Leider nicht."),
    "says when": (an_answer("Am 3. Mai wird ein Platz frei."), "Am 3. Mai wird ein Platz frei."),
    "latin-1": (
        an_answer("", Content_Type="text/plain; charset=iso-8859-1") + "Schöne Grüße".encode("latin-1"),
        "Schöne Grüße",
    ),
    "another charset than it says": (
        an_answer("", Content_Type="text/plain; charset=us-ascii") + "Schöne Grüße".encode("latin-1"),
        "Schöne Grüße",
    ),
    "a charset that takes long": (an_answer("Ja" * 5000, Content_Type="text/plain; charset=punycode"), "Ja" * 5000),
    "no charset at all": (an_answer("Grüße", Content_Type="text/plain; charset=zip"), "Grüße"),
    "a calendar": (
        a_multipart(TEXT_PART, "Content-Type: text/calendar; method=REPLY\r\n\r\nBEGIN:VCALENDAR"),
        "Kein Platz frei.",
    ),
    "html alone": (
        a_multipart(
            "Content-Type: text/html\r\n\r\n<style>p {}</style><p>Ja,&nbsp;gerne</p><div>ab Mai</div>"
            "<blockquote><p>kein Platz</p></blockquote><b"
        ),
        "Ja, gerne\n\nab Mai",
    ),
    "an enclosed letter": (
        a_multipart(TEXT_PART, "Content-Type: message/rfc822\r\n\r\nSubject: x\r\n\r\nJa, gerne"),
        "Kein Platz frei.",
    ),
    "a letter alone that it encloses": (
        a_multipart("Content-Type: message/rfc822\r\n\r\nSubject: x\r\n\r\nJa, gerne"),
        "",
    ),
    "not base64": (an_answer("ÄÖ%$", Content_Transfer_Encoding="base64"), None),
    "NUL and halves of characters": (an_answer("a\x00b\r\n") + b"\xed\xa0\x80", None),
    "nothing": (b"\r\n", ""),
}


@pytest.mark.parametrize("case", TEXTS)
def test_what_somebody_wrote_is_found_without_what_they_quote(case: str) -> None:
    raw, expected = TEXTS[case]
    found = incoming_mail.read(raw)
    if expected is not None:
        assert found.text == expected
    assert found.kind == ReplyKind.ANSWER
    found.text.encode()
    assert "\x00" not in found.text + found.subject + found.sender


def nested(depth: int) -> bytes:
    """Multiparts in each other."""
    heads = (f'Content-Type: multipart/mixed; boundary="b{each}"\r\n\r\n--b{each}\r\n' for each in range(depth))
    return b"From: p@example.org\r\n" + "".join(heads).encode() + b"\r\nText\r\n"


HOSTILE: dict[str, Callable[[], bytes]] = {
    "multiparts 1000 deep": lambda: nested(1000),
    "multiparts as deep as they are read": lambda: nested(40) + b"\r\n" * 60_000,
    "enclosed messages 1000 deep": lambda: b"Content-Type: message/rfc822\r\n\r\n" * 1000,
    "a header of a million comments": lambda: b"From: " + b"(" * 250_000 + b"\r\n\r\n",
    "encoded words": lambda: b"Subject: " + b"=?utf-8?q?" * 20_000 + b"\r\n\r\n",
    "100,000 headers": lambda: b"X: y\r\n" * 100_000 + b"\r\n",
    "100,000 references": lambda: b"References:" + b" <a@b>\r\n" * 100_000 + b"\r\n",
    "quoted lines": lambda: an_answer("> " * 100_000 + "\r\nAm " * 50_000),
    "html of angle brackets": lambda: an_answer("<" * 200_000, Content_Type="text/html"),
    "combining marks": lambda: an_answer("a" + "\u0301\u0327" * 60_000),
    "a zip bomb": lambda: a_multipart("Content-Type: application/zip\r\nContent-Transfer-Encoding: base64\r\n\r\nUEs="),
    "noise": lambda: random.Random(4).randbytes(250_000),
    "cut off in the middle": lambda: an_answer("ü" * 100)[:-1],
}


@pytest.mark.parametrize("case", HOSTILE)
def test_nothing_that_somebody_sends_stops_the_others(case: str) -> None:
    found = incoming_mail.read(HOSTILE[case]())
    assert found.kind in (ReplyKind.ANSWER, ReplyKind.UNREADABLE)
    assert len(found.text) <= mail_texts.LONGEST
    answer_proposals.propose(found.text, [["P-0001-AB"], ["P-0002-AB"]], today=date(2026, 11, 28))


KINDS = {
    "answer": ({}, "Ja, gerne", ReplyKind.ANSWER),
    "out of office that says yes": ({"Auto_Submitted": "auto-replied"}, "Ja, gerne", ReplyKind.AUTO_REPLY),
    "not automatic": ({"Auto_Submitted": "no"}, "Ja, gerne", ReplyKind.ANSWER),
    "by its subject": ({"Subject": "Automatische Antwort: Anfrage"}, "Ja, gerne", ReplyKind.AUTO_REPLY),
    "by an encoded subject": ({"Subject": "=?utf-8?q?Eingangsbest=C3=A4tigung?="}, "Ja", ReplyKind.AUTO_REPLY),
    "by precedence": ({"Precedence": "auto_reply"}, "Ja, gerne", ReplyKind.AUTO_REPLY),
    "by an old header": ({"X_Autoreply": "yes"}, "Ja, gerne", ReplyKind.AUTO_REPLY),
    "no more": ({"Subject": "Keine Anfragen mehr"}, "", ReplyKind.NO_MORE),
    "no more, in answer": ({"Subject": "AW: Re: Keine Anfragen mehr!"}, "Danke", ReplyKind.NO_MORE),
    "stop": ({}, "STOP.\r\n\r\nDr. Erfunden", ReplyKind.NO_MORE),
    "only speaks of it": ({}, "Bitte keine Anfragen mehr per Telefon, E-Mail gern.", ReplyKind.ANSWER),
    "a mail server without a report": ({"From": "Mailer-Daemon@mx.example.org"}, "Ja", ReplyKind.BOUNCE),
}


@pytest.mark.parametrize("case", KINDS)
def test_people_programs_and_mail_servers_are_told_apart(case: str) -> None:
    headers, text, expected = KINDS[case]
    assert incoming_mail.read(an_answer(text, **headers)).kind == expected


def test_what_is_answered_is_found_from_the_likeliest_on() -> None:
    found = incoming_mail.read(an_answer(to=OURS, References="<first@x> <second@x> broken", Cc=f"a+{'b' * 48}@x.org"))
    assert list(found.answers) == [OURS, "<second@x>", "<first@x>"]
    assert list(found.tokens) == ["b" * 48]
    assert (found.sender, found.sender_name) == ("praxis@example.org", "Praxis Erfunden")


@pytest.mark.parametrize(
    ("status", "action", "said", "has_failed", "is_about_the_address"),
    [
        ("5.1.1", "failed", "smtp; 550 5.1.1 User unknown", True, True),
        ("5.1.10", "failed", "", True, True),
        ("5.2.2", "failed", "smtp; 552 5.2.2 Mailbox full", True, False),
        ("5.7.1", "failed", "smtp; 554 5.7.1 blocked by policy", True, False),
        ("5.0.0", "failed", "", True, False),
        ("4.4.7", "failed", "smtp; 450 4.4.7 delivery time expired", True, False),
        ("4.4.1", "delayed", "smtp; 451 4.4.1 no answer", False, False),
        ("2.0.0", "delivered", "", False, False),
        ("5.1.1", "", "smtp; 550 5.1.1 no such user", True, True),
        ("quatsch", "failed", "quatsch", True, False),
    ],
)
def test_a_report_says_whether_an_email_arrives_and_whether_there_is_such_an_address(
    status: str, action: str, said: str, has_failed: bool, is_about_the_address: bool
) -> None:
    raw = a_bounce(of=OURS, recipient="Praxis@Example.org", status=status, action=action, said=said)
    found = incoming_mail.read(raw)
    assert found.kind == ReplyKind.BOUNCE
    assert found.report is not None
    assert (found.report.original_id, found.report.is_about_a_report) == (OURS, False)
    (recipient,) = found.report.recipients
    assert recipient.mailbox == "praxis@example.org"
    assert recipient.has_failed == has_failed
    assert recipient.is_about_the_address(sender="v@agentur.example.org") == is_about_the_address


def test_a_report_about_a_report_is_known_and_a_broken_one_names_nobody() -> None:
    of_report = incoming_mail.read(a_bounce(of=OURS, recipient="p@example.org", original="multipart/report"))
    assert of_report.report is not None
    assert of_report.report.is_about_a_report
    broken = incoming_mail.read(a_multipart("Content-Type: message/delivery-status\r\n\r\n\x00\x01", kind="report"))
    assert broken.report == bounce_reports.BounceReport(None, [])


TODAY = date(2026, 11, 28)
FIRST, SECOND = ["P-0001-AB", "P-0009-ZZ"], ["P-0002-AB"]
UNCLEAR = Proposed()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Ja, gerne! Ich habe einen Platz frei.", R.ACCEPTED),
        ("Leider kein Platz frei, ich bin ausgebucht.", R.DECLINED_CAPACITY),
        ("Leider kein Platz, erst ab 01.03.2027 wieder.", R.LATER),
        ("Das passt leider nicht zu meiner Praxis.", R.DECLINED_UNSUITABLE),
        ("Wir können zurzeit niemanden aufnehmen.", R.DECLINED_CAPACITY),
        ("We are fully booked.", R.DECLINED_CAPACITY),
        ("Ja, gerne, aber leider nicht vor 2028.", None),
        ("Bitte rufen Sie mich an.", None),
        # a yes that is none, or not yet
        ("Sobald ich einen Platz frei habe, melde ich mich", None),
        ("Sehr gern können Sie im Sommer noch einmal nachfragen.", None),
        ("Erstgespräche führe ich zurzeit nicht durch.", None),
        ("Ja, gerne ab 1.2.2027.", None),
        ("Ja, gerne, am 15. 1. um zehn.", None),
        ("Ja gern, in drei Monaten.", None),
        ("I have a place from March on.", None),
        ("Yes, gladly. But I can't see her this month.", None),
        ("Ja, gerne! Ihre Anfrage vom 20.11.2026 ab sofort.", R.ACCEPTED),
        ("", None),
    ],
)
def test_an_answer_is_proposed_by_phrases_and_nothing_where_they_contradict_each_other(
    text: str, expected: R | None
) -> None:
    (proposed,) = answer_proposals.propose(text, [FIRST], today=TODAY)
    assert proposed.outcome == expected
    assert (proposed.because is not None) == (expected is not None)
    assert proposed.available_from == (date(2027, 3, 1) if expected == R.LATER else None)


def test_of_several_patients_each_gets_what_is_said_of_them() -> None:
    said = "p-0009-zz: ja, gerne\nUnd P-0002-AB?\nDa passt es nicht, passt nicht."
    first, second = answer_proposals.propose(said, [FIRST, SECOND], today=TODAY)
    assert (first.outcome, first.available_from) == (R.ACCEPTED, None)
    assert second.outcome == R.DECLINED_UNSUITABLE
    assert answer_proposals.propose("P-0002-AB: kein Platz", [FIRST, SECOND], today=TODAY)[0] == UNCLEAR
    for text, expected in (("Ja, gerne", None), ("Leider keine Plätze", R.DECLINED_CAPACITY)):
        found = answer_proposals.propose(text, [FIRST, SECOND], today=TODAY)
        assert {each.outcome for each in found} == {expected}, "a yes must name whom it is for"
