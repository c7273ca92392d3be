"""Normal forms of text that people write, for storing and for searching (docs/domain.md#names).

Names, streets and notes come from keyboards, web pages, PDF files and other programs. Equal-looking texts are stored
equally: composed (NFC), without invisible characters, with single ordinary blanks, trimmed. Lengths are checked
before anything else: to compose a text of combining marks takes time that grows with the square of its length.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import Field, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from shared.values.errors import NotAcceptable

# Invisible: Unicode's Default_Ignorable_Code_Point (soft hyphen, zero-width signs, direction marks, variation
# selectors, byte order mark, …) and annotation marks. The two joiners (U+200C, U+200D) are among them: no name in Latin
# letters needs them, and one that holds them would not be found. Private-use characters and those that Unicode keeps
# for programs mean nothing to anybody else; they come from the icon fonts of web pages.
_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff"
    "\uffa0\ufff0-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
    "\ue000-\uf8ff\U000f0000-\U000fffff\U00100000-\U0010ffff\ufdd0-\ufdef\ufffe\uffff]"
)
_BRAILLE_BLANK = "\u2800"
"""The only blank that `str.isspace` does not recognise."""

_UNSTORABLE = re.compile("[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\ud800-\udfff]")
"""Control characters that are no blanks or line breaks, and halves of surrogate pairs."""

_USUAL = re.compile("[!-~\u00a1-\u00ac\u00ae-\u02ff]+(?: [!-~\u00a1-\u00ac\u00ae-\u02ff]+)*")
"""Nearly every line with umlauts: composed letters and printed signs, with single blanks between words."""

_UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue"})
_WITHOUT_PARTS = str.maketrans(
    {"æ": "ae", "œ": "oe", "ø": "o", "ł": "l", "đ": "d", "ð": "d", "ħ": "h", "þ": "th", "ŧ": "t", "ı": "i"}
)
"""Letters that Unicode does not decompose into a letter and a sign; `casefold` makes ss of ß."""
_WORD = re.compile(r"[^\W_]+")


def has_unstorable(text: str) -> bool:
    """Whether the text holds control characters or halves of surrogate pairs, which are no part of any writing."""
    return _UNSTORABLE.search(text) is not None


def one_line(text: str) -> str:
    """Returns the text on one line in normal form: composed, no invisible characters, single blanks, trimmed.

    Line breaks and control characters become blanks. It refuses nothing and is idempotent.
    """
    if text.isascii() and text.isprintable():
        return " ".join(text.split())
    if _USUAL.fullmatch(text):  # an import looks at ten texts of each therapist
        return text
    return " ".join(_composed(text).split())


def lines(text: str) -> str:
    """Returns the text in normal form, as `one_line`, with line breaks as `\\n`; outer blank lines are dropped."""
    return "\n".join(" ".join(line.split()) for line in _composed(text).splitlines()).strip("\n")


def layout(text: str) -> str:
    """Returns the text in normal form, as `lines`, with the blanks inside its lines and before them as they are."""
    return "\n".join(line.rstrip() for line in _composed(text.expandtabs(4)).splitlines()).strip("\n")


def _composed(text: str) -> str:
    visible = _UNSTORABLE.sub(" ", _INVISIBLE.sub("", text)).replace(_BRAILLE_BLANK, " ")
    return unicodedata.normalize("NFC", visible)


def fold(text: str) -> str:
    """Returns the form of a text for searching: without case and accents, `ä` as `ae`, `ß` as `ss`.

    So Müller, MUELLER and Mu\u0308ller are one, also Lü\u00addenscheid and Luedenscheid. To be stored beside a text
    and compared with a folded search; never shown. The caller limits the length.
    """
    if text.isascii():
        return one_line(text).lower()
    spelled = unicodedata.normalize("NFKC", one_line(text)).casefold()
    spelled = unicodedata.normalize("NFKC", spelled).translate(_UMLAUTS)
    apart = unicodedata.normalize("NFKD", spelled)
    bare = "".join(c for c in apart if not unicodedata.combining(c))
    return " ".join(bare.translate(_WITHOUT_PARTS).split())


def words(text: str) -> list[str]:
    """Returns the words of a text, folded: runs of letters and digits, without hyphens and other signs."""
    return _WORD.findall(fold(text))


_CONTROL = r"\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f"
PRINTABLE = rf"^\s*[^\s{_CONTROL}][^{_CONTROL}]*$"
"""The JSON Schema pattern of a text: not blank, no control characters."""


@dataclass(frozen=True)
class Text:
    """A text field: the length is checked first, then the text is brought to its normal form.

    `Annotated[str, Text(200, one_line)]`. `form` returns what is stored and raises NotAcceptable for what is not
    acceptable; it is only ever given a text of an allowed length without control characters. `pattern` describes for
    the OpenAPI document what `form` accepts.
    """

    longest: int
    form: Callable[[str], str]
    pattern: str = PRINTABLE

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        # the limit is for the text as sent, with the blanks around it, as in the document
        limited = core_schema.str_schema(min_length=1, max_length=self.longest, strip_whitespace=False)
        return core_schema.no_info_after_validator_function(self.normalise, limited)

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {**handler(schema), "pattern": self.pattern}

    def normalise(self, text: str) -> str:
        """Returns the text as it is stored. Raises NotAcceptable."""
        if len(text) > self.longest:
            raise NotAcceptable("field.too_many_characters", max_length=self.longest)
        if not text.isprintable():  # nearly every text is: an import looks at ten for each therapist
            _check_storable(text)
        normal = self.form(text)
        if not normal:
            raise NotAcceptable("field.invisible")
        if len(normal) > self.longest:  # a few rare characters become two when they are composed
            raise NotAcceptable("field.too_many_characters", max_length=self.longest)
        return normal


def _check_storable(text: str) -> None:
    if "\x00" in text:
        raise NotAcceptable("field.nul")
    if has_unstorable(text):
        raise NotAcceptable("field.control_characters")


Line = Annotated[str, Text(200, one_line), Field(examples=["one line of text"])]
"""A text of one line."""
Note = Annotated[str, Text(4000, lines), Field(examples=["Phoned on Monday; the practice calls back."])]
"""A text of several lines."""
Reason = Annotated[str, Text(1000, lines), Field(examples=["The practice asked for it on the phone."])]
"""Why something is done, in a few lines."""
FREE_FORMS = (one_line, lines, layout)
"""The forms of texts in which people may write anything."""
