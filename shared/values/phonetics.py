"""Kölner Phonetik: German names that sound alike have the same code.

H. J. Postel, "Die Kölner Phonetik", IBM-Nachrichten 19 (1969). Names are folded before, so that ä is spelled ae.
"""

from __future__ import annotations

import re

from shared.values.text import fold

_ALWAYS = (
    dict.fromkeys("aeijouy", "0")
    | {"b": "1"}
    | dict.fromkeys("fvw", "3")
    | dict.fromkeys("gkq", "4")
    | {"l": "5", "r": "7"}
    | dict.fromkeys("mn", "6")
    | dict.fromkeys("sz", "8")
)
_HARDENS_A_FIRST_C = frozenset("ahkloqrux")
_HARDENS_C = frozenset("ahkoqux")
_NO_LETTER, _NO_DIGIT, _REPEATED = re.compile("[^a-z]"), re.compile("[^0-9]"), re.compile(r"(.)\1+")
_EDGE = " "


def cologne_code(word: str) -> str:
    """Returns the code of a word, as `65752682` for Müller-Lüdenscheidt.

    Digits in the word stand as they are behind a `#`. It is empty for a word without any Latin letter or digit.
    """
    folded = fold(word)
    letters, digits = _NO_LETTER.sub("", folded), _NO_DIGIT.sub("", folded)
    neighbours = zip(_EDGE + letters, letters, letters[1:] + _EDGE, strict=False)
    codes = "".join([_ALWAYS.get(letter) or _code(before, letter, after) for before, letter, after in neighbours])
    single = _REPEATED.sub(r"\1", codes)
    return single[:1] + single[1:].replace("0", "") + (f"#{digits}" if digits else "")


def _code(before: str, letter: str, after: str) -> str:
    match letter:
        case "p":
            return "3" if after == "h" else "1"
        case "d" | "t":
            return "8" if after in ("c", "s", "z") else "2"
        case "x":
            return "8" if before in ("c", "k", "q") else "48"
        case "c":
            hardening = _HARDENS_A_FIRST_C if before == _EDGE else _HARDENS_C
            return "4" if after in hardening and before not in ("s", "z") else "8"
    return ""  # an h
