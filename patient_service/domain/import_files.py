"""Files with patients: CSV or JSON, taken apart into rows. What a row says is judged later, each by itself.

A file that cannot be taken apart is refused whole, and the refusal names the line and never what stands there. Nothing
here is stored or logged.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from patient_service.domain.import_cells import REQUIRED, FileColumn, columns, document_of
from shared.errors import Conflict, FieldProblem, RuleBroken
from shared.values.json_streams import CutOff, JsonStream, NotJson, NotUtf8
from shared.values.schemas import LONGEST_NAME_SHOWN, MOST_PROBLEMS, InvalidFields

CSV, JSON = "text/csv", "application/json"
LARGEST_FILE: Final = 16 * 1024 * 1024
"""In bytes: 10,000 patients of whom more is known than of most."""
MOST_ROWS: Final = 20_000
MOST_UNKNOWN_SHOWN: Final = 20
"""Columns that are not known, of one header."""
LONGEST_ROW: Final = 256 * 1024
"""In bytes, of an entry of a JSON list."""
SEPARATORS: Final = ",;\t"
ENCODINGS: Final = {"utf-8": "utf-8-sig", "utf8": "utf-8-sig"} | dict.fromkeys(
    ("windows-1252", "cp1252", "iso-8859-1", "latin-1", "latin1"), "cp1252"
)
"""What a sender may name; of the western ones browsers and spreadsheets all mean the same (WHATWG, Encoding)."""
_NAMES_SEPARATOR: Final = re.compile(rf'"?sep=(?P<separator>[{SEPARATORS}])"?[;,\t]*(?=[\r\n])', re.IGNORECASE)
"""The first line in which a file for Excel names what separates its cells."""
_GARBLED: Final = re.compile(
    "[\u00c2\u00c3](?:["
    + "".join(bytes([each]).decode("cp1252", "ignore") for each in range(0x80, 0xC0))
    + "\x81\x8d\x8f\x90\x9d])|\u00e2\u20ac"
)
"""What is seen of the Latin letters and signs with two bytes, and of dashes and quotation marks: Ã¶ for ö."""


@dataclass(frozen=True, slots=True)
class FileRow:
    """One row, as it is stored until it is entered."""

    line: int
    """Where it begins in the file; the first line is 1."""
    document: str
    """JSON, as it enters a patient."""
    problems: Sequence[FieldProblem] = ()
    """What is wrong with the row already; what else is, its schema says."""


def read(content: bytes, *, media_type: str, charset: str | None, expected_total: int | None = None) -> list[FileRow]:
    """The rows of a file.

    Raises `RuleBroken` for one that cannot be taken apart, `InvalidFields` for a header that does not fit, `Conflict`
    where there are more or fewer rows than expected.
    """
    rows = list(_limited(_rows_of_json(content) if media_type == JSON else _rows_of_csv(content, charset)))
    if not rows:
        raise RuleBroken("patient_import.unreadable.empty")
    if expected_total is not None and len(rows) != expected_total:
        raise Conflict("patient_import.other_total", found=len(rows), expected=expected_total)
    return rows


def _limited(rows: Iterable[FileRow]) -> Iterator[FileRow]:
    for number, row in enumerate(rows, 1):
        if number > MOST_ROWS:
            raise RuleBroken("patient_import.unreadable.too_many_rows", most=MOST_ROWS)
        yield row


# CSV


def _rows_of_csv(content: bytes, charset: str | None) -> Iterator[FileRow]:
    text = _decoded(content, charset)
    first = io.StringIO(text).readline()
    named = _NAMES_SEPARATOR.match(text)
    lines = _lines(text, separator=named["separator"] if named else max(SEPARATORS, key=first.count))
    if named:
        next(lines)
    header = next(lines, None)
    if header is None:
        return
    wanted, line = _wanted(header[1]), header[0]
    for line, cells in lines:
        yield _row(wanted, line, cells)
    if line != header[0] and not text.endswith(("\n", "\r")):
        raise RuleBroken("patient_import.unreadable.last_line", line=line)


def _decoded(content: bytes, charset: str | None) -> str:
    encoding = ENCODINGS.get((charset or "utf-8").lower())
    if encoding is None:
        raise RuleBroken("patient_import.unreadable.charset")
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as wrong:
        line = content.count(b"\n", 0, wrong.start) + 1
        raise _not_text(encoding, line) from None
    if encoding != ENCODINGS["utf-8"]:
        _refuse_utf8(content)
    _refuse_garbled(text)
    return text


def _refuse_utf8(content: bytes) -> None:
    """Refuse what can be read as UTF-8 under another name: by chance no text of people can, but for ASCII."""
    try:
        is_utf8 = not content.isascii() and bool(content.decode())
    except UnicodeDecodeError:
        return
    if is_utf8:
        raise RuleBroken("patient_import.unreadable.is_utf8")


def _refuse_garbled(text: str) -> None:
    """Refuse what some program read as windows-1252 although it was UTF-8: names would be entered wrong."""
    found = _GARBLED.search(text)
    if found is not None:
        raise RuleBroken("patient_import.unreadable.garbled", line=text.count("\n", 0, found.start()) + 1)


def _not_text(encoding: str, line: int) -> RuleBroken:
    if encoding == ENCODINGS["utf-8"]:
        return RuleBroken("patient_import.unreadable.not_utf8", line=line)
    return RuleBroken("patient_import.unreadable.encoding", line=line)


def _lines(text: str, separator: str) -> Iterator[tuple[int, list[str]]]:
    """The cells of each line that is not blank, and the number of the line where they begin."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    begin = 1
    while True:
        try:
            cells = next(reader, None)
        except csv.Error as wrong:
            raise _not_csv(wrong, line=begin) from None
        if cells is None:
            return
        if any(each.strip() for each in cells):
            yield begin, cells
        begin = reader.line_num + 1


def _not_csv(wrong: csv.Error, line: int) -> RuleBroken:
    if "end of data" in str(wrong):
        return RuleBroken("patient_import.unreadable.cut_off", line=line)
    return RuleBroken("patient_import.unreadable.not_csv", line=line)


def _wanted(header: Sequence[str]) -> list[FileColumn]:
    """The columns that the header names. Raises `InvalidFields` with what is wrong with it.

    A name that is not known is shown only beside the names that every file has: in a file without a header it would be
    somebody's, and is shown by its place alone.
    """
    names = [each.strip() for each in header]
    while names and not names[-1]:
        names.pop()  # a spreadsheet writes the separators of empty columns, too
    known, times = columns(), Counter(names)
    may_be_shown = set(REQUIRED) <= times.keys()
    problems = [
        FieldProblem.of(_shown(name, place) if may_be_shown else f"header.{place}", "field.unknown.column")
        for place, name in enumerate(names, 1)
        if name not in known
    ][:MOST_UNKNOWN_SHOWN]
    if problems:
        problems.append(FieldProblem.of("header", "field.known_columns", known=[*filter(_is_first, known)]))
    problems += [FieldProblem.of(name, "field.twice") for name, number in times.items() if number > 1 and name in known]
    problems += [FieldProblem.of(name, "field.required") for name in REQUIRED if name not in times]
    if problems:
        raise InvalidFields(problems[:MOST_PROBLEMS])
    return [known[name] for name in names]


def _shown(name: str, place: int) -> str:
    return name if len(name) <= LONGEST_NAME_SHOWN and name.isprintable() and name else f"header.{place}"


def _is_first(name: str) -> bool:
    """Whether a column is not of the second or a later entry of a list."""
    return not any(part.isdigit() and part != "1" for part in name.split("."))


def _row(wanted: Sequence[FileColumn], line: int, cells: Sequence[str]) -> FileRow:
    given, beyond = cells[: len(wanted)], cells[len(wanted) :]
    if len(given) < len(wanted):
        return FileRow(line, "{}", [FieldProblem.of("row", "field.too_few_cells", most=len(wanted))])
    if any(each.strip() for each in beyond):
        return FileRow(line, "{}", [FieldProblem.of("row", "field.too_many_cells", most=len(wanted))])
    document, problems = document_of(wanted, given)
    return FileRow(line, json.dumps(document), problems)


# JSON


def _rows_of_json(content: bytes) -> Iterator[FileRow]:
    """The entries of the list, each as it stands there; whether one can be read as JSON is seen later."""
    line, reached = 1, 0
    _refuse_garbled(content.decode(errors="replace"))
    try:
        stream = JsonStream([content])
        if not stream.next_byte():
            return
        for _ in stream.elements():
            value = stream.value(keep=LONGEST_ROW)
            line += content.count(b"\n", reached, value.start)
            reached = value.start
            yield _row_of_value(line, value.raw)
        stream.end()
    except CutOff:
        raise RuleBroken("patient_import.unreadable.cut_off", line=content.count(b"\n") + 1) from None
    except NotJson:
        raise RuleBroken("patient_import.unreadable.not_json", line=content.count(b"\n", 0, stream.place) + 1) from None
    except NotUtf8:
        raise RuleBroken("patient_import.unreadable.not_utf8", line=_line_that_is_not_utf8(content)) from None


def _row_of_value(line: int, raw: bytes | None) -> FileRow:
    if raw is None:
        return FileRow(line, "{}", [FieldProblem.of("row", "field.row_too_long", most=LONGEST_ROW)])
    return FileRow(line, raw.decode())


def _line_that_is_not_utf8(content: bytes) -> int:
    try:
        content.decode()
    except UnicodeDecodeError as wrong:
        return content.count(b"\n", 0, wrong.start) + 1
    return 1
