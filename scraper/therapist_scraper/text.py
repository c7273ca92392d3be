"""Text as web pages write it, brought to one form: composed, on one line, without invisible characters."""

from __future__ import annotations

import html
import re
import unicodedata

LONGEST_LINE = 200
"""Characters of one text that the import takes."""
LONGEST_RAW = 10_000
"""Characters of a text of the source that are looked at; composing a longer one of combining marks takes too long."""

# soft hyphens, zero-width signs, direction marks, variation selectors, byte order marks, icons of web fonts: the
# import drops the same ones, and a text that still held some would change whenever the source loses them
_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff"
    "\uffa0\ufff0-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
    "\ue000-\uf8ff\U000f0000-\U000fffff\U00100000-\U0010ffff\ufdd0-\ufdef\ufffe\uffff]"
)
_CONTROL = re.compile("[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\ud800-\udfff]")
_BRAILLE_BLANK = "\u2800"
_ENTITY = re.compile(r"&(?:[a-zA-Z]{2,8}|#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6});")
_NOTHING = re.compile(
    r"[-–—./?*+ ]*|k\. ?a\.?|n\.? ?/ ?a\.?|keine?(?: angaben?)?|nicht (?:vorhanden|bekannt|angegeben)|entfällt|"
    r"unbekannt",
    re.IGNORECASE,
)
"""What pages write where they have nothing to say. Never asked of a name: people are called Null."""


class Unreadable(Exception):
    """A value is there that cannot be read; the reason never repeats it."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def one_line(value: object) -> str | None:
    """Returns the text on one line, HTML entities decoded; None where there is none. A number is its digits.

    Raises Unreadable for what is no text, and for a text that is too long for the import.
    """
    if value is None:
        return None
    if isinstance(value, int) and not isinstance(value, bool) and value.bit_length() <= 64:
        value = str(value)
    if not isinstance(value, str):
        raise Unreadable("is no text")
    if len(value) > LONGEST_RAW:
        raise Unreadable("is too long")
    text = _composed(_ENTITY.sub(lambda entity: html.unescape(entity[0]), value))
    if len(text) > LONGEST_LINE:
        raise Unreadable("is too long")
    return text or None


def excerpt(written: object, most: int = 80) -> str:
    """Returns the beginning of what a site wrote, as a message quotes it: one line that can be printed."""
    text = str(written)
    begun = " ".join("".join(each if each.isprintable() else " " for each in text[:most]).split())
    return f"{begun}…" if len(text) > most else begun


def stated(value: object) -> str | None:
    """Returns the same, and None also for what stands for nothing, such as `-` or `k. A.`."""
    text = one_line(value)
    return None if text is None or _NOTHING.fullmatch(text) else text


def _composed(text: str) -> str:
    if text.isascii() and text.isprintable():
        return " ".join(text.split())
    visible = _CONTROL.sub(" ", _INVISIBLE.sub("", text)).replace(_BRAILLE_BLANK, " ")
    return " ".join(unicodedata.normalize("NFC", visible).split())


def folded(text: str) -> str:
    """Returns the text for comparison: lower case, `ß` as `ss`, `ae` for `ä`, no other accents or signs."""
    if text.isascii():
        return " ".join(re.findall(r"[^\W_]+", text.lower()))
    spelled = text.casefold().translate({ord("ä"): "ae", ord("ö"): "oe", ord("ü"): "ue"})
    bare = "".join(each for each in unicodedata.normalize("NFKD", spelled) if not unicodedata.combining(each))
    return " ".join(re.findall(r"[^\W_]+", bare))
