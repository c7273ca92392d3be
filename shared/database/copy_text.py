"""Rows in the text form of PostgreSQL's `COPY`: a line for each, tabs between the values, `\\N` for NULL.

They are written column by column, since most values are texts that stand there as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import cache, lru_cache
from typing import Any, Final
from uuid import UUID

from pydantic_core import to_json
from sqlalchemy import ARRAY, JSON, LargeBinary, String, TypeDecorator, Uuid
from sqlalchemy.dialects.postgresql import TSVECTOR
from sqlalchemy.orm import DeclarativeBase

from shared.database.written_values import Row, WrittenAsText

Writer = Callable[[Any], str | None]
NULL: Final = "\\N"
MOST_LISTS: Final = 1024
"""Lists whose form is remembered: those of procedures, languages and the like recur."""
_SPECIAL: Final = "\\\t\n\r"
_ESCAPES: Final = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


def copy_text(table: type[DeclarativeBase], columns: Sequence[str], rows: Sequence[Row]) -> str:
    """These columns of the rows, which all name them; their types say how values are written."""
    writers = _writers(table)
    return lines([_column([row[name] for row in rows], writers[name]) for name in columns])


def lines(columns: Iterable[Sequence[str]]) -> str:
    """The rows that have these columns of texts as `COPY` reads them."""
    return "".join(["\t".join(row) + "\n" for row in zip(*columns, strict=True)])


def escaped(texts: Sequence[str]) -> Sequence[str]:
    """The texts as they stand in a line."""
    together = "".join(texts)
    has_special = any(each in together for each in _SPECIAL)
    return [text.translate(_ESCAPES) for text in texts] if has_special else texts


def _column(values: list[Any], write: Writer | None) -> Sequence[str]:
    texts: list[Any] = values if write is None else _written(values, write)
    if None not in texts:
        return escaped(texts)
    known = iter(escaped([text for text in texts if text is not None]))
    return [NULL if text is None else next(known) for text in texts]


def _written(values: Iterable[Any], write: Writer) -> list[str | None]:
    """The values as texts; one that stands in row after row, such as the time of the change, is written once."""
    last, text = None, None
    texts = []
    for value in values:
        if value is not last:
            last, text = value, None if value is None else write(value)
        texts.append(text)
    return texts


@cache
def _writers(table: type[DeclarativeBase]) -> dict[str, Writer | None]:
    return {column.name: _writer_of(column.type) for column in table.__table__.columns}


def _writer_of(kind: Any) -> Writer | None:
    """How values of a column of this type are written; None: they are texts."""
    if isinstance(kind, WrittenAsText):
        return kind.as_text
    if isinstance(kind, TypeDecorator):
        return _writer_of(kind.impl_instance)
    if isinstance(kind, String | TSVECTOR):
        return None
    if isinstance(kind, Uuid):
        return _id
    if isinstance(kind, ARRAY):
        return _texts if isinstance(kind.item_type, String) else _array
    if isinstance(kind, JSON):
        return _json
    return _bytes if isinstance(kind, LargeBinary) else str


def _texts(values: Sequence[str]) -> str:
    return _recurring_texts(tuple(values)) if values else "{}"


@lru_cache(MOST_LISTS)
def _recurring_texts(values: tuple[str, ...]) -> str:
    return _array(values)


def _array(values: Sequence[Any]) -> str:
    return "{" + ",".join("NULL" if each is None else _quoted(str(each)) for each in values) + "}"


def _quoted(text: str) -> str:
    inner = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{inner}"'


def _id(value: UUID) -> str:
    return f"{value.int:032x}"  # without hyphens, which cost as much as all other digits


def _json(value: Any) -> str:
    return to_json(value).decode()


def _bytes(value: bytes) -> str:
    return "\\x" + value.hex()
