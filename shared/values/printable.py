"""What a document for people says, before it has a form: `shared/http/pdf_files.py` makes a PDF of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date


@dataclass(frozen=True)
class Column:
    """A column of a table: its heading, and how wide it is beside the others."""

    heading: str
    width: float


@dataclass(frozen=True)
class PrintableTable:
    """A table under a heading."""

    heading: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True)
class PrintableDocument:
    """A title, paragraphs and tables, with a line at the foot of each page."""

    author: str
    """Who made it."""
    made_on: date
    title: str
    paragraphs: Sequence[str]
    tables: Sequence[PrintableTable]
    foot: str
    page: Callable[[int, int], str]
    """What stands at the foot of a page, of its number and the number of pages."""
    language: str = "de"
    """As in BCP 47."""
    closing: Sequence[str] = field(default=())
    """Paragraphs after the tables."""
