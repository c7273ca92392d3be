"""Reads an e-mail that came into the mailbox, whatever stands in it: nothing that somebody sends stops the others.

Its size is bounded before it comes here. What is nested too deep is read as far as its headers go; attachments are
counted and never opened; a charset is tried and not believed.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from email.errors import HeaderParseError
from email.header import decode_header
from email.message import Message
from email.parser import BytesHeaderParser, BytesParser
from email.policy import compat32
from email.utils import getaddresses
from typing import Any, Final, TypeAlias

from communication_service.domain import bounce_reports, mail_texts
from communication_service.domain.bounce_reports import BounceReport
from communication_service.domain.letter_headers import NO_MORE, NO_MORE_TO_PATIENTS, token_in
from communication_service.domain.link_tokens import LENGTH
from shared.runtime.logs import logger
from shared.values.contacts import LONGEST_EMAIL
from shared.values.reply_enums import ReplyKind
from shared.values.text import fold, lines, one_line

log = logger(__name__)

Parsed: TypeAlias = "Message[Any, Any]"

MOST_NESTED: Final = 40
"""Mentions of boundaries and enclosed messages. An e-mail of people has a handful; the parser calls itself for each."""
MOST_HEADERS: Final = 300
LONGEST_HEADER: Final = 4_000
LONGEST_SUBJECT: Final = 500
MOST_NAMED: Final = 100
"""How many e-mails that it answers are looked for."""
CHARSETS: Final = ("utf-8", "ascii", "iso8859", "cp125", "utf-16", "mac-roman", "koi8")
"""Those by whose names decoding begins; others, such as punycode, may take minutes."""
AUTOMATIC_SUBJECTS: Final = (
    *("automatische antwort", "abwesenheit", "abwesend", "ich bin nicht im", "urlaubsnotiz", "eingangsbestaetigung"),
    *(
        "automatic reply",
        "automatic response",
        "auto reply",
        "autoreply",
        "auto:",
        "out of office",
        "out of the office",
    ),
    *("auto:", "vacation", "lesebestaetigung", "gelesen:", "read:"),
)
AUTOMATIC_HEADERS: Final = ("x-autoreply", "x-autorespond", "x-auto-reply", "x-autoresponder", "x-mail-autoreply")
AUTOMATIC_PRECEDENCES: Final = frozenset({"auto_reply", "bulk", "junk"})
MAIL_SERVERS: Final = frozenset({"mailer-daemon", "maildaemon", "mail-daemon", "postmaster"})
NO_MORE_PHRASES: Final = frozenset(
    {
        *(fold(NO_MORE), "bitte keine anfragen mehr", "bitte keine weiteren anfragen", "keine weiteren anfragen"),
        *(fold(NO_MORE_TO_PATIENTS), "bitte keine nachrichten mehr", "keine weiteren nachrichten", "no more messages"),
        *("stop", "stopp", "abmelden", "abbestellen", "unsubscribe", "no more inquiries", "no more requests"),
    }
)
"""What stands alone in the subject or in the first line of who wants no more e-mails, a practice or a patient."""
SUBJECT_PREFIXES: Final = ("re:", "aw:", "antw:", "wg:", "fwd:", "fw:")


@dataclass(frozen=True)
class IncomingMail:
    """What an e-mail says, as far as it can be read."""

    kind: ReplyKind
    sender: str = ""
    sender_name: str = ""
    subject: str = ""
    text: str = ""
    """What its sender wrote, without what is quoted."""
    attachments: int = 0
    tokens: Sequence[str] = ()
    """Tokens in the addresses that it was sent to; one may be none of ours."""
    answers: Sequence[str] = ()
    """The `Message-ID`s that it names, the likeliest first."""
    report: BounceReport | None = None


def read(raw: bytes) -> IncomingMail:
    """Returns what an e-mail says; whatever is wrong with it, as much as can be read."""
    if not raw:
        return IncomingMail(ReplyKind.UNREADABLE)
    try:
        return _read(_parsed(raw))
    except Exception as problem:  # anybody may write anything: the other e-mails must be read all the same
        log.warning("reply.unreadable", problem=type(problem).__name__)
        return IncomingMail(ReplyKind.UNREADABLE)


def _parsed(raw: bytes) -> Parsed:
    said = raw.lower()
    is_flat = said.count(b"boundary") + said.count(b"message/") <= MOST_NESTED
    parser = BytesParser(policy=compat32) if is_flat else BytesHeaderParser(policy=compat32)
    return parser.parsebytes(raw)


def _read(message: Parsed) -> IncomingMail:
    headers = _headers(message)
    parts = list(_parts(message))
    name, sender = next(iter(_addresses(headers.get("from", ())[:1])), ("", ""))
    found = IncomingMail(
        kind=ReplyKind.ANSWER,
        sender=one_line(sender)[:LONGEST_EMAIL],
        sender_name=one_line(name)[:LONGEST_SUBJECT],
        subject=one_line(" ".join(headers.get("subject", ())[:1]))[:LONGEST_SUBJECT],
        text=_text(parts),
        attachments=sum(map(_is_attachment, parts)),
        tokens=_tokens(headers),
        answers=_answered(headers),
        report=bounce_reports.read(parts),
    )
    return replace(found, kind=_kind(message, headers, found))


def _headers(message: Parsed) -> Mapping[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, value in list(message.raw_items())[:MOST_HEADERS]:
        found.setdefault(name.lower(), []).append(_decoded_header(str(value)[:LONGEST_HEADER]))
    return found


def _decoded_header(value: str) -> str:
    try:
        parts = decode_header(
            _decoded(value.encode("ascii", "surrogateescape"), None) if not value.isascii() else value
        )
    except (HeaderParseError, ValueError):
        return value
    return "".join(_decoded(part, charset) if isinstance(part, bytes) else part for part, charset in parts)


def _decoded(raw: bytes, charset: str | None) -> str:
    """The text of these bytes; an end that was cut off in the middle of a character is left out."""
    for candidate in ("utf-8", _known(charset)):
        if candidate is not None:
            try:
                return codecs.getincrementaldecoder(candidate)().decode(raw)
            except ValueError:
                continue
    return raw.decode("cp1252", "replace")


def _known(charset: str | None) -> str | None:
    try:
        name = codecs.lookup(charset or "ascii").name
    except (LookupError, ValueError):
        return None
    return name if name.startswith(CHARSETS) else None


# Its parts


def _parts(message: Parsed) -> Iterator[Parsed]:
    """The parts of a message, not of what is enclosed in it."""
    waiting = [message]
    while waiting:
        part = waiting.pop(0)
        yield part
        content: Any = part.get_payload()
        if part.get_content_maintype() == "multipart" and isinstance(content, list):
            waiting[:0] = content


def _is_attachment(part: Parsed) -> bool:
    is_container = part.get_content_maintype() == "multipart"
    is_text = part.get_content_type() in ("text/plain", "text/html")
    return not is_container and (not is_text or part.get_content_disposition() == "attachment")


def _text(parts: Sequence[Parsed]) -> str:
    for wanted in ("text/plain", "text/html"):
        for part in parts:
            if part.get_content_type() == wanted and part.get_content_disposition() != "attachment":
                text = _content(part)
                if own := mail_texts.own(mail_texts.from_html(text) if wanted == "text/html" else text):
                    return own
    return ""


def _content(part: Parsed) -> str:
    raw: Any = part.get_payload(decode=True)
    if not isinstance(raw, bytes):
        return ""
    # at most four bytes are a character
    return lines(_decoded(raw[: 4 * mail_texts.LONGEST], part.get_content_charset())[: mail_texts.LONGEST])


# What it is


def _kind(message: Parsed, headers: Mapping[str, list[str]], found: IncomingMail) -> ReplyKind:
    reports = message.get_content_type() == bounce_reports.REPORT
    if found.report is not None or found.sender.lower().partition("@")[0] in MAIL_SERVERS:
        return ReplyKind.BOUNCE
    if _says_no_more(_bare_subject(found.subject)):
        return ReplyKind.NO_MORE
    if reports or _is_automatic(headers, found.subject):
        return ReplyKind.AUTO_REPLY
    first_line = found.text.partition("\n")[0]
    return ReplyKind.NO_MORE if _says_no_more(first_line) else ReplyKind.ANSWER


def _is_automatic(headers: Mapping[str, list[str]], subject: str) -> bool:
    submitted = "".join(headers.get("auto-submitted", ())[:1]).partition(";")[0].strip().lower()
    precedence = "".join(headers.get("precedence", ())[:1]).strip().lower()
    return (
        submitted not in ("", "no")
        or precedence in AUTOMATIC_PRECEDENCES
        or not headers.keys().isdisjoint(AUTOMATIC_HEADERS)
        or fold(subject).startswith(AUTOMATIC_SUBJECTS)
    )


def _bare_subject(subject: str) -> str:
    bare = subject.strip()
    while bare.lower().startswith(SUBJECT_PREFIXES):
        bare = bare.partition(":")[2].strip()
    return bare


def _says_no_more(text: str) -> bool:
    return len(text) < 100 and fold(text).strip(" .!") in NO_MORE_PHRASES


# What it answers


def _addresses(values: Sequence[str]) -> list[tuple[str, str]]:
    return getaddresses([value.replace("\n", " ") for value in values])


def _tokens(headers: Mapping[str, list[str]]) -> list[str]:
    to = [each for name in ("to", "cc", "delivered-to", "x-original-to") for each in headers.get(name, ())[:10]]
    found = [token_in(address) for _, address in _addresses(to)[:MOST_NAMED]]
    return sorted({each for each in found if each is not None and len(each) == LENGTH})


def _answered(headers: Mapping[str, list[str]]) -> list[str]:
    named = [each for value in headers.get("in-reply-to", ())[:1] for each in _message_ids(value)]
    named += [each for value in headers.get("references", ())[:1] for each in reversed(_message_ids(value))]
    return list(dict.fromkeys(named))[:MOST_NAMED]


def _message_ids(value: str) -> list[str]:
    return [f"<{piece.partition('>')[0].strip()}>" for piece in value.split("<")[1:] if ">" in piece]
