"""The headers of an e-mail, written so that every reader finds in them what was meant (RFC 5322, RFC 2047).

The standard library's own way is not used: it encodes a long `List-Unsubscribe`, which nobody decodes, and breaks a
long quoted name at its commas into several addresses.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Callable, Mapping
from itertools import groupby
from urllib.parse import quote

from shared.values.text import one_line

LONGEST_LINE = 76
"""Characters, where a line can be folded at all (RFC 2047); RFC 5322 allows 998."""
LONGEST_WORD = 900
BYTES_IN_A_WORD = 39
"""Of an encoded word, which then has 64 characters: after `Subject: ` it still fits on the line."""

LONGEST_QUOTED = 64
"""Characters of several words in one quoted string, which stays on one line."""

Pieces = list[str]
"""The value of a header in pieces, between which a line may end."""

_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_QUOTED = r'"(?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\[\x20-\x7e])*"'
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_ADDRESS = re.compile(
    rf"(?=.{{3,254}}\Z)(?P<local>{_ATOM}(?:\.{_ATOM})*|{_QUOTED})@(?P<domain>{_LABEL}(?:\.{_LABEL})*)"
)
_PLAIN_IN_A_NAME = re.compile(_ATOM)
_PLAIN_IN_A_TEXT = re.compile(r"[\x21-\x7e]+")


def address(text: str) -> str:
    """The address as headers and mail servers have it; raises ValueError unless it is one, in ASCII."""
    if not _ADDRESS.fullmatch(text):
        raise ValueError("not an address that can be written to")
    return text


def mailbox(name: str, addr_spec: str) -> Pieces:
    """The value of `From` and the like: a name for people, of any characters, before the address.

    Only the words that need it are quoted or encoded, neighbours together: the blank between two encoded words does not
    count, and some readers show it all the same. A line never ends inside of quotes, which misleads many readers.
    """
    shown: list[str] = []
    for write, words in groupby(one_line(name).split(), key=_way_in_a_name):
        shown += write(list(words))
    return [*shown, f"<{address(addr_spec)}>"] if shown else [address(addr_spec)]


def text(value: object) -> Pieces:
    """The value of `Subject` and of other headers: as it is where that is safe, else encoded.

    Encoded whole, since some readers lose the blank between a word that is encoded and one that is not.
    """
    # what comes from outside cannot add lines of its own
    words = one_line(str(value)).split()
    return words if all(_is_plain(word, _PLAIN_IN_A_TEXT) for word in words) else _encoded(words)


def unsubscribe_by_mail(addr_spec: str, subject: str) -> str:
    """The value of `List-Unsubscribe` that opens a mail to this address (RFC 2369, RFC 6068)."""
    local, _, domain = address(addr_spec).rpartition("@")
    return f"<mailto:{quote(local, safe='!$*+')}@{domain}?subject={quote(subject, safe='')}>"


def block(headers: Mapping[str, Pieces]) -> bytes:
    """The headers as they go over the line; the values come from the functions above."""
    return b"".join(_folded(name, pieces) for name, pieces in headers.items())


def _is_plain(word: str, pattern: re.Pattern[str]) -> bool:
    return pattern.fullmatch(word) is not None and "=?" not in word and len(word) <= LONGEST_WORD


def _way_in_a_name(word: str) -> Callable[[Pieces], Pieces]:
    if _is_plain(word, _PLAIN_IN_A_NAME):
        return _as_they_are
    return _quoted if _is_plain(word, _PLAIN_IN_A_TEXT) else _encoded


def _as_they_are(words: Pieces) -> Pieces:
    return words


def _quoted(words: Pieces) -> Pieces:
    """The words in as few quoted strings as lines allow."""
    together: list[str] = []
    for word in (re.sub(r'(["\\])', r"\\\1", word) for word in words):
        if together and len(together[-1]) + 1 + len(word) <= LONGEST_QUOTED:
            together[-1] += f" {word}"
        else:
            together.append(word)
    return [f'"{each}"' for each in together]


def _encoded(words: Pieces) -> Pieces:
    """The words in encoded words (RFC 2047), none of which breaks a character in two."""
    pieces = [b""]
    for character in " ".join(words):
        more = character.encode()
        if len(pieces[-1]) + len(more) > BYTES_IN_A_WORD:
            pieces.append(b"")
        pieces[-1] += more
    return [_encoded_word(piece) for piece in pieces]


def _encoded_word(piece: bytes) -> str:
    return f"=?utf-8?b?{b64encode(piece).decode()}?="


def _folded(name: str, pieces: Pieces) -> bytes:
    """The header in lines that are as short as its blanks allow."""
    lines = [f"{name}:"]
    for position, piece in enumerate(pieces):
        is_too_long = len(lines[-1]) + 1 + len(piece) > LONGEST_LINE
        # some readers take a first line without a value for an empty header, so only what must be short begins anew
        if is_too_long and (position or piece.startswith("=?")):
            lines.append(f" {piece}")
        else:
            lines[-1] += f" {piece}"
    return "".join(f"{each}\r\n" for each in lines).encode("ascii")
