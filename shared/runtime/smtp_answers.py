"""What a mail server's answer says, and of whom it says it: of the recipient's address, of this e-mail, or of us.

Only an answer that certainly speaks of the recipient's address may keep that address from being written to again.
Whatever is not understood is taken to be about us: that is found out by trying again, while a suppression stays.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from functools import cached_property

from shared.values.text import one_line

LONGEST_TEXT = 500


class Delivery(StrEnum):
    """What became of a message."""

    SENT = "sent"
    """The server took it and answers for it from now on."""
    REFUSED_RECIPIENT = "refused_recipient"
    """There is no such address: no message to it will ever be taken."""
    REFUSED_MESSAGE = "refused_message"
    """This message will never be taken there; nothing is known against the address."""
    TRY_LATER = "try_later"
    """It was not taken for this recipient now."""
    REFUSED_US = "refused_us"
    """It was not taken since something about us does not please: sender, network, policy. Or nobody knows why."""
    SERVER_TROUBLE = "server_trouble"
    """Nothing was handed over: the server is away, or does not let us in."""
    NOT_TRIED = "not_tried"
    """We stopped before anything was handed over."""
    IN_DOUBT = "in_doubt"
    """The message was handed over and no answer came: it may have been sent."""


class Topic(IntEnum):
    """What a refusal is about, the most careful reading first."""

    US = 1
    LATER = 2
    MESSAGE = 3
    RECIPIENT = 4


_STATUS = re.compile(r"^#?([245])\.(\d{1,3})\.(\d{1,3})(?![\d.])|\(#([245])\.(\d{1,3})\.(\d{1,3})\)\W*$", re.M | re.A)
"""An enhanced status code (RFC 3463): at the beginning of a line, or at its end as qmail has it."""
_QUOTED = re.compile(r"<[^<>\n]*>|(?<![^\s@:])[^\s@:]*@\S+|https?:\S+")
"""Addresses may hold any word: `policy@example.org`, `https://example.org/blocked`."""

_GREYLISTED = re.compile(r"gr[ea]y.?list")
_ABOUT_US = re.compile(
    # whom an e-mail comes from
    r"\bsender|absender|versender|einlieferer|originat|submitter|\bsource\b"
    r"|return.?path|reverse.?path|bounce (?:path|addr)"
    r"|envelope.?from|mail.?from|\bfrom:|\bfrom.(?:address|adress|header|domain|field)"
    r"|sending (?:user|account|address|mailbox|domain|host|server)|sent (?:from|by)\b"
    r"|\br.{1,2}ck(?:sende|gabe)?.?(?:adress|pfad)"
    r"|\byour (?:e-?mail )?(?:account|address|mailbox|domain|user|login|ip|host|network|server)"
    r"|\bihr(?:e[mnrs]?)? (?:e-?mail-?|mail-?)?(?:konto|adresse|postfach|domain|ip|server|benutzer)"
    # whether it really comes from there, and whether we may hand it over
    r"|call.?(?:out|back)|\bspf\b|dkim|dmarc|authenti|authoris|authoriz|autoris|berechtig|credential|passwor[dt]|kennwort"
    r"|sasl|\blog.?(?:in|on)\b|logged (?:in|on)|\bsign(?:ed)?.?in\b|anmeld|angemeldet|zugangsdaten|eingeloggt|einloggen"
    r"|not (?:allowed|permitted)|nicht (?:erlaubt|gestattet)|permission|access denied|relay(?! recipient table)"
    # the network we come from, and what is held against it
    r"|\b(?:helo|ehlo)\b|\bclient\b|host ?name|\brdns\b|reverse dns|\bptr\b|\bip address|\btls\b|encrypt"
    r"|certificate|zertifikat"
    r"|block(?:ed|ing|.?list)|black.?(?:list|hole)|sperrliste|(?:dns|u?r)bl\b|spam|(?<!not )\blisted\b"
    r"|reputation|polic(?:y|ies)|richtlinie|too many|rate.?limit"
)
_LOOKED_UP_IN = (
    r"(?:ldap|director(?:y|ies)|resolver|look.?up|\bdns\b|name ?server|database|\bsql|backend|verzeichnis|datenbank)"
)
_TROUBLE = (
    r"(?:error|fail|time.?out|timed out|unavailable|unreachable|problem|\bdown\b"
    r"|fehler|fehlgeschlagen|nicht (?:erreichbar|verf))"
)
_NOT_LOOKED_UP = re.compile(
    rf"{_LOOKED_UP_IN}.{{0,40}}{_TROUBLE}|{_TROUBLE}.{{0,40}}{_LOOKED_UP_IN}"
    r"|temporar|try (?:again )?later|vor.{1,2}bergehend|\bsp.{1,2}ter\b|(?:internal|system|server) (?:error|failure)"
)
"""The address may exist: the server could not find out."""
_MAYBE_NOT_LOOKED_UP = re.compile(_LOOKED_UP_IN)
_FULL = re.compile(
    r"\bis full|(?:box|quota|postfach).{0,40}(?:full|exceed|limit|voll)|over.?quota|exceed\w*.{0,30}(?:quota|storage)"
)
_TOO_BIG = re.compile(r"(?:message|mail|size).{0,30}(?:too (?:large|big)|exceed)|exceed\w*.{0,40}size")
_THIS_MAILBOX = re.compile(
    r"(?:mailbox|account|user|postfach).{0,40}(?:unavailable|not available|disabled|inactive|suspended|locked|gesperrt)"
    r"|unroute?able|content rejected"
)
_NO_SUCH_ADDRESS = re.compile(
    r"(?:user|recipient|address|mailbox|account|local.part) (?:is )?(?:unknown|not (?:found|known))"
    r"|unknown (?:user|recipient|address|mailbox|account|local.part)"
    r"|no such (?:user|recipient|mailbox|address|account|person)|no (?:mailbox|account|user) (?:here|by|with|for)"
    r"|(?:user|recipient|address|mailbox|account).{0,60}(?:does(?: not|n't) (?:exist|have)|not exist)"
    r"|(?:invalid|bad destination|non.?existent) (?:recipient|mailbox|address|user)"
    r"|recipient address rejected: (?:domain not found|unknown)|not a valid (?:user|mailbox|recipient)"
    r"|(?:empf(?:ä|ae)nger|benutzer|postfach|adresse).{0,20}(?:unbekannt|existiert nicht|nicht (?:gefunden|vorhanden))"
    r"|unbekannter? (?:empf(?:ä|ae)nger|benutzer|adresse)"
)

_BY_STATUS = {(1, detail): Topic.RECIPIENT for detail in (1, 2, 3, 6, 10)} | {
    # ambiguous, valid (which is no reason), a mailer that does not speak our standards
    **{(1, detail): Topic.MESSAGE for detail in (4, 5, 9)},
    (2, 2): Topic.LATER,
    (3, 4): Topic.MESSAGE,
}
_BY_SUBJECT = {2: Topic.MESSAGE, 4: Topic.MESSAGE, 6: Topic.MESSAGE}
"""Mailbox, routing, content; the others are system, protocol and policy, which are between the server and us."""


@dataclass(frozen=True)
class ServerAnswer:
    """An answer of a mail server: its code, and its lines without it."""

    code: int
    words: str

    @classmethod
    def of(cls, code: int, words: bytes) -> ServerAnswer:
        """The answer as smtplib has it."""
        return cls(code, words.decode("utf-8", "replace"))

    @property
    def text(self) -> str:
        """The answer on one line of limited length, in characters that any table can hold."""
        return short_line(f"{self.code} {self.words}")

    @property
    def code_only(self) -> str:
        """The answer without its words."""
        return " ".join([str(self.code), *sorted(".".join(map(str, status)) for status in self.statuses)])

    @cached_property
    def statuses(self) -> frozenset[tuple[int, int, int]]:
        """The enhanced status codes in it; several are a contradiction."""
        found = (tuple(int(part) for part in match.groups() if part) for match in _STATUS.finditer(self.words))
        return frozenset((kind, subject, detail) for kind, subject, detail in found)

    @property
    def is_for_good(self) -> bool:
        """Whether code and enhanced codes agree that trying again is of no use."""
        return {self.code // 100, *(kind for kind, _, _ in self.statuses)} == {5}


def short_line(text: str) -> str:
    """The text on one line of limited length, without characters that cannot be stored."""
    return one_line(text[: 4 * LONGEST_TEXT])[:LONGEST_TEXT]


def judged(refusal: ServerAnswer, *, sender: str) -> Delivery:
    """What a 4xx or 5xx answer means that came after the recipient was named; it may repeat who the sender is."""
    if refusal.code == 421:
        return Delivery.SERVER_TROUBLE
    # "<our own address>: user unknown" is no news of the recipient
    topic = Topic.US if sender.lower() in refusal.words.lower() else _topic(refusal)
    if topic == Topic.US:
        return Delivery.REFUSED_US
    if topic == Topic.LATER or not refusal.is_for_good:
        return Delivery.TRY_LATER
    return Delivery.REFUSED_RECIPIENT if topic == Topic.RECIPIENT else Delivery.REFUSED_MESSAGE


def _topic(refusal: ServerAnswer) -> Topic:
    words = " ".join(_QUOTED.sub(" ", refusal.words).lower().split())
    if not refusal.is_for_good and _GREYLISTED.search(words):
        return Topic.LATER
    # x.0.0 says only that nothing is known
    topics = [_topic_of(*status) for status in refusal.statuses if status[1:] != (0, 0)]
    if topics and min(topics) != Topic.RECIPIENT:
        return min(topics)
    if _ABOUT_US.search(words):
        return Topic.US
    if _FULL.search(words) or _NOT_LOOKED_UP.search(words):
        return Topic.LATER
    return Topic.RECIPIENT if topics else _topic_of_words(refusal, words)


def _topic_of(kind: int, subject: int, detail: int) -> Topic:
    if kind == 2:
        return Topic.US  # "refused: all is well" is no reason
    return _BY_STATUS.get((subject, detail)) or _BY_SUBJECT.get(subject, Topic.US)


def _topic_of_words(refusal: ServerAnswer, words: str) -> Topic:
    if _MAYBE_NOT_LOOKED_UP.search(words):
        return Topic.LATER
    if _TOO_BIG.search(words) or _THIS_MAILBOX.search(words):
        return Topic.MESSAGE
    if _NO_SUCH_ADDRESS.search(words):
        return Topic.RECIPIENT
    return Topic.US if refusal.code >= 500 else Topic.LATER
