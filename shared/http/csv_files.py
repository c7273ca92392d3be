"""Lists as CSV (RFC 4180): a line for each object, and nothing in it that a spreadsheet would run as a formula."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable, Sequence
from typing import Any, Final

from shared.values.spreadsheets import FORMULA_BEGINS

CSV: Final = "text/csv"
CONTENT_TYPE: Final = "text/csv; charset=utf-8; header=present"

SEPARATORS: Final = frozenset(";|\t\r\n")
BEGINNING = re.compile(r"""^[;|\s"'\ufeff]*|[;|\t\r\n][;|\s"'\ufeff]*""")
"""That of the text, and what a program may take for the end of a cell or of a line inside of it (a spreadsheet of a
German system reads semicolons), with the blanks and quotes that it may leave out."""


_MAY_BE_RUN = re.compile(rf"""[;|\t\r\n]|^[\s"'\ufeff]*[{re.escape("".join(sorted(FORMULA_BEGINS)))}]""")
"""What a text has that needs an apostrophe; most have nothing of it, and to look for it takes half the time."""


def lines(rows: Iterable[Sequence[Any]]) -> str:
    """Returns these rows as lines of CSV."""
    written = io.StringIO(newline="")
    csv.writer(written, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\r\n").writerows(map(_cells, rows))
    return written.getvalue()


def _cells(row: Sequence[Any]) -> list[Any]:
    return [_cell(value) for value in row]


def _cell(value: Any) -> Any:
    if isinstance(value, str):
        return _without_formulas(value)
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return value
    return _without_formulas(json.dumps(value, ensure_ascii=False))


def _without_formulas(text: str) -> str:
    """Returns the text with an apostrophe, the sign for text in every spreadsheet, before what it would run."""
    return BEGINNING.sub(_guarded, text) if _MAY_BE_RUN.search(text) else text


def _guarded(beginning: re.Match[str]) -> str:
    skipped = beginning[0]
    is_formula = beginning.string[beginning.end() : beginning.end() + 1] in FORMULA_BEGINS
    before = "'" if beginning.start() == 0 and (is_formula or skipped[:1] in ("\t", "\r")) else ""
    return before + skipped + ("'" if is_formula and SEPARATORS & set(skipped) else "")
