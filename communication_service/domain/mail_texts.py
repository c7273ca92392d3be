"""What somebody wrote in an e-mail, without the letter that is quoted in it, and without HTML.

Every function goes through its text once: anybody may write anything to the mailbox, and a text that takes
minutes to read would keep all others waiting. No library is used for the quotation: mail-parser-reply takes
time that grows with the square of the text, and leaves the line `-----Ursprüngliche Nachricht-----`.
"""

from __future__ import annotations

import html
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from shared.values.text import fold, lines

LONGEST: Final = 10_000
"""Characters of a text that are looked at."""
MOST_LINES_OF_ATTRIBUTION: Final = 4
"""Mail programs break `On … <address> wrote:` into several lines."""
HIDDEN: Final = frozenset({"style", "script", "head", "title", "blockquote"})
"""Elements whose text is no text of the sender: a `blockquote` is what is quoted."""
NEW_LINE: Final = frozenset({"br", "p", "div", "tr", "li", "table", "ul", "ol", "h1", "h2", "h3", "hr"})
_ATTRIBUTED: Final = ("schrieb:", "wrote:", "geschrieben:", "schrieb am", "a ecrit :")
_BEGINNINGS: Final = ("am ", "on ", "von:", "from:", "le ")
_SEPARATORS: Final = frozenset(
    {
        "urspruengliche nachricht",
        "originalnachricht",
        "original message",
        "weitergeleitete nachricht",
        "forwarded message",
        "reply message",
    }
)
_OF_HEADERS: Final = ("von:", "from:", "gesendet:", "sent:", "an:", "to:", "betreff:", "subject:", "datum:", "date:")


def from_html(document: str) -> str:
    """Returns the text of an HTML document, without what it quotes."""
    found: list[str] = []
    hidden = 0
    for place, piece in enumerate(document[:LONGEST].split("<")):
        tag, closes, text = piece.partition(">") if place else ("", ">", piece)
        name = tag.strip("/").split(maxsplit=1)[0].lower().rstrip("/") if tag.strip("/ ") else ""
        if name in HIDDEN:
            hidden = max(hidden - 1, 0) if tag.startswith("/") else hidden + 1
        if name in NEW_LINE:
            found.append("\n")
        if closes and not hidden:
            found.append(text)
    return html.unescape("".join(found))


def own(text: str) -> str:
    """Returns what the sender wrote: the lines before the quotation, without lines that are quoted.

    Where nothing is left, such as of an answer below each quoted line alone, the lines that are not quoted.
    """
    written = lines(text[:LONGEST]).split("\n")
    above = list(_until_quotation(written))
    kept = [line for line in above if not line.startswith(">")]
    if not any(kept):
        kept = [line for line in written if not line.startswith(">")]
    return "\n".join(kept).strip("\n")


def _until_quotation(written: Sequence[str]) -> Iterator[str]:
    for place, line in enumerate(written):
        if _begins_quotation(written, place, line):
            return
        yield line


def _begins_quotation(written: Sequence[str], place: int, line: str) -> bool:
    short = fold(line[:200])
    if short.strip("-_ *") in _SEPARATORS or (len(line) >= 20 and not line.strip("_-")):
        return True
    if short.startswith(_BEGINNINGS):
        following = [fold(each[:200]) for each in written[place : place + MOST_LINES_OF_ATTRIBUTION]]
        return _is_attribution(following) or _is_block_of_headers(following)
    return False


def _is_attribution(following: Sequence[str]) -> bool:
    """`Am 20.11.2026 um 10:00 schrieb Vermittlung <…>:`, in one line or several."""
    for last, line in enumerate(following):
        if line.endswith(":") and any(word.rstrip(":") in " ".join(following[: last + 1]) for word in _ATTRIBUTED):
            return True
    return False


def _is_block_of_headers(following: Sequence[str]) -> bool:
    return sum(line.startswith(_OF_HEADERS) for line in following) >= 3


def sentences(text: str) -> Iterable[str]:
    """Returns the sentences and lines of a text, folded, each with single blanks."""
    for line in text.split("\n"):
        for part in line.replace("!", ".").replace("?", ".").replace(";", ".").split(". "):
            folded = " ".join(fold(part).split())
            if folded:
                yield folded
