"""Reads the headers of an e-mail strictly by RFC 5322 and RFC 2047, and forgives nothing: a second opinion on ours."""

from __future__ import annotations

import binascii
import re
from base64 import b64decode
from dataclasses import dataclass

LINE = re.compile(rb"([\x21-\x39\x3b-\x7e]+:)?[\x20-\x7e]*")
HEADER = re.compile(r"([!-9;-~]+):[ ]?(.*)")
ENCODED_WORD = re.compile(r"=\?utf-8\?b\?([A-Za-z0-9+/]+={0,2})\?=")
ATOM = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
QUOTED = re.compile(r'"((?:[ !#-\[\]-~]|\\[ -~])*)"')
ADDRESS = re.compile(rf"({ATOM.pattern}|{QUOTED.pattern})@({ATOM.pattern})")


class Malformed(Exception):
    """A header that no strict reader accepts."""


@dataclass(frozen=True)
class Mail:
    """The headers in their order, unfolded, and the lines they came in."""

    headers: list[tuple[str, str]]
    lines: list[str]

    def the(self, name: str) -> str:
        """The value of the one header of this name."""
        (value,) = [value for each, value in self.headers if each.lower() == name.lower()]
        return value

    def text(self, name: str) -> str:
        """The one header of this name, an unstructured text, as a person reads it."""
        return decoded(self.the(name))

    def mailboxes(self, name: str) -> list[tuple[str, str]]:
        """The names and addresses in the one header of this name."""
        return list(_mailboxes(self.the(name)))


def read(message: bytes) -> Mail:
    """The headers of a message; raises `Malformed`."""
    block, end, _ = message.partition(b"\r\n\r\n")
    if not end or b"\n" in block.replace(b"\r\n", b"") or b"\r" in block.replace(b"\r\n", b""):
        raise Malformed("lines must end in CRLF")
    lines = block.split(b"\r\n")
    for line in lines:
        if not LINE.fullmatch(line) or len(line) > 998 or not line.strip():
            raise Malformed(f"not a line of a header: {line!r}")
        if ENCODED_WORD.search(line.decode("ascii")) and len(line) > 76:
            raise Malformed(f"a line with an encoded word has at most 76 characters: {line!r}")
    text = [line.decode("ascii") for line in lines]
    return Mail([_header(each) for each in "\r\n".join(text).replace("\r\n ", "\n ").split("\r\n")], text)


def _header(folded: str) -> tuple[str, str]:
    found = HEADER.fullmatch(folded.replace("\n", ""))
    if found is None:
        raise Malformed(f"not a header: {folded!r}")
    return found[1], found[2]


def decoded(value: str) -> str:
    """An unstructured value; blanks between encoded words do not count."""
    shown, after_encoded = "", False
    for blank, word in re.findall(r"( *)([^ ]+)", value.strip(" ")):
        is_encoded = "=?" in word
        if not (is_encoded and after_encoded):
            shown += blank
        shown += _decoded_word(word) if is_encoded else word
        after_encoded = is_encoded
    return shown


def _decoded_word(word: str) -> str:
    found = ENCODED_WORD.fullmatch(word)
    if found is None or len(word) > 75:
        raise Malformed(f"not an encoded word: {word!r}")
    try:
        return b64decode(found[1], validate=True).decode()
    except (binascii.Error, UnicodeDecodeError) as problem:
        raise Malformed(f"an encoded word that breaks a character: {word!r}") from problem


def _mailboxes(value: str) -> list[tuple[str, str]]:
    found, rest = [], value
    while True:
        name, rest = _phrase(rest)
        is_angled = rest.startswith("<")
        address = ADDRESS.match(rest, 1 if is_angled else 0)
        if address is None or (name and not is_angled):
            raise Malformed(f"no address: {rest!r}")
        rest = rest[address.end() :]
        if is_angled:
            if not rest.startswith(">"):
                raise Malformed(f"no end of an address: {rest!r}")
            rest = rest[1:]
        found.append((name, address[0]))
        rest = rest.lstrip(" ")
        if not rest:
            return found
        if not rest.startswith(","):
            raise Malformed(f"neither the end nor another address: {rest!r}")
        rest = rest[1:]


def _phrase(rest: str) -> tuple[str, str]:
    """The name before an address in angles; nothing where an address stands alone."""
    words: list[str] = []
    at = rest.lstrip(" ")
    while not at.startswith("<"):
        found = QUOTED.match(at) or re.match(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+", at)
        if found is None or at[found.end() :][:1] not in (" ", "<"):
            if words:
                raise Malformed(f"not a word of a name: {at!r}")
            return "", rest.lstrip(" ")
        words.append(found[0])
        at = at[found.end() :].lstrip(" ")
    shown, after_encoded = "", True
    for word in words:
        is_encoded = word.startswith("=?")
        shown += "" if (is_encoded and after_encoded) or not shown else " "
        shown += _decoded_word(word) if is_encoded else _unquoted(word)
        after_encoded = is_encoded
    return shown, at


def _unquoted(word: str) -> str:
    if "=?" in word:
        raise Malformed("an encoded word inside a quoted string, or a part of one, is none")
    return re.sub(r"\\(.)", r"\1", word[1:-1]) if word.startswith('"') else word
